"""Networks that nobody trained, of any number of layers and any width."""

from __future__ import annotations

import numpy as np

from fpgac.network.network import DenseLayer, Layer, Network, ReluLayer
from fpgac.numbers import FixedPoint

INPUT = FixedPoint.parse("ap_ufixed<8,2,RND,SAT>")
WEIGHTS = FixedPoint.parse("ap_fixed<8,1,RND_CONV,SAT>")
ACTIVATIONS = FixedPoint.parse("ap_ufixed<8,2,RND_CONV,SAT>")


def dense(layers: int, width: int) -> Network:
    """Dense layers of one width with ReLUs between, and half of the weights zero, as in muon."""
    random = np.random.default_rng(layers * width)
    chain: list[Layer] = []
    for place in range(1, layers + 1):
        words = random.integers(-128, 128, (width, width)) * random.integers(0, 2, (width, width))
        bias = random.integers(-128, 128, width)
        chain += [
            DenseLayer(f"dense_{place}", words, WEIGHTS, bias, WEIGHTS),
            ReluLayer(f"dense_{place}_relu", ACTIVATIONS),
        ]
    return Network("scaled", width, INPUT, tuple(chain[:-1]))
