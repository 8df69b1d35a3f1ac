"""An emulation holds few samples at a time where each is many numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fpgac.pipeline import emulating
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.emulating import SpecEmulation
from fpgac.plugins import load_plugins


def test_samples_of_many_numbers_come_in_smaller_batches(
    specs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "x.npy", np.ones((20, 4), np.float32))
    plugins = load_plugins()
    file = check_spec(specs / "iris.toml", plugins)
    emulation, heard = SpecEmulation(file, plugins, tmp_path / "x.npy"), list[int]()
    whole = emulation.trace()
    monkeypatch.setattr(emulating, "NUMBERS", 40)
    emulation.write(tmp_path / "y.npy", progress=lambda done, of: heard.append(done))
    assert heard == [10, 20]
    heard.clear()
    assert emulation.trace(progress=lambda done, of: heard.append(done)) == whole
    assert heard == list(range(1, 21))
