"""The tiny network as an overlay of the emulated PYNQ-Z2: bitstream, .hwh, host, samples."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from fpgac.build.cancelling import NEVER, Cancellation
from fpgac.design.contract import Contract, contract
from fpgac.design.hosts import host_files
from fpgac.design.kernel import bridge_files, kernel_files
from fpgac.emulation import BoardDescription, HostRun, run_host, write_bitstream
from fpgac.targets.board import Board
from fpgac.targets.zynq import hwh_file

from .cores import AP_TYPES, answers, handmade_core

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["AGREED", "BOARD", "CORE", "HINT", "Bench", "bench", "build"]

CORE = handmade_core()
AGREED: Contract = contract(CORE, name="tiny", compute_units=1, interface="axis")
CARD = Board.load(files("fpgac_targets") / "boards" / "pynq-z2.toml")
BOARD = BoardDescription(
    board="pynq-z2",
    part=CARD.part,
    identity=AGREED.identity,
    memory_base=0x1000_0000,
    memory_bytes=0x1000_0000,
)
HINT = "load the other file"


@dataclass(frozen=True)
class Bench:
    """A folder with the overlay, the host and samples."""

    folder: Path
    samples: npt.NDArray[np.float64]
    expected: npt.NDArray[np.int64]

    def run(
        self,
        *options: str,
        cwd: Path,
        replaced: Mapping[str, str] = MappingProxyType({}),
        timeout: float = 120,
    ) -> HostRun:
        """The host with the usual files, unless ``replaced``."""
        given = {"overlay": "tiny.bit", "input": "X.npy", "output": "Y.npy", **replaced}
        words = [
            word
            for option, file in given.items()
            for word in (f"--{option}", str(self.folder / file if option != "output" else file))
        ]
        host = self.folder / "hosts" / "pynq" / "tiny_host.py"
        return self.start([str(host), *words, *options], cwd=cwd, timeout=timeout)

    def script(
        self, text: str, *, cwd: Path, timeout: float = 60, cancellation: Cancellation = NEVER
    ) -> HostRun:
        """A program of Python, with the host's folder and the overlay's path at hand."""
        head = f"import sys\nsys.path.insert(0, {str(self.folder / 'hosts' / 'pynq')!r})\n"
        program = cwd / "script.py"
        program.write_text(f"{head}BIT = {str(self.folder / 'tiny.bit')!r}\n{text}")
        return self.start([str(program)], cwd=cwd, timeout=timeout, cancellation=cancellation)

    def start(
        self, command: list[str], *, cwd: Path, timeout: float, cancellation: Cancellation = NEVER
    ) -> HostRun:
        """Python on the emulated board."""
        return run_host(
            [sys.executable, *command],
            kind="pynq",
            card=BOARD,
            cwd=cwd,
            timeout=timeout,
            cancellation=cancellation,
        )


def build(folder: Path, *, spoil: tuple[str, str] = ("", "")) -> None:
    """The overlay ``tiny.bit`` in ``folder``; ``spoil`` replaces text of the kernel's source."""
    made = kernel_files(AGREED, CORE) | bridge_files(AGREED)
    for path, file in (made | host_files(AGREED, ["pynq"], load_hint=HINT)).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.content)
    source = folder / AGREED.source
    text = source.read_text()
    assert spoil[0] in text
    source.write_text(text.replace(*spoil) if spoil[0] else text)
    firmware = folder / "kernel" / "firmware"
    command = ["g++", "-std=c++17", "-O2", "-fPIC", "-shared", "-w", f"-I{AP_TYPES}"]
    command += [f"-I{firmware}", f"-I{folder / 'emulation' / 'ap_types'}", str(source)]
    command += [str(folder / "emulation" / "stream_bridge.cpp"), str(firmware / "tiny.cpp")]
    library = folder / "kernel.so"
    subprocess.run([*command, "-o", str(library)], check=True, timeout=300)
    bitstream = write_bitstream(AGREED, CARD.part, library.read_bytes())
    (folder / "tiny.bit").write_bytes(bitstream)
    (folder / "tiny.hwh").write_bytes(hwh_file(CARD, AGREED, 100.0).content)


def bench(folder: Path) -> Bench:
    """An overlay, its host, and samples with what can go wrong in a conversion."""
    build(folder)
    (folder / "text.bit").write_bytes(b"no bitstream at all")
    (folder / "text.hwh").write_bytes((folder / "tiny.hwh").read_bytes())
    (folder / "lonely.bit").write_bytes((folder / "tiny.bit").read_bytes())
    random = np.random.default_rng(8)
    samples = random.normal(0, 20, (5003, 27))
    samples[:100] = (np.arange(100 * 27).reshape(100, 27) - 1350.5) / 1024
    samples[100:103] = np.array([[np.nan], [np.inf], [-np.inf]])
    np.save(folder / "X.npy", samples)
    np.save(folder / "none.npy", samples[:0])
    np.save(folder / "narrow.npy", samples[:, :26])
    return Bench(folder, samples, answers(CORE, CORE.inputs[0].type.raw(samples).astype(np.int64)))
