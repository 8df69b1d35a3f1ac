"""Files of networks by their suffix: what reads each, and what an imported network is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from fpgac.digest import digest_file, digest_json
from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.imports.draft import Draft
from fpgac.network.imports.formats import Formats
from fpgac.network.imports.hls4ml_project import model_of
from fpgac.network.imports.keras.containers import weights_beside
from fpgac.network.imports.keras.reading import draft_keras
from fpgac.network.imports.keras.savedmodel import (
    SAVED_MODEL,
    is_saved_model,
    whole_model,
)
from fpgac.network.imports.onnx.graph import data_beside
from fpgac.network.imports.onnx.reading import draft_onnx
from fpgac.network.imports.original import Original
from fpgac.network.imports.settling import settle
from fpgac.network.network import Network
from fpgac.numbers import FixedPoint

__all__ = ["SUFFIXES", "content_digest", "draft_of", "imported", "is_model", "model_path"]

# What reads the files of each suffix.
_READERS: Mapping[str, Callable[[Path], Draft]] = {
    ".h5": draft_keras,
    ".hdf5": draft_keras,
    ".keras": draft_keras,
    ".json": draft_keras,
    ".onnx": draft_onnx,
    SAVED_MODEL: draft_keras,
}
# Where hls4ml's projects name a model.
_PROJECTS = (".yml", ".yaml")

# Files whose content is program code, which are refused by name.
_PICKLES: Mapping[str, str] = {
    ".pt": "torch.onnx.export(model, sample, 'model.onnx')",
    ".pth": "torch.onnx.export(model, sample, 'model.onnx')",
    ".pkl": "the network's own framework, and save it as .keras or .onnx",
    ".pickle": "the network's own framework, and save it as .keras or .onnx",
    ".joblib": "the network's own framework, and save it as .keras or .onnx",
}

SUFFIXES = (*_READERS, *_PROJECTS, *_PICKLES)


def model_path(path: Path) -> Path:
    """The file with the model: what a project of hls4ml names, a SavedModel's folder, or itself.

    Raises:
        NetworkError: there is none.
    """
    whole = whole_model(path)
    return model_of(whole) if whole.suffix in _PROJECTS and whole.is_file() else whole


def is_model(path: Path) -> bool:
    """Whether ``path`` is, by its name, a network that can be imported, or a pickle."""
    return is_saved_model(path) or path.suffix.lower() in SUFFIXES


def draft_of(path: Path) -> Draft:
    """The network in the file at ``path``, as the file has it.

    Raises:
        NetworkError: there is no such file, it is of no known kind, or it cannot be read.
    """
    file = model_path(path)
    suffix = SAVED_MODEL if is_saved_model(file) else file.suffix.lower()
    if not file.exists():
        raise NetworkError(Problem("there is no such file", Where(file), code="network.no-file"))
    if suffix in _PICKLES:
        raise NetworkError(
            Problem(
                "the file is a pickle, whose program code is not executed",
                Where(file),
                hint=f"open it with {_PICKLES[suffix]}",
                code="network.pickle",
            )
        )
    if suffix not in _READERS:
        known = ", ".join(_READERS)
        raise NetworkError(
            Problem("a file of no known kind", Where(file), known, code="network.unknown-format")
        )
    return _READERS[suffix](file)


def content_digest(path: Path) -> str:
    """Digest of a file and what belongs to it: a folder's files, weights beside the layers."""
    file = model_path(path)
    if file.is_dir():
        files = (each for each in sorted(file.rglob("*")) if each.is_file())
        return digest_json({str(each.relative_to(file)): digest_file(each) for each in files})
    if file.suffix == ".json":
        return digest_json([digest_file(file), digest_file(weights_beside(file))])
    if data_beside(file).is_file():
        return digest_json([digest_file(file), digest_file(data_beside(file))])
    return digest_file(file)


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
