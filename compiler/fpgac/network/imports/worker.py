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

# Gives the named tensors for samples of the inputs, by their names in the file.
Run = Callable[[Mapping[str, Any], list[str]], list[Any]]


def answer(folder: Path) -> None:
    """``request.json`` and ``inputs0.npz``, ... to ``answers0.npz``, ..."""
    request = json.loads((folder / "request.json").read_text())
    runner = import_module(f"fpgac.network.imports.{_RUNNERS[request['framework']]}")
    file = Path(request["file"])
    try:
        run: Run = runner.load(file, folder)
        for place, tensors in enumerate(request["jobs"]):
            with np.load(folder / f"inputs{place}.npz") as given:
                arrays = [given[f"arr_{each}"] for each in range(len(request["inputs"]))]
            found = run(dict(zip(request["inputs"], arrays, strict=True)), tensors)
            numbers = [np.asarray(array, np.float64) for array in found]
            np.savez(folder / f"answers{place}.npz", *numbers)
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


def main(task: str, folder: str, pipe: str) -> None:
    """Do ``task``; a problem that a user can fix goes into the pipe, all else to stderr."""
    end_with_parent()
    try:
        {"answer": answer}[task](Path(folder))
    except FpgacError as error:
        send_problems(int(pipe), error)


if __name__ == "__main__":
    main(*sys.argv[1:])
