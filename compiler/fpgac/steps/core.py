"""How g++ compiles a core: one translation unit, and the commands around it.

The object that it makes defines the core's top function and its C simulation; the simulation's
library and the kernel's library both link it. It includes the core's sources unchanged, but reads
``weights/*.h`` as plain numbers: over thousands of constants of a class type, g++ takes five times
as long. The same constructors then turn them into the core's types when the library is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from fpgac.build.compiler import CPP, LIBRARY
from fpgac.build.plan import Step
from fpgac.core.core import Core, Port
from fpgac.errors import Problem, ToolchainError
from fpgac.numbers import FixedPoint

__all__ = ["ap_headers", "core_source", "core_steps"]

# Paths are relative, so that they are the same in every folder.
_OBJECT = (*CPP, "-fPIC", "-fno-gnu-unique", "-c")


def ap_headers() -> dict[str, bytes]:
    """The ``ap_fixed``, ``ap_int`` and ``hls::stream`` headers for g++, by path.

    HLS tools bring their own; these are the open ones that hls4ml carries along.
    """
    found = find_spec("hls4ml")
    if found is None or not found.submodule_search_locations:
        raise ToolchainError(
            Problem(
                "hls4ml is not installed",
                hint="pip install hls4ml==1.3.0",
                code="toolchain.no-hls4ml",
            )
        )
    folder = Path(found.submodule_search_locations[0], "templates", "vivado", "ap_types")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def core_source(core: Core) -> bytes:
    """The C++ that makes the core's object; it is compiled with ``firmware/`` on the include path.

    The object defines the core's top function and, with C linkage,
    ``void {top}_simulate(const int64_t* in, int64_t* out, size_t samples)``: rows of raw words,
    those of all inputs of a sample end to end, and likewise of all outputs. What it names itself
    ends in an underscore, which the name of no network, layer or tensor does.
    """
    lines = [
        '#include "defines.h"',
        "#include <cstdint>",
        "",
        "// The weights as numbers: the very files that are synthesised, read quickly.",
        "namespace numbers_ {",
        *sorted({f"using {table.cpp_type} = const double;" for table in core.tables}),
        *(f'#include "weights/{table.name}.h"' for table in core.tables),
        "}",
        "",
        "template <class T, std::size_t N>",
        "static bool fill_(T (&table)[N], const double (&from)[N]) {",
        "    for (std::size_t i = 0; i < N; i++)",
        "        table[i] = from[i];",
        "    return true;",
        "}",
        "",
    ]
    for table in core.tables:
        size = f"sizeof(numbers_::{table.name}) / sizeof(double)"
        lines += [
            f"{table.cpp_type} {table.name}[{size}];",
            f"static const bool {table.name}_filled = fill_({table.name}, numbers_::{table.name});",
        ]
    lines += ["", f'#include "{core.top}.cpp"', "", *_bridge(core)]
    return "\n".join(lines).encode() + b"\n"


def _bridge(core: Core) -> list[str]:
    inputs, outputs = _named(core.inputs, "x"), _named(core.outputs, "y")
    parallel = core.io_type == "io_parallel"
    declared, written, read = (
        (_array, _write_array, _read_array) if parallel else (_stream, _write_items, _read_items)
    )
    body = [
        *(declared(port, name) for name, port in (inputs | outputs).items()),
        *(line for name, port in inputs.items() for line in written(port, name)),
        f"{core.top}({', '.join(inputs | outputs)});",
        *(line for name, port in outputs.items() for line in read(port, name)),
    ]
    return [
        'extern "C" void',
        f"{core.top}_simulate(const std::int64_t *in_, std::int64_t *out_,",
        "    std::size_t samples_) {",
        "    for (std::size_t sample_ = 0; sample_ < samples_; sample_++) {",
        *(f"        {line}" for line in body),
        "    }",
        "}",
    ]


def _named(ports: Iterable[Port], letter: str) -> dict[str, Port]:
    return {f"{letter}{place}_": port for place, port in enumerate(ports)}


def _array(port: Port, name: str) -> str:
    return f"{port.cpp_type} {name}[{port.size}];"


def _write_array(port: Port, name: str) -> list[str]:
    return [
        f"for (unsigned i_ = 0; i_ < {port.size}; i_++)",
        f"    {_put(f'{name}[i_]', port.type, '*in_++')}",
    ]


def _read_array(port: Port, name: str) -> list[str]:
    return [
        f"for (unsigned i_ = 0; i_ < {port.size}; i_++)",
        f"    *out_++ = {_get(f'{name}[i_]', port.type)};",
    ]


def _stream(port: Port, name: str) -> str:
    return f'hls::stream<{port.cpp_type}> {name}("{name}");'


def _write_items(port: Port, name: str) -> list[str]:
    return [
        *_each_item(port),
        f"    {port.cpp_type} item_;",
        f"    for (unsigned i_ = 0; i_ < {port.lanes}; i_++)",
        f"        {_put('item_[i_]', port.type, '*in_++')}",
        f"    {name}.write(item_);",
        "}",
    ]


def _read_items(port: Port, name: str) -> list[str]:
    return [
        *_each_item(port),
        f"    {port.cpp_type} item_ = {name}.read();",
        f"    for (unsigned i_ = 0; i_ < {port.lanes}; i_++)",
        f"        *out_++ = {_get('item_[i_]', port.type)};",
        "}",
    ]


def _each_item(port: Port) -> list[str]:
    return [f"for (unsigned j_ = 0; j_ < {port.size // port.lanes}; j_++) {{"]


def _put(number: str, type_: FixedPoint, word: str) -> str:
    bits = f"{type_.width - 1}, 0"
    return f"{number}.range({bits}) = ap_uint<{type_.width}>({word}).range({bits});"


def _get(number: str, type_: FixedPoint) -> str:
    kind = "ap_int" if type_.signed else "ap_uint"
    return f"{kind}<{type_.width}>({number}.range({type_.width - 1}, 0)).to_int64()"


def core_steps(
    core: Core, *, firmware: str, headers: str, source: str, core_object: str, library: str
) -> tuple[Step, Step]:
    """The two g++ commands: the core's object, and the simulation's library from it.

    Args:
        core: the core whose files lie in ``firmware``.
        firmware: the folder of ``core.files``, relative to the build folder, like all paths here.
        headers: the folder of :func:`ap_headers`.
        source: the file with :func:`core_source`.
        core_object: the object to make; the kernel's library links it too.
        library: the shared library to make, for :func:`fpgac.engines.csim.simulate`.
    """
    sources = [f"{firmware}/{path}" for path in sorted(core.files)]
    return (
        Step(
            name="g++ core",
            command=(*_OBJECT, f"-I{firmware}", f"-I{headers}", "-o", core_object, source),
            inputs=(source, *sources, *(f"{headers}/{path}" for path in ap_headers())),
            outputs=(core_object,),
        ),
        Step(
            name="g++ simulation",
            command=(*LIBRARY, "-o", library, core_object),
            inputs=(core_object,),
            outputs=(library,),
        ),
    )
