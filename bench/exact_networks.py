"""How fast exact emulation is beyond muon: jets, and digits with its convolutions; one thread each.

The peer is hls4ml's ``predict`` for jets; for digits, whose graph hls4ml needs described in its own
words, the very C simulation behind it, in the process in which fpgac runs it. The other peer is
onnxruntime on the same network in float32, in batches of the size that suits it best.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from _figures import Figure, show
from _hls4ml import compiled
from exact import FEW, SAMPLES, UNIT, Floats, best_session, in_batches, rates, samples

from fpgac.core.core import Core
from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.engines.csim import CSimulation
from fpgac.engines.emulator import simulation
from fpgac.engines.engine import Vectors
from fpgac.native.engine import Engine
from fpgac.network.file import read_network
from fpgac.network.network import Network
from fpgac.numbers import IntArray
from fpgac.rules.core_program import exact_program

SPECS = Path(__file__).parents[1] / "specs"

Words = Callable[[Floats], IntArray]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fpgac-bench-") as folder:
        jets, digits = (read_network(SPECS / f"{name}.network.json") for name in ("jets", "digits"))
        measure(jets, "hls4ml predict", predict(jets, Path(folder)))
        measure(digits, "C simulation", simulated(core(digits)))


def core(network: Network) -> Core:
    return lower(network, HlsSettings())


def simulated(made: Core) -> Words:
    """fpgac's own call of the C simulation, in one process."""
    engine = CSimulation(simulation(made), made, processes=1)
    return lambda x: engine.words(Vectors("samples", made.input_layout, x))


def predict(network: Network, folder: Path) -> Words:
    """hls4ml's own function, whose numbers become raw words."""
    graph, step = compiled(network, folder), core(network).outputs[0].type.step

    def words(x: Floats) -> IntArray:
        return np.asarray(graph.predict(x) / step, np.int64).reshape(len(x), -1)

    return words


def measure(network: Network, peer: str, simulated: Words) -> None:
    """Print the figures of one network.

    Raises:
        SystemExit: the engine and its peer give different words.
    """
    engine, x = Engine.of(exact_program(core(network))), samples(network)
    few, y = x[:FEW], engine.numbers(x)
    if not np.array_equal(simulated(few), y[:FEW]):
        raise SystemExit(f"the engine and the peer give different words for {network.name}")
    session, batch = best_session(network, x)
    exact, floats = rates(
        [partial(engine.numbers, x, threads=1, out=y), partial(in_batches, session, x, batch)],
        SAMPLES,
        times=20,
    )
    (theirs,) = rates([partial(simulated, few)], FEW, times=3)
    name = network.name
    show(
        f"exact emulation of {name} with {engine.level}; onnxruntime: {batch:,} at a time",
        [
            Figure(f"{name}.exact_vs_hls4ml", exact, UNIT, peer, theirs),
            Figure(f"{name}.exact_vs_onnxruntime", exact, UNIT, "onnxruntime", floats),
        ],
    )


if __name__ == "__main__":
    main()
