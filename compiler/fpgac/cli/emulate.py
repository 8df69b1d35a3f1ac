"""``fpgac emulate`` and ``fpgac trace``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpgac.cli.console import (
    deliver,
    errors,
    in_new_folder,
    note,
    results,
    seconds_text,
    show_table,
)
from fpgac.cli.plugins import PluginFiles, Trust, plugins_with
from fpgac.cli.specs import SpecPath
from fpgac.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fpgac.pipeline.emulating import Emulation, SpecEmulation
    from fpgac.plugins import Plugins
    from fpgac.reports.precision import LayerPrecision

__all__ = ["register"]

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="X.npy",
        help="Samples, shape (n, numbers), of any length; by default the test part of the spec's "
        "own data.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(emulate)
    app.command()(trace)


def emulate(
    spec: Annotated[
        Path,
        typer.Argument(
            metavar="SPEC|BUILD", help="A spec, or a build folder, which needs no spec."
        ),
    ],
    data: Data = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="Y.npy", help="Where to write the results.", show_default=False),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the chip's raw words instead of numbers.")
    ] = False,
    no_decode: Annotated[
        bool,
        typer.Option(
            "--no-decode", help="Write the network's own numbers, not what 'decode' makes of them."
        ),
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Processors to use; by default all.", show_default=False),
    ] = None,
    trust: Trust = False,
    plugin: PluginFiles = None,
) -> None:
    """Run samples through the chip's arithmetic, exact to the last bit, without any card.

    Millions of samples take a second: the network becomes an integer program, compiled for this
    processor. Files may be larger than the memory. Without --data the network is judged on its
    own test data, all of it.
    """
    from fpgac.cli.progress import sample_bar

    _require_out(data, out, raw=raw, no_decode=no_decode)
    plugins = partial(plugins_with, plugin, trust=trust)
    emulation = _emulation(spec, data, plugins, threads)
    if emulation.emulator.note:
        note(emulation.emulator.note)
    where = in_new_folder(out) if out else ""
    with sample_bar(emulation.samples.count) as progress:
        if out:
            done = emulation.write(out, raw=raw, decoded=not no_decode, progress=progress)
        else:
            done = emulation.judge(progress=progress)
    rate = f", {done.samples / done.seconds / 1e6:.3g} million a second" if done.seconds else ""
    engine = emulation.emulator.engine.name
    errors().print(
        f"  {done.samples:,} samples in {_time(done.seconds)}{rate} ({engine})",
        markup=False,
        soft_wrap=True,
    )
    if out:
        errors().print(f"  wrote {out}{where}", markup=False, soft_wrap=True)
    plain = {"engine": engine, "samples": done.samples, "seconds": done.seconds, "out": out}
    deliver(plain | {"judgement": done.lines}, lambda: _print_lines(done.lines))


def _require_out(data: Path | None, out: Path | None, *, raw: bool, no_decode: bool) -> None:
    """Refuse options that ask for results, and do not say where they go."""
    for option, asked in (("--data", data), ("--raw", raw), ("--no-decode", no_decode)):
        if asked and not out:
            raise UsageError(
                Problem(
                    f"{option} needs a file for the results",
                    expected="--out Y.npy",
                    hint="see fpgac emulate --help",
                    code="cli.no-output",
                )
            )


def _print_lines(lines: Sequence[str]) -> None:
    for line in lines:
        results().print(line, markup=False, soft_wrap=True)


def trace(
    spec: SpecPath,
    data: Data = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            help="Where to draw; by default SPEC.trace.png beside the spec.",
            show_default=False,
        ),
    ] = None,
    trust: Trust = False,
    plugin: PluginFiles = None,
) -> None:
    """Where do the bits go? Every layer's range, overflow, saturation and loss of precision.

    Idle bits are leading ones that no word needed. Precise bits are the logarithm of signal over
    error, against the same network in real numbers: once with all that was lost before, once for
    the layer alone.
    """
    from fpgac.cli.progress import sample_bar
    from fpgac.plain import to_plain

    emulation = _spec_emulation(spec, data, partial(plugins_with, plugin, trust=trust))
    with sample_bar(emulation.samples.count) as progress:
        layers = emulation.trace(progress=progress)
    _draw(layers, plot or spec.with_suffix(".trace.png"))
    deliver(to_plain(layers), lambda: _print_layers(layers))


def _time(seconds: float) -> str:
    return seconds_text(seconds) if seconds > 1 else f"{1e3 * seconds:.0f} ms"


def _emulation(
    source: Path, data: Path | None, plugins: Callable[[], Plugins], threads: int | None
) -> Emulation:
    """The emulation of a build folder, or of a spec."""
    from fpgac.engines.built import Build
    from fpgac.pipeline.emulating import BuildEmulation

    if source.is_dir():
        return BuildEmulation(Build.open(source), data, threads)
    return _spec_emulation(source, data, plugins, threads)


def _spec_emulation(
    spec: Path, data: Path | None, plugins: Callable[[], Plugins], threads: int | None = None
) -> SpecEmulation:
    from fpgac.pipeline.checking import check_spec
    from fpgac.pipeline.emulating import SpecEmulation

    loaded = plugins()
    return SpecEmulation(check_spec(spec, loaded), loaded, data, threads)


def _print_layers(layers: Sequence[LayerPrecision]) -> None:
    from fpgac.reports.precision import precision_table

    titles, *rows = precision_table(layers)
    show_table(titles, rows, right=titles[2:])


def _draw(layers: Sequence[LayerPrecision], path: Path) -> None:
    from fpgac.errors import ToolchainError
    from fpgac.reports.plots import precision_png, write_png

    where = in_new_folder(path)
    try:
        write_png(path, precision_png(layers))
    except ToolchainError as error:
        note(f"no plot: {error.problems[0].hint}")
    else:
        errors().print(f"  drew {path}{where}", markup=False, soft_wrap=True)
