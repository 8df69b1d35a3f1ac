"""The proof: the same vectors through every engine, and raw words that must be equal.

The reference is hls4ml's C simulation. Against it stand the quantised Keras model, its recording,
the exact program, the kernel called in this machine's own memory, and each host on the emulated
card. All of the test data goes through the engines that are quick enough.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from fpgac.core.core import Core
from fpgac.data.vectors import INPUT_WORDS, INPUTS
from fpgac.design.contract import Contract
from fpgac.engines.csim import simulate
from fpgac.engines.emulator import EXACT
from fpgac.engines.hosts import run_host_once
from fpgac.engines.kernel import run_kernel
from fpgac.engines.proof import require_equal
from fpgac.native.engine import Engine
from fpgac.network.meaning import outputs
from fpgac.network.network import Network
from fpgac.numbers import FloatArray, IntArray
from fpgac.steps.plan import simulation_library

__all__ = ["Agreement", "Proven", "prove", "prove_test_data"]

REFERENCE = "C simulation"


@dataclass(frozen=True)
class Agreement:
    """An engine that gave the reference's raw words for all its samples.

    They are the build's vectors, or all of the ``test data``.
    """

    engine: str
    samples: int
    seconds: float
    data: Literal["vectors", "test data"] = "vectors"


@dataclass(frozen=True, eq=False)
class Proven:
    """The reference's words for the build's vectors, and the engines that agree on them."""

    words: IntArray
    engines: tuple[Agreement, ...]


def prove(
    folder: Path,
    core: Core,
    network: Network,
    contract: Contract,
    hosts: Iterable[str],
    *,
    exact: Engine | None = None,
    keras: Callable[[], FloatArray] | None = None,
    tell: Callable[[str, float], None] = lambda engine, fraction: None,
) -> Proven:
    """Run every engine on the vectors in ``folder``; ``tell`` hears which, and how far it is.

    ``exact`` runs the core's exact program, where there is one. ``keras`` gives the quantised Keras
    network's outputs for the vectors, where it can be asked.

    Raises:
        ProofError: naming the first sample in which an engine differs from the reference.
        EmulationError: an engine did not run at all.
    """
    numbers, words = np.load(folder / INPUTS), np.load(folder / INPUT_WORDS)
    library = folder / simulation_library(contract.name)
    started = time.monotonic()
    expected = simulate(
        library, core, words, progress=lambda done: tell(REFERENCE, done / len(words))
    )
    engines = [Agreement(REFERENCE, len(words), _since(started))]

    def agree(engine: str, run: Callable[[], tuple[IntArray, IntArray, FloatArray]]) -> None:
        tell(engine, 0.0)
        started = time.monotonic()
        got, reference, inputs = run()
        require_equal(engine, got, REFERENCE, reference, inputs, core.output.type)
        engines.append(Agreement(engine, len(got), _since(started)))

    def recorded() -> tuple[IntArray, IntArray, FloatArray]:
        assert network.recording is not None
        inputs = network.recording.inputs
        got = core.output_layout.raw(network.recording.outputs)
        return got, simulate(library, core, inputs), core.input_layout.number(inputs)

    if keras is not None:
        answers = keras
        agree("Keras", lambda: (core.output_layout.raw(answers()), expected, numbers))
    if network.recording is not None:
        agree("Keras as recorded", recorded)
    if exact is not None:
        agree(EXACT, lambda: (exact.numbers(numbers), expected, numbers))
        on_it = partial(run_kernel, folder, contract, words, "exact")
        agree("kernel with the exact program", lambda: (on_it(), expected, numbers))
    agree("kernel", lambda: (run_kernel(folder, contract, words), expected, numbers))
    for host in hosts:
        on_card = partial(_host, folder, contract, host)
        agree(f"{host} host", lambda run=on_card: (run(), expected, numbers))  # type: ignore[misc]
    return Proven(expected, tuple(engines))


def prove_test_data(
    core: Core,
    network: Network,
    numbers: FloatArray,
    *,
    exact: Engine,
    keras: Callable[[], FloatArray] | None = None,
) -> tuple[Agreement, ...]:
    """Run all of the test data, shape (samples, inputs), through what takes it in a second or two.

    The reference is the exact program. Against it stand the network's own definition in integers
    and, where it can be asked, the quantised Keras network.

    Raises:
        ProofError: naming the first sample in which an engine differs.
    """
    started = time.monotonic()
    reference, type_ = exact.numbers(numbers), core.output.type
    engines = [Agreement(EXACT, len(numbers), _since(started), "test data")]
    others: dict[str, Callable[[], FloatArray]] = {
        "network in integers": lambda: outputs(network, core.input.type.raw(numbers))
    }
    if keras is not None:
        others["Keras"] = keras
    for engine, run in others.items():
        started = time.monotonic()
        require_equal(engine, type_.raw(run()), EXACT, reference, numbers, type_)
        engines.append(Agreement(engine, len(numbers), _since(started), "test data"))
    return tuple(engines)


def _host(folder: Path, contract: Contract, host: str) -> IntArray:
    """The host's raw words for the vectors, as floats go in on a user's machine."""
    with tempfile.TemporaryDirectory(prefix="fpgac-") as scratch:
        output = Path(scratch, "raw.npy")
        source = (folder / INPUTS).resolve()
        run_host_once(
            folder, contract, host, ["--input", str(source), "--output", str(output), "--raw"]
        )
        words: IntArray = np.load(output).reshape(-1, contract.output_layout.size)
    return words


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
