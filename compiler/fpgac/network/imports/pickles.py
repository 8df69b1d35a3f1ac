"""Pickled models: opening one runs what its author wrote, so that only a user's trust does it.

What is in it is saved as a file that needs no trust, and is a network like others from then on.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.imports.files import PICKLES
from fpgac.network.imports.original import FRAMEWORKS, require_installed
from fpgac.network.keras.process import exchange, run_worker

__all__ = ["KERAS_PICKLES", "is_pickle", "refuse_pickle", "save_unpickled"]

# In which a model of Keras may lie; PyTorch's do not say the shape of what goes in.
KERAS_PICKLES = (".pkl", ".pickle", ".joblib")

_FRAMEWORK = "Keras 3"


def is_pickle(path: Path) -> bool:
    """Whether ``path`` is a pickle, by its name."""
    return path.suffix.lower() in PICKLES


def refuse_pickle(path: Path) -> NetworkError:
    """What is said of the pickle at ``path`` where it is not trusted, or cannot be opened."""
    suffix = path.suffix.lower()
    hint = f"open it with {PICKLES[suffix]}"
    if suffix in KERAS_PICKLES:
        hint += (
            f"; or 'fpgac import {path.name} --trust' does so for a Keras model, and runs "
            "what the file says with all your rights: only if you trust its author"
        )
    what = "the file is a pickle, whose program code is not executed"
    return NetworkError(Problem(what, Where(path), hint=hint, code="network.pickle"))


def save_unpickled(path: Path, to: Path) -> None:
    """Open the pickle at ``path``, which the user trusts, and save the model in it as ``to``.

    Raises:
        NetworkError: it holds no model of Keras's, or its code fails.
        ToolchainError: Keras is not installed.
    """
    if path.suffix.lower() not in KERAS_PICKLES:
        raise refuse_pickle(path)
    require_installed(_FRAMEWORK, path)
    with exchange() as folder:
        request = {"framework": _FRAMEWORK, "file": str(path.resolve())}
        (folder / "request.json").write_text(json.dumps(request))
        run_worker("unpickle", folder, lambda _: None, FRAMEWORKS[_FRAMEWORK].worker)
        shutil.copyfile(folder / "model.keras", to)
