"""What a spec's targets would cost: for ``fpgac estimate``, and to refuse what cannot fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from fpgac.core.settings import HlsSettings
from fpgac.design.contract import Interface, bus_cycles
from fpgac.errors import NetworkError, Problem
from fpgac.network.source import NetworkFile
from fpgac.pipeline.checking import chosen_target
from fpgac.pipeline.settings import hls_settings
from fpgac.pipeline.sources import Sources
from fpgac.plugins import Plugins, Target
from fpgac.spec.loader import SpecFile
from fpgac.spec.models import BudgetSection, Strategy

if TYPE_CHECKING:
    from fpgac.estimate.accuracy import FigureName
    from fpgac.estimate.estimate import Estimate, Kernel
    from fpgac.estimate.layers import Layer
    from fpgac.network.network import Network

__all__ = ["Estimates", "budget_problems", "fit_problems"]

_MOST_TRIALS: Final = 64
_NAMES: Final[dict[FigureName, str]] = {
    "dsp": "DSPs",
    "lut": "LUTs",
    "ff": "flip-flops",
    "bram": "block RAMs of 18 Kb",
}


class Estimates:
    """Estimates for the targets of a spec.

    The weights are those of the trained network, or else assumed. With ``own_format`` a network in
    another format than fpgac's own, which may take long to import, counts as untrained.
    """

    def __init__(self, file: SpecFile, plugins: Plugins, own_format: bool = False) -> None:
        self.file, self.spec, self.plugins, self._own_format = file, file.spec, plugins, own_format

    def of(self, name: str) -> Estimate:
        """The estimate for the target ``name``.

        Raises:
            TargetError: there is no such target, or it lacks what is asked for.
            CoreError: a layer cannot have its reuse factor.
        """
        return self._estimate(name, self._settings(name))

    def own_budget(self, name: str) -> BudgetSection:
        """What the target ``name`` has of the budget in its own table."""
        _, options = chosen_target(self.file, self.plugins, name)
        own: BudgetSection = options.budget
        return own

    def remedy(self, name: str, figure: FigureName, most: float) -> str:
        """What brings a figure of a target down to ``most``, on a board that then holds it all."""
        hls = self._settings(name)
        for strategy in dict.fromkeys((hls.strategy, "resource")):
            for factor in self._factors(strategy):
                common = replace(
                    hls, strategy=strategy, reuse_factor=factor, reuse_factors={}, strategies={}
                )
                trial = self._estimate(name, common)
                if getattr(trial.area, figure) <= most and trial.fits:
                    also = "" if strategy == hls.strategy else f"strategy to '{strategy}' and "
                    return f"set {also}reuse_factor to {factor}, in [hls] or [targets.{name}]"
        return "use fewer bits, fewer units, or pruning"

    def _factors(self, strategy: Strategy) -> list[int]:
        """Reuse factors that all layers can have, ascending."""
        from fpgac.core.reuse import valid_reuse_factors

        sizes = [layer.constants for layer in self._layers if layer.constants]
        most = min((size.products for size in sizes), default=1)
        if strategy == "latency":
            return [2**power for power in range(most.bit_length())][1:]
        valid = (set(valid_reuse_factors(size.inputs, size.outputs)) for size in sizes)
        return sorted(set.intersection(*valid))[:_MOST_TRIALS] if sizes else []

    @cached_property
    def _network(self) -> tuple[Network, bool]:
        """The network, and whether it is trained."""
        from fpgac.network.topology import untrained

        sources = Sources(self.file, self.plugins)
        if self.spec.topology is None:
            return sources.read_network(), True
        foreign = self._own_format and not isinstance(sources.source, NetworkFile)
        if foreign or not self.file.network_path.is_file():
            return untrained(self.spec), False
        try:
            return sources.read_network(), True
        except NetworkError:  # not the spec's own: whoever compiles says what is wrong
            return untrained(self.spec), False

    @cached_property
    def _layers(self) -> Sequence[Layer]:
        from fpgac.estimate.layers import layers_of

        network, trained = self._network
        pruning = self.spec.training.pruning
        return layers_of(network, None if trained else pruning.sparsity if pruning else 0.0)

    def _settings(self, name: str) -> HlsSettings:
        return hls_settings(self.spec, *self._target(name), self._network[0].output_tensors)

    def _estimate(self, name: str, hls: HlsSettings) -> Estimate:
        from fpgac.core.reuse import reuse_factors
        from fpgac.estimate.estimate import Estimate
        from fpgac.estimate.limits import warnings
        from fpgac.estimate.model import Area, Device
        from fpgac.estimate.total import total

        target, options = self._target(name)
        network, trained = self._network
        factors = reuse_factors(network, hls)
        layers = [
            replace(layer, reuse=factors.get(layer.name, 1), strategy=hls.strategy_of(layer.name))
            for layer in self._layers
        ]
        board, streams = target.board, hls.io_type == "io_stream"
        part = board.resources
        return Estimate(
            name,
            board.part,
            hls.clock_mhz,
            options.compute_units,
            trained,
            total(layers, Device.of(board.part), hls.clock_mhz, streams=streams),
            self._kernel(target.interface, layers, streams),
            Area(part.dsp, part.lut, part.ff, part.bram_18k) if part else None,
            tuple(warnings(layers, streams)),
        )

    def _target(self, name: str) -> tuple[Target[Any], Any]:
        return chosen_target(self.file, self.plugins, name)

    def _kernel(self, interface: Interface, layers: Sequence[Layer], streams: bool) -> Kernel:
        from fpgac.estimate.estimate import Kernel

        network, _ = self._network
        tensors = (*network.inputs, *network.output_tensors)
        dataflow = streams or any(
            layer.constants and (layer.positions > 1 or layer.strategy == "resource")
            for layer in layers
        )
        return Kernel(bus_cycles(tensors, interface), dataflow)


@dataclass(frozen=True)
class _Limit:
    """A key of the budget, what the estimate says of it, and whether that is too much."""

    key: str
    figure: FigureName
    most: float
    got: float
    unit: str

    @property
    def broken(self) -> bool:
        return self.got < self.most if self.key == "min_rate" else self.got > self.most


def budget_problems(estimates: Estimates, name: str) -> Iterator[Problem]:
    """What of the budget the target ``name`` breaks, and what its board cannot hold at all."""
    estimate, file = estimates.of(name), estimates.file
    own = estimates.own_budget(name)
    for limit in _limits(estimates.spec.budget.with_own(own), estimate):
        if limit.broken:
            place = ("targets", name) if getattr(own, limit.key) is not None else ()
            bound = "at least" if limit.key == "min_rate" else "at most"
            yield Problem(
                f"{name} is estimated to break the budget",
                file.where(*place, "budget", limit.key),
                expected=f"{bound} {limit.most:,.10g} {limit.unit}",
                got=f"about {limit.got:,.0f} {limit.unit}, {_doubt(limit)}",
                hint=_remedy(estimates, name, limit),
                code="spec.over-budget",
            )


def fit_problems(estimates: Estimates, name: str) -> Iterator[Problem]:
    """What the board of the target ``name`` has far too little of, beyond any error found."""
    estimate = estimates.of(name)
    for figure in estimate.misfits():
        got, most = getattr(estimate.area, figure), getattr(estimate.board, figure)
        limit = _Limit(figure, figure, most, got, _NAMES[figure])
        yield Problem(
            f"{name} cannot hold this network",
            estimates.file.where("targets", name),
            expected=f"at most {most:,.0f} {_NAMES[figure]}, all that its part has",
            got=f"about {got:,.0f}, {_doubt(limit)}",
            hint=_remedy(estimates, name, limit),
            code="target.too-small",
        )


def _limits(budget: BudgetSection, estimate: Estimate) -> Iterator[_Limit]:
    for figure, name in _NAMES.items():
        most = getattr(budget, f"max_{figure}")
        if most is not None:
            yield _Limit(f"max_{figure}", figure, most, getattr(estimate.area, figure), name)
    if budget.max_latency_ns is not None:
        yield _Limit("max_latency_ns", "latency", budget.max_latency_ns, estimate.latency_ns, "ns")
    if budget.min_rate is not None:
        unit = "samples a second"
        yield _Limit("min_rate", "interval", budget.min_rate, estimate.rate, unit)


def _doubt(limit: _Limit) -> str:
    from fpgac.estimate.accuracy import interval_text

    return f"probably {interval_text(limit.figure, limit.got)}"


def _remedy(estimates: Estimates, name: str, limit: _Limit) -> str:
    if limit.figure == "interval":
        return "lower reuse_factor, or raise clock_mhz or compute_units"
    if limit.figure == "latency":
        return "lower reuse_factor, or raise clock_mhz"
    return estimates.remedy(name, limit.figure, limit.most)
