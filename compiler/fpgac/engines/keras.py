"""The quantised Keras model of a trained network: asked now, and as it was recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from fpgac.engines.engine import Engine, Fraction, Known, Vectors, ignored
from fpgac.network.file import write_network
from fpgac.network.keras.process import exchange, run_worker
from fpgac.network.network import Network
from fpgac.numbers import IntArray
from fpgac.tensors import Layout

__all__ = ["Keras", "keras_is_installed", "keras_outputs", "recorded"]


def keras_is_installed() -> bool:
    """Whether TensorFlow and QKeras can be found; they are not imported."""
    return all(find_spec(name) is not None for name in ("tensorflow", "tf_keras", "qkeras"))


@dataclass(frozen=True, eq=False)
class Keras(Engine):
    """The quantised Keras network, in its worker; its float64 answers as words of ``outputs``."""

    network: Network
    outputs: Layout
    name = "Keras"

    @property
    def approximate(self) -> frozenset[str]:
        """See :attr:`Engine.approximate`."""
        return _approximate(self.network, self.outputs)

    def missing(self) -> str | None:
        """See :meth:`Engine.missing`."""
        if keras_is_installed():
            return None
        return "TensorFlow or QKeras is not installed (pip install 'fpgac[train]')"

    def words(self, vectors: Vectors, progress: Fraction = ignored) -> IntArray:
        """See :meth:`Engine.words`."""
        return self.outputs.raw(keras_outputs(self.network, vectors.words))


def recorded(network: Network, outputs: Layout) -> Known | None:
    """What the Keras network answered when it was trained, if that was recorded."""
    if network.recording is None:
        return None
    layout, recording = network.input_layout, network.recording
    vectors = Vectors("recording", layout, layout.number(recording.inputs))
    words, approximate = outputs.raw(recording.outputs), _approximate(network, outputs)
    return Known("Keras as recorded", vectors, words, approximate)


def _approximate(network: Network, outputs: Layout) -> frozenset[str]:
    """The outputs of which Keras may give other numbers than the network means."""
    return frozenset(
        tensor.name for tensor, columns in outputs.places if any(network.approximate[columns])
    )


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
