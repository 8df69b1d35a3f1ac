"""``fpgac validate``, ``fpgac schema`` and ``fpgac init``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpgac.cli.console import deliver, errors, note, results
from fpgac.cli.plugins import PluginFiles, Trust, plugins_with
from fpgac.errors import BuildError, FpgacError, Problem, SpecError, Where

if TYPE_CHECKING:
    from fpgac.plugins import Plugins
    from fpgac.spec.loader import SpecFile

__all__ = ["SpecPath", "register"]

SpecPath = Annotated[
    Path, typer.Argument(metavar="SPEC", help="The TOML file, such as specs/muon.toml.")
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(validate)
    app.command()(schema)
    app.command()(init)


def validate(
    specs: Annotated[
        list[Path], typer.Argument(metavar="SPEC...", help="TOML files to check; nothing is built.")
    ],
    trust: Trust = False,
    plugin: PluginFiles = None,
) -> None:
    """Check specs: every mistake of a file at once, with line, key and hint."""
    from fpgac.pipeline.checking import check_spec

    plugins = plugins_with(plugin, trust=trust)
    sound: list[SpecFile] = []
    refusals: list[FpgacError] = []
    for path in specs:
        try:
            sound.append(check_spec(path, plugins))
        except FpgacError as error:
            refusals.append(error)
    deliver([_about(file) for file in sound], lambda: _print_sound(sound))
    if refusals:
        raise type(refusals[0])(*(problem for error in refusals for problem in error.problems))


def _about(file: SpecFile) -> dict[str, object]:
    spec = file.spec
    about = {"path": str(file.path), "name": spec.name, "topology": str(spec.topology)}
    return {**about, "targets": list(spec.targets)}


def _print_sound(files: list[SpecFile]) -> None:
    for file in files:
        spec = file.spec
        results().print(
            f"{file.path}: OK: {spec.name}, {spec.topology or spec.network}, for "
            f"{', '.join(spec.targets)}",
            markup=False,
            soft_wrap=True,
        )


def schema(plugin: PluginFiles = None) -> None:
    """Print the language's JSON Schema, with which editors complete and check specs.

    For editors that know Taplo or Even Better TOML: save it beside the spec and put
    `#:schema fpgac.schema.json` on the spec's first line.
    """
    import json

    from fpgac.pipeline.checking import schema_of

    schema = schema_of(plugins_with(plugin), note)
    deliver(schema, lambda: typer.echo(json.dumps(schema, indent=2)))


def init(
    path: Annotated[
        Path, typer.Argument(metavar="SPEC", help="The file to write, such as flower.toml.")
    ],
    name: Annotated[
        str | None, typer.Option(help="The network's name; by default the file's.")
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="A target; may be repeated. By default a board that is active.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Samples to learn from, such as samples.csv: columns and ranges are its own.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    plugin: PluginFiles = None,
) -> None:
    """Write a commented spec to start from: it trains and compiles as it is.

    With --data, it is a spec for the samples in a file; lines with '# decide:' are guesses.

    Example: fpgac init tumour.toml --data tumours.csv && fpgac data tumour.toml
    """
    from fpgac.build.folder import disk_errors, write_whole
    from fpgac.spec.names import check_identifier

    plugins = plugins_with(plugin)
    targets = target or [_active_target(plugins)]
    for wanted in targets:
        plugins.target(wanted)  # raises, with the nearest name
    if path.exists() and not force:
        raise BuildError(
            Problem(
                "there is already such a file: nothing was written",
                Where(path),
                hint="use --force",
                code="build.file-exists",
            )
        )
    try:
        chosen = check_identifier(name if name is not None else path.stem.replace("-", "_"))
    except ValueError as error:
        raise SpecError(
            Problem(str(error), hint="choose another with --name", code="spec.invalid-name")
        ) from None
    text = _starter(path, data, chosen, targets)
    with disk_errors(path):
        write_whole(path, text.encode())
    result = {"spec": str(path), "name": chosen, "targets": targets}
    deliver(result, lambda: _print_next(path, of_data=data is not None))


def _starter(path: Path, data: Path | None, name: str, targets: list[str]) -> str:
    """The spec's text; ``data`` is a file of samples, or None for an example."""
    if data is None:
        from fpgac.spec.starter import starter_spec

        return starter_spec(name, targets)
    from fpgac.pipeline.data_spec import data_spec, look_at

    return data_spec(look_at(data), path, name, targets)


def _active_target(plugins: Plugins) -> str:
    """The first board for which hardware can be built, and whose life does not end."""
    boards = {name: target.board for name, target in sorted(plugins.targets.items())}
    active = (name for name, b in boards.items() if b.life.state == "active" and "hw" in b.modes)
    return next(active, next(iter(boards)))


def _print_next(path: Path, *, of_data: bool) -> None:
    written = shlex.quote(str(path))
    first = "data" if of_data else "train"
    then = "train" if of_data else "compile"
    errors().print(
        f"wrote {path}; next: fpgac {first} {written}, then fpgac {then} {written}",
        markup=False,
        soft_wrap=True,
    )
