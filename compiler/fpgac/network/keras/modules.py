"""TensorFlow, Keras 2 and QKeras. Only the worker process imports them.

QKeras 0.9 needs Keras 2, which TensorFlow 2.21 has as ``tf_keras`` when ``TF_USE_LEGACY_KERAS`` is
set; the switch is for a whole process, and so is Keras's default float type.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from fpgac.errors import Problem, ToolchainError
from fpgac.network.keras.qkeras import load_qkeras

__all__ = ["Keras", "load"]


@dataclass(frozen=True)
class Keras:
    """The modules, all untyped; ``prunable`` is the base of layers that pruning knows how to
    prune.
    """

    tf: Any
    keras: Any
    qkeras: Any
    sparsity: Any
    prunable: Any


def load() -> Keras:
    """Import TensorFlow, Keras 2, QKeras and its pruning.

    Raises:
        ToolchainError: one is not installed, or is broken.
    """
    try:
        import tf_keras

        sys.modules["keras"] = tf_keras
        import tensorflow
        import tensorflow_model_optimization
        from tensorflow_model_optimization.python.core.sparsity.keras.prunable_layer import (
            PrunableLayer,
        )

        qkeras = load_qkeras()
    except Exception as error:  # A broken package fails with whatever it likes.
        missing = isinstance(error, ModuleNotFoundError)
        what = "is not installed" if missing else "cannot be imported"
        raise ToolchainError(
            Problem(
                f"training needs TensorFlow and QKeras, of which something {what}",
                got=f"{type(error).__name__}: {error}",
                hint="pip install 'fpgac[train]'",
                code="toolchain.no-keras",
            )
        ) from error
    sparsity = tensorflow_model_optimization.sparsity.keras
    return Keras(tensorflow, tf_keras, qkeras, sparsity, PrunableLayer)
