"""Where samples come in and answers go out: rows of numbers or raw words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from fpgac.native.cpp.functions import Home
from fpgac.native.cpp.levels import Level
from fpgac.numbers import HUGE, TINY, FixedPoint, Formula, Overflow, Rounding
from fpgac.program.program import Program

__all__ = ["conversion", "entries"]


def conversion(to: FixedPoint) -> str:
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


def _steered(program: Program) -> str:
    """``take`` for floats whose type saturates: three instructions for a register of them."""
    to = program.input_type
    if not (
        _single(to)
        and to.overflow in (Overflow.SAT, Overflow.SAT_SYM)
        and to.rounding in _STEERED
        and program.input.interval[0] <= to.lowest
        and to.highest <= program.input.interval[1]
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


def entries(program: Program, samples: Home, answers: Home, level: Level) -> str:
    """The functions that are called from outside.

    ``samples`` is the room for a block's rows of raw words, ``answers`` the output's home. Each
    function answers 0, or 1 if a raw word lies outside the input's interval.
    """
    lowest, highest = program.input.interval
    return f"""
template <class Number> BULK bool take(const Number* x, int64_t count, Sample* to) {{
    int32_t refused = 0;
    for (int64_t i = 0; i < count; i++) {{
        const Word w = word(x[i]);
        to[i] = Sample(w);
        refused |= w < {lowest}LL || w > {highest}LL;
    }}
    return !refused;
}}
{_steered(program) if level.steered else ""}
template <class Number>
INLINE int run(const Number* x, Answer* y, int64_t samples, char* memory, const char* constants) {{
    constexpr int64_t inputs = {program.input.size}, outputs = {program.output.size};
    const FloatingPoint as_usual;
    auto* words = (Sample*)(memory + {samples.offset});
    const auto* answers = (const {answers.c_type}*)(memory + {answers.offset});
    __builtin_memset(memory, 0, BLOCK * sizeof(int32_t));
    for (int64_t first = 0; first < samples; first += BLOCK) {{
        const int64_t count = samples - first < BLOCK ? samples - first : BLOCK;
        for (int64_t s = 0; s < count; s += CHUNK) {{
            const int64_t part = count - s < CHUNK ? count - s : CHUNK;
            if (!take(x + (first + s) * inputs, part * inputs, words))
                return 1;
            for (int64_t i = part * inputs; i < CHUNK * inputs; i++)
                words[i] = 0;
            spread_samples(memory, s);
        }}
        const int64_t left = samples - first - count, next = left < BLOCK ? left : BLOCK;
        compute(memory, constants, x + (first + BLOCK) * inputs, next * inputs);
        give<{program.output.size}>(answers, count, y + first * outputs);
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
