"""How fast exact emulation is: muon, float32 in, raw words out, by one thread unless it says more.

Peers, each measured in turn with it:

- hls4ml's ``predict``: its C simulation, compiled as it compiles it, called through its bridge;
- onnxruntime on the same network in float32, in batches of the size that suits it best;
- the ceiling: nothing but the dot-product instructions that the network needs, on registers. They
  are those that the engine executes: four products of bytes or two of 16 bits in each lane; groups
  whose weights are all zero are left out. Input, rounding, packing and output are no part of it.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from _figures import Figure, in_turn, seconds, show
from _hls4ml import compiled as hls4ml_compiled
from _onnx import float_session

from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.native.cpp.levels import LEVELS, Form
from fpgac.native.cpp.plan import Plan
from fpgac.native.engine import Engine
from fpgac.native.library import compiled, find_compiler
from fpgac.network.file import read_network
from fpgac.network.network import Network
from fpgac.rules.core_program import exact_program

NETWORK = Path(__file__).parents[1] / "specs" / "muon.network.json"

SAMPLES = 50_000
MANY = 1_600_000  # for two threads
FEW = 1_000  # for hls4ml
REGISTER = 16  # samples in a register
UNIT = "M samples/s"

CEILING = """
using V = int __attribute__((vector_size(64)));
#define DOT(name, k) asm volatile(name " %2, %1, %0" : "+v"(a##k) : "v"(x), "v"(w));
#define EIGHT(name) \\
    DOT(name, 0) DOT(name, 1) DOT(name, 2) DOT(name, 3) \\
    DOT(name, 4) DOT(name, 5) DOT(name, 6) DOT(name, 7)
extern "C" void ceiling(long pairs, long quads) {
    V x = {}, w = {}, a0 = {}, a1 = {}, a2 = {}, a3 = {}, a4 = {}, a5 = {}, a6 = {}, a7 = {};
    for (long i = 0; i < pairs; i += 16) { EIGHT("vpdpwssd") EIGHT("vpdpwssd") }
    for (long i = 0; i < quads; i += 16) { EIGHT("vpdpbusd") EIGHT("vpdpbusd") }
}
"""

Floats = npt.NDArray[np.float32]


def main() -> None:
    network = read_network(NETWORK)
    program = exact_program(lower(network, HlsSettings()))
    x = samples(network)
    engine = Engine.of(program)
    avx2 = Engine.of(program, next(level for level in LEVELS if level.name == "avx2"))
    y = engine.numbers(x)
    with tempfile.TemporaryDirectory(prefix="fpgac-bench-") as folder:
        graph = hls4ml_compiled(network, Path(folder))
        onnx, batch = best_session(network, x)
        alone_on = partial(engine.numbers, x, threads=1, out=y)
        one, *top = rates([alone_on, *ceilings(engine)], SAMPLES, times=400)
        slower, theirs = rates(
            [partial(avx2.numbers, x, threads=1, out=y), partial(in_batches, onnx, x, batch)],
            SAMPLES,
            times=50,
        )
        many = np.tile(x, (MANY // SAMPLES, 1))
        room = engine.numbers(many)
        alone, two = rates(
            [partial(engine.numbers, many, threads=threads, out=room) for threads in (1, 2)],
            MANY,
            times=60,
        )
        (predict,) = rates([partial(graph.predict, x[:FEW])], FEW, times=20)
        words = graph.predict(x[:FEW]).reshape(FEW, -1) / program.outputs[0].tensor.type.step
    if not np.array_equal(engine.numbers(x[:FEW]), words):
        raise SystemExit("the engine and hls4ml give different words")
    figures = [
        Figure("muon.exact_vs_hls4ml", one, UNIT, "hls4ml predict", predict),
        Figure("muon.avx2_vs_hls4ml", slower, UNIT, "hls4ml predict", predict),
        Figure("muon.exact_vs_onnxruntime", one, UNIT, "onnxruntime", theirs),
        *(Figure("muon.exact_vs_ceiling", one, UNIT, "dot products alone", rate) for rate in top),
        Figure("muon.two_threads", two, UNIT, "one thread", alone),
        first_sample(network),
        peak_memory(),
    ]
    show(f"exact emulation of muon with {engine.level}; onnxruntime: {batch:,} at a time", figures)


def samples(network: Network) -> Floats:
    """The inputs that were recorded when the network was trained, again and again."""
    assert network.recording is not None
    numbers = network.input_layout.number(network.recording.inputs).astype(np.float32)
    return np.resize(numbers, (SAMPLES, network.input_layout.size))


def rates(runs: list[Callable[[], object]], samples: int, times: int) -> list[float]:
    """Million samples a second, at the quietest moment of each."""
    taken = in_turn([partial(seconds, run) for run in runs], times, pick=min)
    return [samples / each / 1e6 for each in taken]


def best_session(network: Network, x: Floats) -> tuple[Any, int]:
    """onnxruntime with the network, and the batch with which it is quickest."""
    session = float_session(network)
    batches = [256, 1024, 4096, 16384, 65536]
    taken = rates([partial(in_batches, session, x, batch) for batch in batches], SAMPLES, 3)
    return session, batches[int(np.argmax(taken))]


def in_batches(session: Any, x: Floats, batch: int) -> None:
    for first in range(0, len(x), batch):
        session.run(None, {"x": x[first : first + batch]})


def ceilings(engine: Engine) -> list[Callable[[], object]]:
    """The instructions alone, for as many samples as the others are given, where there are such."""
    if engine.level != "avx512vnni":
        return []
    compiler = find_compiler()
    assert compiler is not None
    packings = Plan(engine.program, LEVELS[0]).packings.values()
    lanes = {
        form: sum(
            np.any(p.weights, axis=2).sum() * len(p.windows) for p in packings if p.form is form
        )
        for form in (Form.PAIRS, Form.QUADS)
    }
    library = compiled(CEILING, LEVELS[0].flags, compiler)
    counts = [int(lanes[form]) * (SAMPLES // REGISTER) for form in (Form.PAIRS, Form.QUADS)]
    return [partial(library.ceiling, *counts)]


def first_sample(network: Network) -> Figure:
    """From the core to the first answer, with an empty cache and with a full one."""
    core = lower(network, HlsSettings())
    x = np.zeros((1, network.input_layout.size), np.float32)

    def answer() -> None:
        Engine.of(exact_program(core)).numbers(x)

    cold = []
    for _ in range(3):
        with tempfile.TemporaryDirectory(prefix="fpgac-bench-") as cache:
            os.environ["FPGAC_CACHE"] = cache
            cold.append(seconds(answer))
            cached = min(seconds(answer) for _ in range(5))
            del os.environ["FPGAC_CACHE"]
    return Figure("muon.first_sample", min(cold), "s", "cached", cached)


def peak_memory() -> Figure:
    """The most memory of a process that computes ten million samples, piece by piece."""
    many, few = (
        float(
            subprocess.run(
                [sys.executable, __file__, str(count)], capture_output=True, text=True, check=True
            ).stdout
        )
        for count in (10_000_000, SAMPLES)
    )
    return Figure("muon.peak_memory", many, "MB", f"{SAMPLES:,} samples", few)


def stream(count: int) -> None:
    """Compute ``count`` samples piece by piece, and print the most memory that it took, in MB."""
    network = read_network(NETWORK)
    engine, x = Engine.of(exact_program(lower(network, HlsSettings()))), samples(network)
    for _ in range(0, count, SAMPLES):
        engine.numbers(x)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    if sys.argv[1:]:
        stream(int(sys.argv[1]))
    else:
        main()
