"""What a network costs on one board: its core, its kernel's samples a second, the board's share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from fpgac.estimate.accuracy import FACTORS, FigureName, hopeless
from fpgac.estimate.model import SYNTHESISED, Area
from fpgac.estimate.total import Cost, Total

__all__ = ["AREAS", "Estimate", "Kernel"]

AREAS: Final[tuple[FigureName, ...]] = ("dsp", "lut", "ff", "bram")


@dataclass(frozen=True)
class Kernel:
    """A compute unit around the core, in cycles a sample.

    ``beats`` are those that the bus takes for the longer of a sample and a result. A core that is a
    ``dataflow`` region takes a sample when it has answered the one before.
    """

    beats: int
    dataflow: bool

    def interval(self, core: Total) -> int:
        """Cycles from one sample to the next."""
        own = core.timing.latency if self.dataflow else core.timing.interval
        return max(self.beats, own)


@dataclass(frozen=True)
class Estimate:
    """A network's cost on a target, after logic synthesis.

    ``board`` is what the part has in all, where the board file says so; ``trained`` whether the
    weights are those of a trained network.
    """

    target: str
    part: str
    clock_mhz: float
    compute_units: int
    trained: bool
    core: Total
    kernel: Kernel
    board: Area | None = None
    warnings: tuple[str, ...] = field(default=())

    @property
    def area(self) -> Area:
        """Of all compute units, without what moves samples to them."""
        units = float(self.compute_units)
        return self.core.area * SYNTHESISED * Area(units, units, units, units)

    @property
    def latency_ns(self) -> float:
        """From a sample's arrival at the core to its result."""
        return self.ns(self.core.timing.latency)

    @property
    def rate(self) -> float:
        """Samples a second of all compute units, as long as memory and host keep up."""
        cycles = self.kernel.interval(self.core)
        return self.compute_units * self.clock_mhz * 1e6 / cycles

    def ns(self, cycles: float) -> float:
        """Cycles of the kernel's clock in ns."""
        return cycles * 1000 / self.clock_mhz

    def transfer_ns(self, samples: int) -> float:
        """What the bus of a compute unit takes for a batch, in ns."""
        return self.ns(self.kernel.beats * samples)

    def kernel_ns(self, samples: int) -> float:
        """What a compute unit takes for a batch, transfers over its bus included, in ns."""
        cycles = self.kernel.interval(self.core) * (samples - 1) + self.core.timing.latency
        return self.ns(cycles + 2 * self.kernel.beats)

    def share(self, figure: FigureName) -> float | None:
        """The part of the board's that the design takes; None where the board has none."""
        most = getattr(self.board, figure, 0)
        return getattr(self.area, figure) / most if most else None

    @property
    def fits(self) -> bool:
        """Whether the board has enough of everything, if the estimate is right."""
        return all((self.share(figure) or 0.0) <= 1.0 for figure in AREAS)

    def misfits(self) -> Iterator[FigureName]:
        """What the board has far too little of, whatever the estimate's error."""
        for figure in AREAS:
            most = getattr(self.board, figure, 0)
            if most and hopeless(figure, getattr(self.area, figure), most):
                yield figure

    def plain(self, samples: int) -> Mapping[str, Any]:
        """The estimate as plain data, with the times of a batch."""
        return {
            "target": self.target,
            "part": self.part,
            "clock_mhz": self.clock_mhz,
            "compute_units": self.compute_units,
            "weights": "trained" if self.trained else "assumed",
            "stage": "logic synthesis, estimated",
            "layers": [self._layer(cost) for cost in self.core.costs],
            "total": _rounded(self.area),
            "board": asdict(self.board) if self.board else None,
            "share": {figure: self.share(figure) for figure in AREAS},
            "interval_cycles": self.kernel.interval(self.core),
            "latency_cycles": self.core.timing.latency,
            "latency_ns": self.latency_ns,
            "rate_hz": self.rate,
            "batch": {
                "samples": samples,
                "transfer_ns": self.transfer_ns(samples),
                "kernel_ns": self.kernel_ns(samples),
            },
            "factors": FACTORS,
            "warnings": list(self.warnings),
        }

    def _layer(self, cost: Cost) -> dict[str, Any]:
        constants = cost.layer.constants
        return {
            "name": cost.layer.name,
            "kind": cost.layer.kind,
            "multiplications": constants.products * cost.layer.positions if constants else 0,
            "nonzero_weights": constants.nonzero if constants else 0,
            **_rounded(cost.area * SYNTHESISED),
            "interval_cycles": cost.timing.interval,
            "latency_cycles": cost.timing.latency,
            "latency_ns": self.ns(cost.timing.latency),
        }


def _rounded(area: Area) -> dict[str, int]:
    return {figure: round(amount) for figure, amount in asdict(area).items()}
