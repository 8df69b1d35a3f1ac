"""``fpgac import`` and ``fpgac inspect``."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpgac.cli.console import deliver, errors, results
from fpgac.cli.plugins import PluginFiles, Trust, plugins_with

if TYPE_CHECKING:
    from rich.table import Table

    from fpgac.network.imports.facts import LayerFacts
    from fpgac.pipeline.inspecting import Inspection
    from fpgac.pipeline.spec_writing import WrittenSpec

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("import")(import_)
    app.command()(inspect)


def import_(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A model of Keras, QKeras, HGQ2, ONNX or QONNX, or a project of hls4ml's.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The spec to write; by default the file's name with .toml."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The network's name.")] = None,
    target: Annotated[list[str] | None, typer.Option(help="A target; may be repeated.")] = None,
    data: Annotated[
        str | None,
        typer.Option(help="What it is judged on: a data set's name, or a file of samples."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing spec.")] = False,
    trust: Trust = False,
    plugin: PluginFiles = None,
) -> None:
    """Write a small spec around a network's file: what is left to decide is marked in it.

    Nothing in the file is executed without --trust. Layers that fpgac does not know are named, with
    what can stand in for them; 'fpgac inspect FILE' shows all layers. With --trust, a Lambda layer
    is imported as what it is seen to do, and a pickled Keras model is saved as a .keras file.

    Example: fpgac import model.h5 --target pynq-z2 && fpgac compile model.toml
    """
    from fpgac.pipeline.data_spec import is_data_file
    from fpgac.pipeline.spec_writing import write_spec

    plugins = plugins_with(plugin, trust=trust)
    targets = target or ["aws-f1"]
    for wanted in targets:
        plugins.target(wanted)  # raises, with the nearest name
    if data is not None and not is_data_file(data):
        plugins.provider(data)
    written = write_spec(model, out, name, targets, data, force=force, trust=trust)
    result = {"path": str(written.path), "undecided": written.undecided}
    deliver(result, lambda: _print_written(written))


def _print_written(written: WrittenSpec) -> None:
    lines = "line" if written.undecided == 1 else "lines"
    decide = f"{written.undecided} {lines} to decide on; " if written.undecided else ""
    command = f"fpgac compile {shlex.quote(str(written.path))}"
    said = f"wrote {written.path}; {decide}next: {command}"
    errors().print(said, markup=False, soft_wrap=True)


def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A model's file, a .network.json, a spec or a build folder."
        ),
    ],
    trust: Trust = False,
    plugin: PluginFiles = None,
) -> None:
    """Show what is in a file: layers, shapes, formats, numbers, and what stands in the way.

    The file is read without the framework that wrote it; nothing in it is executed without --trust.
    A spec is shown with the formats that it gives.
    """
    from fpgac.pipeline.inspecting import inspect as inspected

    found = inspected(file, plugins_with(plugin, trust=trust))
    deliver(_plain(found), lambda: _print(found))


def _plain(found: Inspection) -> dict[str, Any]:
    from dataclasses import asdict

    layers = [{**asdict(layer), "sparsity": layer.sparsity} for layer in found.layers]
    return {
        "file": str(found.path),
        "kind": found.kind,
        "inputs": [asdict(tensor) for tensor in found.inputs],
        "outputs": [asdict(tensor) for tensor in found.outputs],
        "layers": layers,
        "parameters": found.parameters,
        "multiplications": found.multiplications,
        "sparsity": found.sparsity,
        "problems": [problem.plain() for problem in found.problems],
        "notes": list(found.notes),
    }


def _print(found: Inspection) -> None:
    from rich.text import Text

    out = results()
    out.print(Text(f"{found.path}: {found.kind}"), soft_wrap=True)
    for what, tensors in (("in ", found.inputs), ("out", found.outputs)):
        for tensor in tensors:
            out.print(Text(f"  {what} {tensor}"), soft_wrap=True)
    out.print()
    out.print(_table(found.layers))
    totals = (
        f"\n{found.parameters:,} parameters, {found.multiplications:,} multiplications a sample, "
        f"{found.sparsity:.0%} of the weights zero"
    )
    out.print(Text(totals), soft_wrap=True)
    for note in found.notes:
        out.print(Text(f"note: {note}", style="yellow"), soft_wrap=True)
    for problem in found.problems:
        out.print(Text(f"in the way: {problem}", style="red"), soft_wrap=True)
    if not found.problems:
        out.print(Text("nothing stands in the way", style="green"))


def _table(layers: Iterable[LayerFacts]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    numbers = ("parameters", "products", "zeros")
    for title in ("layer", "is", "gives", "format", *numbers):
        table.add_column(title, justify="right" if title in numbers else "left", overflow="fold")
    for layer in layers:
        table.add_row(*map(Text, _row(layer)))
    return table


def _row(layer: LayerFacts) -> tuple[str, ...]:
    return (
        layer.name,
        layer.kind,
        "x".join(map(str, layer.shape)) if layer.shape else "?",
        layer.format,
        f"{layer.parameters:,}" if layer.parameters else "",
        f"{layer.multiplications:,}" if layer.multiplications else "",
        f"{layer.sparsity:.0%}" if layer.weights else "",
    )
