"""A program as C++: stage after stage on blocks of samples.

The text depends on shapes, formats and on which weights are zero; every other constant is a table
that is handed over at run time, so that g++ has little to read. Stages that are alike share one
function.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np

from fpgac.native.cpp.edges import Entrance, entries
from fpgac.native.cpp.functions import Function, Home, Layout
from fpgac.native.cpp.lanes import narrowest
from fpgac.native.cpp.levels import TILE, Form, Level
from fpgac.native.cpp.memory import Constants, Span, allocate
from fpgac.native.cpp.packed import PackedDotWriter
from fpgac.native.cpp.plan import Plan, Stage
from fpgac.native.cpp.stages import ElementWriter, StageWriter
from fpgac.program.program import Program, Terminal, Value

__all__ = ["Source", "generate"]

# The more samples in a block, the less it costs to fetch the code; their values shall stay in a
# nearby cache. Odd multiples of 64 spread the rows over its sets.
_BLOCKS = (832, 448, 192, 64)
_CACHE_BYTES = 96_000

# Samples that are taken in at a time.
_CHUNK = 64

# Pieces in which the next samples are fetched.
_PARTS = 8

# A transposition reads a register beyond the last sample.
_BEYOND = 64


@dataclass(frozen=True)
class Source:
    """C++ for one level, the tables that it reads, and the bytes of memory that it works in.

    Samples are computed ``block`` at a time; the last ones take as long as a whole block.
    """

    text: str
    level: Level
    constants: bytes
    memory_bytes: int
    block: int


def generate(program: Program, level: Level) -> Source:
    """The program for the instructions of ``level``.

    Raises:
        CoreError: an operation needs more than 64 bits.
    """
    plan = Plan(program, level)
    for block in _BLOCKS:
        memory = _memory(plan, block)
        if memory.bytes <= _CACHE_BYTES:
            break
    layout = memory.layout
    constants = Constants()
    functions = [_function(plan, stage, layout, constants) for stage in plan.stages]
    entrances = list(_entrances(plan, memory))
    answers = [layout.homes[y.value, Form.PLAIN] for y in program.outputs]
    text = "\n".join(
        [
            _prelude(program, level, block),
            *(entrance.definition(place, level) for place, entrance in enumerate(entrances)),
            *_computing(functions),
            entries(program, entrances, memory.room, answers),
        ]
    )
    return Source(text, level, constants.bytes(), memory.bytes, block)


def _computing(functions: Sequence[Function]) -> Iterator[str]:
    """The stages' functions, each text once, and ``compute``, which calls them in order.

    Between parts of them, some of the next block's samples are fetched.
    """
    names: dict[str, str] = {}
    calls = []
    for function in functions:
        text = function.definition("NAME")
        if text not in names:
            names[text] = f"stage{len(names)}"
            yield text.replace("NAME", names[text], 1)
        calls.append(function.call(names[text]))
    parts = min(_PARTS, len(calls))
    for part in range(parts):
        yield f"STAGE part{part}(char* memory, const char* constants) {{"
        yield from (
            f"    {call}"
            for call in calls[len(calls) * part // parts : len(calls) * (part + 1) // parts]
        )
        yield "}"
    yield "template <class Number>"
    yield "INLINE void compute(char* memory, const char* constants, const Number* x, int64_t n) {"
    for part in range(parts):
        yield f"    fetch(x, n, {part}, {parts}); part{part}(memory, constants);"
    yield "}"


def _function(plan: Plan, stage: Stage, layout: Layout, constants: Constants) -> Function:
    """The function that computes ``stage``."""
    function = Function(constants)
    function.add(f"using V = V{stage.bits};")
    writer: type[StageWriter] = PackedDotWriter if stage.head in plan.packings else ElementWriter
    writer(plan, stage, layout, function).write()
    return function


def _prelude(program: Program, level: Level, block: int) -> str:
    given, made = program.input_layout, program.output_layout
    return "\n".join(
        [
            f"constexpr int BLOCK = {block}, CHUNK = {_CHUNK};",
            f"constexpr int INPUTS = {given.size}, OUTPUTS = {made.size};",
            f"#define TILE {TILE}",
            f"#define REGISTER_BYTES {level.register_bytes}",
            f"#define WORD {given.dtype.name}_t",
            f"#define ANSWER {made.dtype.name}_t",
            *(_adding(level, form) for form in level.dots),
            resources.files("fpgac.native.cpp").joinpath("runtime.hpp").read_text(),
        ]
    )


def _adding(level: Level, form: Form) -> str:
    """``ADD_PAIRS(a, weights, lane)``: a row's products with a lane of weights, added to a's sums.

    One statement for a whole tile, with an address that needs no thought: there are thousands.
    """
    tile = range(TILE)
    lines = [level.broadcast, *(level.dots[form].format(i=i) for i in tile)]
    sums = ", ".join(f'[a{i}] "+&v"(a##{i})' for i in tile)
    rows = ", ".join(f'[x{i}] "v"(x{i})' for i in tile)
    return (
        f'#define ADD_{form.name}(a, weights, lane) asm("{"; ".join(lines)}" '
        f': {sums}, [t] "=&v"(t), [p] "=&v"(p) : {rows}, [w] "r"(weights), [at] "i"(4 * lane))'
    )


@dataclass(frozen=True)
class _Memory:
    """The memory of a block: the rooms for a chunk's ``samples`` are in the inputs' order.

    In the ``room``, the columns of one input lie in one piece before they become words.
    """

    layout: Layout
    samples: tuple[Home, ...]
    room: int
    bytes: int


def _memory(plan: Plan, block: int) -> _Memory:
    """Where everything lies; values that are no longer read make room for others."""
    inputs = plan.program.inputs
    made = {x.value: 0 for x in inputs}
    read: dict[tuple[Value, Form], int] = {}
    for time, stage in enumerate(plan.stages, 1):
        made |= dict.fromkeys(stage.results, time)
        read |= dict.fromkeys(plan.reads(stage), time)
    end = len(plan.stages) + 1
    read |= {(y.value, Form.PLAIN): end for y in plan.program.outputs}
    types = [_sample_type(plan, x) for x in inputs]
    rows = [x.value.size * _type_bytes(type_) for x, type_ in zip(inputs, types, strict=True)]
    widest = max(x.value.size for x in inputs) if len(inputs) > 1 else 0
    spans = [Span(4 * block, 0, end), Span(widest * 8 * _CHUNK, 0, 0)]
    spans += [Span(row * _CHUNK + _BEYOND, 0, 0) for row in rows]
    spans += [Span(_bytes(*kept, block), made[kept[0]], last) for kept, last in read.items()]
    apart = [dot for dot in plan.packings if not plan.in_place(dot)]
    for dot in apart:
        now = made[dot.result]
        spans.append(Span(4 * block * len(plan.packings[dot].packs), now, now))
    offsets, size = allocate(spans, 4 * block)
    _, room, *rest = offsets
    places = iter(rest)
    samples = tuple(Home(next(places), type_) for type_ in types)
    homes = {(value, form): Home(next(places), _row_type(value, form)) for value, form in read}
    packs = {dot: Home(next(places), "int32_t") for dot in apart}
    return _Memory(Layout(block, homes, packs), samples, room, size + _BEYOND)


def _bytes(value: Value, form: Form, block: int) -> int:
    rows = -(-value.size // form.value)
    return rows * block * _type_bytes(_row_type(value, form))


def _row_type(value: Value, form: Form) -> str:
    return f"{narrowest(value.interval)}_t" if form is Form.PLAIN else "int32_t"


def _type_bytes(c_type: str) -> int:
    return int(np.dtype(c_type.removesuffix("_t")).itemsize)


def _sample_type(plan: Plan, x: Terminal) -> str:
    """Samples that are spread as pairs have words of 16 bits; others keep their own."""
    pairs = Form.PAIRS in plan.forms.get(x.value, ())
    return "int16_t" if pairs else x.tensor.type.c_type


def _entrances(plan: Plan, memory: _Memory) -> Iterator[Entrance]:
    """Where each input comes in."""
    columns = plan.program.input_columns
    for (terminal, place), samples in zip(columns, memory.samples, strict=True):
        spreading = list(_spreading(plan, memory.layout, terminal.value, samples))
        yield Entrance(terminal, place.start, samples, spreading)


def _spreading(plan: Plan, layout: Layout, value: Value, samples: Home) -> Iterator[str]:
    """Calls that turn a chunk's samples into rows, from sample ``s`` on."""
    bytes_ = value.size * _type_bytes(samples.c_type)
    for form in plan.forms.get(value, ()):
        home = layout.homes[value, form]
        rows = f"({home.c_type}*)(memory + {home.offset}) + s"
        if form is Form.PLAIN:
            yield f"spread_plain(samples, {rows}, {value.size});"
        else:
            count = -(-value.size // form.value)
            yield f"spread((const char*)samples, {bytes_}, {rows}, {count});"
