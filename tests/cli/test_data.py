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
    samples = tmp_path / "new" / "samples.npz"
    options = ("--export", samples, "--plot", tmp_path / "ranges.png")
    done = fpgac("--json", "data", specs / "iris.toml", *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ranges.png").read_bytes().startswith(b"\x89PNG")
    assert f"wrote {samples}, in the new folder {samples.parent}/\n" in done.stderr
    assert f"drew {tmp_path / 'ranges.png'}\n" in done.stderr
    with np.load(samples) as archive:
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


def test_init_starts_a_spec_from_samples(fpgac: Fpgac, specs: Path, tmp_path: Path) -> None:
    spec = tmp_path / "garden.toml"
    done = fpgac("--json", "init", spec, "--data", specs / "flowers.csv", "--target", "zcu102")

    assert done.returncode == 0, done.stderr
    result = {"spec": str(spec), "name": "garden", "targets": ["zcu102"]}
    assert json.loads(done.stdout)["result"] == result
    assert 'path = "specs/flowers.csv"  # 150 samples' in spec.read_text()
