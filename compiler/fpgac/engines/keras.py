"""The quantised Keras model of a trained network, as one engine among those that must agree."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from fpgac.network.file import write_network
from fpgac.network.keras.process import exchange, run_worker
from fpgac.network.network import Network
from fpgac.numbers import IntArray

__all__ = ["keras_is_installed", "keras_outputs"]


def keras_is_installed() -> bool:
    """Whether TensorFlow and QKeras can be found; they are not imported."""
    return all(find_spec(name) is not None for name in ("tensorflow", "tf_keras", "qkeras"))


def keras_outputs(network: Network, words: IntArray) -> npt.NDArray[np.float64]:
    """What QKeras answers to raw input words of shape (samples, inputs).

    The model is rebuilt from ``network`` in a process of its own, and computes in float64, so that
    its sums are exact.

    Returns:
        Shape (samples, outputs).

    Raises:
        ToolchainError: TensorFlow or QKeras is missing.
        NetworkError: the network makes no sense, or the process died.
    """
    with exchange() as folder:
        write_network(replace(network, recording=None), folder / "network.json")
        np.save(folder / "words.npy", words)
        run_worker("answer", folder, lambda _: None)
        outputs: npt.NDArray[np.float64] = np.load(folder / "outputs.npy")
    return outputs
