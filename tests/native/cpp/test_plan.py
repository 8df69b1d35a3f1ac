"""What the plan of the generated C++ decides: here, what is written out and what is a loop."""

from __future__ import annotations

import numpy as np

from fpgac.native.cpp.generator import generate
from fpgac.native.cpp.levels import LEVELS
from fpgac.native.cpp.plan import Plan
from fpgac.network.meaning import meaning
from fpgac.network.network import Network
from fpgac.network.operation import Operation
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.relu import Relu
from fpgac.numbers import FixedPoint
from fpgac.program.program import Program
from fpgac.tensors import Tensor

FASTEST = LEVELS[0]

INPUT = FixedPoint.parse("ap_fixed<16,6,RND,SAT>")
WEIGHTS = FixedPoint.parse("ap_fixed<8,1,RND_CONV,SAT>")
ACTIVATIONS = FixedPoint.parse("ap_ufixed<8,2,RND_CONV,SAT>")


def deep(layers: int) -> Program:
    """Dense layers of 32 by 32 with ReLUs between, all alike."""
    words = np.random.default_rng(1).integers(-128, 128, (32, 32))
    operations: list[tuple[str, Operation]] = []
    for place in range(layers):
        operations += [
            (f"dense_{place}", Dense(words, WEIGHTS, words[0], WEIGHTS)),
            (f"relu_{place}", Relu(ACTIVATIONS)),
        ]
    return meaning(Network.chain("deep", Tensor("x", (32,), INPUT), operations[:-1]))


def test_the_products_of_a_small_network_are_all_written_out() -> None:
    plan = Plan(deep(3), FASTEST)
    assert plan.written_out == set(plan.packings)


def test_however_deep_a_network_no_more_products_are_written_out() -> None:
    assert len(Plan(deep(20), FASTEST).written_out) == len(Plan(deep(30), FASTEST).written_out)


def test_layers_that_are_alike_share_their_code() -> None:
    functions = [generate(deep(layers), FASTEST).text.count("STAGE stage") for layers in (20, 30)]
    assert functions[0] == functions[1]
