"""A framework's own process: ``python -m fpgac.network.imports.worker TASK FOLDER PIPE``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from fpgac.errors import FpgacError, NetworkError, Problem, Where
from fpgac.network.keras.process import end_with_parent, send_problems

# The module that runs each framework's files, with a function ``answer``.
_RUNNERS: Mapping[str, str] = {
    "Keras 2": "keras.running_old",
    "QKeras": "keras.running_old",
    "Keras 3": "keras.running_new",
    "HGQ2": "keras.running_new",
    "onnxruntime": "onnx.running",
    "QONNX": "onnx.running",
}

Answer = Callable[[Path, Mapping[str, Any], list[str], Path], list[Any]]


def answer(folder: Path) -> None:
    """``request.json`` and ``inputs.npz`` to ``answers.npz``."""
    request = json.loads((folder / "request.json").read_text())
    with np.load(folder / "inputs.npz") as given:
        arrays = [given[f"arr_{place}"] for place in range(len(request["inputs"]))]
    inputs = dict(zip(request["inputs"], arrays, strict=True))
    runner = import_module(f"fpgac.network.imports.{_RUNNERS[request['framework']]}")
    run: Answer = runner.answer
    file = Path(request["file"])
    try:
        found = run(file, inputs, request["tensors"], folder)
    except FpgacError:
        raise
    except Exception as error:  # A framework fails with whatever it likes.
        raise NetworkError(
            Problem(
                f"{request['framework']} cannot run the file",
                Where(file),
                got=f"{type(error).__name__}: {error}"[:2000],
                code="network.framework-failed",
            )
        ) from error
    np.savez(folder / "answers.npz", *(np.asarray(array, np.float64) for array in found))


def main(task: str, folder: str, pipe: str) -> None:
    """Do ``task``; a problem that a user can fix goes into the pipe, all else to stderr."""
    end_with_parent()
    try:
        {"answer": answer}[task](Path(folder))
    except FpgacError as error:
        send_problems(int(pipe), error)


if __name__ == "__main__":
    main(*sys.argv[1:])
