"""The small spec that ``fpgac import`` writes around a network's file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fpgac.build.folder import disk_errors, write_whole
from fpgac.errors import BuildError, NetworkError, Problem, SpecError, Where
from fpgac.network.imports.draft import Draft, Sums
from fpgac.network.imports.facts import FLOATS, facts_of_draft
from fpgac.network.imports.files import identifier
from fpgac.network.imports.hls4ml_project import Project, is_project, read_project
from fpgac.network.imports.pickles import is_pickle, save_unpickled
from fpgac.network.imports.reading import draft_of
from fpgac.network.imports.settling import entry_type
from fpgac.pipeline.data_spec import DECIDE, data_lines, is_data_file, look_at
from fpgac.spec.names import check_identifier
from fpgac.spec.shapes import shape_text

__all__ = ["WrittenSpec", "imported_spec", "write_spec"]

_INPUT = "ap_fixed<16,6,RND,SAT>"


@dataclass(frozen=True)
class WrittenSpec:
    """The spec at ``path``, of which so many lines are for the user to decide on."""

    path: Path
    undecided: int


def write_spec(
    model: Path,
    path: Path | None,
    name: str | None,
    targets: Sequence[str],
    data: str | None,
    *,
    force: bool,
    trust: bool = False,
) -> WrittenSpec:
    """Write a small spec around the network in the file ``model``.

    Of a pickled model, which only ``trust`` opens, a ``.keras`` file is made first.

    Args:
        model: a file that fpgac imports.
        path: the spec; by default beside the model, and of its name.
        name: the network's; by default the file's, as far as that is a plain one.
        targets: their names.
        data: a data set's name, or a file of samples, if there is one.
        force: replace what there is at ``path``.
        trust: program code in the file may run.

    Raises:
        NetworkError: something in the file stands in the way; all of it is named.
        BuildError: there is such a spec already, or it cannot be written.
        SpecError: the name cannot be a network's.
    """
    path = path or model.with_name(f"{identifier(model)}.toml")
    if trust and is_pickle(model):
        model = _unpickled(model, force=force)
    draft = draft_of(model, trust=trust)
    if draft.problems:
        raise NetworkError(*(replace(problem, where=Where(model)) for problem in draft.problems))
    _refuse_existing(path, force=force)
    chosen = _checked(name if name is not None else identifier(model))
    text = imported_spec(draft, model, path, chosen, targets, data)
    with disk_errors(path):
        write_whole(path, text.encode())
    return WrittenSpec(path, text.count(DECIDE) - 1)  # the first line explains the mark


def _unpickled(model: Path, *, force: bool) -> Path:
    """The file beside a pickle that is made of the model in it."""
    made = model.with_suffix(".keras")
    _refuse_existing(made, force=force)
    with disk_errors(made):
        save_unpickled(model, made)
    return made


def _refuse_existing(path: Path, *, force: bool) -> None:
    if path.exists() and not force:
        raise BuildError(
            Problem(
                "there is already such a file: nothing was written",
                Where(path),
                hint="use --force, or --out",
                code="build.file-exists",
            )
        )


def _checked(name: str) -> str:
    try:
        return check_identifier(name)
    except ValueError as error:
        hint = "choose another with --name"
        raise SpecError(Problem(str(error), hint=hint, code="spec.invalid-name")) from None


def imported_spec(
    draft: Draft,
    file: Path,
    spec: Path,
    name: str,
    targets: Sequence[str],
    data: str | None = None,
) -> str:
    """A valid spec, at ``spec``, of the network in ``file``, whose draft there is.

    What the file says is left to it; what is not known has the mark :data:`DECIDE`.
    """
    relative = os.path.relpath(file, spec.parent)
    project = read_project(file) if is_project(file) else None
    has_formats = project is not None and project.has_precisions
    lines = [
        f"# The network of {file.name} ({draft.framework}): its layers, names and formats are the",
        f"# file's. Lines with {DECIDE!r} are for you.",
        f"name = {json.dumps(name)}",
        f"network = {json.dumps(Path(relative).as_posix())}",
        "",
        *_data(draft, data, spec),
        *([] if has_formats else [*_interface(draft, data), *_quantisation(draft)]),
        *(_hls(project) if project is not None else ()),
    ]
    for target in targets:
        lines.append(f"[targets.{target}]")
        if project is not None:
            lines += _hls_of_layers(project, draft)
    return "\n".join(lines) + "\n"


def _data(draft: Draft, data: str | None, spec: Path) -> Iterator[str]:
    if data is not None and is_data_file(data):
        samples = look_at(Path(data))
        yield from (*data_lines(samples, spec), f"task = {json.dumps(samples.task)}", "")
        return
    if data is not None:
        yield from ("[data]", f"source = {json.dumps(data)}", "")
        return
    inputs = " and ".join(f"{e.name} of {shape_text(e.shape)}" for e in draft.entries)
    yield f"{DECIDE} the data that it is judged on: {inputs}. Without any, random samples prove it."
    yield from ("# [data]", '# source = "..."', "")


def _interface(draft: Draft, data: str | None) -> Iterator[str]:
    """Inputs whose type neither the file says nor data can show."""
    unknown = [entry for entry in draft.entries if entry_type(draft, entry) is None]
    if not unknown or (data is not None and _has_floats(draft)):
        return
    yield "[interface]"
    if len(unknown) == len(draft.entries) == 1:
        yield f'input = "{_INPUT}"  {DECIDE} the type of the samples'
    else:
        given = ", ".join(f'{entry.name} = "{_INPUT}"' for entry in unknown)
        yield f"input = {{ {given} }}  {DECIDE} the types of the samples"
    yield ""


def _quantisation(draft: Draft) -> Iterator[str]:
    if _has_floats(draft):
        yield "[quantisation]"
        yield 'from = "data"'
        yield f"bits = 16  {DECIDE} how many each number has; fewer are smaller and faster"
        yield ""


def _hls(project: Project) -> Iterator[str]:
    """What a project of hls4ml asks for all layers."""
    if project.wishes:
        yield f"[hls]  # as {project.path.name} has it"
        yield from (f"{key} = {json.dumps(value)}" for key, value in project.wishes.items())
        yield ""


def _hls_of_layers(project: Project, draft: Draft) -> Iterator[str]:
    """What it asks for single layers, if they have weights."""
    weighted = [node.name for node in draft.nodes if isinstance(node.what, Sums)]
    for name, wishes in project.layer_wishes.items():
        if name in weighted:
            own = ", ".join(f"{key} = {json.dumps(value)}" for key, value in wishes.items())
            yield f"layers.{name} = {{ {own} }}"


def _has_floats(draft: Draft) -> bool:
    return any(layer.format == FLOATS for layer in facts_of_draft(draft))
