"""A kernel's C++ called in a process of its own, without XRT: quick, for many samples."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fpgac.emulation.failures import signal_name
from fpgac.engines import kernel_child
from fpgac.errors import EmulationError, Problem, Where

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["simulate_kernel"]

_TAIL_LINES: Final = 15


def simulate_kernel(
    library: Path,
    kernel: str,
    inputs: NDArray[Any],
    output_shape: Sequence[int],
    output_dtype: DTypeLike,
    *,
    timeout: float = 600.0,
) -> NDArray[Any]:
    """The results of ``kernel(x, y, n_samples)`` over all rows of ``inputs``.

    The kernel is an ``extern "C" void (const WORD* x, WORD* y, unsigned int n_samples)`` in the
    shared library. ``inputs`` has the shape (n_samples, ...): each row is a sample as it lies in
    the card's memory. The result has ``output_shape``, likewise (n_samples, ...). ``timeout`` is
    in seconds.

    The kernel runs between guarded pages in a child process, so whatever it does is an error here
    and no crash; KeyboardInterrupt ends the child.

    Raises:
        EmulationError: the library or the function is missing, or the kernel crashed or hung.
    """
    import numpy as np

    rows, shape, dtype = np.ascontiguousarray(inputs), tuple(output_shape), np.dtype(output_dtype)
    samples = rows.shape[0] if rows.ndim else 0
    if not shape or shape[0] != samples:
        raise ValueError(f"output_shape must begin with the {samples} samples, not be {shape}")
    if samples == 0:
        return np.zeros(shape, dtype)
    output_bytes = int(np.prod(shape)) * dtype.itemsize
    try:
        with tempfile.TemporaryDirectory(prefix="fpgac-simulation-") as folder:
            task = kernel_child.Task(
                library=str(Path(library).resolve()),
                kernel=kernel,
                samples=samples,
                inputs=str(Path(folder, "inputs")),
                input_bytes=rows.nbytes,
                outputs=str(Path(folder, "outputs")),
                output_bytes=output_bytes,
            )
            rows.tofile(task.inputs)
            _run(task, timeout)
            result: NDArray[Any] = np.fromfile(task.outputs, dtype).reshape(shape)
            return result
    except OSError as error:
        raise EmulationError(
            Problem(
                "the simulation cannot write its files",
                got=str(error),
                hint=f"make room in {tempfile.gettempdir()}, or name another folder in TMPDIR",
            )
        ) from error


def _run(task: kernel_child.Task, timeout: float) -> None:
    # Without site packages the child starts in a fiftieth of a second; it needs none.
    command = [sys.executable, "-I", "-S", kernel_child.__file__, json.dumps(task._asdict())]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as child:
        try:
            log, _ = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            log, _ = child.communicate()
            what = f"kernel {task.kernel} did not end within {timeout:g} seconds"
            hint = "give it more time, or look for a loop that waits for a stream"
            raise _error(task, what, log, hint) from None
        except BaseException:
            child.kill()
            raise
    if child.returncode != 0:
        raise _failure(task, child.returncode, log)


def _failure(task: kernel_child.Task, returncode: int, log: str) -> EmulationError:
    if returncode == kernel_child.CANNOT_CALL:
        return _error(task, f"kernel {task.kernel} cannot be called", log, "compile it again")
    cause = f"exit code {returncode}" if returncode > 0 else signal_name(-returncode)
    what = f"kernel {task.kernel} crashed in the simulation of {task.samples} samples: {cause}"
    hint = "the kernel's C++ reads or writes where it must not: look at its sizes"
    return _error(task, what, log, hint)


def _error(task: kernel_child.Task, what: str, log: str, hint: str) -> EmulationError:
    tail = "\n".join(log.strip().splitlines()[-_TAIL_LINES:])
    return EmulationError(Problem(what, Where(file=Path(task.library)), got=tail, hint=hint))
