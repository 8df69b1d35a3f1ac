"""``fpgac import`` and ``fpgac inspect``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fpgac.cli.console import errors, results
from fpgac.cli.plugins import PluginFiles, plugins_with
from fpgac.errors import BuildError, NetworkError, Problem, SpecError, Where

if TYPE_CHECKING:
    from fpgac.network.imports.facts import LayerFacts
    from fpgac.pipeline.inspecting import Inspection, TensorFacts

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
        str | None, typer.Option(help="The data set that the network is judged on, if known.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing spec.")] = False,
    plugin: PluginFiles = None,
) -> None:
    """Write a small spec around a network's file: what is left to decide is marked in it.

    Nothing in the file is executed. Layers that fpgac does not know are named, with what can stand
    in for them.
    """
    from fpgac.build.folder import disk_errors, write_whole
    from fpgac.network.imports.reading import draft_of
    from fpgac.pipeline.spec_writing import DECIDE, identifier, imported_spec
    from fpgac.spec.names import check_identifier

    plugins = plugins_with(plugin)
    targets = target or ["aws-f1"]
    for wanted in targets:
        plugins.target(wanted)  # raises, with the nearest name
    draft = draft_of(model)
    if draft.problems:
        raise NetworkError(*draft.problems)
    path = out or model.with_name(f"{identifier(model)}.toml")
    if path.exists() and not force:
        problem = Problem(
            "the file exists, and is left as it is",
            Where(path),
            hint="use --force, or --out",
            code="build.file-exists",
        )
        raise BuildError(problem)
    try:
        chosen = check_identifier(name if name is not None else identifier(model))
    except ValueError as error:
        problem = Problem(str(error), hint="choose another with --name", code="spec.bad-name")
        raise SpecError(problem) from None
    text = imported_spec(draft, model, path, chosen, targets, data)
    with disk_errors(path):
        write_whole(path, text.encode())
    written = shlex.quote(str(path))
    open_ = text.count(DECIDE) - 1
    decide = f"{open_} lines to decide on; " if open_ else ""
    said = f"wrote {path}; {decide}next: fpgac compile {written}"
    errors().print(said, markup=False, soft_wrap=True)


def inspect(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A model's file, a .network.json, a spec or a build folder."
        ),
    ],
    json: Annotated[
        bool, typer.Option("--json", help="Print the same as JSON, for programs.")
    ] = False,
    plugin: PluginFiles = None,
) -> None:
    """Show what is in a file: layers, shapes, formats, numbers, and what stands in the way."""
    from fpgac.pipeline.inspecting import inspect as inspected

    found = inspected(file, plugins_with(plugin))
    if json:
        _print_json(found)
    else:
        _print(found)


def _print_json(found: Inspection) -> None:
    from dataclasses import asdict
    from json import dumps

    layers = [{**asdict(layer), "sparsity": layer.sparsity} for layer in found.layers]
    plain: dict[str, Any] = {
        "file": str(found.path),
        "kind": found.kind,
        "inputs": [asdict(tensor) for tensor in found.inputs],
        "outputs": [asdict(tensor) for tensor in found.outputs],
        "layers": layers,
        "parameters": found.parameters,
        "multiplications": found.multiplications,
        "sparsity": found.sparsity,
        "problems": [{"code": each.code, **each.texts} for each in found.problems],
        "notes": list(found.notes),
    }
    typer.echo(dumps(plain, indent=1))


def _print(found: Inspection) -> None:
    from rich.table import Table
    from rich.text import Text

    out = results()
    out.print(Text(f"{found.path}: {found.kind}"), soft_wrap=True)
    for what, tensors in (("in ", found.inputs), ("out", found.outputs)):
        for tensor in tensors:
            out.print(Text(f"  {what} {_tensor_text(tensor)}"), soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    numbers = ("parameters", "products", "zeros")
    for title in ("layer", "is", "gives", "format", *numbers):
        table.add_column(title, justify="right" if title in numbers else "left", overflow="fold")
    for layer in found.layers:
        table.add_row(*map(Text, _row(layer)))
    out.print()
    out.print(table)
    out.print(
        Text(
            f"\n{found.parameters:,} parameters, {found.multiplications:,} multiplications a "
            f"sample, {found.sparsity:.0%} of the weights zero"
        ),
        soft_wrap=True,
    )
    for note in found.notes:
        out.print(Text(f"note: {note}", style="yellow"), soft_wrap=True)
    for problem in found.problems:
        out.print(Text(f"in the way: {problem}", style="red"), soft_wrap=True)
    if not found.problems:
        out.print(Text("nothing stands in the way", style="green"))


def _tensor_text(tensor: TensorFacts) -> str:
    shape = "x".join(map(str, tensor.shape)) if tensor.shape else "?"
    return f"{tensor.name}: {shape}" + (f" of {tensor.format}" if tensor.format else "")


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
