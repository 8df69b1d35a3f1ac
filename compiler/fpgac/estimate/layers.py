"""A network's layers as what must be built: constants, widths, elements, positions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fpgac.estimate.weights import Constants, assumed, counted
from fpgac.network.network import Network, Node
from fpgac.spec.models import Strategy

__all__ = ["Layer", "layers_of"]


@dataclass(frozen=True)
class Layer:
    """One layer as far as its cost goes.

    ``x_bits`` and ``weight_bits`` are the widths of what is multiplied, ``out_bits`` the width of
    the ``elements`` that come out, ``positions`` the pixels that they belong to, one after the
    other in a convolution, ``reuse`` its reuse factor and ``strategy`` hls4ml's. Without
    ``constants`` it has no weights.
    """

    name: str
    kind: str
    x_bits: int
    out_bits: int
    elements: int
    constants: Constants | None = None
    weight_bits: int = 0
    sum_bits: int = 0
    positions: int = 1
    reuse: int = 1
    strategy: Strategy = "latency"

    @property
    def is_shared(self) -> bool:
        """Whether its weights lie in memory, and a block of multipliers takes them in turn."""
        return self.strategy == "resource" and self.reuse > 1

    @property
    def adder_bits(self) -> int:
        """The width of an adder in the tree: HLS keeps no more than a product has."""
        return min(self.sum_bits, self.x_bits + self.weight_bits)


def layers_of(network: Network, sparsity: float | None = None) -> tuple[Layer, ...]:
    """The layers of a trained network; or, with ``sparsity``, of one whose weights are drawn.

    All have a reuse factor of 1 and the strategy ``latency``.
    """
    return tuple(_layer(network, node, sparsity) for node in network.nodes)


def _layer(network: Network, node: Node, sparsity: float | None) -> Layer:
    operation, output = node.operation, node.output
    plain = Layer(
        node.name,
        operation.kind,
        x_bits=max(tensor.type.width for tensor in network.read_by(node)),
        out_bits=output.type.width,
        elements=output.size,
        positions=output.size // output.shape[-1],
    )
    if operation.products is None:
        return plain
    type_ = operation.parameters["weights"].type
    if sparsity is None:
        constants = counted(operation.products)
    else:
        inputs, outputs = operation.products.shape
        constants = assumed(inputs, outputs, type_, sparsity)
    return replace(
        plain,
        constants=constants,
        weight_bits=type_.width,
        sum_bits=output.type.width,
    )
