"""The original of an imported network: its file, run by its own framework in a process of its own.

The process answers with the tensors that it is asked for, each in the file's own order of axes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.errors import Problem, ToolchainError, Where
from fpgac.network.keras.process import Worker, exchange, run_worker
from fpgac.network.network import Network

__all__ = ["FRAMEWORKS", "Original", "answers", "ask", "missing"]

Floats = npt.NDArray[np.float64]

# Of sums of many numbers, in double and in single precision.
_DOUBLE_ERROR = 1e-11
_SINGLE_ERROR = 2e-6

_WORKER = "fpgac.network.imports.worker"


@dataclass(frozen=True)
class Framework:
    """A framework: its process, the packages that it needs, and how to install them.

    ``float_error`` is the part of a number that its floats may be off by.
    """

    worker: Worker
    packages: tuple[str, ...]
    extra: str
    float_error: float = _DOUBLE_ERROR


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
    "onnxruntime": Framework(Worker("onnxruntime", _WORKER, {}), ("onnx", "onnxruntime"), "import"),
    "QONNX": Framework(Worker("QONNX", _WORKER, {}), ("onnx", "onnxruntime", "qonnx"), "import"),
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
    """

    framework: str
    file: str
    digest: str
    inputs: Mapping[str, str]
    origins: Mapping[str, str]
    outputs: Mapping[str, str]
    exact: tuple[str, ...]

    @classmethod
    def of(cls, network: Network) -> Original | None:
        """Where ``network`` comes from; None where fpgac trained it, or a plugin read it."""
        plain = network.provenance.get("original")
        return None if plain is None else cls(**{**plain, "exact": tuple(plain["exact"])})

    @property
    def float_error(self) -> float:
        """What the original's floats may be off by, as a part of the greatest number at hand."""
        return FRAMEWORKS[self.framework].float_error

    def plain(self) -> dict[str, Any]:
        """As plain data, for a network's provenance."""
        return {**asdict(self), "exact": list(self.exact)}

    def gives_exactly(self, network: Network) -> dict[str, bool]:
        """For each output whether it must be the original's to the last bit."""
        rounded: set[str] = set()
        for node in network.nodes:
            if node.name not in self.exact or rounded.intersection(node.inputs):
                rounded.add(node.name)
        return {output.name: output.node not in rounded for output in network.outputs}


def ask(
    network: Network, original: Original, file: Path, rows: Floats, tensors: Sequence[str]
) -> dict[str, Floats]:
    """The original's ``tensors`` for rows of the network's inputs, as rows: (samples, numbers).

    Raises:
        ToolchainError, NetworkError: as :func:`answers`.
    """
    inputs = network.input_layout.named(rows)
    found = answers(original, file, inputs, tensors)
    return {name: _rows(array) for name, array in found.items()}


def _rows(array: Floats) -> Floats:
    return array.reshape(len(array), -1)


def missing(framework: str) -> str:
    """What of a framework is not installed, and how to install it; empty if all of it is."""
    known = FRAMEWORKS[framework]
    lacking = [package for package in known.packages if find_spec(package) is None]
    if not lacking:
        return ""
    return f"{', '.join(lacking)} not installed: pip install 'fpgac[{known.extra}]'"


def answers(
    original: Original,
    file: Path,
    inputs: Mapping[str, Floats],
    tensors: Sequence[str],
    tell: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> dict[str, Floats]:
    """The original's ``tensors`` for samples of its inputs, by the network's names for these.

    Both have the shape (samples, \\*shape), in the file's own order of axes.

    Raises:
        ToolchainError: the framework is not installed.
        NetworkError: it refuses the file, or its process died.
    """
    if lacking := missing(original.framework):
        raise ToolchainError(
            Problem(
                f"{original.framework} cannot be asked for its answers",
                Where(file),
                got=lacking,
                code="toolchain.no-framework",
            )
        )
    framework = FRAMEWORKS[original.framework]
    wanted = list(dict.fromkeys(tensors))
    with exchange() as folder:
        request = {
            "framework": original.framework,
            "file": str(file.resolve()),
            "inputs": [original.inputs[name] for name in inputs],
            "tensors": wanted,
        }
        (folder / "request.json").write_text(json.dumps(request))
        np.savez(folder / "inputs.npz", *inputs.values())
        run_worker("answer", folder, tell, framework.worker)
        with np.load(folder / "answers.npz") as found:
            return {name: found[f"arr_{place}"] for place, name in enumerate(wanted)}
