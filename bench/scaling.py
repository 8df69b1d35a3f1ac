"""How cost grows with a network's layers and their width, from weights to exact answers.

Networks of 10, 100 and 1000 layers of 16 by 16, then two layers of 16 by 16 to 4096 by 4096, half
of the weights zero. Each is lowered by fpgac and, where that takes no minutes, converted and
written by hls4ml alone; its exact program is made and compiled with an empty cache, and runs
beside onnxruntime in float32, each with one thread.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TypeVar

import numpy as np
from _figures import Figure, in_turn, number, print_table, process, seconds, show
from _hls4ml import converted, quiet_tensorflow
from _networks import dense
from _onnx import float_session

from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.native.engine import Engine
from fpgac.network.network import Network
from fpgac.rules.core_program import exact_program

Result = TypeVar("Result")

SPEC = Path(__file__).parents[1] / "specs" / "jets.toml"

DEPTHS = ((10, 16), (100, 16), (1000, 16))
WIDTHS = ((2, 16), (2, 64), (2, 256), (2, 1024), (2, 4096))

# hls4ml looks at all layers anew after each whose type it finds out: the cube of their number.
MOST_LAYERS, MOST_WEIGHTS = 100, 3_000_000

# Multiply-adds that are timed at once.
WORK = 4e9

HLS4ML, ONNXRUNTIME = "hls4ml: convert, write", "onnxruntime float32"


@dataclass(frozen=True)
class Cost:
    """Seconds to the core, the exact program and the first sample; then samples a second."""

    layers: int
    width: int
    lower: float
    hls4ml: float | None
    program: float
    first: float
    rate: float
    onnxruntime: float

    @property
    def weights(self) -> int:
        return self.layers * self.width**2

    @property
    def whole(self) -> float:
        """Seconds from the network to the first sample."""
        return self.lower + self.program + self.first

    @property
    def product(self) -> float:
        """Seconds of a multiply-add."""
        return 1 / (self.rate * self.weights)


def main() -> None:
    hls4ml(dense(1, 16))  # and what it imports
    depths = [cost(*size) for size in DEPTHS]
    widths = [cost(*size) for size in WIDTHS]
    print("\nfrom weights to exact answers")
    print_table([TITLES, *map(row, [*depths, *widths])])
    deep, wide = depths[1], widths[-2]
    named = (("100_layers", deep), ("1024_wide", wide))
    show(
        "depth and width against peers",
        [
            *(
                Figure(f"scaling.{name}.lower", each.lower, "s", HLS4ML, each.hls4ml)
                for name, each in named
                if each.hls4ml
            ),
            *(
                Figure(
                    f"scaling.{name}.rate", each.rate, "samples/s", ONNXRUNTIME, each.onnxruntime
                )
                for name, each in named
            ),
        ],
    )
    show(
        "growth: at 1 x, twice as much costs twice as much",
        [
            *growth("scaling.layers", "layer", deep, depths[2], lambda cost: cost.layers),
            *growth("scaling.width", "weight", wide, widths[-1], lambda cost: cost.weights),
            validation(),
        ],
    )


def cost(layers: int, width: int) -> Cost:
    """What one network costs, in all."""
    network = dense(layers, width)
    theirs = None
    if layers <= MOST_LAYERS and layers * width**2 <= MOST_WEIGHTS:
        theirs = seconds(partial(hls4ml, network))
    lowering, core = timed(lambda: lower(network, HlsSettings()))
    making, program = timed(lambda: exact_program(core))
    with tempfile.TemporaryDirectory(prefix="fpgac-bench-") as cache:
        os.environ["FPGAC_CACHE"] = cache
        first, engine = timed(lambda: answering(Engine.of(program), width))
        del os.environ["FPGAC_CACHE"]
    return Cost(layers, width, lowering, theirs, making, first, *rates(network, engine))


def hls4ml(network: Network) -> None:
    """The same files as :func:`lower` makes, and those beside them that hls4ml always writes."""
    with tempfile.TemporaryDirectory(prefix="fpgac-bench-") as folder, redirect_stdout(StringIO()):
        graph = converted(network, Path(folder))
        with quiet_tensorflow():
            graph.write()


def timed(make: Callable[[], Result]) -> tuple[float, Result]:
    """How long it takes to make something, and what was made."""
    started = time.perf_counter()
    made = make()
    return time.perf_counter() - started, made


def answering(engine: Engine, inputs: int) -> Engine:
    """The engine, after its first sample."""
    engine.numbers(np.zeros((1, inputs)))
    return engine


def rates(network: Network, engine: Engine) -> list[float]:
    """Samples a second of the engine and of onnxruntime, one thread each."""
    size = network.input_layout.size
    products = network.weights.size
    samples = max(256, min(1 << 16, int(WORK / products)))
    x = np.random.default_rng(1).normal(0, 4, (samples, size)).astype(np.float32)
    session = float_session(network)
    runs = (partial(engine.numbers, x, threads=1), partial(session.run, None, {"x": x}))
    return [samples / taken for taken in in_turn([partial(seconds, run) for run in runs], 5, min)]


TITLES = (
    *("layers", "width", "weights", "lower, s", "(hls4ml)", "program, s", "first sample, s"),
    *("ms a layer", "us a weight", "samples/s", "(onnxruntime)", "ps a product"),
)


def row(cost: Cost) -> tuple[str, ...]:
    """The line of a network in the table."""
    return (
        f"{cost.layers:,}",
        f"{cost.width:,}",
        f"{cost.weights:,}",
        number(cost.lower),
        "-" if cost.hls4ml is None else number(cost.hls4ml),
        number(cost.program),
        number(cost.first),
        number(1e3 * cost.whole / cost.layers),
        number(1e6 * cost.whole / cost.weights),
        number(cost.rate),
        number(cost.onnxruntime),
        number(1e12 * cost.product),
    )


def growth(
    name: str, part: str, small: Cost, large: Cost, parts: Callable[[Cost], int]
) -> list[Figure]:
    """What a part (a layer, a weight) costs in a large network, against one in a small network."""
    peer = f"a {part} of {small.layers:,} x {small.width:,}²"

    def figure(what: str, unit: str, of: Callable[[Cost], float], scale: float) -> Figure:
        return Figure(f"{name}.{what}", scale * of(large), unit, peer, scale * of(small))

    return [
        figure("lower", "us", lambda cost: cost.lower / parts(cost), 1e6),
        figure("program", "us", lambda cost: cost.program / parts(cost), 1e6),
        figure("first_sample", "us", lambda cost: cost.first / parts(cost), 1e6),
        figure("product", "ps", lambda cost: cost.product, 1e12),
    ]


def validation() -> Figure:
    """``fpgac validate`` of 1000 layers against that of 10, whole processes."""
    with tempfile.TemporaryDirectory(prefix="fpgac-bench-") as folder:
        specs = [spec(Path(folder), layers) for layers in (10, 1000)]
        fpgac = (sys.executable, "-m", "fpgac", "validate")
        few, many = in_turn([partial(process, *fpgac, path) for path in specs], times=3)
    return Figure("scaling.layers.validate", many, "s", "10 layers", few)


def spec(folder: Path, layers: int) -> Path:
    """The spec of jets with so many layers."""
    before, _, rest = SPEC.read_text().partition("layers = [\n")
    _, _, after = rest.partition("\n]\n")
    hidden = '    { kind = "dense", units = 16, activation = "relu" },\n' * (layers - 1)
    path = folder / f"{layers}.toml"
    path.write_text(f'{before}layers = [\n{hidden}    {{ kind = "dense", units = 5 }},\n]\n{after}')
    return path


if __name__ == "__main__":
    main()
