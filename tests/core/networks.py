"""Small random networks, and the core of one compiled by the real g++."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fpgac.network.network import Network
from fpgac.network.operation import Operation
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.relu import Relu
from fpgac.numbers import FixedPoint
from fpgac.steps.core import ap_headers, core_source, core_steps
from fpgac.tensors import Tensor

if TYPE_CHECKING:
    from fpgac.core.core import Core
    from fpgac.numbers import IntArray


def network(
    name: str,
    input_type: str,
    sizes: tuple[int, ...],
    *,
    weights: str = "ap_fixed<8,1>",
    biases: str = "ap_fixed<8,1>",
    activations: str = "ap_ufixed<8,2,RND_CONV,SAT>",
    seed: int = 1,
) -> Network:
    """Dense layers of the given sizes with random words over the whole format, ReLUs between."""
    rng = np.random.default_rng(seed)
    weight, bias = FixedPoint.parse(weights), FixedPoint.parse(biases)
    operations: list[tuple[str, Operation]] = []
    for place, (inputs, outputs) in enumerate(itertools.pairwise(sizes), start=1):
        if place > 1:
            operations.append((f"dense_{place - 1}_relu", Relu(FixedPoint.parse(activations))))
        words = random_words(weight, (inputs, outputs), rng)
        dense = Dense(words, weight, random_words(bias, (outputs,), rng), bias)
        operations.append((f"dense_{place}", dense))
    entry = Tensor("x", (sizes[0],), FixedPoint.parse(input_type))
    return Network.chain(name, entry, operations)


def random_words(type_: FixedPoint, shape: tuple[int, ...], rng: np.random.Generator) -> IntArray:
    """Raw words over all that the bits can hold, both ends always among them."""
    lowest = -(1 << (type_.width - 1)) if type_.signed else 0
    words: IntArray = rng.integers(lowest, type_.highest, shape, np.int64, endpoint=True)
    words.flat[0] = lowest
    words.flat[-1] = type_.highest
    return words


def compiled(core: Core, folder: Path) -> Path:
    """The simulation's library, made by the very steps that a build runs."""
    tree = {f"firmware/{path}": content for path, content in core.files.items()}
    tree |= {f"ap_types/{path}": content for path, content in ap_headers().items()}
    tree["core.cpp"] = core_source(core)
    for path, content in tree.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    steps = core_steps(
        core,
        firmware="firmware",
        headers="ap_types",
        source="core.cpp",
        core_object="core.o",
        library="simulation.so",
    )
    for step in steps:
        assert all((folder / path).is_file() for path in step.inputs)
        subprocess.run(step.command, cwd=folder, check=True, timeout=120)
    return folder / "simulation.so"
