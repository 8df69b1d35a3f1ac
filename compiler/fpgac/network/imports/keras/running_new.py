"""Keras 3 and HGQ2 with a file of theirs. Only the worker process imports this."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.keras.observing import import_classes, observed
from fpgac.network.imports.keras.widening import wide_copy

__all__ = ["load", "observe"]

_BATCH = 1024


def load(
    file: Path, folder: Path, *, trust: bool
) -> Callable[[Mapping[str, Any], list[str]], list[Any]]:
    """What gives tensors, such as ``dense:0:0``, for samples of the inputs by their layers.

    Code in the file runs only where there is ``trust``.
    """
    import keras

    model = _model(file, folder, trust=trust)
    names = [_layer_of(tensor) for tensor in model.inputs]

    def run(inputs: Mapping[str, Any], tensors: list[str]) -> list[Any]:
        ends = [_tensor(model, name) for name in tensors]
        part = keras.Model(model.inputs, ends)
        given = [np.asarray(inputs[name], np.float64) for name in names]
        found = part.predict(given if len(given) > 1 else given[0], batch_size=_BATCH, verbose=0)
        return list(found) if len(ends) > 1 else [found]

    return run


def observe(
    file: Path, folder: Path, layers: Sequence[str]
) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Samples, and what the code of each of ``layers`` makes of them."""
    return observed(_model(file, folder, trust=True), layers)


def _model(file: Path, folder: Path, *, trust: bool) -> Any:
    import keras

    keras.config.set_floatx("float64")
    _register()
    if trust:
        import_classes(file)
        keras.config.enable_unsafe_deserialization()
    copy = wide_copy(file, folder)
    return keras.models.load_model(copy, compile=False, safe_mode=not trust)


def _register() -> None:
    """HGQ2 registers its classes as it is imported."""
    try:
        import hgq.layers
    except ImportError:
        return
    assert hgq.layers


def _layer_of(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)


def _tensor(model: Any, name: str) -> Any:
    layer, call, tensor = name.rsplit(":", 2)
    return model.get_layer(layer)._inbound_nodes[int(call)].output_tensors[int(tensor)]
