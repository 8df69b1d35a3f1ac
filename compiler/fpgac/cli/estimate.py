"""``fpgac estimate``: what a spec's targets would cost, before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fpgac.cli.console import deliver, note, results
from fpgac.cli.plugins import PluginFiles, Trust, plugins_with
from fpgac.cli.specs import SpecPath

if TYPE_CHECKING:
    from rich.table import Table

    from fpgac.estimate.estimate import Estimate

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(estimate)


def estimate(
    spec: SpecPath,
    target: Annotated[
        list[str] | None, typer.Option(help="A target of the spec, or all, which is the default.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Samples of a batch, for its times.")] = 4096,
    trust: Trust = False,
    plugin: PluginFiles = None,
) -> None:
    """Estimate area, latency and rate for each of a spec's targets, in about a second.

    Neither hls4ml nor a vendor's tool runs. With a trained network its own weights count; without
    one, weights are assumed. `docs/estimate.md` tells how far public reports were from this.
    """
    from fpgac.pipeline.checking import only_target
    from fpgac.pipeline.estimating import Estimates
    from fpgac.spec.loader import load_spec

    plugins, file = plugins_with(plugin, trust=trust), load_spec(spec)
    wanted = target if target and "all" not in target else file.spec.targets
    names = [only_target(file, name) for name in wanted]
    estimates = Estimates(file, plugins)
    found = [estimates.of(name) for name in names]
    deliver([each.plain(batch) for each in found], lambda: _print_all(found, batch))


def _print_all(found: list[Estimate], batch: int) -> None:
    from rich.text import Text

    out = results()
    for estimate in found:
        out.print(Text(_title(estimate), style="bold"), soft_wrap=True)
        out.print(_table(estimate))
        for line in _lines(estimate, batch):
            out.print(Text(f"  {line}"), soft_wrap=True)
        out.print()
    out.print(_doubts(), soft_wrap=True, markup=False)
    for warning in dict.fromkeys(warning for each in found for warning in each.warnings):
        note(warning)


def _title(estimate: Estimate) -> str:
    weights = "the trained weights" if estimate.trained else "weights assumed: not trained yet"
    return f"{estimate.target}: {estimate.part}, {estimate.clock_mhz:g} MHz, {weights}"


def _table(estimate: Estimate) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("layer", no_wrap=True)
    for title in _COLUMNS:
        table.add_column(title, justify="right")
    plain = estimate.plain(1)
    for layer in plain["layers"]:
        cells = (f"{layer[key]:,}" if layer[key] else "-" for key in _COLUMNS.values())
        table.add_row(f"{layer['name']}", *cells)
    units = estimate.compute_units
    amounts = plain["total"].values()
    whole = f"{units} compute units" if units > 1 else "in all"
    table.add_row(whole, "", *(f"{amount:,}" for amount in amounts), "", "")
    if estimate.board:
        shares = (_percent(share) for share in plain["share"].values())
        table.add_row("of the board", "", *shares, "", "")
    return table


_COLUMNS = {
    "multiplications": "multiplications",
    "DSP": "dsp",
    "LUT": "lut",
    "FF": "ff",
    "BRAM": "bram",
    "interval": "interval_cycles",
    "latency": "latency_cycles",
}


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _lines(estimate: Estimate, batch: int) -> list[str]:
    core, interval = estimate.core.timing, estimate.kernel.interval(estimate.core)
    return [
        f"latency   {_cycles(core.latency)}, {estimate.latency_ns:,.0f} ns",
        f"interval  {_cycles(interval)}: {_reason(estimate, interval)}",
        f"rate      {estimate.rate:,.0f} samples a second, as long as memory and host keep up",
        f"batch     {batch:,} samples: {estimate.kernel_ns(batch) / 1000:,.1f} us in the kernel, "
        f"{estimate.transfer_ns(batch) / 1000:,.1f} us of them on its bus",
    ]


def _cycles(number: int) -> str:
    return f"{number:,} cycle{'s' * (number != 1)}"


def _reason(estimate: Estimate, interval: int) -> str:
    if interval > estimate.core.timing.interval and interval == estimate.kernel.beats:
        return f"its bus takes {interval} for a sample"
    if estimate.kernel.dataflow:
        return "its core answers a sample before it takes the next"
    return "so often its core takes a sample"


def _doubts() -> str:
    from fpgac.estimate.accuracy import FACTORS

    said = ", ".join(f"{name} {factor:g}" for name, factor in FACTORS.items())
    return (
        "Area is what logic synthesis would leave, estimated. Nine of ten public reports are "
        f"within these factors: {said}."
    )
