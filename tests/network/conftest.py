"""Small networks: one made by hand, which needs no TensorFlow, and one that is really trained."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from fpgac.network.meaning import outputs
from fpgac.network.network import Network, Recording
from fpgac.network.operation import Operation
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.relu import Relu
from fpgac.network.training import Progress, train
from fpgac.numbers import FixedPoint
from fpgac.spec.models import Spec
from fpgac.tensors import Tensor
from tests.cores import simulate_all
from tests.network.samples import (
    SPEC,
    MakeNetwork,
    MakeSpec,
    Training,
    any_words,
    three_classes,
)

__all__ = ["simulate_all"]


@pytest.fixture(scope="session")
def make_spec() -> MakeSpec:
    """4-8-3 with some of its tables replaced: ``make_spec(training={...})``."""
    return lambda **tables: Spec.model_validate({**SPEC, **tables})


@pytest.fixture(scope="session")
def spec(make_spec: MakeSpec) -> Spec:
    return make_spec()


@pytest.fixture(scope="session")
def make_network() -> MakeNetwork:
    """A network with random words over the whole range of the formats given."""

    def make(
        sizes: tuple[int, ...] = (4, 8, 3),
        input_type: str = "ap_fixed<12,4,RND,SAT>",
        weight_type: str = "ap_fixed<8,1,RND_CONV,SAT>",
        bias_type: str = "ap_fixed<8,1,RND_CONV,SAT>",
        relu_type: str = "ap_ufixed<8,2,RND_CONV,SAT>",
    ) -> Network:
        random = np.random.default_rng(len(sizes) + sum(sizes))
        weight, bias = FixedPoint.parse(weight_type), FixedPoint.parse(bias_type)
        operations: list[tuple[str, Operation]] = []
        for place, shape in enumerate(pairwise(sizes), start=1):
            words = random.integers(weight.lowest, weight.highest + 1, shape, np.int64)
            biases = random.integers(bias.lowest, bias.highest + 1, shape[1], np.int64)
            operations += [
                (f"dense_{place}", Dense(words, weight, biases, bias)),
                (f"dense_{place}_relu", Relu(FixedPoint.parse(relu_type))),
            ]
        entry = Tensor("x", sizes[:1], FixedPoint.parse(input_type))
        return Network.chain("tiny", entry, operations[:-1])

    return make


@pytest.fixture(scope="session")
def recorded(make_network: MakeNetwork) -> Network:
    """4-8-3 with a recording of 50 samples."""
    plain = make_network()
    words = any_words(plain, 50)
    recording = Recording(words, outputs(plain, words))
    provenance = {"seed": 1, "val_loss": 0.1, "sparsity": {"dense_1": 0.5}, "packages": {}}
    return replace(plain, recording=recording, provenance=provenance)


@pytest.fixture(scope="session")
def training(spec: Spec) -> Training:
    """4-8-3, really trained and pruned, once for all tests."""
    x, y = three_classes(spec)
    events: list[Progress] = []
    return Training(train(spec, x, y, x[:64], progress=events.append).network, events)
