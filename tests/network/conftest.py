"""Small networks: one made by hand, which needs no TensorFlow, and one that is really trained."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from fpgac.network.arithmetic import outputs
from fpgac.network.network import DenseLayer, Layer, Network, Recording, ReluLayer
from fpgac.network.training import Progress, train
from fpgac.numbers import FixedPoint
from fpgac.spec.models import Spec
from tests.network.samples import (
    SPEC,
    MakeNetwork,
    MakeSpec,
    Training,
    any_words,
    three_classes,
)


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
        layers: list[Layer] = []
        for place, shape in enumerate(pairwise(sizes), start=1):
            layers += [
                DenseLayer(
                    f"dense_{place}",
                    random.integers(weight.lowest, weight.highest + 1, shape, np.int64),
                    weight,
                    random.integers(bias.lowest, bias.highest + 1, shape[1], np.int64),
                    bias,
                ),
                ReluLayer(f"dense_{place}_relu", FixedPoint.parse(relu_type)),
            ]
        return Network("tiny", sizes[0], FixedPoint.parse(input_type), tuple(layers[:-1]))

    return make


@pytest.fixture(scope="session")
def recorded(make_network: MakeNetwork) -> Network:
    """4-8-3 with a recording of 50 samples."""
    plain = make_network()
    words = any_words(plain, 50)
    recording = Recording(words, outputs(plain, words))
    provenance = {"seed": 1, "val_loss": 0.1, "sparsity": {"dense_1": 0.5}, "packages": {}}
    return Network(plain.name, plain.inputs, plain.input_type, plain.layers, recording, provenance)


@pytest.fixture(scope="session")
def training(spec: Spec) -> Training:
    """4-8-3, really trained and pruned, once for all tests."""
    x, y = three_classes(spec)
    events: list[Progress] = []
    return Training(train(spec, x, y, x[:64], progress=events.append), events)
