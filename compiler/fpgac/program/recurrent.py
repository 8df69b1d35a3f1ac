"""One step of a recurrent network, in the order of operations of hls4ml's C++."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fpgac.numbers import FixedPoint
from fpgac.program.activations import Table, named
from fpgac.program.builder import Builder
from fpgac.program.program import Combination, Value

__all__ = ["Cell", "gru_step", "lstm_step"]


@dataclass(frozen=True)
class Cell:
    """The types and functions of a recurrent layer.

    Args:
        accumulator: the type of sums and of what the functions give.
        state: the type of the states.
        gate: the function of the gates, a name for :func:`~fpgac.program.activations.named`.
        activation: likewise of the candidates, and of an LSTM's cell state.
        table: the table of both functions.
    """

    accumulator: FixedPoint
    state: FixedPoint
    gate: str
    activation: str
    table: Table

    def gates(self, build: Builder, x: Value) -> Value:
        """The gates' function of words of the accumulator."""
        return named(build, x, self.accumulator, self.gate, self.table, self.accumulator)

    def candidates(self, build: Builder, x: Value) -> Value:
        """The activation of words of the accumulator."""
        return named(build, x, self.accumulator, self.activation, self.table, self.accumulator)

    def of_state(self, build: Builder, state: Value) -> Value:
        """The activation of words of the state."""
        return named(build, state, self.state, self.activation, self.table, self.accumulator)


def lstm_step(
    build: Builder, from_x: Value, from_h: Value, state: Value, cell: Cell
) -> tuple[Value, Value]:
    """The next output and the next cell state of an LSTM.

    ``from_x`` and ``from_h`` are products of input and output with the weights: words of the
    accumulator for input gates, forget gates, candidates and output gates, in that order.
    """
    n = state.size
    total = build.cast(build.combine(from_x, from_h, Combination.ADD), cell.accumulator)
    gates = cell.gates(build, _taken(build, total, range(2 * n), range(3 * n, 4 * n)))
    candidates = cell.candidates(build, _taken(build, total, range(2 * n, 3 * n)))
    added = build.combine(candidates, _taken(build, gates, range(n)), Combination.MULTIPLY)
    kept = build.combine(state, _taken(build, gates, range(n, 2 * n)), Combination.MULTIPLY)
    state = build.cast(build.combine(added, kept, Combination.ADD), cell.state)
    shown = _taken(build, gates, range(2 * n, 3 * n))
    output = build.combine(shown, cell.of_state(build, state), Combination.MULTIPLY)
    return build.cast(output, cell.state), state


def gru_step(
    build: Builder, from_x: Value, from_h: Value, h: Value, cell: Cell, *, reset_first: bool
) -> Value:
    """The next output of a GRU that is reset after the product with the weights.

    ``from_x`` and ``from_h`` are products of input and output with the weights: words of the
    accumulator for update gates, reset gates and candidates; with ``reset_first`` the two gates
    are exchanged.
    """
    n = h.size
    former, latter, last = range(n), range(n, 2 * n), range(2 * n, 3 * n)
    reset, update = (former, latter) if reset_first else (latter, former)
    total = build.combine(
        _taken(build, from_x, former, latter),
        _taken(build, from_h, former, latter),
        Combination.ADD,
    )
    gates = cell.gates(build, build.cast(total, cell.accumulator))
    kept = build.combine(
        _taken(build, gates, reset), _taken(build, from_h, last), Combination.MULTIPLY
    )
    kept = build.cast(kept, cell.accumulator)
    total = build.combine(_taken(build, from_x, last), kept, Combination.ADD)
    candidates = cell.candidates(build, build.cast(total, cell.accumulator))
    updates = build.with_fraction(_taken(build, gates, update), 0)
    rest = build.scaled(updates, -1, plus=1 << updates.fraction)
    new = build.combine(candidates, rest, Combination.MULTIPLY)
    old = build.combine(h, updates, Combination.MULTIPLY)
    return build.cast(build.combine(new, old, Combination.ADD), cell.state)


def _taken(build: Builder, x: Value, *places: range) -> Value:
    return build.gather([x], np.concatenate([np.array(part) for part in places]))
