"""Pickled Keras models. Only the worker process imports this, and only for files that are trusted.

Opening a pickle runs what its author wrote.
"""

from __future__ import annotations

import pickle
from importlib import import_module
from pathlib import Path
from typing import Any

from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.imports.keras.observing import let_import_beside

__all__ = ["save_unpickled"]


def save_unpickled(file: Path, to: Path) -> None:
    """Save the model that is pickled in ``file``.

    Raises:
        NetworkError: it holds something else.
    """
    let_import_beside(file)
    found = _load(file)
    if not hasattr(found, "layers") or not hasattr(found, "save"):
        kind = type(found)
        raise NetworkError(
            Problem(
                "the pickle holds no Keras model",
                Where(file),
                expected="a model of Keras 2 or 3",
                got=f"{kind.__module__}.{kind.__qualname__}",
                hint="save the network as .keras or .onnx with its own framework",
                code="network.pickle-without-model",
            )
        )
    found.save(to)


def _load(file: Path) -> Any:
    if file.suffix.lower() == ".joblib":
        return import_module("joblib").load(file)
    with file.open("rb") as stream:
        return pickle.load(stream)
