"""Where samples come in and answers go out: rows of numbers or raw words.

``run_words``, ``run_floats`` and ``run_doubles`` are what the generated C++ offers::

    int run_words(const Word* x, Answer* y, int64_t samples, char* memory, const char* constants);

``x`` holds rows of the program's ``input_layout``, ``y`` takes rows of its ``output_layout``, both
without padding. ``Word`` and ``Answer`` are the integers of the layouts' ``dtype``; floats and
doubles become words by each input's own rule. ``memory`` has the source's ``memory_bytes``,
``constants`` are its tables; both lie on multiples of 64. The answer is 0, or 1 if a raw word lies
outside the interval of its input.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fpgac.native.cpp.functions import Home
from fpgac.native.cpp.levels import Level
from fpgac.numbers import HUGE, TINY, FixedPoint, Formula, Overflow, Rounding
from fpgac.program.program import Program, Terminal

__all__ = ["Entrance", "entries"]


@dataclass(frozen=True)
class Entrance:
    """Where an input comes in.

    Args:
        terminal: the input.
        first: its first column in the rows.
        samples: the room for a chunk of its samples, as raw words.
        spreading: statements that turn this chunk into rows of ``memory``, from sample ``s`` on.
    """

    terminal: Terminal
    first: int
    samples: Home
    spreading: Sequence[str]

    def definition(self, place: int, level: Level) -> str:
        """``enter``, which takes a chunk of rows in, and all that it needs."""
        lowest, highest = self.terminal.value.interval
        type_, size = self.terminal.tensor.type, self.terminal.tensor.size
        spreading = "\n".join(f"    {line}" for line in self.spreading)
        return f"""
namespace input{place} {{
using Sample = {self.samples.c_type};
INLINE Word word(Word w) {{ return w; }}
{_conversion(type_)}
template <class Number> BULK bool take(const Number* x, int64_t count, Sample* to) {{
    int32_t refused = 0;
    for (int64_t i = 0; i < count; i++) {{
        const Word w = word(x[i]);
        to[i] = Sample(w);
        refused |= w < {lowest}LL || w > {highest}LL;
    }}
    return !refused;
}}
{_steered(self.terminal) if level.steered else ""}
template <class Number>
INLINE bool enter(const Number* rows, int64_t count, char* memory, char* room, int64_t s) {{
    auto* samples = (Sample*)(memory + {self.samples.offset});
    if (!take(columns<{self.first}, {size}>(rows, count, room), count * {size}, samples))
        return false;
    for (int64_t i = count * {size}; i < CHUNK * {size}; i++)
        samples[i] = 0;
{spreading}
    return true;
}}
}}
"""


def _conversion(to: FixedPoint) -> str:
    """``word(x)`` for floats and doubles: THE rule."""
    return "\n".join([_word("double", to, Formula.of(to, "rule::").lines), _float_word(to)])


# How each rounding is steered, and what is added before: it is rounded once, in the same way, so
# that no integer is passed.
_STEERED: Final = {
    Rounding.TRN: ("rd", 0.0),
    Rounding.TRN_ZERO: ("rz", 0.0),
    Rounding.RND: ("rd", 0.5),
    Rounding.RND_MIN_INF: ("ru", -0.5),
    Rounding.RND_CONV: ("rn", 0.0),
}


def _steered(x: Terminal) -> str:
    """``take`` for floats whose type saturates: three instructions for a register of them."""
    to = x.tensor.type
    if not (
        _single(to)
        and to.overflow in (Overflow.SAT, Overflow.SAT_SYM)
        and to.rounding in _STEERED
        and x.value.interval[0] <= to.lowest
        and to.highest <= x.value.interval[1]
    ):
        return ""
    how, offset = _STEERED[to.rounding]
    limit = max(-to.lowest, to.highest)
    words = "words" if to.highest == limit else f"least(words, splat<V32>({to.highest}))"
    words = f"greatest({words}, V32{{}})" if to.lowest == 0 else words
    return f"""
BULK bool take(const float* x, int64_t count, Sample* to) {{
    using F32 = Vector<float, LANES<V32>>;
    const F32 scale = F32{{}} + {2.0**to.fraction!r}f, offset = F32{{}} + {offset}f;
    const F32 limit = F32{{}} + {float(limit)}f;
    int64_t i = 0;
    for (; i + LANES<V32> <= count; i += LANES<V32>) {{
        F32 f;
        V32 words;
        __builtin_memcpy(&f, x + i, sizeof f);
        STEERED("{how}", words, f, scale, offset, limit);
        store(to + i, {words});
    }}
    for (; i < count; i++)
        to[i] = Sample(word(x[i]));
    return true;
}}
"""


def _single(to: FixedPoint) -> bool:
    """Whether the rule may be computed in float32: every one of its steps is exact there too."""
    return to.width <= 24 and abs(to.fraction) <= 60


def _float_word(to: FixedPoint) -> str:
    if not _single(to):
        return "INLINE Word word(float x) { return word(double(x)); }"
    lines = Formula.of(to, "rule::").lines
    return _word("float", to, [(name, _in_single(text)) for name, text in lines])


def _in_single(expression: str) -> str:
    """An expression of the rule with constants of float32; what is huge or tiny there still is."""
    for far, near in ((HUGE, 2.0**100), (TINY, 2.0**-100)):
        expression = expression.replace(repr(far), repr(near))
    return re.sub(r"(?<![\w.])\d+\.\d+(e[+-]?\d+)?|(?<![\w.])\d+e[+-]?\d+", r"\g<0>f", expression)


def _word(kind: str, to: FixedPoint, lines: Iterable[tuple[str, str]]) -> str:
    body = "".join(f"    const {kind} {name} = {text};\n" for name, text in lines)
    quick = "int32_t" if to.width - to.signed < 32 else "int64_t"
    return f"INLINE Word word({kind} x) {{\n{body}    return Word({quick}(word));\n}}"


def entries(
    program: Program, entrances: Sequence[Entrance], room: int, answers: Sequence[Home]
) -> str:
    """The functions that are called from outside.

    ``room`` is the offset of a room for an input's columns of a chunk, where there are several;
    ``answers`` are the outputs' homes.
    """
    entering = " && ".join(
        f"input{place}::enter(rows, part, memory, memory + {room}, s)"
        for place in range(len(entrances))
    )
    giving = "\n".join(
        f"        give<{columns.start}, {tensor.size}>("
        f"(const {home.c_type}*)(memory + {home.offset}), count, y + first * OUTPUTS);"
        for (tensor, columns), home in zip(program.output_layout.places, answers, strict=True)
    )
    return f"""
template <class Number>
INLINE int run(const Number* x, Answer* y, int64_t samples, char* memory, const char* constants) {{
    const FloatingPoint as_usual;
    __builtin_memset(memory, 0, BLOCK * sizeof(int32_t));
    for (int64_t first = 0; first < samples; first += BLOCK) {{
        const int64_t count = samples - first < BLOCK ? samples - first : BLOCK;
        for (int64_t s = 0; s < count; s += CHUNK) {{
            const int64_t part = count - s < CHUNK ? count - s : CHUNK;
            const Number* rows = x + (first + s) * INPUTS;
            if (!({entering}))
                return 1;
        }}
        const int64_t left = samples - first - count, next = left < BLOCK ? left : BLOCK;
        compute(memory, constants, x + (first + BLOCK) * INPUTS, next * INPUTS);
{giving}
    }}
    return 0;
}}

#define ENTRY(name, Number)                                                                \\
    extern "C" int name(const Number* x, Answer* y, int64_t samples, char* memory,         \\
                        const char* constants) {{                                           \\
        return run(x, y, samples, memory, constants);                                      \\
    }}
ENTRY(run_words, Word)
ENTRY(run_floats, float)
ENTRY(run_doubles, double)
"""
