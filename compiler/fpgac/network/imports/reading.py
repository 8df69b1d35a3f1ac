"""Files of networks by their suffix: what reads each, and what an imported network is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.imports.draft import Draft
from fpgac.network.imports.files import (
    MODELS,
    PICKLES,
    SAVED_MODEL,
    SUFFIXES,
    content_digest,
    is_saved_model,
    model_path,
    whole_model,
)
from fpgac.network.imports.formats import Formats
from fpgac.network.imports.keras.reading import draft_keras
from fpgac.network.imports.onnx.reading import draft_onnx
from fpgac.network.imports.original import Original
from fpgac.network.imports.pickles import is_pickle, refuse_pickle
from fpgac.network.imports.settling import settle
from fpgac.network.network import Network
from fpgac.numbers import FixedPoint

__all__ = ["draft_of", "imported"]


def draft_of(path: Path, *, trust: bool = False) -> Draft:
    """The network in the file at ``path``, as the file has it.

    Program code in it runs only where there is ``trust``; a pickle's never does.

    Raises:
        NetworkError: there is no such file, it is of no known kind, or it cannot be read.
    """
    file = model_path(path)
    suffix = SAVED_MODEL if is_saved_model(file) else file.suffix.lower()
    if not file.exists():
        raise NetworkError(Problem("there is no such file", Where(file), code="network.no-file"))
    if is_pickle(file):
        raise refuse_pickle(file)
    if suffix not in MODELS:
        known = ", ".join(suffix for suffix in SUFFIXES if suffix not in PICKLES)
        raise NetworkError(
            Problem("a file of no known kind", Where(file), known, code="network.unknown-format")
        )
    return draft_onnx(file) if suffix == ".onnx" else draft_keras(file, trust=trust)


def imported(
    draft: Draft,
    path: Path,
    name: str,
    formats: Formats,
    inputs: Mapping[str, FixedPoint] = MappingProxyType({}),
) -> Network:
    """The network of ``draft``, which the file at ``path`` holds; it knows where it comes from.

    ``inputs`` are the types of inputs that are given.

    Raises:
        NetworkError: something in the draft stands in the way; all of it is named.
    """
    try:
        settled = settle(draft, name, formats, inputs)
    except NetworkError as error:
        placed = (replace(p, where=p.where or Where(path)) for p in error.problems)
        raise NetworkError(*placed) from None
    by_node = {node.name: node.origin for node in draft.nodes}
    original = Original(
        framework=draft.framework,
        file=whole_model(path).name,
        digest=content_digest(path),
        inputs={entry.name: entry.original for entry in draft.entries},
        origins=settled.origins,
        outputs={output.name: str(by_node[output.node]) for output in draft.outputs},
        exact=tuple(sorted(settled.exact)),
        axes=draft.axes,
    )
    return replace(settled.network, provenance={"original": original.plain()})
