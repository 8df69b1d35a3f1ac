"""A toy card with real kernels, and real hosts for it."""

from __future__ import annotations

import copy
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fpgac.emulation import CardDescription, HostKind, HostRun, run_host
from fpgac.errors import EmulationError

PROGRAMS = Path(__file__).parent / "programs"


def _memory(name: str, c_type: str, bundle: str = "gmem0", width: int = 32) -> dict[str, Any]:
    return {"name": name, "c_type": c_type, "memory": True, "bundle": bundle, "width": width}


def _scalar(name: str, c_type: str, size: int) -> dict[str, Any]:
    return {"name": name, "c_type": c_type, "memory": False, "size": size}


COUNT = _scalar("n", "unsigned int", 4)
MIXED = [
    *(("char", 1), ("unsigned char", 1), ("short", 2), ("unsigned short", 2), ("int", 4)),
    *(("unsigned int", 4), ("long long", 8), ("float", 4), ("double", 8)),
    ("unsigned long long", 8),
    *[("float", 4)] * 8,
    ("int", 4),
]


def _kernel(
    name: str, arguments: list[dict[str, Any]], banks: Sequence[int] = (0,)
) -> dict[str, Any]:
    memory = [argument["name"] for argument in arguments if argument["memory"]]
    instances = [
        {"name": f"{name}_{index}", "memories": {argument: [bank] for argument in memory}}
        for index, bank in enumerate(banks, start=1)
    ]
    return {"name": name, "arguments": arguments, "instances": instances}


def toy_data() -> dict[str, Any]:
    """The toy card as a target would write it: two banks, several kernels and compute units."""
    misbehaving = (
        *("null_writer", "far_writer", "thrower", "leaver", "endless", "large_frame", "slow"),
        *("divider", "asserter", "recursive"),
    )
    data = {
        "platform": "xilinx_aws-vu9p-f1_shell-v04261818_201920_3",
        "clock_mhz": 250.0,
        "identity": "5ca1ab1e" * 8,
        "memories": [
            {"tag": "bank0", "kind": "DDR4", "size_bytes": 16 << 30, "base": 0},
            # As on cards with HBM: another size, and not where the one before ends.
            {"tag": "bank1", "kind": "HBM", "size_bytes": 192 << 20, "base": 1 << 40},
            {"tag": "PLRAM[0]", "kind": "BRAM", "size_bytes": 128 << 10, "base": 2 << 40},
            {"tag": "HOST[0]", "kind": "HOST", "size_bytes": 16 << 30, "base": 4 << 40},
        ],
        "kernels": [
            _kernel(
                "vadd",
                [_memory("a", "int*"), _memory("b", "int*", "gmem1"), _memory("c", "int*"), COUNT],
                banks=(0, 1, 2, 3),
            ),
            _kernel(
                "triple",
                [
                    _memory("x", "ap_uint<512>*", "gmem0", 512),
                    _memory("y", "ap_uint<512>*", "gmem1", 512),
                    COUNT,
                ],
            ),
            _kernel(
                "mixed",
                [
                    _memory("out", "double*", width=64),
                    *(_scalar(f"s{i}", c_type, size) for i, (c_type, size) in enumerate(MIXED)),
                ],
            ),
            _kernel("counter", [_memory("out", "int*"), COUNT], banks=(0, 0)),
            *(_kernel(name, [_memory("out", "int*"), COUNT]) for name in (*misbehaving, "printer")),
            _kernel("many", [*(_memory(f"p{i}", "int*", f"gmem{i}") for i in range(32)), COUNT]),
            _kernel("last_char", [_memory("out", "int*"), _scalar("last", "signed char", 1)]),
            _kernel("last_short", [_memory("out", "int*"), _scalar("last", "unsigned short", 2)]),
        ],
    }
    return copy.deepcopy(data)


@dataclass(frozen=True)
class Toy:
    """The toy card's files, and its hosts."""

    folder: Path
    card: CardDescription

    @property
    def xclbin(self) -> Path:
        return self.folder / "toy.xclbin"

    @property
    def library(self) -> Path:
        return self.folder / "libtoy.so"

    def native(self, kernel: str = "vadd:{vadd_1}", *arguments: object) -> list[str]:
        """A command of the native XRT host."""
        words = [str(self.folder / "native_host"), str(self.xclbin), kernel]
        return [*words, *map(str, arguments or (4096,))]

    def pynq(self, case: str) -> list[str]:
        """A command of the pynq host."""
        return [sys.executable, str(PROGRAMS / "pynq_host.py"), str(self.xclbin), case]

    def run(
        self, command: Sequence[str], kind: HostKind = "xrt", timeout: float = 60, **options: Any
    ) -> HostRun:
        """Runs a host on this card."""
        return run_host(
            command, kind=kind, card=self.card, cwd=self.folder, timeout=timeout, **options
        )

    def failure(
        self, command: Sequence[str], kind: HostKind = "xrt", timeout: float = 60
    ) -> EmulationError:
        """The error that running a host raises."""
        with pytest.raises(EmulationError) as caught:
            self.run(command, kind, timeout)
        return caught.value


def compile_cpp(*arguments: object) -> None:
    """Runs g++."""
    subprocess.run(["g++", "-std=c++17", *map(str, arguments)], check=True, timeout=300)


def ap_types() -> Path:
    """The headers of ap_int and ap_fixed that hls4ml brings."""
    spec = importlib.util.find_spec("hls4ml")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "templates/vivado/ap_types"
