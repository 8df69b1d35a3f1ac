"""The original of an imported network: its file, run by its own framework in a process of its own.

The process answers with the tensors that it is asked for, each in the file's own order of axes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.errors import Problem, ToolchainError, Where
from fpgac.network.exactness import bounds
from fpgac.network.keras.process import Worker, exchange, run_worker
from fpgac.network.network import Network
from fpgac.plain import from_plain, to_plain

__all__ = ["FRAMEWORKS", "Original", "ask", "missing", "require_installed"]

Floats = npt.NDArray[np.float64]

# Of sums of many numbers, in double and in single precision.
_DOUBLE_ERROR = 1e-11
_SINGLE_ERROR = 2e-6
_SINGLE_STEPS = 2.0**24

_WORKER = "fpgac.network.imports.worker"


@dataclass(frozen=True)
class Framework:
    """A framework: its process, the packages that it needs, and how to install them.

    ``float_error`` is the part of a number that its floats may be off by, and ``exact_steps`` are
    the steps of a grid up to which its sums are exact.
    """

    worker: Worker
    packages: tuple[str, ...]
    extra: str
    float_error: float = _DOUBLE_ERROR
    exact_steps: float = 2.0**53


FRAMEWORKS: Mapping[str, Framework] = {
    "Keras 2": Framework(
        Worker("Keras 2", _WORKER, {"TF_USE_LEGACY_KERAS": "1"}),
        ("tensorflow", "tf_keras"),
        "train",
    ),
    "QKeras": Framework(
        Worker("QKeras", _WORKER, {"TF_USE_LEGACY_KERAS": "1"}),
        ("tensorflow", "tf_keras", "qkeras"),
        "train",
    ),
    "Keras 3": Framework(
        Worker("Keras 3", _WORKER, {"KERAS_BACKEND": "tensorflow"}),
        ("tensorflow", "keras"),
        "import",
    ),
    "HGQ2": Framework(
        Worker("HGQ2", _WORKER, {"KERAS_BACKEND": "tensorflow"}),
        ("tensorflow", "keras", "hgq"),
        "import",
    ),
    "onnxruntime": Framework(
        Worker("onnxruntime", _WORKER, {}),
        ("onnx", "onnxruntime"),
        "import",
        _SINGLE_ERROR,
        _SINGLE_STEPS,
    ),
    "QONNX": Framework(
        Worker("QONNX", _WORKER, {}),
        ("onnx", "onnxruntime", "qonnx"),
        "import",
        _SINGLE_ERROR,
        _SINGLE_STEPS,
    ),
}


@dataclass(frozen=True)
class Original:
    """Where an imported network comes from, and how its nodes stand to it.

    Args:
        framework: one of :data:`FRAMEWORKS`.
        file: the file's name, beside the spec.
        digest: of the file's content.
        inputs: the original's names of the inputs, by the network's.
        origins: the original's tensors, by the nodes that give them.
        outputs: the original's tensors, by the network's outputs.
        exact: the nodes that give the original's very numbers, if they read the original's.
        axes: for tensors whose axes the network has in another order, which of the original's is
            each of the network's, the samples' not counted.
    """

    framework: str
    file: str
    digest: str
    inputs: Mapping[str, str]
    origins: Mapping[str, str]
    outputs: Mapping[str, str]
    exact: tuple[str, ...]
    axes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, network: Network) -> Original | None:
        """Where ``network`` comes from; None where fpgac trained it, or a plugin read it."""
        plain = network.provenance.get("original")
        return None if plain is None else from_plain(cls, plain)

    @property
    def float_error(self) -> float:
        """What the original's floats may be off by, as a part of the greatest number at hand."""
        return FRAMEWORKS[self.framework].float_error

    def plain(self) -> Any:
        """As plain data, for a network's provenance."""
        return to_plain(self)

    def gives_exactly(self, network: Network) -> dict[str, bool]:
        """For each output whether it must be the original's to the last bit."""
        rounded: set[str] = set()
        known = bounds(network)
        for node in network.nodes:
            steps = node.operation.steps(node.output, *(known[name] for name in node.inputs))
            held = steps < FRAMEWORKS[self.framework].exact_steps
            if node.name not in self.exact or not held or rounded.intersection(node.inputs):
                rounded.add(node.name)
        return {output.name: output.node not in rounded for output in network.outputs}


def missing(framework: str) -> str:
    """What of a framework is not installed, and how to install it; empty if all of it is."""
    known = FRAMEWORKS[framework]
    lacking = [package for package in known.packages if find_spec(package) is None]
    if not lacking:
        return ""
    return f"{', '.join(lacking)} not installed: pip install 'fpgac[{known.extra}]'"


def ask(
    network: Network,
    original: Original,
    file: Path,
    questions: Sequence[tuple[Floats, Sequence[str]]],
    *,
    trust: bool = False,
) -> list[dict[str, Floats]]:
    """What the original's framework makes of ``file``.

    Args:
        network: the imported network.
        original: where it comes from.
        file: the file that it comes from.
        questions: rows of the network's inputs, shape (samples, numbers), each with the names of
            the original's tensors that are asked for.
        trust: whether code in the file may run.

    Returns:
        For each question the tensors by name, as rows in the network's order of axes: (samples,
        numbers).

    Raises:
        ToolchainError: the framework is not installed.
        NetworkError: it refuses the file, or its process died.
    """
    require_installed(original.framework, file)
    jobs = [list(dict.fromkeys(tensors)) for _, tensors in questions]
    with exchange() as folder:
        names = [original.inputs[tensor.name] for tensor in network.inputs]
        request = {
            "framework": original.framework,
            "file": str(file.resolve()),
            "inputs": names,
            "jobs": jobs,
            "trust": trust,
        }
        (folder / "request.json").write_text(json.dumps(request))
        for place, (rows, _) in enumerate(questions):
            np.savez(folder / f"inputs{place}.npz", *network.input_layout.named(rows).values())
        run_worker("answer", folder, lambda _: None, FRAMEWORKS[original.framework].worker)
        return [
            _answers(original, folder / f"answers{place}.npz", tensors)
            for place, tensors in enumerate(jobs)
        ]


def require_installed(framework: str, file: Path) -> None:
    """Nothing, if all that ``framework`` needs is installed.

    Raises:
        ToolchainError: some is not.
    """
    if lacking := missing(framework):
        raise ToolchainError(
            Problem(
                f"{framework} cannot be asked for its answers",
                Where(file),
                got=lacking,
                code="toolchain.no-framework",
            )
        )


def _answers(original: Original, file: Path, tensors: Sequence[str]) -> dict[str, Floats]:
    """The tensors in the file that the framework's process wrote, as rows."""
    with np.load(file) as found:
        arrays = {name: found[f"arr_{place}"] for place, name in enumerate(tensors)}
    return {name: _rows(array, original.axes.get(name)) for name, array in arrays.items()}


def _rows(array: Floats, axes: Sequence[int] | None) -> Floats:
    ordered = array if axes is None else array.transpose(0, *(axis + 1 for axis in axes))
    return ordered.reshape(len(array), -1)
