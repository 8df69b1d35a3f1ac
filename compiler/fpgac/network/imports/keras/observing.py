"""What the code of a Keras model's layers makes of samples. Only the worker process imports this.

It runs what the author of a file wrote: only for files that the user trusts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.keras.containers import read_keras
from fpgac.network.imports.keras.widening import without_training

__all__ = ["import_classes", "let_import_beside", "observed"]

_SAMPLES = 64
# Wide enough for both ends of a ReLU6.
_SPREAD = 4.0


def let_import_beside(file: Path) -> None:
    """Modules beside ``file`` can be imported, after those that are installed."""
    sys.path.append(str(file.parent))


def import_classes(file: Path) -> None:
    """Import the modules that ``file`` names for its classes, which register them with Keras."""
    let_import_beside(file)
    for module in sorted(set(_modules(without_training(read_keras(file).model)))):
        import_module(module)


def _modules(config: Any) -> Iterator[str]:
    match config:
        case {"module": str(module), "registered_name": str()} if module != "__main__":
            yield module
    inner = config.values() if isinstance(config, dict) else config
    for value in inner if isinstance(config, dict | list) else ():
        yield from _modules(value)


def observed(
    model: Any, layers: Sequence[str]
) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Samples for each of ``layers``, which read one tensor, and what it makes of them."""
    random = np.random.default_rng(1)
    for name in layers:
        layer = model.get_layer(name)
        given = random.normal(size=(_SAMPLES, *layer.input.shape[1:])) * _SPREAD
        yield given, np.asarray(layer(given), np.float64)
