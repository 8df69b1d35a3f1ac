"""How fast operations are that cannot be packed dot products, by one thread: raw words in and out.

The peer of each is the plain operation that takes its place where formats are narrower or alike:
what a format costs, then, is the ratio. All have as many elements, or as many products.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial

import numpy as np
from _figures import Figure, in_turn, seconds, show

from fpgac.native.engine import Engine
from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding
from fpgac.program.builder import Builder
from fpgac.program.formats import Formats
from fpgac.program.program import Program, Terminal, Value
from fpgac.tensors import Tensor

SAMPLES = 20_000
WIDTH = 64  # elements of a layer
SIDE, CHANNELS = 8, 16  # of an image

Body = Callable[[Builder, Value], Value]

RNG = np.random.default_rng(1)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fpgac-bench-") as cache:
        os.environ["FPGAC_CACHE"] = cache
        figures = [
            figure("factors of 16 bits", dense(15), "of 8 bits", dense(), given=("16,6", "12,4")),
            figure("sums of 40 bits", dense(), "of 32 bits", dense(), given=("24,8", "12,4")),
            figure("sums of 60 bits", dense(20), "of 32 bits", dense(), given=("30,8", "12,4")),
            figure("table of 1024", table(1024, 18), "rounded", rounded),
            figure("table of 64", table(64, 8), "rounded", rounded),
            figure("table of 16", table(16, 8), "rounded", rounded),
            figure("depthwise", depthwise, "pooled", pooled, size=SIDE * SIDE * CHANNELS),
            figure("accumulator that saturates", rounding("SAT"), "plain sums", dense()),
            figure("accumulator that wraps", rounding("WRAP"), "plain sums", dense()),
            figure("format per element", each, "one format", rounded),
            figure("format per element, wrapping", each_wrapping, "one format", rounded),
        ]
    show("operations of the exact engine", figures)


def figure(
    name: str,
    body: Body,
    peer: str,
    peer_body: Body,
    given: tuple[str, str] = ("12,4", "12,4"),
    size: int = WIDTH,
) -> Figure:
    runs = [
        run(program(one, FixedPoint.parse(f"ap_fixed<{type_}>"), size))
        for one, type_ in zip((body, peer_body), given, strict=True)
    ]
    taken = in_turn([partial(seconds, one) for one in runs], 40, pick=min)
    ours, theirs = (SAMPLES / each / 1e6 for each in taken)
    return Figure(f"operations.{name}", ours, "M samples/s", peer, theirs)


def run(program: Program) -> Callable[[], object]:
    engine = Engine.of(program)
    lowest, highest = program.inputs[0].value.interval
    layout = program.input_layout
    words = RNG.integers(lowest, highest, (SAMPLES, layout.size), endpoint=True)
    rows = words.astype(layout.dtype)
    return partial(engine.words, rows, threads=1, out=engine.words(rows))


def program(body: Body, given: FixedPoint, size: int) -> Program:
    """The operation between an input and a cast to bytes."""
    build = Builder(Tensor("x", (size,), given))
    y = build.cast(body(build, build.inputs[0].value), to := FixedPoint.parse("ap_fixed<8,4>"))
    return build.program("operation", [Terminal(Tensor("y", (y.size,), to), y)], [])


def weights(bits: int, *shape: int) -> IntArray:
    return RNG.integers(-(1 << bits), 1 << bits, shape)


def dense(bits: int = 7) -> Body:
    def body(build: Builder, x: Value) -> Value:
        windows, bias = np.arange(x.size)[None], weights(bits, 1, WIDTH)
        return build.dot(x, windows, weights(bits, 1, x.size, WIDTH), bias, fraction=x.fraction + 7)

    return body


def rounding(overflow: str) -> Body:
    """Sums in an accumulator that rounds every product."""

    def body(build: Builder, x: Value) -> Value:
        return build.accumulate(
            x,
            np.arange(x.size)[None],
            weights(7, 1, x.size, WIDTH),
            weights(7, 1, WIDTH),
            product_fraction=x.fraction + 7,
            accumulator=FixedPoint.parse(f"ap_fixed<16,6,TRN,{overflow}>"),
        )

    return body


def table(entries: int, bits: int) -> Body:
    def body(build: Builder, x: Value) -> Value:
        return build.lookup(build.clip(x, 0, entries - 1), weights(bits - 1, entries), 8)

    return body


def rounded(build: Builder, x: Value) -> Value:
    return build.cast(x, FixedPoint.parse("ap_fixed<7,3,RND,SAT>"))


def random_formats(size: int, overflow: Overflow) -> Formats:
    widths, signs = RNG.integers(0, 9, size), RNG.integers(0, 2, size)
    return Formats.of_widths(widths + signs, 3, signs, Rounding.RND, overflow)


def each(build: Builder, x: Value) -> Value:
    return build.cast_each(x, random_formats(x.size, Overflow.SAT))


def each_wrapping(build: Builder, x: Value) -> Value:
    return build.cast_each(x, random_formats(x.size, Overflow.WRAP))


def sweep() -> IntArray:
    """Windows of 3 x 3 pixels over an image, each channel's own: shape (pixels * channels, 9)."""
    image = np.pad(np.arange(SIDE * SIDE).reshape(SIDE, SIDE), 1, constant_values=-1)
    pixels = np.array(
        [image[r : r + 3, c : c + 3].ravel() for r in range(SIDE) for c in range(SIDE)]
    )
    each = pixels[:, None] * CHANNELS + np.arange(CHANNELS)[:, None]
    return np.where(pixels[:, None] < 0, -1, each).reshape(-1, 9)


def depthwise(build: Builder, x: Value) -> Value:
    bias = weights(7, CHANNELS, 1)
    return build.dot(x, sweep(), weights(7, CHANNELS, 9, 1), bias, fraction=x.fraction + 7)


def pooled(build: Builder, x: Value) -> Value:
    return build.maximum(x, sweep())


if __name__ == "__main__":
    main()
