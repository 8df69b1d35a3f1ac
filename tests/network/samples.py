"""What the tests of networks share: a small spec, words, and a task to learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.network import Network
from fpgac.network.training import Progress
from fpgac.numbers import IntArray
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


def any_words(network: Network, samples: int, seed: int = 1) -> IntArray:
    """Rows of random words over each input's whole range, its extremes in the first two rows."""
    random = np.random.default_rng(seed)
    words = np.empty((samples, network.input_layout.size), np.int64)
    for tensor, columns in network.input_layout.places:
        ends = (tensor.type.lowest, tensor.type.highest)
        words[:, columns] = random.integers(*ends, (samples, tensor.size), np.int64, endpoint=True)
        words[:2, columns] = np.array(ends)[:, None]
    return words


def three_classes(spec: Spec, samples: int = 600) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Points on the input's grid; their class is which of three features is the greatest."""
    random = np.random.default_rng(7)
    x = spec.inputs.on_grid(random.normal(size=(samples, spec.inputs.size)))
    return x, x[:, :3].argmax(axis=1)


@dataclass(frozen=True)
class Training:
    """What a training gave: the network, and all that it told on the way."""

    network: Network
    events: list[Progress]
