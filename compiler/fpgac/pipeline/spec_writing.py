"""The small spec that ``fpgac import`` writes around a network's file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from fpgac.network.imports.draft import Draft
from fpgac.network.imports.facts import FLOATS, facts_of_draft
from fpgac.network.imports.settling import entry_type
from fpgac.spec.shapes import shape_text

__all__ = ["DECIDE", "identifier", "imported_spec"]

# What marks a line that only a user can decide on.
DECIDE = "# decide:"

_INPUT = "ap_fixed<16,6,RND,SAT>"


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
    lines = [
        f"# The network of {file.name} ({draft.framework}): its layers, names and formats are the",
        f"# file's. Lines with {DECIDE!r} are for you.",
        f"name = {json.dumps(name)}",
        f"network = {json.dumps(Path(relative).as_posix())}",
        "",
        *_data(draft, data),
        *_interface(draft, data),
        *_quantisation(draft),
    ]
    lines += [f"[targets.{target}]" for target in targets]
    return "\n".join(lines) + "\n"


def _data(draft: Draft, data: str | None) -> Iterator[str]:
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


def _has_floats(draft: Draft) -> bool:
    return any(layer.format == FLOATS for layer in facts_of_draft(draft))


def identifier(file: Path) -> str:
    """A name for the network in ``file``: the file's own, as far as it is a plain one."""
    stem = file.name.partition(".")[0] or "network"
    plain = "".join(each if each.isalnum() and each.isascii() else "_" for each in stem).strip("_")
    while "__" in plain:
        plain = plain.replace("__", "_")
    return plain if plain[:1].isalpha() else f"net_{plain}"
