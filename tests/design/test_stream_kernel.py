"""The kernel with AXI4-Streams, compiled by g++ and fed as an AXI DMA feeds it."""

from __future__ import annotations

import ctypes
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fpgac.design.contract import LONGEST_TRANSFER, Contract, contract
from fpgac.design.render import bridge_files, kernel_files
from fpgac.errors import TargetError

from .cores import AP_TYPES, answers, handmade_core

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

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
}
NEVER = ctypes.c_size_t(-1).value


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
        for headers in (AP_TYPES, folder / "kernel/firmware", folder / "emulation/ap_types"):
            command += ["-isystem", str(headers)]
        command += [str(folder / self.agreed.source), str(folder / "emulation/stream_bridge.cpp")]
        command += [str(folder / "kernel/firmware/tiny.cpp"), "-o", str(folder / "tiny.so")]
        subprocess.run(command, check=True, timeout=300)
        self.library = ctypes.CDLL(str(folder / "tiny.so"))

    def rows(self, samples: int) -> tuple[npt.NDArray[np.integer[Any]], npt.NDArray[np.int64]]:
        """Random rows, and the answers to them; what lies in the padding must not matter."""
        random, x = np.random.default_rng(1), self.agreed.input
        low, high = x.type.lowest, x.type.highest + 1
        raw = random.integers(low, high, (samples, x.elements))
        rows = random.integers(0, 100, (samples, x.stride)).astype(x.type.dtype)
        rows[:, : x.elements] = raw
        return rows, answers(self.core, raw)

    def stream(
        self, data: bytes, n_samples: int, room: int
    ) -> tuple[npt.NDArray[np.uint8], int, int]:
        """The memory of ``room`` bytes for results, the bytes sent, and where TLAST first stood."""
        out, last = np.full(room + 64, 0xA5, np.uint8), ctypes.c_size_t()
        function = self.library.tiny_stream
        function.restype = ctypes.c_size_t
        function.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t]
        function.argtypes += [ctypes.c_uint, ctypes.c_void_p]
        sent = function(data, len(data), out.ctypes.data, room, n_samples, ctypes.byref(last))
        assert (out[room:] == 0xA5).all()
        return out[:room], sent, last.value


@pytest.fixture(scope="module", params=CORES.values(), ids=list(CORES))
def bridge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bridge:
    return Bridge(request.param, tmp_path_factory.mktemp("kernel"))


@pytest.mark.parametrize("samples", [0, 1, 2, 1000])
def test_right_words_and_tlast_on_the_last_word_of_the_last_sample_only(
    bridge: Bridge, samples: int
) -> None:
    rows, right = bridge.rows(samples)
    y = bridge.agreed.output
    out, sent, first_last = bridge.stream(rows.tobytes(), samples, samples * y.row_bytes)
    # TKEEP is all ones, or bytes would be missing; the first TLAST is that of the last word.
    assert sent == samples * y.row_bytes
    assert first_last == sent
    results = out.view(y.type.dtype).reshape(samples, y.stride)
    np.testing.assert_array_equal(results[:, : y.elements], right)
    assert not results[:, y.elements :].any(), "padding must be zero"


def test_words_beyond_the_samples_asked_for_stay_where_they_are(bridge: Bridge) -> None:
    rows, right = bridge.rows(3)
    y = bridge.agreed.output
    out, sent, first_last = bridge.stream(rows.tobytes(), 2, 2 * y.row_bytes)
    assert sent == first_last == 2 * y.row_bytes
    np.testing.assert_array_equal(
        out.view(y.type.dtype).reshape(2, y.stride)[:, : y.elements], right[:2]
    )


def test_a_kernel_that_would_wait_for_ever_is_not_called(bridge: Bridge) -> None:
    rows, _ = bridge.rows(2)
    assert bridge.stream(rows.tobytes()[:-1], 2, 64)[1:] == (NEVER, 0)


def test_too_little_room_is_told_and_not_overrun(bridge: Bridge) -> None:
    rows, _ = bridge.rows(2)
    _, sent, _ = bridge.stream(rows.tobytes(), 2, 1)
    assert sent == 2 * bridge.agreed.output.row_bytes


def test_the_entry_is_called_as_a_kernel_with_memory_is(bridge: Bridge) -> None:
    rows, right = bridge.rows(5)
    y = bridge.agreed.output
    out = np.zeros((5, y.stride), y.type.dtype)
    entry = getattr(bridge.library, bridge.agreed.entry)
    entry.restype = None
    entry(rows.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p), 5)
    np.testing.assert_array_equal(out[:, : y.elements], right)


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
    with pytest.raises(TargetError, match="one DMA transfer cannot carry it"):
        contract(
            handmade_core(samples=((1 << 23,), "ap_fixed<40,9>")),
            name="muon",
            compute_units=1,
            interface="axis",
        )


def test_the_interface_survives_json_and_changes_the_identity() -> None:
    streams = contract(handmade_core(), name="muon", compute_units=1, interface="axis")
    memory = contract(handmade_core(), name="muon", compute_units=1)
    assert Contract.from_json(streams.to_json()) == streams
    assert b"interface" not in memory.to_json(), "what was agreed before stays as it was"
    assert streams.identity != memory.identity
    with pytest.raises(TargetError, match="no interface is called 'axid'"):
        Contract.from_json(streams.to_json().replace(b'"axis"', b'"axid"'))


def test_one_dma_feeds_one_kernel() -> None:
    with pytest.raises(TargetError, match="one DMA feeds one kernel"):
        contract(handmade_core(), name="muon", compute_units=2, interface="axis")
