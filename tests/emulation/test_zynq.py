"""The emulated Zynq under pynq's own overlay, DMA driver and buffers: what a board does."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fpgac.build.cancelling import Cancellation
from fpgac.emulation import BoardDescription, missing, run_host
from fpgac.errors import EmulationError
from tests.design.overlays import AGREED, BOARD, Bench, bench, build

if TYPE_CHECKING:
    from collections.abc import Iterable

# Opens the overlay and has buffers of ten samples; a result is a sample's first number less its
# second.
OPENING = """
import numpy as np
from pynq import Overlay, allocate
from pynq.lib.dma import DMA

overlay = Overlay(BIT)
dma, kernel = overlay.axi_dma_0, overlay.tiny_1
assert type(dma) is DMA
x, y = allocate((10, 28), "i2"), allocate((10, 1), "i4")

def call(n_samples, rows_in=10, rows_out=10):
    kernel.write(0x10, n_samples)
    kernel.write(0x00, 1)
    dma.recvchannel.transfer(y[:rows_out])
    dma.sendchannel.transfer(x[:rows_in])

def wait():
    dma.sendchannel.wait()
    dma.recvchannel.wait()
"""


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench(tmp_path_factory.mktemp("zynq"))


@pytest.fixture(scope="module")
def row_shapes() -> tuple[int, int]:
    return AGREED.inputs[0].stride, AGREED.outputs[0].stride


def test_the_programs_here_know_the_rows(row_shapes: tuple[int, int]) -> None:
    assert row_shapes == (28, 1)
    assert (AGREED.inputs[0].type.dtype.str, AGREED.outputs[0].type.dtype.str) == ("<i2", "<i4")


def test_what_pynq_finds_in_the_overlay(overlay: Bench, tmp_path: Path) -> None:
    run = overlay.script(
        OPENING
        + """
assert overlay.is_loaded()
assert set(overlay.ip_dict) >= {"axi_dma_0", "tiny_1"}
assert kernel.register_map.CTRL.AP_IDLE == 1
assert not dma.sendchannel.idle and dma.sendchannel.running  # as before any transfer
assert x.physical_address % 4096 == 0 and x.physical_address != y.physical_address
overlay.free()
print("done")
""",
        cwd=tmp_path,
    )
    assert run.stdout == "done\n", run.stderr


def test_the_registers_of_a_call(overlay: Bench, tmp_path: Path) -> None:
    """Start, idle, done that reading clears; the DMA's idle, interrupt bit and byte count."""
    run = overlay.script(
        OPENING
        + """
call(10)
wait()
assert kernel.read(0) == 0xE, hex(kernel.read(0))
assert kernel.read(0) == 0x4
assert dma.recvchannel.transferred == 40
assert dma.mmio.read(0x34) == 0x1002 and dma.mmio.read(0x04) == 0x1002
dma.mmio.write(0x34, 0x1000)  # an interrupt bit is cleared by writing it
assert dma.mmio.read(0x34) == 0x2
dma.mmio.write(0x00, 0x4)  # reset, of both channels
assert dma.mmio.read(0x04) == dma.mmio.read(0x34) == 0x1
dma.mmio.write(0x28, 40)  # a halted channel starts nothing
assert dma.mmio.read(0x04) == 0x1
print("done")
""",
        cwd=tmp_path,
    )
    assert run.stdout == "done\n", run.stderr


def test_a_forgotten_flush_shows(overlay: Bench, tmp_path: Path) -> None:
    """The DMA reads memory, not the host's caches; pynq's channel flushes, so it is bypassed."""
    run = overlay.script(
        OPENING
        + """
def raw_call():
    kernel.write(0x10, 10)
    kernel.write(0x00, 1)
    for register, value in ((0x48, y.physical_address), (0x58, 40)):
        dma.mmio.write(register, value)
    for register, value in ((0x18, x.physical_address), (0x28, 560)):
        dma.mmio.write(register, value)
    while not kernel.read(0) & 0x4:
        pass

call(10)
wait()
assert (y == 0).all()
x[:, 0] = np.arange(10)
raw_call()
y.invalidate()
assert (y == 0).all()  # it computed what memory held: zeros
x.flush()
raw_call()
assert (y == 0).all()  # not invalidated yet: the host still sees the old results
y.invalidate()
assert (y[:, 0] == np.arange(10)).all()
print("done")
""",
        cwd=tmp_path,
    )
    assert run.stdout == "done\n", run.stderr


def test_a_short_packet_ends_the_transfer_early(overlay: Bench, tmp_path: Path) -> None:
    """Room for ten results, a call of four: TLAST ends it, and the register counts the bytes."""
    run = overlay.script(
        OPENING + "call(4, rows_in=4)\nwait()\nprint(dma.recvchannel.transferred)", cwd=tmp_path
    )
    assert run.stdout == "16\n", run.stderr


STALLS = {
    "fewer samples than the kernel was told": (
        "call(10, rows_in=7)\nwait()",
        r"tiny_1 has 392 of the 560 bytes of x that n_samples = 10 needs",
    ),
    "a kernel that was not started": (
        "dma.sendchannel.transfer(x)\ndma.sendchannel.wait()",
        r"tiny_1 was not started, and 560 bytes wait for it",
    ),
    "more samples than the kernel was told": (
        "call(4)\nwait()",
        r"axi_dma_0 still holds 336 bytes that nobody takes",
    ),
    "results that nobody asked for": (
        "dma.recvchannel.transfer(y)\ndma.recvchannel.wait()",
        r"axi_dma_0 received 0 of 40 bytes, and no TLAST",
    ),
    "less room than results": (
        "call(10, rows_out=7)\nwait()",
        r"axi_dma_0 received more than the 28 bytes that it was told to write",
    ),
    "longer than the length register": (
        "dma.mmio.write(0x18, x.physical_address)\ndma.mmio.write(0x28, 2**26 + 560)\nimport time\n"
        "time.sleep(5)",
        r"67109424 bytes from memory: its length register has 26 bits, so that 560 are left",
    ),
    "memory that is in no buffer": (
        "dma.mmio.write(0x18, 0x1F000000)\ndma.mmio.write(0x28, 560)\ndma.sendchannel.wait()",
        r"axi_dma_0, from memory: 560 bytes at 0x1f000000 are not within one buffer",
    ),
    "the end of a buffer": (
        "dma.mmio.write(0x18, x.physical_address)\ndma.mmio.write(0x28, 5000)\n"
        "dma.sendchannel.wait()",
        r"5000 bytes at 0x[0-9a-f]+ are not within one buffer",
    ),
    "an address of no block": (
        "from pynq import MMIO\nMMIO(0x43C00000, 4096).read(0)",
        r"no block of the programmable logic answers at 0x43c00000",
    ),
}


@pytest.mark.parametrize("case", STALLS.values(), ids=STALLS.keys())
def test_what_hangs_or_fails_on_a_board_is_told(
    case: tuple[str, str], overlay: Bench, tmp_path: Path
) -> None:
    """On a board each of these is a host that never ends, or one bit of an error."""
    program, cause = case
    with pytest.raises(EmulationError, match=cause):
        overlay.script(OPENING + program, cwd=tmp_path)


def spoilt(folder: Path, was: str, becomes: str) -> Bench:
    build(folder, spoil=(was, becomes))
    return Bench(folder, *([] for _ in range(2)))  # type: ignore[arg-type]


def test_a_kernel_without_tlast_hangs_and_is_told(tmp_path: Path) -> None:
    bench = spoilt(tmp_path, "beat.last = i == ", "beat.last = 0 && i == ")
    cause = "received all 40 bytes, but TLAST never ended the packet"
    with pytest.raises(EmulationError, match=cause):
        bench.script(OPENING + "call(10)\nwait()", cwd=tmp_path)


def test_a_kernel_that_crashes_is_told_from_its_host(tmp_path: Path) -> None:
    bench = spoilt(tmp_path, "beat.keep = -1;", "beat.keep = -1; *(volatile int*)0 = 1;")
    cause = r"kernel tiny_kernel crashed: SIGSEGV \(n_samples = 10\)"
    with pytest.raises(EmulationError, match=cause):
        bench.script(OPENING + "call(10)\nwait()", cwd=tmp_path)


def run_folders() -> Iterable[Path]:
    """Those of this process: other runs may come and go."""
    return set(Path("/tmp").glob(f"fpgac-run-{os.getpid()}-*"))


def test_a_host_that_hangs_without_the_board_ends_in_time(overlay: Bench, tmp_path: Path) -> None:
    before = run_folders()
    with pytest.raises(EmulationError, match="did not end within 3 seconds"):
        overlay.script(OPENING + "import time\ntime.sleep(60)", cwd=tmp_path, timeout=3)
    assert run_folders() == before


def test_a_host_that_is_cancelled_ends_at_once(overlay: Bench, tmp_path: Path) -> None:
    before, started = run_folders(), time.monotonic()
    cancellation = Cancellation()
    threading.Timer(1, cancellation.cancel).start()
    sleeping = OPENING + "import time\ntime.sleep(60)"
    with pytest.raises(KeyboardInterrupt):
        overlay.script(sleeping, cwd=tmp_path, timeout=60, cancellation=cancellation)
    assert time.monotonic() - started < 20
    assert run_folders() == before


def test_a_bitstream_for_another_board_is_refused(overlay: Bench, tmp_path: Path) -> None:
    other = BoardDescription("zcu102", "xczu9eg-ffvb1156-2-e", "", 0x4000_0000, 1 << 30)
    command = ["python", "host.py", str(overlay.folder / "tiny.bit")]
    with pytest.raises(EmulationError, match="this bitstream is for another board") as caught:
        run_host(command, kind="pynq", card=other, cwd=tmp_path, timeout=10)
    assert caught.value.problems[0].got == BOARD.part


def test_a_damaged_bitstream_is_refused(overlay: Bench, tmp_path: Path) -> None:
    whole = (overlay.folder / "tiny.bit").read_bytes()
    for content, cause in (
        (whole[:-1000], "cut off"),
        (whole[:20], "damaged"),
        (whole.replace(b'{"made_by"', b"\xff\xff\xff\xff\xaa\x99\x55\x66\0\0"), "for a board"),
    ):
        (tmp_path / "bad.bit").write_bytes(content)
        with pytest.raises(EmulationError, match=cause):
            run_host(["python", "bad.bit"], kind="pynq", card=BOARD, cwd=tmp_path, timeout=10)


@pytest.mark.parametrize(("kind", "devices"), [("opencl", 1), ("pynq", 2)])
def test_a_board_is_one_device_for_pynq(kind: str, devices: int, tmp_path: Path) -> None:
    with pytest.raises(EmulationError, match="is one device for pynq hosts"):
        run_host(
            ["python"],
            kind=kind,  # type: ignore[arg-type]
            card=BOARD,
            devices=devices,
            cwd=tmp_path,
            timeout=10,
        )


def test_another_sitecustomize_still_runs(
    overlay: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import builtins\nbuiltins.mine = 'ran'\n")
    monkeypatch.setenv("PYTHONPATH", str(own), prepend=":")
    run = overlay.script(OPENING + "print(mine, overlay.device.name)", cwd=tmp_path)
    assert run.stdout == "ran pynq-z2\n", run.stderr


def test_the_design_without_its_hwh(overlay: Bench, tmp_path: Path) -> None:
    shutil.copy(overlay.folder / "tiny.bit", tmp_path / "lonely.bit")
    run = overlay.script("from pynq import Overlay\nOverlay('lonely.bit')", cwd=tmp_path)
    assert run.exit_code == 1
    assert "there is no lonely.hwh beside the bitstream" in run.stderr


def test_a_board_s_hosts_need_no_xrt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FPGAC_XRT", str(tmp_path))
    assert missing("pynq")
    assert missing("pynq", "axis") == ()


def test_a_pynq_that_is_too_new_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "4.0.0")
    (problem,) = missing("pynq", "axis")
    assert (problem.expected, problem.got) == ("3.x", "4.0.0")


def test_a_bitstream_is_loaded_without_an_overlay(overlay: Bench, tmp_path: Path) -> None:
    run = overlay.script(
        """
from pynq import MMIO, Bitstream, Overlay

Bitstream(BIT).download()
address = Overlay(BIT, download=False).ip_dict["tiny_1"]["phys_addr"]
print(MMIO(address, 0x100).read(0) & 4)
""",
        cwd=tmp_path,
    )
    assert run.stdout == "4\n", run.stderr


def test_the_clocks_are_those_of_the_overlay_and_can_be_set(overlay: Bench, tmp_path: Path) -> None:
    run = overlay.script(
        """
from pynq import MMIO, Clocks, Overlay

Overlay(BIT)
print(Clocks.cpu_mhz, Clocks.fclk0_mhz)
Clocks.fclk1_mhz = 125
print(Clocks.fclk1_mhz, hex(MMIO(0xF8000000, 0x200).read(0x180) & 0x3F00))
""",
        cwd=tmp_path,
    )
    assert run.stdout == "650.0 100.0\n125.0 0x800\n", run.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pynq.MMIO(0xE000A000, 0x100).read(0)", "only the clocks are emulated, not what is at"),
        ("pynq.GPIO(54, 'out')", "pynq's GPIO is not emulated"),
        ("pynq.Bitstream(BIT, partial=True).download()", "whole bitstreams only"),
    ],
)
def test_what_is_not_emulated_is_refused_by_name(
    overlay: Bench, tmp_path: Path, line: str, said: str
) -> None:
    program = f"import pynq\ntry:\n    {line}\nexcept RuntimeError as error:\n    print(error)\n"
    try:
        words = overlay.script(program, cwd=tmp_path).stdout
    except EmulationError as error:
        words = str(error)
    assert said in words
