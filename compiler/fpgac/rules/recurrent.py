"""Recurrent layers, their time unrolled: LSTM, GRU, and two of them in both directions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fpgac.program.activations import Table
from fpgac.program.program import Value
from fpgac.program.recurrent import Cell, gru_step, lstm_step
from fpgac.rules.layer import Layer
from fpgac.rules.sums import Kernel

__all__ = ["bidirectional", "recurrent"]

_FUNCTIONS = frozenset({"relu", "sigmoid", "tanh"})


def recurrent(layer: Layer) -> Value:
    """``nnet::lstm_stack`` and ``nnet::gru_stack``."""
    outputs = _Direction(layer, "", layer.node.kind, "product").outputs(range(_steps(layer)))
    return _sequence(layer, [[output] for output in outputs])


def bidirectional(layer: Layer) -> Value:
    """``nnet::bidirectional_stack``: one layer reads the sequence forwards, one backwards."""
    if layer.streams:
        raise layer.faulty("reads a stream in both directions, which hls4ml has no C++ for")
    times = range(_steps(layer))
    kinds = [str(layer.node.settings.get(f"{way}_class_name")) for way in ("forward", "backward")]
    forwards = _Direction(layer, "forward_", kinds[0], "product").outputs(times)
    backwards = _Direction(layer, "backward_", kinds[1], "product_3").outputs(times[::-1])
    if layer.number("return_sequences"):
        backwards = backwards[::-1]
    return _sequence(layer, [list(pair) for pair in zip(forwards, backwards, strict=True)])


def _steps(layer: Layer) -> int:
    if len(layer.values) > 1:
        raise layer.refusal("is given its first states")
    if len(layer.node.outputs) > 1:
        raise layer.faulty("gives its last states, which hls4ml's C++ does not")
    return layer.x_shape[0]


def _sequence(layer: Layer, outputs: list[list[Value]]) -> Value:
    """All outputs one after the other, or those of the last step."""
    shown = outputs if layer.number("return_sequences") else outputs[-1:]
    parts = [part for step in shown for part in step]
    return layer.build.gather(parts, np.arange(sum(part.size for part in parts)))


@dataclass(frozen=True, eq=False)
class _Direction:
    """A recurrent layer, or one of the two of a bidirectional one.

    Args:
        layer: the layer.
        prefix: of the names of its weights and settings.
        kind: ``LSTM`` or ``GRU``.
        product: the setting that names the product with the input; that with the state follows.
    """

    layer: Layer
    prefix: str
    kind: str
    product: str

    def outputs(self, times: Iterable[int]) -> list[Value]:
        """The output of each step, from zero states on."""
        layer, build, cell = self.layer, self.layer.build, self._cell()
        gates, n = self._gates(), self._states()
        features = layer.x_shape[1]
        x = self._kernel(layer.x, first=True)
        windows = np.arange(layer.x.size).reshape(-1, features)
        from_x = x.multiply(windows, x.matrix(features, gates * n), x.order(features))
        h = state = build.cast(build.gather([layer.x], np.full(n, -1)), cell.state)
        weights = self._kernel(h, first=False).matrix(n, gates * n)
        outputs = []
        for time in times:
            now = build.gather([from_x], np.arange(gates * n) + time * gates * n)
            kernel = self._kernel(h, first=False)
            from_h = kernel.multiply(np.arange(n)[None], weights, kernel.order(n))
            if self.kind == "LSTM":
                h, state = lstm_step(build, now, from_h, state, cell)
            else:
                pytorch = bool(layer.number("pytorch", 0))
                h = gru_step(build, now, from_h, h, cell, reset_first=pytorch)
            outputs.append(h)
        return outputs

    def _gates(self) -> int:
        if self.kind not in {"LSTM", "GRU"}:
            raise self.layer.refusal(
                f"repeats a layer of a kind without an exact form, {self.kind}"
            )
        return 4 if self.kind == "LSTM" else 3

    def _states(self) -> int:
        words = self.layer.words(self.layer.array(f"{self.prefix}bias"))
        return words.size // self._gates()

    def _cell(self) -> Cell:
        layer, prefix = self.layer, self.prefix
        names = [layer.text(f"{prefix}{name}activation") for name in ("recurrent_", "")]
        for name in set(names) - _FUNCTIONS:
            raise layer.faulty(f"has the activation {name}, which hls4ml has no C++ for")
        accumulator, state = layer.type("accum_t"), layer.result
        # An LSTM by itself is compiled both ways, static and not, whichever is called.
        static = self.prefix and layer.number("static")
        if self.kind == "LSTM" and not static and not layer.x_type == accumulator == state:
            raise layer.faulty("has an input, sums and states of several types")
        table = Table(layer.number("table_size"), layer.type("table_t"))
        return Cell(accumulator, state, names[0], names[1], table)

    def _kernel(self, x: Value, *, first: bool) -> Kernel:
        """The product with the input, or else with the state."""
        layer, name = self.layer, self.prefix + ("" if first else "recurrent_")
        accumulator = layer.type("accum_t")
        taps = layer.x_shape[1] if first else x.size
        reuse = layer.number("reuse_factor" if first else f"{name}reuse_factor")
        chosen = layer.number(f"{self.prefix}reuse_factor" if first else "reuse_factor")
        if layer.text("strategy") != "latency" and not _works(chosen, reuse, taps):
            raise layer.faulty("has a reuse factor with which hls4ml's C++ aborts")
        return Kernel(
            layer,
            x,
            layer.x_type if first else layer.result,
            layer.array(f"{name}weight"),
            layer.constant(f"{name}bias"),
            layer.text(self.product if first else _next(self.product)),
            accumulator,
            accumulator,
            reuse,
            taps,
        )


def _works(chosen: int, reuse: int, taps: int) -> bool:
    """Whether the function that hls4ml has chosen by one reuse factor works with another."""
    if chosen <= taps:
        return taps % reuse == 0
    return reuse > taps and reuse % taps == 0


def _next(product: str) -> str:
    return {"product": "product_2", "product_3": "product_4"}[product]
