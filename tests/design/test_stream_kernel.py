"""The kernel with AXI4-Streams, compiled by g++ and fed as AXI DMAs feed it."""

from __future__ import annotations

import ctypes
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.design.contract import LONGEST_TRANSFER, Contract, contract
from fpgac.design.kernel import bridge_files, kernel_files
from fpgac.errors import TargetError

from .cores import AP_TYPES, SEVERAL, answers, handmade_core, random_words

if TYPE_CHECKING:
    from pathlib import Path

    from fpgac.core.core import Core

CORES = {
    "muon's edge: seven words of 64 bits in, 32 bits out": handmade_core(),
    "rows of several words, the last one not full": handmade_core(
        samples=((33,), "ap_fixed<20,4>"), results=((7,), "ap_fixed<21,5>")
    ),
    "one byte in, 64 bits out": handmade_core(
        samples=((1,), "ap_ufixed<5,5>"), results=((3,), "ap_fixed<40,36>")
    ),
    "a stream of pixels, whose items cross words": handmade_core(
        samples=((5, 5, 3), "ap_fixed<12,4>"),
        results=((4, 5), "ap_fixed<13,5>"),
        io_type="io_stream",
        lanes=(3, 5),
    ),
    **SEVERAL,
}
# The bytes of a stream of results: those stored, how many were sent, and how many up to TLAST.
Sent = tuple[npt.NDArray[np.uint8], int, int]


class Bridge:
    """A kernel and its bridge in one library."""

    def __init__(self, core: Core, folder: Path) -> None:
        self.core = core
        self.agreed: Contract = contract(core, name="tiny", compute_units=1, interface="axis")
        files = kernel_files(self.agreed, core) | bridge_files(self.agreed)
        for path, file in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(file.content)
        command = ["g++", "-std=c++14", "-O1", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror"]
        command += ["-Wno-unknown-pragmas", "-Wno-unused-label"]
        # The headers themselves leave bits unset that they then mask away.
        command += ["-Wno-uninitialized", "-Wno-maybe-uninitialized"]
        for headers in (AP_TYPES, folder / "emulation/ap_types"):
            command += ["-isystem", str(headers)]
        command += [str(folder / self.agreed.source), str(folder / "emulation/stream_bridge.cpp")]
        command += [str(folder / "kernel/firmware/tiny.cpp"), "-o", str(folder / "tiny.so")]
        subprocess.run(command, check=True, timeout=300)
        self.library = ctypes.CDLL(str(folder / "tiny.so"))

    def rows(self, samples: int) -> tuple[list[bytes], list[npt.NDArray[np.int64]]]:
        """The rows of each input, and the right words of each output; what lies in the padding
        must not matter."""
        words, random = random_words(self.core, samples), np.random.default_rng(1)
        inputs = []
        for x, (_, columns) in zip(
            self.agreed.inputs, self.agreed.input_layout.places, strict=True
        ):
            rows = random.integers(0, 100, (samples, x.stride)).astype(x.type.dtype)
            rows[:, : x.size] = words[:, columns]
            inputs.append(rows.tobytes())
        right = answers(self.core, words)
        return inputs, [right[:, columns] for _, columns in self.agreed.output_layout.places]

    def stream(self, data: list[bytes], n_samples: int, room: int | None = None) -> list[Sent]:
        """What comes of each output, where there is ``room`` for so many bytes, by default for all;
        nothing where the kernel was not called."""
        outputs = self.agreed.outputs
        rooms = [n_samples * y.row_bytes if room is None else room for y in outputs]
        made = [np.full(size + 64, 0xA5, np.uint8) for size in rooms]
        sent, last = (_sizes([0] * len(outputs)) for _ in range(2))
        refused = self.library.tiny_stream(
            (ctypes.c_char_p * len(data))(*data),
            _sizes(list(map(len, data))),
            (ctypes.c_void_p * len(made))(*(each.ctypes.data for each in made)),
            _sizes(rooms),
            sent,
            last,
            ctypes.c_uint(n_samples),
        )
        assert all((each[size:] == 0xA5).all() for each, size in zip(made, rooms, strict=True))
        stored = [each[:size] for each, size in zip(made, rooms, strict=True)]
        return [] if refused else list(zip(stored, sent, last, strict=True))


def _sizes(numbers: list[int]) -> ctypes.Array[ctypes.c_size_t]:
    return (ctypes.c_size_t * len(numbers))(*numbers)


@pytest.fixture(scope="module", params=CORES.values(), ids=list(CORES))
def bridge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bridge:
    return Bridge(request.param, tmp_path_factory.mktemp("kernel"))


@pytest.mark.parametrize("samples", [0, 1, 2, 1000])
def test_right_words_and_tlast_on_the_last_word_of_the_last_sample_only(
    bridge: Bridge, samples: int
) -> None:
    rows, right = bridge.rows(samples)
    made = bridge.stream(rows, samples)
    for y, (out, sent, first_last), words in zip(bridge.agreed.outputs, made, right, strict=True):
        # TKEEP is all ones, or bytes would be missing; the first TLAST is that of the last word.
        assert sent == samples * y.row_bytes
        assert first_last == sent
        results = out.view(y.type.dtype).reshape(samples, y.stride)
        np.testing.assert_array_equal(results[:, : y.size], words)
        assert not results[:, y.size :].any(), "padding must be zero"


def test_words_beyond_the_samples_asked_for_stay_where_they_are(bridge: Bridge) -> None:
    rows, right = bridge.rows(3)
    made = bridge.stream(rows, 2)
    for y, (out, sent, first_last), words in zip(bridge.agreed.outputs, made, right, strict=True):
        assert sent == first_last == 2 * y.row_bytes
        results = out.view(y.type.dtype).reshape(2, y.stride)
        np.testing.assert_array_equal(results[:, : y.size], words[:2])


def test_a_kernel_that_would_wait_for_ever_is_not_called(bridge: Bridge) -> None:
    rows, _ = bridge.rows(2)
    for short in range(len(rows)):
        data = [each[:-1] if place == short else each for place, each in enumerate(rows)]
        assert bridge.stream(data, 2) == []


def test_too_little_room_is_reported_and_not_overrun(bridge: Bridge) -> None:
    rows, _ = bridge.rows(2)
    sent = [count for _, count, _ in bridge.stream(rows, 2, room=1)]
    assert sent == [2 * y.row_bytes for y in bridge.agreed.outputs]


def test_the_entry_is_called_as_a_kernel_with_memory_is(bridge: Bridge) -> None:
    rows, right = bridge.rows(5)
    made = [np.zeros((5, y.stride), y.type.dtype) for y in bridge.agreed.outputs]
    entry = getattr(bridge.library, bridge.agreed.entry)
    entry.restype = None
    pointers = [ctypes.c_char_p(each) for each in rows]
    entry(*pointers, *(ctypes.c_void_p(each.ctypes.data) for each in made), ctypes.c_uint(5))
    for y, out, words in zip(bridge.agreed.outputs, made, right, strict=True):
        np.testing.assert_array_equal(out[:, : y.size], words)


def test_streams_are_as_wide_as_a_zynq_s_memory_port_at_most() -> None:
    agreed = contract(handmade_core(), name="muon", compute_units=1, interface="axis")
    x, y = agreed.buffers
    assert (x.bus_bits, x.bus_words, x.stride, x.row_bytes) == (64, 7, 28, 56)
    assert (y.bus_bits, y.row_bytes) == (32, 4)
    assert agreed.entry == "muon_rows"


def test_a_batch_is_one_transfer() -> None:
    agreed = contract(handmade_core(), name="muon", compute_units=1, interface="axis")
    assert agreed.most_samples * 56 <= LONGEST_TRANSFER == 67_108_863
    assert (agreed.most_samples + 1) * 56 > LONGEST_TRANSFER
    with pytest.raises(TargetError) as caught:
        contract(
            handmade_core(samples=((1 << 23,), "ap_fixed<40,9>")),
            name="muon",
            compute_units=1,
            interface="axis",
        )
    assert [problem.code for problem in caught.value.problems] == ["target.long-sample"]


def test_the_longest_row_limits_the_batches_of_all_streams() -> None:
    agreed = contract(SEVERAL["three and one"], name="muon", compute_units=1, interface="axis")
    assert [buffer.row_bytes for buffer in agreed.buffers] == [1, 280, 16, 16]
    assert agreed.most_samples == LONGEST_TRANSFER // 280


def test_the_interface_survives_json_and_changes_the_identity() -> None:
    streams = contract(handmade_core(), name="muon", compute_units=1, interface="axis")
    memory = contract(handmade_core(), name="muon", compute_units=1)
    assert Contract.from_json(streams.to_json()) == streams
    assert streams.identity != memory.identity
    with pytest.raises(TargetError, match="no interface is called 'axid'"):
        Contract.from_json(streams.to_json().replace(b'"axis"', b'"axid"'))


def test_the_dmas_feed_one_kernel() -> None:
    with pytest.raises(TargetError) as caught:
        contract(handmade_core(), name="muon", compute_units=2, interface="axis")
    assert [problem.code for problem in caught.value.problems] == ["target.compute-units"]
