"""What plugins may import to make networks; :mod:`fpgac.plugins` offers it under its own name."""

from __future__ import annotations

from fpgac.network.network import Network, Output, Recording
from fpgac.network.operation import Operation, Part
from fpgac.network.ops.arrangement import (
    Cropping,
    Flatten,
    Permute,
    Reshape,
    Upsampling,
    ZeroPadding,
)
from fpgac.network.ops.convolution import Convolution, Depthwise
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.merge import Concatenate, Merge
from fpgac.network.ops.pooling import GlobalPooling, Pooling
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.sloped import LeakyRelu, Prelu
from fpgac.network.ops.softmax import Argmax, Softmax
from fpgac.network.ops.squash import Squash

__all__ = [
    "Argmax",
    "Concatenate",
    "Convolution",
    "Cropping",
    "Dense",
    "Depthwise",
    "Flatten",
    "GlobalPooling",
    "LeakyRelu",
    "Merge",
    "Network",
    "Operation",
    "Output",
    "Part",
    "Permute",
    "Pooling",
    "Prelu",
    "Recording",
    "Relu",
    "Reshape",
    "Softmax",
    "Squash",
    "Upsampling",
    "ZeroPadding",
]
