"""Files of other frameworks by their names: which there are, and what belongs to each.

Nothing here reads a model, so that whether one has changed is known without its importer.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from fpgac.digest import digest_file, digest_json
from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.imports.hls4ml_project import PROJECTS, is_project, model_of

__all__ = [
    "MODELS",
    "PICKLES",
    "SAVED_MODEL",
    "SUFFIXES",
    "content_digest",
    "data_beside",
    "files_of",
    "formats_path",
    "identifier",
    "is_model",
    "is_saved_model",
    "model_path",
    "refuse_file",
    "weights_beside",
    "whole_model",
]

# TensorFlow's SavedModel is a folder with this file.
SAVED_MODEL: Final = "saved_model.pb"

_KERAS: Final = (".h5", ".hdf5", ".keras", ".json", SAVED_MODEL)
# What models end in; projects of hls4ml name one.
MODELS: Final = (*_KERAS, ".onnx")

# Files whose content is program code, which are refused by name: what makes a model of each.
PICKLES: Final[Mapping[str, str]] = {
    ".pt": "torch.onnx.export(model, sample, 'model.onnx')",
    ".pth": "torch.onnx.export(model, sample, 'model.onnx')",
    ".pkl": "the network's own framework, and save it as .keras or .onnx",
    ".pickle": "the network's own framework, and save it as .keras or .onnx",
    ".joblib": "the network's own framework, and save it as .keras or .onnx",
}
SUFFIXES: Final = (*MODELS, *PROJECTS, *PICKLES)

_WEIGHTS: Final = ("_weights.h5", ".weights.h5", ".h5")


def is_model(path: Path) -> bool:
    """Whether ``path`` is, by its name, a network that can be imported, or a pickle."""
    return is_saved_model(path) or path.suffix.lower() in SUFFIXES


def is_saved_model(path: Path) -> bool:
    """Whether ``path`` is the folder of a SavedModel."""
    return (path / SAVED_MODEL).is_file()


def whole_model(path: Path) -> Path:
    """The SavedModel's folder where ``path`` is the file in it that names it; else ``path``."""
    return path.parent if path.name == SAVED_MODEL else path


def model_path(path: Path) -> Path:
    """The file with the model: what a project of hls4ml names, a SavedModel's folder, or itself.

    Raises:
        NetworkError: there is none.
    """
    whole = whole_model(path)
    return model_of(whole) if is_project(whole) and whole.is_file() else whole


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


def files_of(path: Path) -> list[Path]:
    """The files of a network: its own, the model that a project names, and numbers beside it.

    Those of a folder, such as TensorFlow's SavedModel, are not among them.

    Raises:
        NetworkError: one of them is missing.
    """
    file = model_path(path)
    beside = weights_beside(file) if file.suffix == ".json" else data_beside(file)
    return [each for each in dict.fromkeys((path, file, beside)) if each.is_file()]


def weights_beside(path: Path) -> Path:
    """The file with the weights of the layers in the ``.json`` at ``path``.

    Raises:
        NetworkError: there is none.
    """
    beside = [path.with_name(f"{path.stem}{ending}") for ending in _WEIGHTS]
    found = next((file for file in beside if file.is_file()), None)
    if found is None:
        names = " or ".join(file.name for file in beside)
        refuse_file(path, "the layers' weights are not beside them", hint=f"expected {names}")
    return found


def data_beside(path: Path) -> Path:
    """Where PyTorch's exporter puts the numbers of the ONNX model at ``path``, if not into it."""
    return path.with_name(f"{path.name}.data")


def formats_path(network: Path, name: str) -> Path:
    """Where the formats for the spec called ``name`` lie: beside the network's file or folder."""
    return whole_model(network).with_name(f"{name}.formats")


def identifier(file: Path) -> str:
    """A name for the network in ``file``: the file's own, as far as it is a plain one."""
    stem = file.name.partition(".")[0] or "network"
    plain = "".join(each if each.isalnum() and each.isascii() else "_" for each in stem).strip("_")
    while "__" in plain:
        plain = plain.replace("__", "_")
    return plain if plain[:1].isalpha() else f"net_{plain}"


def refuse_file(path: Path, what: str, got: str = "", hint: str = "") -> NoReturn:
    """There is no network in the file at ``path``.

    Raises:
        NetworkError: always.
    """
    raise NetworkError(
        Problem(what, Where(path), got=got, hint=hint, code="network.unreadable-file")
    ) from None
