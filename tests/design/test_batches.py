"""Batches overlap: while a compute unit works on one slot, the host fills and empties the others.

The card here writes down what is asked of it, in order. Two compute units have four slots.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from .cores import handmade_core
from .hosts import PythonHost, compile_cpp, headers, python_host

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
    std::vector<tensors::x::Word> x;
    std::vector<tensors::y::Word> y;
    std::size_t running = 0;
};
struct Card {
    std::vector<Slot> slots;
    Card(const Options&, std::size_t batch) : slots(4) {
        for (auto& slot : slots)
            slot.x.resize(batch), slot.y.resize(batch);
    }
    void* samples(std::size_t s, std::size_t) { return slots[s].x.data(); }
    const void* results(std::size_t s, std::size_t) { return slots[s].y.data(); }
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
    headers(CORE, folder)
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
    """A compute unit that writes down what is asked of it, and computes while it is awaited."""

    def __init__(self, place: int, log: list[str]) -> None:
        self.device, self.name, self.log = 0, f"unit{place}", log

    def write(self, what: str, slot: Any) -> None:
        self.log += [what, str(slot.place)]

    def send(self, slot: Any) -> None:
        self.write("fill", slot)

    def start(self, slot: Any) -> None:
        self.write("start", slot)

    def wait(self, slot: Any) -> None:
        self.write("wait", slot)
        slot.outputs[0][: slot.rows] = np.asarray(slot.inputs[0][: slot.rows]) + 100

    def receive(self, slot: Any) -> None:
        self.write("empty", slot)

    def stop(self) -> None:
        """Nothing is under way."""


def python_slots(host: PythonHost, batch: int, log: list[str]) -> list[Any]:
    """Four slots of two units, whose buffers are plain arrays."""
    (x,), (y,) = host.contract.inputs, host.contract.outputs
    slots = []
    for place in range(4):
        unit, buffers = Unit(place % 2, log), (np.zeros((batch, 1), t.word) for t in (x, y))
        slot = host.chip.Slot(host.contract, unit, *([buffer] for buffer in buffers))
        slot.place = place
        slots.append(slot)
    return slots


@pytest.mark.parametrize("profiled", [False, True], ids=["run", "profile"])
def test_the_order_of_the_python_host(profiled: bool, tmp_path: Path) -> None:
    host = python_host(CORE, tmp_path)
    chip = host.module.Muon.__new__(host.module.Muon)
    log: list[str] = []
    chip.contract, chip._units, chip._started, chip._batch = host.contract, [1, 2], [], 2
    chip._slots = python_slots(host, 2, log)
    samples = np.arange(10.0)[:, None]
    got: list[Any] = []
    if profiled:
        timings = list(chip.run_profiled([samples], got.append, 2))
        assert [timing.samples for timing in timings] == [2] * 5
        assert all(min(timing[4:]) > 0 for timing in timings)
    else:
        got += chip.run_overlapped([samples], 2)
    assert " ".join(log) == (ALONE if profiled else OVERLAPPED)
    np.testing.assert_array_equal(np.concatenate([words for (words,) in got]), samples + 100)


def test_stream_gives_what_people_are_given(tmp_path: Path) -> None:
    host = python_host(CORE, tmp_path)
    chip = host.module.Muon.__new__(host.module.Muon)
    chip.contract, chip._units, chip._started, chip._batch = host.contract, [1, 2], [], 2
    chip._slots = python_slots(host, 2, [])
    parts = list(chip.stream(np.arange(3.0), 2))
    np.testing.assert_array_equal(np.concatenate(parts), [[100], [101], [102]])
