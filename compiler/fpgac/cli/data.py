"""``fpgac data``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpgac.cli.console import deliver, errors, in_new_folder, note, results
from fpgac.cli.plugins import PluginFiles, Trust, plugins_with
from fpgac.cli.specs import SpecPath

if TYPE_CHECKING:
    from fpgac.data.summary import Feature, Summary

__all__ = ["register"]

# Features that are printed and drawn; --json has all of them.
_MOST_ROWS = 60


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(data)


def data(
    spec: SpecPath,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            help="Where to draw the ranges of the first features.",
            show_default=False,
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where to write the samples: a .csv as a table, or else an .npz with x_train, "
            "y_train, x_test and y_test. Its folder is made if there is none.",
            show_default=False,
        ),
    ] = None,
    trust: Trust = False,
    plugin: PluginFiles = None,
) -> None:
    """What does the network learn from? Features, their ranges against the input's type, classes.

    A feature's range in the chip is what its scaling makes of it; beyond counts samples that the
    type does not hold. Neither a trained network nor TensorFlow is needed.
    """
    from fpgac.pipeline.checking import check_spec
    from fpgac.pipeline.describing import SpecData
    from fpgac.plain import to_plain

    plugins = plugins_with(plugin, trust=trust)
    samples = SpecData(check_spec(spec, plugins), plugins)
    figures = samples.summary()
    for warning in figures.warnings:
        note(warning)
    if plot:
        _draw(figures, plot)
    if export:
        where = in_new_folder(export)
        samples.export(export)
        errors().print(f"  wrote {export}{where}", markup=False, soft_wrap=True)
    deliver(to_plain(figures), lambda: _print(figures))


def _print(figures: Summary) -> None:
    results().print(
        f"{figures.name}: {figures.task}, {figures.training:,} samples for training, "
        f"{figures.test:,} for tests\n",
        markup=False,
        soft_wrap=True,
    )
    _print_table(
        ("feature", "range", "mean", "deviation", "in the chip", "type holds", "beyond"),
        [_row(feature) for feature in figures.features[:_MOST_ROWS]],
    )
    if hidden := figures.features[_MOST_ROWS:]:
        results().print(f"and {len(hidden):,} more: --json lists them all", markup=False)
    results().print()
    _print_table(
        ("target", "samples", "range"),
        [
            (target.name, f"{target.samples:,}", _range(target.lowest, target.highest))
            for target in figures.targets
        ],
    )


def _row(feature: Feature) -> tuple[str, ...]:
    return (
        feature.name,
        _range(feature.lowest, feature.highest),
        f"{feature.mean:.4g}",
        f"{feature.deviation:.4g}",
        _range(*feature.scaled),
        _range(*feature.holds),
        f"{feature.outside:.3%}" if feature.outside else "0",
    )


def _range(low: float, high: float) -> str:
    return f"{low:.4g} to {high:.4g}"


def _print_table(titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, title in enumerate(titles):
        table.add_column(title, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    results().print(table)


def _draw(figures: Summary, path: Path) -> None:
    from fpgac.errors import ToolchainError
    from fpgac.reports.plots import ranges_png, write_png

    try:
        where, shown = in_new_folder(path), figures.features[:_MOST_ROWS]
        write_png(path, ranges_png([feature.relative for feature in shown]))
    except ToolchainError as error:
        note(f"no plot: {error.problems[0].hint}")
    else:
        errors().print(f"  drew {path}{where}", markup=False, soft_wrap=True)
