"""The process that Keras runs in: ``python -m fpgac.network.keras.worker TASK FOLDER PIPE``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import fpgac
from fpgac.errors import FpgacError
from fpgac.network.file import read_network, write_network
from fpgac.network.keras.process import end_with_parent, send, send_problems
from fpgac.network.network import Network, Node, Recording
from fpgac.network.provenance import training_digest
from fpgac.spec.models import Spec

_PACKAGES = ("tensorflow", "tf_keras", "qkeras", "tensorflow-model-optimization", "numpy")


def train(folder: Path, pipe: int) -> None:
    """``spec.json``, ``features.npy``, ``targets.npy``, ``record.npy`` to ``network.json``.

    With ``judged.npy``, raw words, also to ``quantised.npy`` and ``float.npy``: what the quantised
    model answers to them, and one that is trained with nothing quantised. ``job.json`` says where
    checkpoints are.
    """
    from dataclasses import replace

    from fpgac.network.keras.model import exact_outputs
    from fpgac.network.keras.modules import load
    from fpgac.network.keras.training import Trained, fit, fit_float

    k = load()
    spec = Spec.model_validate_json((folder / "spec.json").read_bytes())
    job = json.loads((folder / "job.json").read_bytes())
    kept = {kind: Path(path) for kind, path in job["checkpoints"].items()}
    # Mapped: each part of the data that is used is a copy already.
    data = (np.load(folder / "features.npy", mmap_mode="r"), np.load(folder / "targets.npy"))
    words = np.load(folder / "record.npy")
    trained: Trained = fit(k, spec, *data, lambda event: send(pipe, event), kept.get("quantised"))
    network = replace(
        trained.network,
        recording=Recording(words, exact_outputs(k, trained.network, words)),
        provenance=_provenance(spec, trained),
    )
    write_network(network, folder / "network.json")
    if (folder / "judged.npy").is_file():
        judged = np.load(folder / "judged.npy")
        np.save(folder / "quantised.npy", exact_outputs(k, network, judged))

        def emit(event: Mapping[str, Any]) -> None:
            send(pipe, {**event, "model": "float"})

        model = fit_float(k, spec, *data, emit, kept.get("float"))
        np.save(folder / "float.npy", model.outputs(network.input_layout.number(judged)))


def _provenance(spec: Spec, trained: Any) -> dict[str, Any]:
    network: Network = trained.network
    return {
        "training_digest": training_digest(spec),
        "fpgac": fpgac.__version__,
        "packages": {name: version(name) for name in _PACKAGES},
        "seed": spec.training.seed,
        "samples": trained.samples,
        "epochs": spec.training.epochs,
        "best_epoch": trained.epoch,
        "loss": trained.loss,
        "val_loss": trained.val_loss,
        "sparsity": {node.name: round(_sparsity(node), 4) for node in network.weighted},
    }


def _sparsity(node: Node) -> float:
    """The part of a node's weights that is zero."""
    return float(np.mean(node.operation.products == 0))


def answer(folder: Path, pipe: int) -> None:
    """``network.json`` and ``words.npy`` to the quantised Keras model's ``outputs.npy``."""
    from fpgac.network.keras.model import exact_outputs
    from fpgac.network.keras.modules import load

    network = read_network(folder / "network.json")
    outputs = exact_outputs(load(), network, np.load(folder / "words.npy"))
    np.save(folder / "outputs.npy", outputs)


_TASKS = {"train": train, "answer": answer}


def main(task: str, folder: str, pipe: str) -> None:
    """Do ``task``; a problem that a user can fix goes into the pipe, all else to stderr."""
    end_with_parent()
    try:
        _TASKS[task](Path(folder), int(pipe))
    except FpgacError as error:
        send_problems(int(pipe), error)


if __name__ == "__main__":
    main(*sys.argv[1:])
