"""Networks in hls4ml's own description, and what it takes to call their programs exact."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from fpgac.core.core import Core
from fpgac.numbers import IntArray, Overflow, Rounding
from fpgac.program.interpreter import interpret, values
from fpgac.program.program import Program
from fpgac.program.ranges import NotExact
from fpgac.rules.core_program import exact_program

CoreOf = Callable[..., Core]
Simulated = Callable[[Sequence[Core], Sequence[IntArray]], list[IntArray]]

SAMPLES = 160

Shape = tuple[int, ...]
Description = dict[str, Any]

together = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass(repr=False)
class Drawn:
    """A network in hls4ml's description; the last layer's result has ``shape``."""

    io_type: str
    strategy: str
    rng: np.random.Generator
    shape: Shape = ()
    layers: list[Description] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        kinds = ", ".join(layer["class_name"] for layer in self.layers)
        return f"<{self.io_type}, {self.strategy}: {kinds}>"

    @property
    def streams(self) -> bool:
        return self.io_type == "io_stream"

    def add(
        self,
        kind: str,
        shape: Shape | None = None,
        *,
        types: Mapping[str, str],
        reuse: int = 1,
        **description: Any,
    ) -> str:
        """One more layer, whose result has ``shape``, or else that of its input."""
        name = f"n{len(self.layers)}"
        self.layers.append({"name": name, "class_name": kind, **description})
        self.settings[name] = {"Precision": dict(types), "ReuseFactor": reuse}
        self.shape = self.shape if shape is None else shape
        return name

    def core(self, core_from: CoreOf, top: str) -> Core:
        return core_from(
            self.layers, self.settings, top=top, io_type=self.io_type, strategy=self.strategy
        )


@st.composite
def formats(draw: st.DrawFn, *, most: int = 12, signed: bool | None = None) -> str:
    """A format whose last bit weighs two at most, and whose first no less than a quarter.

    Formats further apart make ``ap_fixed`` itself abort.
    """
    width = draw(st.integers(2, most))
    integer = width - draw(st.integers(-1, width - 1))
    kind = "fixed" if (draw(st.booleans()) if signed is None else signed) else "ufixed"
    rounding, overflow = draw(st.sampled_from(Rounding)), draw(st.sampled_from(Overflow))
    return f"ap_{kind}<{width},{integer},{rounding},{overflow}>"


@st.composite
def accumulators(draw: st.DrawFn) -> str:
    """An accumulator: one that keeps every bit, one that wraps, or any other."""
    return draw(st.one_of(st.just("ap_fixed<40,20>"), st.just("ap_fixed<22,6>"), formats(most=16)))


def sums(draw: st.DrawFn) -> dict[str, str]:
    """The types of a layer that adds products up."""
    weight = draw(st.one_of(formats(), st.sampled_from(["int<2>", "uint<3>"])))
    return {
        "weight": weight,
        "bias": draw(formats()),
        "accum": draw(accumulators()),
        "result": draw(formats()),
    }


def samples(core: Core, seed: int) -> IntArray:
    """Words over all that the bits can hold, and near zero."""
    type_ = core.inputs[0].type
    lowest = -(1 << (type_.width - 1)) if type_.signed else 0
    rng = np.random.default_rng(seed)
    shape = SAMPLES, core.inputs[0].size
    words: IntArray = rng.integers(lowest, type_.highest, shape, np.int64, endpoint=True)
    words = words >> rng.integers(0, type_.width, (SAMPLES, 1))
    words[0], words[1], words[2] = lowest, type_.highest, 0
    return words


def answers(program: Program, words: IntArray) -> IntArray:
    """The program's answers, all on the way within what was proven."""

    for value, found in values(program, words).items():
        assert (value.lowest <= found).all(), f"{value.name} in\n{program}"
        assert (found <= value.highest).all(), f"{value.name} in\n{program}"
    return interpret(program, words)


def program_or_fault(core: Core) -> Program | None:
    """The core's program; none where hls4ml's C++ is faulty (and may abort) or too wide."""
    try:
        return exact_program(core)
    except NotExact as refusal:
        if refusal.code not in {"program.faulty-cpp", "program.too-wide"}:
            raise
        return None


def assert_exact(drawn: Sequence[Drawn], core_from: CoreOf, simulate_all: Simulated) -> None:
    cores = [net.core(core_from, f"net{place}") for place, net in enumerate(drawn)]
    programs = [program_or_fault(core) for core in cores]
    tried = [place for place, program in enumerate(programs) if program is not None]
    assert len(tried) > 0.8 * len(drawn)
    words = [samples(cores[place], place) for place in tried]
    expected = simulate_all([cores[place] for place in tried], words)
    for place, given_words, answer in zip(tried, words, expected, strict=True):
        net, program = drawn[place], programs[place]
        assert program is not None
        found = answers(program, given_words)
        assert found.dtype == answer.dtype
        wrong = np.flatnonzero((found != answer).any(axis=1))
        assert not wrong.size, (
            f"{net.layers}\n{net.settings}\n{net.io_type}, {net.strategy}\n{program}\n"
            f"to {given_words[wrong[0]]}: {found[wrong[0]]} instead of {answer[wrong[0]]}"
        )


def refused(core: Core) -> tuple[str, str]:
    """The layer that has no exact form, and the code that says why."""
    with pytest.raises(NotExact) as caught:
        exact_program(core)
    named = re.match(r"layer '(\w+)': ", caught.value.reason)
    return named[1] if named else "", caught.value.code
