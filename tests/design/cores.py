"""Cores written by hand, small enough to know every answer: no hls4ml, but its ``ap_types``.

Output k of a core is ``y[j] = x[j mod n] - x'[(3 j + 1) mod n'] - x''[(3 j + 2) mod n''] - ...``,
where x is its input k, counted round, x' the next one, and so on through all inputs; the only input
is its own next one. Results have all fraction bits of the inputs, and room for the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from fpgac.core.core import Core, Port
from fpgac.digest import digest_files
from fpgac.numbers import FixedPoint

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["AP_TYPES", "SEVERAL", "answers", "core_of", "handmade_core", "random_words"]

_SPEC = find_spec("hls4ml")
assert _SPEC is not None
assert _SPEC.origin is not None
_VIVADO = Path(_SPEC.origin).parent / "templates" / "vivado"

#: Public headers that g++ takes for those of Vitis HLS.
AP_TYPES = _VIVADO / "ap_types"

#: A tensor: its shape, its type, and how many of its numbers a stream carries at once.
Tensor = tuple[tuple[int, ...], str, int]

_DEFINES = """\
#pragma once
#include "ap_fixed.h"
#include "ap_int.h"
#include "hls_stream.h"
#include "nnet_utils/nnet_types.h"
"""


def core_of(
    inputs: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    *,
    top: str = "tiny",
    io_type: Literal["io_parallel", "io_stream"] = "io_parallel",
) -> Core:
    """A core with these tensors, by name."""
    read, made = _ports(inputs, "input"), _ports(outputs, "result")
    lines = _stream(top, read, made) if io_type == "io_stream" else _parallel(top, read, made)
    signature = lines[1].removesuffix(" {")
    files = {
        f"{top}.h": f'#pragma once\n#include "defines.h"\n{signature};\n',
        f"{top}.cpp": "\n".join([*lines, "}", ""]),
        "defines.h": _DEFINES + "".join(_typedefs((*read, *made), io_type)),
        "nnet_utils/nnet_types.h": (_VIVADO / "nnet_utils" / "nnet_types.h").read_text(),
    }
    encoded = {path: text.encode() for path, text in files.items()}
    return Core(
        top=top,
        io_type=io_type,
        inputs=read,
        outputs=made,
        initiation_interval=1,
        clock_mhz=200.0,
        files=encoded,
        digest=digest_files(encoded),
    )


def handmade_core(
    top: str = "tiny",
    *,
    samples: tuple[tuple[int, ...], str] = ((27,), "ap_fixed<16,6,RND,SAT>"),
    results: tuple[tuple[int, ...], str] = ((1,), "ap_fixed<17,7>"),
    io_type: Literal["io_parallel", "io_stream"] = "io_parallel",
    lanes: tuple[int, int] = (1, 1),
) -> Core:
    """A core with one input and one output, of the given shapes and types."""
    x, y = {"x": (*samples, lanes[0])}, {"y": (*results, lanes[1])}
    return core_of(x, y, top=top, io_type=io_type)


def answers(core: Core, raw: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The core's rows of raw results for rows of raw samples."""
    parts = [raw[:, columns] for _, columns in core.input_layout.places]
    results = []
    for k, port in enumerate(core.outputs):
        j, terms = np.arange(port.size), []
        for step, i in enumerate(_operands(core.inputs, k)):
            place = (3 * j + step if step else j) % core.inputs[i].size
            terms.append(parts[i][:, place] << (port.type.fraction - core.inputs[i].type.fraction))
        results.append(terms[0] - sum(terms[1:]))
    return np.concatenate(results, axis=1)


def random_words(core: Core, samples: int) -> npt.NDArray[np.int64]:
    """Rows of any raw words that the core's inputs can hold."""
    random = np.random.default_rng(1)
    ends = [(port.type.lowest, port.type.highest + 1, port.size) for port in core.inputs]
    parts = [random.integers(low, high, (samples, size)) for low, high, size in ends]
    return np.concatenate(parts, axis=1)


def _operands(inputs: Sequence[Port], k: int) -> list[int]:
    """The inputs that output ``k`` is made of, in their order."""
    count = len(inputs)
    return [(k + step) % count for step in range(max(2, count))]


def _ports(tensors: Mapping[str, Tensor], kind: str) -> tuple[Port, ...]:
    return tuple(
        Port(name, shape, FixedPoint.parse(text), f"{kind}{place + 1 if place else ''}_t", lanes)
        for place, (name, (shape, text, lanes)) in enumerate(tensors.items())
    )


def _typedefs(ports: Sequence[Port], io_type: str) -> Iterator[str]:
    for port in ports:
        number = f"{port.cpp_type.removesuffix('_t')}_number"
        item = number if io_type == "io_parallel" else f"nnet::array<{number}, {port.lanes}>"
        yield f"typedef {port.type.cpp} {number};\ntypedef {item} {port.cpp_type};\n"


def _named(inputs: Sequence[Port], outputs: Sequence[Port]) -> Iterator[tuple[str, Port]]:
    yield from ((f"x{place}", port) for place, port in enumerate(inputs))
    yield from ((f"y{place}", port) for place, port in enumerate(outputs))


def _difference(inputs: Sequence[Port], k: int, j: str, prefix: str = "x") -> str:
    places = (f"3 * ({j}) + {step}" if step else j for step in range(len(inputs) + 1))
    return " - ".join(
        f"{prefix}{i}[({place}) % {inputs[i].size}]"
        for i, place in zip(_operands(inputs, k), places, strict=False)
    )


def _parallel(top: str, inputs: Sequence[Port], outputs: Sequence[Port]) -> list[str]:
    ports = ", ".join(f"{p.cpp_type} {name}[{p.size}]" for name, p in _named(inputs, outputs))
    lines = [f'#include "{top}.h"', f"void {top}({ports}) {{", "    #pragma HLS PIPELINE II=1"]
    for k, port in enumerate(outputs):
        lines += [
            f"    for (int j = 0; j < {port.size}; j++)",
            f"        y{k}[j] = {_difference(inputs, k, 'j')};",
        ]
    return lines


def _stream(top: str, inputs: Sequence[Port], outputs: Sequence[Port]) -> list[str]:
    ports = ", ".join(f"hls::stream<{p.cpp_type}> &{n}" for n, p in _named(inputs, outputs))
    lines = [f'#include "{top}.h"', f"void {top}({ports}) {{", "    #pragma HLS DATAFLOW"]
    for i, port in enumerate(inputs):
        lines += [
            f"    {port.cpp_type}::value_type sample{i}[{port.size}];",
            f"    for (int i = 0; i < {port.size}; i += {port.lanes}) {{",
            f"        {port.cpp_type} item = x{i}.read();",
            f"        for (int lane = 0; lane < {port.lanes}; lane++)",
            f"            sample{i}[i + lane] = item[lane];",
            "    }",
        ]
    for k, port in enumerate(outputs):
        lines += [
            f"    for (int j = 0; j < {port.size}; j += {port.lanes}) {{",
            f"        {port.cpp_type} item;",
            f"        for (int lane = 0; lane < {port.lanes}; lane++)",
            f"            item[lane] = {_difference(inputs, k, 'j + lane', 'sample')};",
            f"        y{k}.write(item);",
            "    }",
        ]
    return lines


#: Cores with several inputs and outputs of different types and shapes.
SEVERAL: Mapping[str, Core] = {
    "two and two": core_of(
        {"track": ((3, 5), "ap_fixed<16,6,RND,SAT>", 1), "calo": ((9,), "ap_ufixed<7,3>", 1)},
        {"charge": ((4,), "ap_fixed<18,8>", 1), "p_t": ((2, 3), "ap_fixed<40,30>", 1)},
    ),
    "two and two streams": core_of(
        {"track": ((4, 5), "ap_fixed<16,6,RND,SAT>", 5), "calo": ((33,), "ap_fixed<20,4>", 11)},
        {"charge": ((4,), "ap_fixed<27,11>", 1), "p_t": ((2, 3), "ap_fixed<46,30>", 3)},
        io_type="io_stream",
    ),
    "three and one": core_of(
        {
            "a": ((1,), "ap_fixed<8,4>", 1),
            "b": ((70,), "ap_fixed<21,5>", 1),
            "c": ((2, 2, 2), "ap_ufixed<12,6,RND_CONV,SAT>", 1),
        },
        {"y": ((3,), "ap_fixed<24,8>", 1)},
    ),
    "one and three": core_of(
        {"x": ((6,), "ap_fixed<10,4,RND,SAT_SYM>", 1)},
        {
            "u": ((1,), "ap_fixed<11,5>", 1),
            "v": ((40,), "ap_fixed<12,6>", 1),
            "w": ((2, 2), "ap_fixed<33,27>", 1),
        },
    ),
}
