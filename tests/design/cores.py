"""Cores written by hand, small enough to know every answer: no hls4ml, but its ``ap_types``.

The core computes ``y[j] = x[j mod n] - x[(3 j + 1) mod n]`` on raw words: results have the samples'
fraction bits, and room for the difference.
"""

from __future__ import annotations

from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from fpgac.core.core import Core, Port
from fpgac.digest import digest_files
from fpgac.numbers import FixedPoint

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["AP_TYPES", "answers", "handmade_core"]

_SPEC = find_spec("hls4ml")
assert _SPEC is not None
assert _SPEC.origin is not None
_VIVADO = Path(_SPEC.origin).parent / "templates" / "vivado"

#: Public headers that g++ takes for those of Vitis HLS.
AP_TYPES = _VIVADO / "ap_types"

_DEFINES = """\
#pragma once
#include "ap_fixed.h"
#include "ap_int.h"
#include "hls_stream.h"
#include "nnet_utils/nnet_types.h"
typedef {x_type} x_number;
typedef {y_type} y_number;
typedef {x_cpp} input_t;
typedef {y_cpp} result_t;
"""

_PARALLEL = """\
#include "{top}.h"
void {top}(input_t x[{n}], result_t y[{m}]) {{
    #pragma HLS PIPELINE II=1
    for (int j = 0; j < {m}; j++)
        y[j] = x[j % {n}] - x[(3 * j + 1) % {n}];
}}
"""

_STREAM = """\
#include "{top}.h"
void {top}(hls::stream<input_t> &x, hls::stream<result_t> &y) {{
    #pragma HLS DATAFLOW
    x_number sample[{n}];
    for (int i = 0; i < {n}; i += {x_lanes}) {{
        input_t item = x.read();
        for (int lane = 0; lane < {x_lanes}; lane++)
            sample[i + lane] = item[lane];
    }}
    for (int j = 0; j < {m}; j += {y_lanes}) {{
        result_t item;
        for (int lane = 0; lane < {y_lanes}; lane++)
            item[lane] = sample[(j + lane) % {n}] - sample[(3 * (j + lane) + 1) % {n}];
        y.write(item);
    }}
}}
"""

_HEADERS = {
    "io_parallel": "void {top}(input_t x[{n}], result_t y[{m}]);\n",
    "io_stream": "void {top}(hls::stream<input_t> &x, hls::stream<result_t> &y);\n",
}


def handmade_core(
    top: str = "tiny",
    *,
    samples: tuple[tuple[int, ...], str] = ((27,), "ap_fixed<16,6,RND,SAT>"),
    results: tuple[tuple[int, ...], str] = ((1,), "ap_fixed<17,7>"),
    io_type: Literal["io_parallel", "io_stream"] = "io_parallel",
    lanes: tuple[int, int] = (1, 1),
) -> Core:
    """A core whose ``samples`` and ``results`` have the given shapes and types."""
    (x_shape, x_text), (y_shape, y_text) = samples, results
    x_type, y_type = FixedPoint.parse(x_text), FixedPoint.parse(y_text)
    stream = io_type == "io_stream"
    names: dict[str, object] = {
        "top": top,
        "n": prod(x_shape),
        "m": prod(y_shape),
        "x_lanes": lanes[0],
        "y_lanes": lanes[1],
        "x_type": x_type.cpp,
        "y_type": y_type.cpp,
        "x_cpp": f"nnet::array<x_number, {lanes[0]}>" if stream else "x_number",
        "y_cpp": f"nnet::array<y_number, {lanes[1]}>" if stream else "y_number",
    }
    files = {
        f"{top}.h": '#pragma once\n#include "defines.h"\n' + _HEADERS[io_type].format(**names),
        f"{top}.cpp": (_STREAM if stream else _PARALLEL).format(**names),
        "defines.h": _DEFINES.format(**names),
        "nnet_utils/nnet_types.h": (_VIVADO / "nnet_utils" / "nnet_types.h").read_text(),
    }
    encoded = {path: text.encode() for path, text in files.items()}
    return Core(
        top=top,
        io_type=io_type,
        inputs=(Port("x", x_shape, x_type, "input_t", lanes[0]),),
        outputs=(Port("y", y_shape, y_type, "result_t", lanes[1]),),
        initiation_interval=1,
        clock_mhz=200.0,
        files=encoded,
        digest=digest_files(encoded),
    )


def answers(core: Core, raw: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The core's raw results, shape (n, outputs), for raw samples, shape (n, inputs)."""
    inputs, outputs = core.input.size, core.output.size
    j = np.arange(outputs)
    return raw[:, j % inputs] - raw[:, (3 * j + 1) % inputs]
