"""The built-in data sets say what they look like before they are made."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from fpgac.data.dataset import Dataset, Provider
from fpgac.data.providers import BUILT_IN


class Line(Provider):
    name = "line"
    description = "points on y = x"
    version = "1"
    task = "regression"
    feature_names = ("x",)
    target_names = ("y",)

    def load(self, samples: int | None, seed: int) -> Dataset:
        x = np.random.default_rng(seed).uniform(-1, 1, (samples or 1000, 1))
        return Dataset(self.name, self.task, x, x, self.feature_names, self.target_names)


class LongerLine(Line):
    version = "2"


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_provider_says_what_its_data_look_like(name: str) -> None:
    source = BUILT_IN[name]()
    data = source.load(100, seed=1)
    assert (source.name, len(data)) == (name, 100)
    assert (data.name, data.task) == (source.name, source.task)
    assert (data.feature_names, data.target_names) == (source.feature_names, source.target_names)


def test_the_digest_is_that_of_name_version_and_columns() -> None:
    assert Line().digest == Line().digest
    assert len(
        {Line().digest, LongerLine().digest, *(p().digest for p in BUILT_IN.values())}
    ) == 2 + len(BUILT_IN)


def test_the_digest_is_the_same_in_another_process() -> None:
    code = "from fpgac.data.providers import BUILT_IN; print(BUILT_IN['muon']().digest)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert answer.stdout.strip() == BUILT_IN["muon"]().digest
