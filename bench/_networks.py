"""Networks that nobody trained, of any number of layers and any width."""

from __future__ import annotations

import numpy as np

from fpgac.network.network import Network
from fpgac.network.operation import Operation
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.relu import Relu
from fpgac.numbers import FixedPoint
from fpgac.tensors import Tensor

INPUT = FixedPoint.parse("ap_ufixed<8,2,RND,SAT>")
WEIGHTS = FixedPoint.parse("ap_fixed<8,1,RND_CONV,SAT>")
ACTIVATIONS = FixedPoint.parse("ap_ufixed<8,2,RND_CONV,SAT>")


def dense(layers: int, width: int) -> Network:
    """Dense layers of one width with ReLUs between, and half of the weights zero, as in muon."""
    random = np.random.default_rng(layers * width)
    operations: list[tuple[str, Operation]] = []
    for place in range(1, layers + 1):
        words = random.integers(-128, 128, (width, width)) * random.integers(0, 2, (width, width))
        bias = random.integers(-128, 128, width)
        operations += [
            (f"dense_{place}", Dense(words, WEIGHTS, bias, WEIGHTS)),
            (f"dense_{place}_relu", Relu(ACTIVATIONS)),
        ]
    return Network.chain("scaled", Tensor("x", (width,), INPUT), operations[:-1])
