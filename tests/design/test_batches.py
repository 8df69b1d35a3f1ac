"""Batches overlap: while a compute unit works on one slot, the host fills and empties the others.

The card here writes down what is asked of it, in order. Two compute units have four slots.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from .cores import handmade_core
from .hosts import compile_cpp, header, python_host

if TYPE_CHECKING:
    from pathlib import Path

CORE = handmade_core(samples=((1,), "ap_fixed<16,16>"), results=((1,), "ap_fixed<17,17>"))

# Ten samples in batches of two over four slots: what happens, and in which slot.
OVERLAPPED = (
    "fill 0 start 0 fill 1 start 1 fill 2 start 2 fill 3 start 3 "
    "wait 0 empty 0 fill 0 start 0 "
    "wait 1 empty 1 wait 2 empty 2 wait 3 empty 3 wait 0 empty 0"
)
ALONE = " ".join(f"fill {slot} start {slot} wait {slot} empty {slot}" for slot in (0, 1, 2, 3, 0))

PROBE = """\
#include "fpga_io.hpp"
using namespace fpga;
struct Slot {
    std::vector<InputWord> x;
    std::vector<OutputWord> y;
    std::size_t running = 0;
};
struct Card {
    std::vector<Slot> slots;
    Card(const Options&, std::size_t batch) : slots(4) {
        for (auto& slot : slots)
            slot.x.resize(batch), slot.y.resize(batch);
    }
    InputWord* samples(std::size_t s) { return slots[s].x.data(); }
    const OutputWord* results(std::size_t s) { return slots[s].y.data(); }
    void to_device(std::size_t s, std::size_t) { std::fprintf(stderr, "fill %zu ", s); }
    void start(std::size_t s, std::size_t rows) {
        std::fprintf(stderr, "start %zu ", s);
        slots[s].running = rows;
    }
    void wait(std::size_t s) {
        const std::size_t rows = std::exchange(slots[s].running, 0);
        if (rows)
            std::fprintf(stderr, "wait %zu ", s);
        for (std::size_t i = 0; i < rows; i++)
            slots[s].y[i] = slots[s].x[i] + 100;
    }
    void from_device(std::size_t s, std::size_t) { std::fprintf(stderr, "empty %zu ", s); }
};
int main(int argc, char** argv) { return host_main<Card>(argc, argv); }
"""


@pytest.fixture(scope="module")
def cpp_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("batches")
    (folder / "fpga_io.hpp").write_text(header(CORE))
    (folder / "probe.cpp").write_text(PROBE)
    compile_cpp(folder / "probe.cpp", folder / "probe", "-O1")
    return folder / "probe"


@pytest.mark.parametrize(
    ("options", "order"),
    [((), OVERLAPPED), (("--profile", "p.csv"), ALONE)],
    ids=["run", "profile"],
)
def test_the_order_of_a_cpp_host(
    options: tuple[str, ...], order: str, cpp_host: Path, tmp_path: Path
) -> None:
    samples = np.arange(10.0)[:, None]
    np.save(tmp_path / "x.npy", samples)
    (tmp_path / "any.xclbin").write_bytes(b"xclbin2\0")
    files = ["--xclbin", "any.xclbin", "--input", "x.npy", "--output", "y.npy", "--batch", "2"]
    ran = subprocess.run(
        [str(cpp_host), *files, *options], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stderr.strip() == order
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), samples + 100)


class Unit:
    """A compute unit's driver of pynq's: ``start`` gives a handle whose ``wait`` computes."""

    def __init__(self, log: list[str]) -> None:
        self.log = log

    def start(self, x: Any, y: Any, rows: int) -> Unit:
        self.log += ["start", str(x.slot)]
        self.x, self.y, self.rows = x, y, rows
        return self

    def wait(self) -> None:
        self.log += ["wait", str(self.x.slot)]
        self.y[: self.rows] = np.asarray(self.x[: self.rows]) + 100


class Memory(np.ndarray[Any, Any]):
    """A buffer of pynq's that writes down when it is copied."""

    slot: int
    log: list[str]

    def __array_finalize__(self, other: Any) -> None:
        self.slot, self.log = getattr(other, "slot", -1), getattr(other, "log", [])

    def sync_to_device(self) -> None:
        self.log += ["fill", str(self.slot)]

    def sync_from_device(self) -> None:
        self.log += ["empty", str(self.slot)]


def python_slots(host: Any, batch: int, log: list[str]) -> list[Any]:
    def memory(slot: int, dtype: Any) -> Memory:
        made = np.zeros((batch, 1), dtype).view(Memory)
        made.slot, made.log = slot, log
        return made

    return [
        host.Slot(
            host.ComputeUnit(0, host.COMPUTE_UNITS[slot % 2], None, Unit(log)),
            memory(slot, host.INPUT_WORD),
            memory(slot, host.OUTPUT_WORD),
        )
        for slot in range(4)
    ]


@pytest.mark.parametrize("profiled", [False, True], ids=["run", "profile"])
def test_the_order_of_the_python_host(profiled: bool, tmp_path: Path) -> None:
    host = python_host(CORE, tmp_path)
    chip = host.Muon.__new__(host.Muon)
    log: list[str] = []
    chip._units = list(host.COMPUTE_UNITS)
    chip._slots, chip._started, chip._batch = python_slots(host, 2, log), [], 2
    samples = np.arange(10.0)[:, None]
    got: list[Any] = []
    if profiled:
        timings = list(chip.profile(samples, got.append, 2))
        assert [timing.samples for timing in timings] == [2] * 5
        assert all(min(timing[4:]) > 0 for timing in timings)
    else:
        got += chip.stream(samples, 2)
    assert " ".join(log) == (ALONE if profiled else OVERLAPPED)
    np.testing.assert_array_equal(np.concatenate(got), samples + 100)
