"""Plots: the resolution of a quantity, confusion matrices, the precision of layers.

matplotlib is imported when a plot is drawn. With one version of matplotlib, equal figures give
equal bytes: they contain no dates, versions or user settings. The colours are Okabe and Ito's,
which colour-blind people can distinguish, and no two lines differ by colour alone.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fpgac.build.folder import disk_errors, write_whole
from fpgac.errors import Problem, ToolchainError
from fpgac.reports.precision import LayerPrecision
from fpgac.reports.resolution import (
    Classification,
    Efficiency,
    Estimates,
    Resolution,
    ResolutionBin,
    residuals,
    resolution,
)
from fpgac.reports.roc import Label
from fpgac.reports.training import TrainingReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Range",
    "confusion_png",
    "precision_png",
    "ranges_png",
    "residuals_png",
    "resolution_png",
    "roc_png",
    "training_png",
    "write_png",
]

Floats = npt.NDArray[np.float64]

DOTS_PER_INCH = 200
RESIDUAL_EDGES = np.linspace(-1, 1, 81)

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}


# Colour, marker and line of each estimate, in turn.
_LINES = (
    ("#0072B2", "o", "-"),
    ("#D55E00", "s", "--"),
    ("#009E73", "^", ":"),
    ("#CC79A7", "D", "-."),
)


@dataclass(frozen=True)
class Range:
    """The range of a feature: the whole of it, and its central 98 %, where its type is -1 to 1."""

    name: str
    whole: tuple[float, float]
    most: tuple[float, float]


def write_png(path: Path, png: bytes) -> None:
    """Write the plot, or leave the previous file if that fails.

    Raises:
        BuildError: the file cannot be written.
    """
    with disk_errors(path):
        write_whole(path, png)


def resolution_png(estimates: Estimates) -> bytes:
    """Residuals, resolution as a function of the truth and, with a threshold, the turn-on curve.

    Raises:
        ToolchainError: matplotlib is not installed.
    """
    results = resolution(estimates)
    panels = [_draw_residuals, _draw_resolution] + [_draw_turn_on] * bool(results[0].turn_on)
    with _figure(3.6 * len(panels), 3.3) as figure:
        for place, (axes, draw) in enumerate(zip(_axes(figure, len(panels)), panels, strict=True)):
            draw(axes, estimates, results)
            axes.set_title(f"({'abc'[place]}) {axes.get_title(loc='left')}")
        return _png(figure)


def confusion_png(figures: Classification) -> bytes:
    """The confusion matrix: counts, shaded by the fraction of each true class.

    Raises:
        ToolchainError: matplotlib is not installed.
    """
    counts = np.array(figures.confusion)
    parts = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.2 + 0.55 * len(figures.classes)
    with _figure(side + 0.4, side) as figure:
        (axes,) = _axes(figure, 1)
        image = axes.imshow(parts, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(image, ax=axes, label="fraction of the true class", shrink=0.85)
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if parts[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
        places = range(len(figures.classes))
        axes.set_xticks(places, figures.classes, rotation=30, ha="right", rotation_mode="anchor")
        axes.set_yticks(places, figures.classes)
        axes.tick_params(which="both", length=0)
        axes.set(xlabel="predicted class", ylabel="true class")
        axes.set_title(f"accuracy {100 * figures.accuracy:.1f} % of {figures.samples:,} samples")
        return _png(figure)


def roc_png(labels: Sequence[Label]) -> bytes:
    """The ROC curve of each label, with the area under it.

    Raises:
        ToolchainError: matplotlib is not installed.
    """
    with _figure(4.4, 4.0) as figure:
        (axes,) = _axes(figure, 1)
        for place, label in enumerate(labels):
            colour, _, line = _LINES[place % len(_LINES)]
            title = f"{label.name}: area {label.auc:.3f}"
            axes.plot(*zip(*label.curve, strict=True), line, color=colour, label=title)
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8, zorder=0)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="false positive rate")
        axes.set(ylabel="true positive rate", aspect="equal")
        axes.legend(loc="lower right")
        return _png(figure)


def residuals_png(residuals: Mapping[str, Floats]) -> bytes:
    """A histogram of what each target was estimated too high, in the target's own unit.

    Raises:
        ToolchainError: matplotlib is not installed.
    """
    with _figure(5.2, 3.4) as figure:
        (axes,) = _axes(figure, 1)
        largest = max(float(np.abs(each).max(initial=0.0)) for each in residuals.values()) or 1.0
        for place, (name, each) in enumerate(residuals.items()):
            colour, _, line = _LINES[place % len(_LINES)]
            edges = np.linspace(-largest, largest, 61)
            axes.hist(
                each, edges.tolist(), histtype="step", color=colour, linestyle=line, label=name
            )
        axes.set(xlabel="found - true", ylabel="samples")
        axes.legend()
        return _png(figure)


def ranges_png(ranges: Sequence[Range]) -> bytes:
    """The range of each feature in units of what its type holds, from -1 to 1.

    The line is the whole range, the bar its central 98 %.

    Raises:
        ToolchainError: matplotlib is not installed.
    """
    with _figure(6.0, 1.2 + 0.2 * len(ranges)) as figure:
        (axes,) = _axes(figure, 1)
        for row, each in enumerate(ranges):
            low, high = each.whole
            axes.plot([low, high], [row, row], color=_LINES[0][0], linewidth=1.0)
            left, right = each.most
            axes.barh(row, right - left, 0.6, left, color=_LINES[0][0])
        for end in (-1, 1):
            axes.axvline(end, color=_LINES[1][0], linestyle="--", linewidth=1.0)
        axes.set_yticks(range(len(ranges)), [each.name for each in ranges])
        axes.set_ylim(len(ranges) - 0.4, -0.6)
        axes.tick_params(axis="y", which="both", length=0)
        axes.set_xscale("symlog", linthresh=1.0)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("number / what the type holds (dashed)")
        return _png(figure)


def precision_png(layers: Sequence[LayerPrecision]) -> bytes:
    """The position of the leading bits in each layer's format, and its precise bits.

    Raises:
        ToolchainError: matplotlib is not installed.
    """
    with _figure(9.0, 2.0 + 0.28 * len(layers)) as figure:
        bits, precise = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        _draw_leading_bits(bits, layers)
        _draw_precise_bits(precise, layers)
        bits.set_yticks(range(len(layers)), [layer.name for layer in layers])
        bits.set_ylim(len(layers) - 0.4, -0.6)
        # Beside nothing that is drawn: within an axis it would hide points.
        figure.legend(*precise.get_legend_handles_labels(), loc="outside lower right", ncols=2)
        for axes in (bits, precise):
            axes.tick_params(axis="y", which="both", length=0)
        return _png(figure)


def training_png(report: TrainingReport) -> bytes:
    """The learning curves, and the part of each layer's weights that is zero.

    Raises:
        ToolchainError: matplotlib is not installed.
    """
    with _figure(9.0, 3.0) as figure:
        losses, zeros = figure.subplots(1, 2, width_ratios=(3, 2))
        _draw_curves(losses, report)
        _draw_sparsity(zeros, report.sparsity)
        return _png(figure)


def _draw_curves(axes: Axes, report: TrainingReport) -> None:
    for (model, curve), (colour, _, line) in zip(report.curves.items(), _LINES, strict=False):
        epochs = [each.epoch for each in curve]
        for name, width in (("loss", 0.8), ("val_loss", 1.6)):
            values = [getattr(each, name) for each in curve]
            label = f"{model}, {'validation' if name == 'val_loss' else 'training'}"
            axes.plot(epochs, values, color=colour, linestyle=line, linewidth=width, label=label)
    axes.set_yscale("log")
    axes.set(xlabel="epoch", ylabel="loss")
    axes.set_title("(a) learning curves")
    axes.legend()


def _draw_sparsity(axes: Axes, sparsity: Mapping[str, float]) -> None:
    layers, parts = list(sparsity), [100 * part for part in sparsity.values()]
    axes.barh(layers, parts, color=_LINES[0][0], height=0.6)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.tick_params(axis="y", which="both", length=0)
    axes.set_xlabel("weights that are zero [%]")
    axes.set_title("(b) sparsity of each layer")


def _draw_leading_bits(axes: Axes, layers: Sequence[LayerPrecision]) -> None:
    """A row for each layer: the frame is its format, the shade the words with that leading bit."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import MaxNLocator

    shades = ScalarMappable(LogNorm(1e-4, 1), "Blues")
    for row, layer in enumerate(layers):
        lowest = -layer.fraction
        for length, part in enumerate(layer.leading[1:]):
            if part:
                colour = tuple(shades.to_rgba(np.array([max(part, 1e-4)]))[0])
                axes.add_patch(Rectangle((lowest + length, row - 0.4), 1, 0.8, color=colour))
        frame: dict[str, Any] = {"fill": False, "edgecolor": "0.35", "linewidth": 0.9}
        axes.add_patch(Rectangle((lowest, row - 0.4), layer.top - lowest, 0.8, **frame))
        if out := layer.wrapped + layer.saturated:
            verb = "wrap" if layer.wrapped else "saturate"
            text = f" {100 * out:.2g} % {verb}"
            axes.text(layer.top, row, text, va="center", fontsize=7.5, color="#D55E00")
    axes.set_xlim(
        min(-layer.fraction for layer in layers) - 0.5, max(layer.top for layer in layers) + 4.5
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("bit weight [log2]; the frame is the format")
    axes.set_title("(a) position of the words' leading bits")
    label = "fraction of the words"
    axes.figure.colorbar(shades, ax=axes, label=label, location="bottom", aspect=50, pad=0.04)


def _draw_precise_bits(axes: Axes, layers: Sequence[LayerPrecision]) -> None:
    series = {
        "including earlier layers": [layer.precise_bits for layer in layers],
        "this layer alone": [layer.own_precise_bits for layer in layers],
    }
    for (label, bits), (colour, marker, line) in zip(series.items(), _LINES, strict=False):
        rows = [row for row, bit in enumerate(bits) if math.isfinite(bit)]
        style: dict[str, Any] = {
            "color": colour,
            "marker": marker,
            "linestyle": line,
            "markersize": 4,
        }
        axes.plot(_finite(bits), rows, label=label, **style)
    axes.set_xlim(0, 1.1 * max([1.0, *(bit for bits in series.values() for bit in _finite(bits))]))
    axes.set_xlabel("precise bits: log2(signal / error)")
    axes.set_title("(b) remaining precision")


def _finite(bits: Sequence[float]) -> list[float]:
    return [bit for bit in bits if math.isfinite(bit)]


def _draw_residuals(axes: Axes, estimates: Estimates, results: Sequence[Resolution]) -> None:
    samples = len(estimates.truth)
    for result, (colour, _, line) in zip(results, _LINES, strict=False):
        relative = residuals(estimates.by[result.estimate], estimates.truth)
        density = np.histogram(relative, RESIDUAL_EDGES)[0] / samples / np.diff(RESIDUAL_EDGES)
        spread = result.overall
        axes.stairs(
            density,
            RESIDUAL_EDGES,
            color=colour,
            linestyle=line,
            linewidth=1.3,
            label=f"{result.estimate}\n"
            f"st. dev. {100 * spread.standard_deviation:.1f} %\n"
            f"68 % width {100 * spread.width_68:.1f} %",
        )
    axes.axvline(0, color="0.6", linewidth=0.7, zorder=0)
    axes.set_yscale("log")
    axes.set_ylim(20 / samples, 150)
    axes.margins(x=0)
    axes.set_xticks(np.linspace(-1, 1, 5))
    symbol = estimates.symbol
    axes.set(
        xlabel=f"({symbol} estimated − {symbol} true) / {symbol} true",
        ylabel="probability density",
    )
    axes.set_title(f"residuals of {samples:,} test samples")
    axes.legend(loc="upper center", ncols=2, handlelength=1.4, columnspacing=1.0, fontsize=8)


def _draw_resolution(axes: Axes, estimates: Estimates, results: Sequence[Resolution]) -> None:
    for result, look in zip(results, _LINES, strict=False):
        bins = [
            one
            for one in result.bins
            if one.spread.samples and not one.is_cut_off(estimates.limits)
        ]
        widths = [100 * one.spread.width_68 for one in bins]
        _series(axes, bins, widths, look, label=f"{result.estimate}, 68 % width")
        deviations = [100 * one.spread.standard_deviation for one in bins]
        hollow: dict[str, Any] = {"linestyle": "none", "markerfacecolor": "white", "xerr": None}
        label = f"{result.estimate}, st. dev."
        _series(axes, bins, deviations, look, label=label, zorder=4, **hollow)
    _truth_axis(axes, estimates)
    _shade_cut_off(axes, estimates, results)
    spreads = [one.spread for result in results for one in result.bins if one.spread.samples]
    top = max((spread.standard_deviation for spread in spreads), default=0.0)
    axes.set_ylim(0, 145 * top or 1)
    axes.set_ylabel("relative resolution [%]")
    axes.set_title(f"resolution against true {estimates.symbol}")
    axes.legend(loc="upper left", handlelength=2.6, labelspacing=0.3)


def _shade_cut_off(axes: Axes, estimates: Estimates, results: Sequence[Resolution]) -> None:
    """The bins in which no estimate can be drawn."""
    for same in zip(*(result.bins for result in results), strict=True):
        if all(one.is_cut_off(estimates.limits) for one in same):
            axes.axvspan(same[0].low, same[0].high, color="0.9", linewidth=0, zorder=0)


def _draw_turn_on(axes: Axes, estimates: Estimates, results: Sequence[Resolution]) -> None:
    for result, look in zip(results, _LINES, strict=False):
        bins = [one for one in result.turn_on if one.samples]
        values = [one.value for one in bins]
        errors = [math.sqrt(one.value * (1 - one.value) / one.samples) for one in bins]
        _series(axes, bins, values, look, label=result.estimate, yerr=errors)
    if (threshold := estimates.threshold) is not None:
        axes.axvline(threshold, color="0.6", linewidth=0.7, zorder=0)
        axes.set_ylabel(f"efficiency of {estimates.symbol} ≥ {threshold:g} {estimates.unit}")
        axes.set_title(f"trigger turn-on at {threshold:g} {estimates.unit}")
    axes.axhline(1, color="0.6", linewidth=0.7, zorder=0)
    _truth_axis(axes, estimates)
    axes.set_ylim(0, 1.08)
    axes.legend(loc="lower right", handlelength=2.2)


def _truth_axis(axes: Axes, estimates: Estimates) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"true {estimates.symbol} [{estimates.unit}]")


def _series(
    axes: Axes,
    bins: Sequence[ResolutionBin | Efficiency],
    values: Sequence[float],
    look: tuple[str, str, str],
    **more: Any,
) -> None:
    """A point for each bin, at its logarithmic centre, and a bar over its width."""
    colour, marker, line = look
    centres = [math.sqrt(one.low * one.high) for one in bins]
    pairs = list(zip(centres, bins, strict=True))
    bars = [
        [centre - one.low for centre, one in pairs],
        [one.high - centre for centre, one in pairs],
    ]
    style: dict[str, Any] = {
        "xerr": bars,
        "color": colour,
        "marker": marker,
        "markersize": 4,
        "linestyle": line,
        "linewidth": 1.0,
        "elinewidth": 0.8,
    }
    axes.errorbar(centres, values, **(style | more))


@contextmanager
def _figure(width: float, height: float) -> Iterator[Figure]:
    """An empty figure, sizes in inches, in this module's style."""
    try:
        from matplotlib import rc_context, rcParamsDefault
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ToolchainError(
            Problem(
                "plots are drawn with matplotlib, which is not installed",
                hint="pip install 'fpgac[plots]'",
                code="toolchain.no-matplotlib",
            )
        ) from None
    style: Any = {**rcParamsDefault, **_STYLE}
    del style["backend"]  # the process decides on it
    with rc_context(style):
        figure = Figure((width, height), dpi=DOTS_PER_INCH, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def _axes(figure: Figure, count: int) -> list[Axes]:
    return list(figure.subplots(1, count, squeeze=False)[0])


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
