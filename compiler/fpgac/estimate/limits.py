"""What hls4ml's templates and scripts make HLS refuse, or take very long for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from fpgac.estimate.layers import Layer

__all__ = ["MOST_ELEMENTS", "warnings"]

# `set maximum_size 4096` of hls4ml's project.tcl (writer/vivado_writer.py), which build_prj.tcl
# gives to config_array_partition: the most elements of an array that is partitioned completely.
MOST_ELEMENTS: Final = 4096


def warnings(layers: Sequence[Layer], streams: bool) -> Iterator[str]:
    """One line for each of hls4ml's limits that these layers reach."""
    for layer in layers:
        if layer.constants is not None:
            yield from _of_products(layer, layer.constants.products)
            yield from _of_convolution(layer, streams)
    shared = [layer.name for layer in layers if layer.strategy == "latency" and layer.reuse > 1]
    if shared:
        yield (
            f"{', '.join(shared)}: with the strategy latency, a reuse factor shares multipliers "
            "only: every adder is still there (nnet_dense_latency.h)"
        )


def _of_products(layer: Layer, products: int) -> Iterator[str]:
    unrolled = -(-products // layer.reuse) if layer.is_shared else products
    if unrolled > MOST_ELEMENTS:
        template = "nnet_dense_resource.h" if layer.is_shared else "nnet_dense_latency.h"
        yield (
            f"{layer.name}: {unrolled:,} products are unrolled, and hls4ml's limit is "
            f"{MOST_ELEMENTS:,} ({template}, maximum_size in project.tcl): Vivado HLS stops there, "
            "Vitis HLS takes hours"
        )


def _of_convolution(layer: Layer, streams: bool) -> Iterator[str]:
    if layer.positions > 1 and not streams:
        yield (
            f"{layer.name}: with io_parallel, Vitis 2025.1 hangs in RTL simulation "
            "(vitis/nnet_utils/nnet_conv2d.h of hls4ml says so); io_stream does not"
        )
