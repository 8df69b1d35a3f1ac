"""What the tests of networks share: a small spec, words, and a task to learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.network import Network
from fpgac.network.training import Progress
from fpgac.spec.models import Spec

SPEC: dict[str, Any] = {
    "name": "tiny",
    "topology": {
        "inputs": 4,
        "layers": (
            {"kind": "dense", "units": 8, "activation": "relu"},
            {"kind": "dense", "units": 3},
        ),
    },
    "data": {"source": "none"},
    "training": {
        "loss": "crossentropy",
        "learning_rate": 0.01,
        "epochs": 6,
        "batch_size": 32,
        "pruning": {"sparsity": 0.5, "frequency": 5},
    },
    "interface": {"input": "ap_fixed<12,4,RND,SAT>"},
    "targets": {"any": {}},
}

MakeSpec = Callable[..., Spec]
MakeNetwork = Callable[..., Network]


def any_words(network: Network, samples: int) -> npt.NDArray[np.int64]:
    """Random words over the input's whole range, its extremes among them."""
    lowest, highest = network.input_type.lowest, network.input_type.highest
    random = np.random.default_rng(samples)
    words = random.integers(lowest, highest + 1, (samples, network.input_size), np.int64)
    words[0], words[1] = lowest, highest
    return words


def three_classes(spec: Spec, samples: int = 600) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Points on the input's grid; their class is which of three features is the greatest."""
    random = np.random.default_rng(7)
    x = spec.interface.input.on_grid(random.normal(size=(samples, spec.topology.input_size)))
    return x, x[:, :3].argmax(axis=1)


@dataclass(frozen=True)
class Training:
    """What a training gave: the network, and all that it told on the way."""

    network: Network
    events: list[Progress]
