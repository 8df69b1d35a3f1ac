"""A whole network's cost, out of its layers'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fpgac.estimate.layers import Layer
from fpgac.estimate.model import Area, Device, Timing, area, timing

__all__ = ["Cost", "Total", "total"]


@dataclass(frozen=True)
class Cost:
    """A layer, its area after C synthesis, and its cycles."""

    layer: Layer
    area: Area
    timing: Timing


@dataclass(frozen=True)
class Total:
    """All layers, and what they come to."""

    costs: tuple[Cost, ...]
    timing: Timing

    @property
    def area(self) -> Area:
        return sum((cost.area for cost in self.costs), Area())


def total(
    layers: Sequence[Layer],
    device: Device,
    clock_mhz: float,
    *,
    streams: bool = False,
) -> Total:
    """The cost of a core of these layers, one behind the other.

    With ``streams`` they work at the same time on pixels of one sample.
    """
    costs = tuple(
        Cost(
            layer,
            area(layer, device, streams),
            timing(layer, device, clock_mhz),
        )
        for layer in layers
    )
    interval = max(cost.timing.interval for cost in costs)
    latencies = [cost.timing.latency for cost in costs]
    if streams:  # the slowest layer, and what the others take beyond their own pixels
        own = [cost.timing.latency - cost.timing.interval + 1 for cost in costs]
        return Total(costs, Timing(interval, interval + sum(own)))
    return Total(costs, Timing(interval, sum(latencies)))
