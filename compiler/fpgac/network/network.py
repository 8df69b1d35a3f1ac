"""A trained network as plain data: layers, integer weights, formats, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.numbers import FixedPoint, IntArray

__all__ = ["DenseLayer", "Network", "Recording", "ReluLayer"]


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """``y = x · weights + bias`` with raw words as weights.

    ``weights`` has shape (inputs, outputs) and ``bias`` shape (outputs,), both int64 raw words.
    """

    name: str
    weights: IntArray
    weight_type: FixedPoint
    bias: IntArray
    bias_type: FixedPoint


@dataclass(frozen=True)
class ReluLayer:
    """``max(x, 0)`` put on the grid of ``type``."""

    name: str
    type: FixedPoint


@dataclass(frozen=True, eq=False)
class Recording:
    """What the quantised Keras model answered when the network was trained.

    ``inputs`` are raw words of the input's type, shape (samples, inputs); ``outputs`` are the
    model's exact float64 answers, shape (samples, outputs).
    """

    inputs: IntArray
    outputs: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Network:
    """A chain of layers; ``digest`` covers everything but ``provenance`` and ``recording``."""

    name: str
    input_size: int
    input_type: FixedPoint
    layers: tuple[DenseLayer | ReluLayer, ...]
    recording: Recording | None
    provenance: Mapping[str, Any]
    digest: str
