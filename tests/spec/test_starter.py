"""The starter spec is valid as it is, and explains every key."""

from __future__ import annotations

import re
from pathlib import Path

from fpgac.spec.loader import load_spec
from fpgac.spec.starter import starter_spec


def test_a_starter_is_a_valid_spec(tmp_path: Path) -> None:
    path = tmp_path / "flower.toml"
    path.write_text(starter_spec("flower", ["aws-f1", "alveo-u250"]))
    spec = load_spec(path).spec
    assert spec.name == "flower"
    assert list(spec.targets) == ["aws-f1", "alveo-u250"]


def test_it_stays_valid_with_every_default_uncommented(tmp_path: Path) -> None:
    lines = starter_spec("flower", ["aws-f1"]).splitlines()
    bare = [re.sub(r"^# (?=[a-z_]+ = )", "", line) for line in lines]
    bare = [line.removeprefix("# ") if line == "# [training.pruning]" else line for line in bare]
    path = tmp_path / "flower.toml"
    path.write_text("\n".join(bare))
    spec = load_spec(path).spec
    assert spec.training.pruning is not None
    assert spec.targets == {"aws-f1": {"compute_units": 1}}
