"""What Keras's files hold: the layers as JSON, and each layer's arrays.

Nothing is executed, no name in a file is imported, and no link in it is followed.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.files import is_saved_model, refuse_file, weights_beside
from fpgac.network.source import NetworkFile

__all__ = ["KerasFile", "Weights", "class_paths", "read_keras"]

Array = npt.NDArray[Any]

# Far beyond any description of layers.
_LONGEST_JSON = 64 * 2**20


@dataclass(frozen=True, eq=False)
class Weights:
    """A layer's arrays, in Keras's order, and those of layers inside it."""

    arrays: tuple[Array, ...] = ()
    parts: Mapping[str, Weights] = field(default_factory=dict)

    def part(self, *names: str) -> Weights:
        """What lies at this path inside it; nothing where there is no such part."""
        found = self
        for name in names:
            found = found.parts.get(name, Weights())
        return found


@dataclass(frozen=True, eq=False)
class KerasFile:
    """A model: ``version`` is Keras's, ``model`` the class and the configuration.

    ``weights`` are those of layers by name, or, where ``by_class`` is set, by the layer's class and
    place among those of its class.
    """

    version: str
    model: Mapping[str, Any]
    weights: Mapping[str, Weights]
    by_class: bool = False

    @property
    def is_new(self) -> bool:
        """Whether Keras 3 wrote it."""
        return not self.version.startswith(("1.", "2."))


def read_keras(path: Path) -> KerasFile:
    """The model in an ``.h5`` or a ``.keras`` file, or in a ``.json`` with its weights beside it.

    Raises:
        NetworkError: there is no such file, or it holds no such model.
    """
    from fpgac.network.imports.keras.savedmodel import read_saved_model

    if is_saved_model(path):
        return read_saved_model(path)
    try:
        if path.suffix == ".json":
            return _read_json(path)
        return _read_zip(path) if zipfile.is_zipfile(path) else _read_h5(path)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, UnicodeDecodeError) as error:
        refuse_file(path, "the file is no Keras model that can be read", str(error))


def _read_h5(path: Path) -> KerasFile:
    import h5py

    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            hint = "save the whole model: model.save(FILE), not model.save_weights(FILE)"
            refuse_file(path, "the file holds weights without their layers", hint=hint)
        model = json.loads(_text(file.attrs["model_config"]))
        version = _text(file.attrs.get("keras_version", "2"))
        return KerasFile(version, model, _named_weights(file["model_weights"]))


def _named_weights(group: Any) -> dict[str, Weights]:
    return {name: _layer_weights(group[name]) for name in _names(group, "layer_names")}


def _layer_weights(group: Any) -> Weights:
    """The arrays of a layer; of a model inside the model, those of its layers as well."""
    arrays: list[Array] = []
    inside: dict[str, list[Array]] = {}
    for name in _names(group, "weight_names"):
        array = _array(group, name)
        arrays.append(array)
        layer = name.split("/")[-2] if "/" in name else ""
        inside.setdefault(layer, []).append(array)
    return Weights(tuple(arrays), {name: Weights(tuple(some)) for name, some in inside.items()})


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names, which Keras splits into several where it is long."""
    if attribute in group.attrs:
        return [_text(name) for name in group.attrs[attribute]]
    names: list[str] = []
    while (part := f"{attribute}{len(names)}") in group.attrs:  # pragma: no cover
        names += [_text(name) for name in group.attrs[part]]
    return names


def _array(group: Any, path: str) -> Array:
    """An array in the file itself; links and storage outside of it are not followed."""
    import h5py

    for name in path.split("/"):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{path} is no array in this file")
        group = group[name]
    if not isinstance(group, h5py.Dataset) or group.external or group.is_virtual:
        raise ValueError(f"{path} is no array in this file")
    return np.asarray(group[()])


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _read_zip(path: Path) -> KerasFile:
    import h5py

    with zipfile.ZipFile(path) as archive:
        version = str(_json(archive, "metadata.json").get("keras_version", "3"))
        model = _json(archive, "config.json")
        if "model.weights.h5" not in archive.namelist():
            hint = "save it in one file: model.save(FILE)"
            refuse_file(path, "the file holds layers without their weights", hint=hint)
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
            return KerasFile(version, model, _tree(file).part("layers").parts, by_class=True)


def _json(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    if archive.getinfo(name).file_size > _LONGEST_JSON:
        raise ValueError(f"{name} is too long")
    found: dict[str, Any] = json.loads(archive.read(name))
    return found


def _tree(group: Any) -> Weights:
    """Groups in groups, whose own arrays are numbered below ``vars``."""
    import h5py

    numbers = sorted(group["vars"], key=int) if "vars" in group else []
    arrays = tuple(_array(group, f"vars/{number}") for number in numbers)
    inside = {
        name: _tree(group[name])
        for name in group
        if name != "vars"
        and isinstance(group.get(name, getlink=True), h5py.HardLink)
        and isinstance(group[name], h5py.Group)
    }
    return Weights(arrays, inside)


def _read_json(path: Path) -> KerasFile:
    """The layers from the file, the weights from an ``.h5`` of its name beside it."""
    import h5py

    if path.stat().st_size > _LONGEST_JSON:
        raise ValueError("it is too long")
    model = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(model, dict) or "config" not in model:
        hint = f"fpgac's own networks are called NAME{NetworkFile.suffixes[0]}"
        refuse_file(path, "the file is no Keras model: it has no layers", hint=hint)
    version = str(model.get("keras_version", "2"))
    with h5py.File(weights_beside(path), "r") as file:
        if "layers" in file:
            return KerasFile(version, model, _tree(file).part("layers").parts, by_class=True)
        named = _named_weights(file.get("model_weights", file))
        return KerasFile(version, model, named)


def class_path(class_name: str) -> str:
    """What Keras 3 calls a class in its files: ``max_pooling2d`` for ``MaxPooling2D``.

    >>> class_path("QConv2D"), class_path("BatchNormalization")
    ('q_conv2d', 'batch_normalization')
    """
    name = re.sub(r"\W+", "", class_name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def class_paths(class_names: Iterator[str]) -> Iterator[str]:
    """The names of layers of these classes, in their order, in Keras 3's files."""
    seen: dict[str, int] = {}
    for class_name in class_names:
        path = class_path(class_name)
        count = seen.get(path, 0)
        seen[path] = count + 1
        yield f"{path}_{count}" if count else path
