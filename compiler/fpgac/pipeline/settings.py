"""What hls4ml is asked for: a target's table, else the spec, else what board and bus give.

A layer's own word counts for more than the common one, and a target's for more than the spec's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fpgac.core.settings import HlsSettings
from fpgac.design.contract import bus_cycles
from fpgac.plugins import Target
from fpgac.spec.layers import WeightedSection
from fpgac.spec.models import Spec
from fpgac.tensors import Tensor

__all__ = ["clock_key", "hls_settings", "reuse_line"]


def hls_settings(
    spec: Spec, target: Target[Any], options: Any, edges: Iterable[Tensor] = ()
) -> HlsSettings:
    """What hls4ml is asked for, for one target.

    Without ``edges``, the network's inputs and outputs, the bus is known by the inputs alone, or
    not at all where the spec has no topology: a sample may take longer than ``free_cycles`` then.
    """
    said, layers = spec.hls, options.layers
    return HlsSettings(
        strategy=options.strategy or said.strategy,
        reuse_factor=options.reuse_factor or said.reuse_factor,
        io_type=said.io_type,
        clock_mhz=options.clock_mhz or said.clock_mhz or target.board.clock.default_mhz,
        free_cycles=bus_cycles((*_inputs(spec), *edges), target.interface),
        reuse_factors=_own_reuse_factors(spec)
        | {name: layer.reuse_factor for name, layer in layers.items() if layer.reuse_factor},
        strategies={name: layer.strategy for name, layer in layers.items() if layer.strategy},
    )


def _inputs(spec: Spec) -> tuple[Tensor, ...]:
    return spec.inputs.tensors if spec.topology else ()


def _own_reuse_factors(spec: Spec) -> dict[str, int]:
    """The reuse factors that layers have of their own, by the layer's name."""
    if spec.topology is None:
        return {}
    layers = zip(spec.topology.names, spec.topology.layers, strict=True)
    return {
        name: layer.reuse_factor
        for name, layer in layers
        if isinstance(layer, WeightedSection) and layer.reuse_factor
    }


def clock_key(target: Target[Any], options: Any) -> tuple[str, ...]:
    """The key of a spec that sets the target's clock."""
    return ("targets", target.name, "clock_mhz") if options.clock_mhz else ("hls", "clock_mhz")


def reuse_line(hls: HlsSettings, factors: Mapping[str, int]) -> str:
    """Which reuse factors cost no rate and were taken for that; empty where there are none."""
    free = {factor for name, factor in factors.items() if name not in hls.reuse_factors}
    if hls.reuse_factor is not None or hls.free_cycles == 1 or free <= {1}:
        return ""
    return f"reuse factor {max(free)}, as the bus takes {hls.free_cycles} cycles a sample"
