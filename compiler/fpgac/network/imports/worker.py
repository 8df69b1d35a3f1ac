"""A framework's own process: ``python -m fpgac.network.imports.worker TASK FOLDER PIPE``."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
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
    request, runner, file = _request(folder)
    with _failures(request["framework"], file):
        run: Run = runner.load(file, folder, trust=request["trust"])
        for place, tensors in enumerate(request["jobs"]):
            with np.load(folder / f"inputs{place}.npz") as given:
                arrays = [given[f"arr_{each}"] for each in range(len(request["inputs"]))]
            found = run(dict(zip(request["inputs"], arrays, strict=True)), tensors)
            numbers = [np.asarray(array, np.float64) for array in found]
            np.savez(folder / f"answers{place}.npz", *numbers)


def observe(folder: Path) -> None:
    """``request.json`` to ``code0.npz``, ...: what layers that are code make of samples."""
    request, runner, file = _request(folder)
    with _failures(request["framework"], file):
        seen = runner.observe(file, folder, request["layers"])
        for place, (given, found) in enumerate(seen):
            np.savez(folder / f"code{place}.npz", given=given, found=found)


def unpickle(folder: Path) -> None:
    """``request.json`` to ``model.keras``: the model in a pickle."""
    from fpgac.network.imports.keras.unpickling import save_unpickled

    request = json.loads((folder / "request.json").read_text())
    file = Path(request["file"])
    with _failures(request["framework"], file):
        save_unpickled(file, folder / "model.keras")


def _request(folder: Path) -> tuple[Mapping[str, Any], ModuleType, Path]:
    """What is asked, what runs the framework, and the network's file."""
    request = json.loads((folder / "request.json").read_text())
    runner = import_module(f"fpgac.network.imports.{_RUNNERS[request['framework']]}")
    return request, runner, Path(request["file"])


@contextlib.contextmanager
def _failures(framework: str, file: Path) -> Iterator[None]:
    """Whatever goes wrong is a problem of the file's."""
    try:
        yield
    except FpgacError:
        raise
    except Exception as error:  # A framework fails with whatever it likes.
        raise NetworkError(
            Problem(
                f"{framework} cannot run the file",
                Where(file),
                got=f"{type(error).__name__}: {error}"[:2000],
                code="network.framework-failed",
            )
        ) from error


def main(task: str, folder: str, pipe: str) -> None:
    """Do ``task``; a problem that a user can fix goes into the pipe, all else to stderr."""
    end_with_parent()
    try:
        {"answer": answer, "observe": observe, "unpickle": unpickle}[task](Path(folder))
    except FpgacError as error:
        send_problems(int(pipe), error)


if __name__ == "__main__":
    main(*sys.argv[1:])
