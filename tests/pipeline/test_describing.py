"""The samples of a spec as a file, from which they are read again as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fpgac.data.files.provider import FileProvider
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.describing import SpecData
from fpgac.pipeline.sources import Sources
from fpgac.plugins import load_plugins
from fpgac.spec.models import DataSection

SPECS = Path(__file__).parents[2] / "specs"


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        ('source = "iris"', ("label",)),
        ('source = "diabetes"', ("progression",)),
    ],
)
def test_a_csv_holds_the_samples_to_the_last_bit(
    tmp_path: Path, data: str, labels: tuple[str, ...]
) -> None:
    spec = tmp_path / "net.toml"
    spec.write_text(
        f'name = "net"\nnetwork = "net.network.json"\n[data]\n{data}\n[targets.aws-f1]\n'
    )
    plugins = load_plugins()
    file = check_spec(spec, plugins)
    SpecData(file, plugins).export(tmp_path / "samples.csv")

    parts = Sources(file, plugins).split
    given = DataSection(source="file", path="samples.csv", labels=labels)
    read = FileProvider(given, parts.train.task, tmp_path).load(None, 0)
    assert read.feature_names == parts.train.feature_names
    for key in ("features", "targets"):
        whole = np.concatenate([getattr(part, key) for part in (parts.train, parts.test)])
        assert np.array_equal(getattr(read, key), whole)


def test_the_flowers_of_the_imported_spec_are_fishers() -> None:
    plugins = load_plugins()
    whole = [
        np.concatenate([np.c_[part.features, part.targets] for part in (split.train, split.test)])
        for spec in ("flowers.toml", "iris.toml")
        for split in [Sources(check_spec(SPECS / spec, plugins), plugins).split]
    ]
    flowers, iris = (rows[np.lexsort(rows.T)] for rows in whole)

    assert np.array_equal(flowers, iris)
