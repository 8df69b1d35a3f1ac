"""What hls4ml is asked for: a spec's and a target's wishes, settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fpgac.spec.models import IoType, Strategy

__all__ = ["HlsSettings"]


@dataclass(frozen=True)
class HlsSettings:
    """What hls4ml is asked for.

    ``reuse_factor`` is every layer's that ``reuse_factors`` does not name; where it is None, a
    layer has the greatest with which it takes no more than ``free_cycles`` for a sample.
    ``strategies`` are those of layers that do not have the common one. The clock is in MHz.
    """

    strategy: Strategy = "latency"
    reuse_factor: int | None = 1
    io_type: IoType = "io_parallel"
    clock_mhz: float = 200.0
    free_cycles: int = 1
    reuse_factors: Mapping[str, int] = field(default_factory=dict)
    strategies: Mapping[str, Strategy] = field(default_factory=dict)

    @property
    def asks_for_reuse(self) -> bool:
        """Whether layers may be asked for what they cannot have."""
        return self.reuse_factor is not None or bool(self.reuse_factors or self.strategies)

    def strategy_of(self, layer: str) -> Strategy:
        """The strategy of a layer."""
        return self.strategies.get(layer, self.strategy)
