"""The network as HLS C++: sources, top function, and the tensors at its edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from fpgac.core.about import About
from fpgac.core.graph import Graph
from fpgac.decoding import Decoding
from fpgac.tensors import Layout, Scaling, Tensor

__all__ = ["Core", "Port", "Table"]


@dataclass(frozen=True)
class Port(Tensor):
    """A tensor at the core's edge, as hls4ml's own graph states it.

    ``cpp_type`` is the name that hls4ml gave its type (``input_t``): the element's type with
    io_parallel, the ``nnet::array`` of ``lanes`` elements that one stream item holds with
    io_stream. ``lanes`` is 1 with io_parallel.
    """

    cpp_type: str
    lanes: int


@dataclass(frozen=True)
class Table:
    """A table of numbers: the global array ``name`` of ``cpp_type``, in ``weights/{name}.h``."""

    name: str
    cpp_type: str


@dataclass(frozen=True)
class Core:
    """HLS C++ of one network: ``files`` maps paths below ``firmware/`` to contents.

    ``top`` is the function to call for one sample, declared in ``{top}.h``; ``initiation_interval``
    is hls4ml's reuse factor: the cycles between two samples that the core aims at. ``tables`` are
    the weights and biases, but for those that hold structs. ``graph`` is what the C++ was written
    from; None where it was written by hand. ``digest`` covers all the rest. The top function takes
    its ``inputs``, then its ``outputs``. ``about`` says what their numbers mean, where that is
    known; nothing that computes depends on it.
    """

    top: str
    io_type: Literal["io_parallel", "io_stream"]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    initiation_interval: int
    clock_mhz: float
    files: Mapping[str, bytes]
    digest: str
    tables: tuple[Table, ...] = ()
    graph: Graph | None = None
    about: About | None = None

    def with_edges(self, scaling: Mapping[str, Scaling], decoding: Mapping[str, Decoding]) -> Core:
        """The same core for inputs that hosts scale, and outputs that they decode, by name."""
        inputs = tuple(replace(port, scaling=scaling.get(port.name)) for port in self.inputs)
        outputs = tuple(replace(port, decoding=decoding.get(port.name)) for port in self.outputs)
        return replace(self, inputs=inputs, outputs=outputs)

    @cached_property
    def input_layout(self) -> Layout:
        """How a sample of all inputs lies in a row."""
        return Layout(self.inputs)

    @cached_property
    def output_layout(self) -> Layout:
        """How a result of all outputs lies in a row."""
        return Layout(self.outputs)
