"""``fpgac data``, as users call it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np

Fpgac = Callable[..., subprocess.CompletedProcess[str]]


def test_the_samples_are_written_with_their_answers(
    fpgac: Fpgac, specs: Path, tmp_path: Path
) -> None:
    options = ("--export", tmp_path / "samples.npz", "--plot", tmp_path / "ranges.png")
    done = fpgac("--json", "data", specs / "iris.toml", *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ranges.png").read_bytes().startswith(b"\x89PNG")
    with np.load(tmp_path / "samples.npz") as archive:
        shapes = {name: archive[name].shape for name in archive.files}
        features = np.concatenate([archive["x_train"], archive["x_test"]])
    assert shapes == {
        "x_train": (105, 4),
        "y_train": (105, 3),
        "x_test": (45, 4),
        "y_test": (45, 3),
    }
    result = json.loads(done.stdout)["result"]
    assert [feature["lowest"] for feature in result["features"]] == features.min(axis=0).tolist()
    assert [target["samples"] for target in result["targets"]] == [50, 50, 50]
    assert (result["task"], result["warnings"]) == ("classification", [])
