"""Copies of Keras's files that compute in double precision and hold nothing of their training.

In float64 the sums of a quantised network are exact, where float32's need not be.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

__all__ = ["wide_copy", "widened", "without_training"]

# What matters while a network is trained, and may name classes of its author's.
_TRAINING = re.compile(r".*_(initializer|regularizer|constraint|range)|compile_config")


def without_training(config: Any) -> Any:
    """A configuration without what is of use for training alone."""
    match config:
        case dict():
            return {
                key: without_training(value)
                for key, value in config.items()
                if not _TRAINING.fullmatch(key)
            }
        case list():
            return [without_training(value) for value in config]
    return config


def widened(config: Any) -> Any:
    """A configuration in float64, without what is of use for training alone."""
    return _wide(without_training(config))


def _wide(config: Any) -> Any:
    match config:
        case dict():
            return {
                key: "float64" if _is_single(key, value) else _wide(value)
                for key, value in config.items()
            }
        case list():
            return [_wide(value) for value in config]
    return config


def _is_single(key: str, value: object) -> bool:
    if key == "dtype":
        return value == "float32" or _policy(value) == "float32"
    return False


def _policy(value: object) -> str:
    """Keras 3's name of a policy for types."""
    if isinstance(value, dict) and value.get("class_name") == "DTypePolicy":
        return str(value["config"]["name"])
    return ""


def wide_copy(file: Path, folder: Path) -> Path:
    """The copy of ``file``, a ``.keras`` or an ``.h5`` file, in ``folder``."""
    copy = folder / f"wide{file.suffix}"
    if zipfile.is_zipfile(file):
        _copy_zip(file, copy)
    else:
        _copy_h5(file, copy)
    return copy


def _copy_zip(file: Path, copy: Path) -> None:
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(copy, "w") as new:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            content = old.read(name)
            if name == "config.json":
                content = json.dumps(widened(json.loads(content))).encode()
            new.writestr(name, content)


def _copy_h5(file: Path, copy: Path) -> None:
    import h5py

    shutil.copyfile(file, copy)
    with h5py.File(copy, "r+") as model:
        config = json.loads(model.attrs["model_config"])
        model.attrs["model_config"] = json.dumps(widened(config))
        for key in ("training_config",):
            if key in model.attrs:
                del model.attrs[key]
        if "optimizer_weights" in model:
            del model["optimizer_weights"]
