"""The kernel around a core, compiled by g++ and called as a card would call it."""

from __future__ import annotations

import ctypes
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fpgac.design.contract import Contract, contract
from fpgac.design.kernel import kernel_files

from .cores import AP_TYPES, SEVERAL, answers, handmade_core, random_words

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from fpgac.core.core import Core


def dataflow(core: Core) -> Core:
    """The core, as a dataflow region."""
    source = core.files[f"{core.top}.cpp"].replace(b"PIPELINE II=1", b"DATAFLOW")
    return replace(core, files={**core.files, f"{core.top}.cpp": source})


CORES = {
    "muon's edge: one bus word of 512 bits in, 32 bits out": handmade_core(),
    "iris's edge: 64 bits in, 64 bits out": handmade_core(
        samples=((4,), "ap_fixed<16,6>"), results=((3,), "ap_fixed<17,7>")
    ),
    "rows of several bus words": handmade_core(
        samples=((33,), "ap_fixed<20,4>"), results=((70,), "ap_fixed<21,5>")
    ),
    "bytes, without a sign, and 64-bit results": handmade_core(
        samples=((3,), "ap_ufixed<7,3>"), results=((5,), "ap_fixed<40,36>")
    ),
    "one byte in, one byte out": handmade_core(
        samples=((1,), "ap_int<5>"), results=((1,), "ap_fixed<6,6>")
    ),
    "a stream of whole samples": handmade_core(io_type="io_stream", lanes=(27, 1)),
    "a stream of pixels, whose items cross bus words": handmade_core(
        samples=((5, 5, 3), "ap_fixed<12,4>"),
        results=((4, 5), "ap_fixed<13,5>"),
        io_type="io_stream",
        lanes=(3, 5),
    ),
    "a dataflow region of arrays": dataflow(handmade_core()),
    **SEVERAL,
}
GUARD = 64


def build(core: Core, agreed: Contract, folder: Path) -> ctypes.CDLL:
    """The kernel as a shared library; g++ must have nothing to say about the kernel's source."""
    for path, file in kernel_files(agreed, core).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.content)
    firmware = folder / "kernel" / "firmware"
    command = ["g++", "-std=c++14", "-O1", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror"]
    command += ["-Wno-unknown-pragmas", "-Wno-unused-label", "-isystem", str(AP_TYPES)]
    # The headers themselves leave bits unset that they then mask away.
    command += ["-Wno-uninitialized", "-Wno-maybe-uninitialized"]
    command += [str(folder / agreed.source)]  # its core's headers are on no path: time.h is C's
    command += [str(firmware / f"{core.top}.cpp"), "-o", str(folder / "kernel.so")]
    subprocess.run(command, check=True, timeout=300)
    return ctypes.CDLL(str(folder / "kernel.so"))


def padded(agreed: Contract, words: npt.NDArray[np.int64]) -> list[npt.NDArray[np.integer[Any]]]:
    """The rows of each input; what lies in the padding must not matter."""
    random, buffers = np.random.default_rng(2), []
    for buffer, (_, columns) in zip(agreed.inputs, agreed.input_layout.places, strict=True):
        rows = random.integers(-100, 100, (len(words), buffer.stride)).astype(buffer.type.dtype)
        rows[:, : buffer.size] = words[:, columns]
        buffers.append(rows)
    return buffers


def call(
    library: ctypes.CDLL, agreed: Contract, inputs: list[npt.NDArray[np.integer[Any]]]
) -> list[npt.NDArray[np.integer[Any]]]:
    """The rows of each output, padding included, with a guard behind them that must stay."""
    samples = len(inputs[0])
    made = [np.full(samples * y.row_bytes + GUARD, 0xA5, np.uint8) for y in agreed.outputs]
    function = getattr(library, agreed.kernel)
    function.restype = None
    function(*(each.ctypes.data_as(ctypes.c_void_p) for each in (*inputs, *made)), samples)
    assert all((each[-GUARD:] == 0xA5).all() for each in made)
    return [
        each[:-GUARD].view(y.type.dtype).reshape(samples, y.stride)
        for each, y in zip(made, agreed.outputs, strict=True)
    ]


@pytest.mark.parametrize("core", CORES.values(), ids=CORES.keys())
def test_right_words_for_any_number_of_samples(core: Core, tmp_path: Path) -> None:
    agreed = contract(core, name="tiny", compute_units=1)
    library = build(core, agreed, tmp_path)
    for samples in (0, 1, 2, 1000):
        words = random_words(core, samples)
        results, right = call(library, agreed, padded(agreed, words)), answers(core, words)
        for rows, (port, columns) in zip(results, core.output_layout.places, strict=True):
            np.testing.assert_array_equal(rows[:, : port.size], right[:, columns])
            assert not rows[:, port.size :].any(), "padding must be zero"


def test_a_core_of_another_interval_slows_the_loop_and_dataflow_ends_the_pipeline() -> None:
    core = handmade_core()
    agreed = contract(core, name="tiny", compute_units=1)

    def source(changed: Core) -> str:
        return kernel_files(agreed, changed)[agreed.source].content.decode()

    assert "#pragma HLS PIPELINE II=1 style=frp\n        input_t" in source(core)
    assert "#pragma HLS PIPELINE II=4 style=frp\n        input_t" in source(
        replace(core, initiation_interval=4)
    )
    loop = source(dataflow(core)).partition("compute_samples:")[2]
    body = loop.partition("{\n")[2].partition("    }\n")[0]
    assert body.startswith("#pragma HLS DATAFLOW\n")
    calls = [line.strip() for line in body.splitlines() if line.endswith(");")]
    assert calls == ["take_x(words_x, x);", "::tiny(x, y);", "give_y(words_y, y);"]


def test_a_pipelined_core_is_a_part_of_the_kernel_s_pipeline() -> None:
    def called(core: Core) -> str:
        agreed = contract(core, name="tiny", compute_units=1)
        return kernel_files(agreed, core)["kernel/firmware/tiny.cpp"].content.decode()

    core = handmade_core()
    ports = core.files["tiny.cpp"].replace(
        b"    #pragma HLS PIPELINE",
        b"    #pragma HLS INTERFACE ap_vld port=x,y \n    #pragma HLS PIPELINE",
    )
    core = replace(core, files={**core.files, "tiny.cpp": ports})
    assert [line for line in called(core).splitlines() if "HLS" in line] == [
        "    #pragma HLS INLINE"
    ]
    assert [line for line in called(dataflow(core)).splitlines() if "HLS" in line] == [
        "    #pragma HLS DATAFLOW"
    ]


def test_an_array_is_laid_out_as_the_core_has_it() -> None:
    core = handmade_core()
    shaped = core.files["tiny.cpp"].replace(
        b"    #pragma HLS PIPELINE",
        b"    #pragma HLS ARRAY_RESHAPE variable=x0 complete dim=0\n    #pragma HLS PIPELINE",
    )
    core = replace(core, files={**core.files, "tiny.cpp": shaped})
    agreed = contract(core, name="tiny", compute_units=1)
    source = kernel_files(agreed, core)[agreed.source].content.decode()
    assert "#pragma HLS ARRAY_RESHAPE variable=x complete dim=0\n" in source
    assert "#pragma HLS ARRAY_PARTITION variable=y complete dim=0\n" in source


@pytest.mark.parametrize(
    "core",
    [
        handmade_core(samples=((33,), "ap_fixed<20,4>"), results=((1,), "ap_fixed<21,5>")),
        SEVERAL["three and one"],
    ],
    ids=["one input", "one of three inputs"],
)
def test_a_row_of_several_bus_words_takes_as_many_cycles(core: Core) -> None:
    agreed = contract(core, name="tiny", compute_units=1)
    words = max(buffer.bus_words for buffer in agreed.buffers)
    assert words > 1
    source = kernel_files(agreed, core)[agreed.source].content.decode()
    assert f"#pragma HLS PIPELINE II={words} style=frp\n        input_t" in source


def test_each_argument_has_a_memory_port_of_its_own() -> None:
    core = SEVERAL["two and two"]
    agreed = contract(core, name="tiny", compute_units=1)
    source = kernel_files(agreed, core)[agreed.source].content.decode()
    for bundle, argument in enumerate(("x_track", "x_calo", "y_charge", "y_p_t")):
        assert f"m_axi port={argument} offset=slave bundle=gmem{bundle} " in source


def test_firmware_lies_beside_the_kernel() -> None:
    core = handmade_core()
    files = kernel_files(contract(core, name="tiny", compute_units=1), core)
    assert set(files) == {"kernel/src/tiny_kernel.cpp"} | {
        f"kernel/firmware/{path}" for path in core.files
    }
