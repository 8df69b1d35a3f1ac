"""Keras 2 and QKeras with a file of theirs. Only the worker process imports this."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.files import is_saved_model, weights_beside
from fpgac.network.imports.keras.observing import import_classes, observed
from fpgac.network.imports.keras.savedmodel import read_saved_model
from fpgac.network.imports.keras.widening import wide_copy, widened, without_training
from fpgac.network.keras.modules import Keras
from fpgac.network.keras.modules import load as load_keras

__all__ = ["load", "observe"]

_BATCH = 1024


def load(
    file: Path, folder: Path, *, trust: bool
) -> Callable[[Mapping[str, Any], list[str]], list[Any]]:
    """What gives tensors, such as ``dense:0:0``, for samples of the inputs by their layers.

    Code in the file runs only where there is ``trust``.
    """
    k = load_keras()
    model = _model(k, file, folder, trust=trust)

    def run(inputs: Mapping[str, Any], tensors: list[str]) -> list[Any]:
        ends = [_tensor(model, name) for name in tensors]
        part = k.keras.Model(model.inputs, ends)
        given = [np.asarray(inputs[name], np.float64) for name in model.input_names]
        found = part.predict(given if len(given) > 1 else given[0], batch_size=_BATCH, verbose=0)
        return list(found) if len(ends) > 1 else [found]

    return run


def observe(
    file: Path, folder: Path, layers: Sequence[str]
) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Samples, and what the code of each of ``layers`` makes of them."""
    return observed(_model(load_keras(), file, folder, trust=True), layers)


def _model(k: Keras, file: Path, folder: Path, *, trust: bool) -> Any:
    k.keras.backend.set_floatx("float64")
    if trust:
        import_classes(file)
        k.keras.config.enable_unsafe_deserialization()
    objects = _objects(k)
    if is_saved_model(file):
        return _saved_model(k, file, objects)
    if file.suffix != ".json":
        copy = wide_copy(file, folder)
        return k.keras.models.load_model(copy, custom_objects=objects, compile=False)
    model = _built(k, widened(json.loads(file.read_text(encoding="utf-8"))), objects)
    model.load_weights(weights_beside(file))
    return model


def _built(k: Keras, config: Any, objects: dict[str, Any]) -> Any:
    """The layers alone, with the weights that Keras starts them with."""
    return k.keras.models.model_from_json(json.dumps(config), custom_objects=objects)


def _saved_model(k: Keras, folder: Path, objects: dict[str, Any]) -> Any:
    """The layers of a SavedModel, with TensorFlow's checkpoint in them: none of its functions.

    A checkpoint goes into variables of its own types alone, so that there are two models.
    """
    config = {"keras_version": "2", **read_saved_model(folder).model}
    with _precision(k, "float32"):
        single = _built(k, without_training(config), objects)
    single.load_weights(str(folder / "variables" / "variables")).expect_partial()
    model = _built(k, widened(config), objects)
    model.set_weights(single.get_weights())
    return model


def _objects(k: Keras) -> dict[str, Any]:
    """QKeras's classes, and those of its pruning; its quantisers work in double precision, too."""
    from qkeras.utils import _add_supported_quantized_objects
    from tensorflow_model_optimization.python.core.sparsity.keras import pruning_wrapper

    objects: dict[str, Any] = {"PruneLowMagnitude": pruning_wrapper.PruneLowMagnitude}
    _add_supported_quantized_objects(objects)
    quantisers = k.qkeras.quantizers
    quantisers.quantized_relu.__call__ = _relu_of(k)
    for kind in _SINGLE:
        quantiser = getattr(quantisers, kind)
        quantiser.__call__ = _in_single_precision(k, quantiser.__call__)
    return objects


# Quantisers that may choose a scale by the weights, which QKeras does in single precision alone.
_SINGLE = ("quantized_bits", "quantized_po2", "binary", "ternary")


def _in_single_precision(k: Keras, plain: Callable[[Any, Any], Any]) -> Any:
    """What quantises weights, which a file has in single precision, where that has a scale."""

    def call(self: Any, x: Any) -> Any:
        if not isinstance(getattr(self, "alpha", "auto"), str):
            return plain(self, x)
        with _precision(k, "float32"):
            return k.tf.cast(plain(self, k.tf.cast(x, "float32")), "float64")

    return call


@contextlib.contextmanager
def _precision(k: Keras, name: str) -> Iterator[None]:
    """Keras's own type of floats, for a while."""
    usual = k.keras.backend.floatx()
    k.keras.backend.set_floatx(name)
    try:
        yield
    finally:
        k.keras.backend.set_floatx(usual)


def _relu_of(k: Keras) -> Any:
    """``quantized_relu`` turns its operand into a float32, which ``quantized_bits`` does not."""

    def call(self: Any, x: Any) -> Any:
        bits = k.qkeras.quantized_bits(self.bits, self.integer, keep_negative=False, alpha=1)
        return bits(x)

    return call


def _tensor(model: Any, name: str) -> Any:
    layer, call, tensor = name.rsplit(":", 2)
    made = model.get_layer(layer).get_output_at(int(call))
    return made[int(tensor)] if isinstance(made, list | tuple) else made
