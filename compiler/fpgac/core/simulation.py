"""The core's C simulation at raw words: hls4ml's own C++, compiled by g++ and run apart.

One translation unit, :func:`simulation_source`, makes the object that both the simulation's
library and the kernel's library link. It includes the core's sources unchanged, but not their
weights as they stand: g++ takes five times as long over thousands of constants of a class type, so
it reads ``weights/*.h`` as plain numbers, which the same constructors then turn into the core's
types when the library is loaded.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from fpgac.build.plan import Step
from fpgac.core.core import Core, Port
from fpgac.errors import EmulationError, Problem, ToolchainError
from fpgac.numbers import FixedPoint, IntArray

__all__ = [
    "COMPILE",
    "simulate",
    "simulation_headers",
    "simulation_source",
    "simulation_steps",
]

# -O2 runs as fast as -O3 here; relative paths and no debug information keep objects reproducible.
COMPILE = ("g++", "-std=c++17", "-O2", "-fPIC", "-fno-gnu-unique", "-c")
LINK = ("g++", "-shared", "-Wl,--build-id=none")

# Samples between two signs of life, and the samples that are worth a process of their own.
CHUNK = 64
SHARE = 1024
PATIENCE = 600.0  # seconds


def simulation_headers() -> dict[str, bytes]:
    """The ``ap_fixed``, ``ap_int`` and ``hls::stream`` headers for g++, by path.

    HLS tools bring their own; these are the open ones that hls4ml carries along.
    """
    found = find_spec("hls4ml")
    if found is None or not found.submodule_search_locations:
        raise ToolchainError(Problem("hls4ml is not installed", hint="pip install hls4ml==1.3.0"))
    folder = Path(found.submodule_search_locations[0], "templates", "vivado", "ap_types")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def simulation_source(core: Core) -> bytes:
    """The C++ that makes the core's object; it is compiled with ``firmware/`` on the include path.

    The object defines the core's top function and, with C linkage,
    ``void {top}_simulate(const int64_t* in, int64_t* out, size_t samples)``: rows of raw words.
    """
    lines = [
        '#include "defines.h"',
        "#include <cstdint>",
        "",
        "// The weights as numbers: the very files that are synthesised, read quickly.",
        "namespace numbers {",
        *sorted({f"using {table.cpp_type} = const double;" for table in core.tables}),
        *(f'#include "weights/{table.name}.h"' for table in core.tables),
        "}",
        "",
        "template <class T, std::size_t N> static bool fill(T (&table)[N], const double (&from)[N]) {",
        "    for (std::size_t i = 0; i < N; i++)",
        "        table[i] = from[i];",
        "    return true;",
        "}",
        "",
    ]
    for table in core.tables:
        size = f"sizeof(numbers::{table.name}) / sizeof(double)"
        lines += [
            f"{table.cpp_type} {table.name}[{size}];",
            f"static const bool {table.name}_filled = fill({table.name}, numbers::{table.name});",
        ]
    lines += ["", f'#include "{core.top}.cpp"', "", *_bridge(core)]
    return "\n".join(lines).encode() + b"\n"


def _bridge(core: Core) -> list[str]:
    read, written = core.input, core.output
    if core.io_type == "io_parallel":
        body = [
            f"{read.cpp_type} x[{read.size}];",
            f"{written.cpp_type} y[{written.size}];",
            f"for (unsigned i = 0; i < {read.size}; i++)",
            f"    {_put('x[i]', read.type, '*in++')}",
            f"{core.top}(x, y);",
            f"for (unsigned i = 0; i < {written.size}; i++)",
            f"    *out++ = {_get('y[i]', written.type)};",
        ]
    else:
        body = [
            f'hls::stream<{read.cpp_type}> x("x");',
            f'hls::stream<{written.cpp_type}> y("y");',
            *_each_item(read),
            f"    {read.cpp_type} item;",
            f"    for (unsigned i = 0; i < {read.lanes}; i++)",
            f"        {_put('item[i]', read.type, '*in++')}",
            "    x.write(item);",
            "}",
            f"{core.top}(x, y);",
            *_each_item(written),
            f"    {written.cpp_type} item = y.read();",
            f"    for (unsigned i = 0; i < {written.lanes}; i++)",
            f"        *out++ = {_get('item[i]', written.type)};",
            "}",
        ]
    return [
        'extern "C" void',
        f"{core.top}_simulate(const std::int64_t *in, std::int64_t *out, std::size_t samples) {{",
        "    for (std::size_t sample = 0; sample < samples; sample++) {",
        *(f"        {line}" for line in body),
        "    }",
        "}",
    ]


def _each_item(port: Port) -> list[str]:
    return [f"for (unsigned j = 0; j < {port.size // port.lanes}; j++) {{"]


def _put(number: str, type_: FixedPoint, word: str) -> str:
    bits = f"{type_.width - 1}, 0"
    return f"{number}.range({bits}) = ap_uint<{type_.width}>({word}).range({bits});"


def _get(number: str, type_: FixedPoint) -> str:
    kind = "ap_int" if type_.signed else "ap_uint"
    return f"{kind}<{type_.width}>({number}.range({type_.width - 1}, 0)).to_int64()"


def simulation_steps(
    core: Core, *, firmware: str, headers: str, source: str, core_object: str, library: str
) -> tuple[Step, Step]:
    """The two g++ commands: the core's object, and the simulation's library from it.

    Args:
        core: the core whose files lie in ``firmware``.
        firmware: the folder of ``core.files``, relative to the build folder, like all paths here.
        headers: the folder of :func:`simulation_headers`.
        source: the file with :func:`simulation_source`.
        core_object: the object to make; the kernel's library links it too.
        library: the shared library to make, for :func:`simulate`.
    """
    sources = [f"{firmware}/{path}" for path in sorted(core.files)]
    return (
        Step(
            name="core",
            command=(*COMPILE, f"-I{firmware}", f"-I{headers}", "-o", core_object, source),
            inputs=(source, *sources, *(f"{headers}/{path}" for path in simulation_headers())),
            outputs=(core_object,),
        ),
        Step(
            name="simulation",
            command=(*LINK, "-o", library, core_object),
            inputs=(core_object,),
            outputs=(library,),
        ),
    )


def simulate(
    library: Path,
    core: Core,
    words: IntArray,
    *,
    progress: Callable[[int], None] | None = None,
    processes: int | None = None,
) -> IntArray:
    """The core's answers to raw words of shape (samples, inputs), of shape (samples, outputs).

    It runs in child processes, so that a crash in the generated code is an error here.

    Args:
        library: what the steps of :func:`simulation_steps` made.
        core: the core that was compiled.
        words: raw words of the input's type, any integer dtype.
        progress: called now and then with the samples done so far.
        processes: how many at once; by default one for each processor, fewer for few samples.

    Raises:
        EmulationError: the simulation crashed, hung, or used its streams wrongly.
    """
    samples = _checked(words, core)
    if processes is None:
        processes = min(len(os.sched_getaffinity(0)), -(-len(samples) // SHARE))
    bounds = [len(samples) * part // max(processes, 1) for part in range(max(processes, 1) + 1)]
    with tempfile.TemporaryDirectory(prefix="fpgac-") as folder:
        samples.tofile(Path(folder, "in"))
        Path(folder, "out").touch()
        os.truncate(Path(folder, "out"), len(samples) * core.output.size * 8)
        with contextlib.ExitStack() as stack:
            children = [
                stack.enter_context(_child(library.resolve(), core, Path(folder), start, stop))
                for start, stop in pairwise(bounds)
                if start < stop
            ]
            _watch(children, len(samples), progress or (lambda done: None))
            for child in children:
                _judge(child, core)
        answers = np.fromfile(Path(folder, "out"), dtype="<i8")
    return answers.reshape(len(samples), core.output.size).astype(core.output.type.dtype)


def _checked(words: IntArray, core: Core) -> IntArray:
    type_ = core.input.type
    if words.ndim != 2 or words.shape[1] != core.input.size:
        raise ValueError(f"expected shape (samples, {core.input.size}), not {words.shape}")
    lowest = -(1 << (type_.width - 1)) if type_.signed else 0
    if words.size and not lowest <= int(words.min()) <= int(words.max()) <= type_.highest:
        raise ValueError(f"raw words of {type_} are {lowest} to {type_.highest}")
    return np.ascontiguousarray(words, dtype="<i8")


class _Child:
    """A process over some of the samples; what it prints goes to a log of its own."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log


@contextlib.contextmanager
def _child(library: Path, core: Core, folder: Path, start: int, stop: int) -> Iterator[_Child]:
    log = folder / f"log{start}"
    arguments: tuple[Any, ...] = (
        *(library, f"{core.top}_simulate", folder / "in", folder / "out"),
        *(core.input.size, core.output.size, start, stop, CHUNK),
    )
    simulator = Path(__file__).with_name("simulator.py")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(simulator), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=folder,
        )
    with process:
        try:
            yield _Child(process, log)
        finally:
            process.kill()


def _watch(children: list[_Child], samples: int, progress: Callable[[int], None]) -> None:
    """Wait until every child has closed its pipe; each byte in it stands for a chunk."""
    chunks = 0
    heard = time.monotonic()
    with selectors.DefaultSelector() as selector:
        for child in children:
            selector.register(child.process.stdout or -1, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(timeout=1.0)
            for key, _ in ready:
                signs = os.read(key.fd, 4096)
                if not signs:
                    selector.unregister(key.fileobj)
                chunks += len(signs)
            if ready:
                heard = time.monotonic()
                progress(min(chunks * CHUNK, samples))
            elif time.monotonic() - heard > PATIENCE:
                raise EmulationError(
                    Problem(
                        "the C simulation hangs",
                        got=f"no answer to {CHUNK} samples in {PATIENCE:.0f} s",
                    )
                )


def _judge(child: _Child, core: Core) -> None:
    status = child.process.wait()
    printed = child.log.read_text(errors="replace").strip()
    if status == 0 and "WARNING: Hls::stream" not in printed:
        return
    what = "used its streams wrongly"
    if status < 0:
        what = f"crashed with {signal.Signals(-status).name}"
    elif status > 0:
        what = f"ended with exit code {status}"
    raise EmulationError(
        Problem(
            f"the C simulation of {core.top!r} {what}", got="\n".join(printed.splitlines()[-5:])
        )
    )
