"""How much memory data take, measured: a process that may not have more must get through."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FEATURES, SAMPLES = 50, 2_000_000
SPEC = f"""\
name = "large"

[data]
path = ["x.npy", "y.npy"]
features = "x"
labels = "y"
scaling = "standard"

[topology]
inputs = {FEATURES}
layers = [{{ kind = "dense", units = 1 }}]

[interface]
input = "ap_fixed<16,4>"

[targets.pynq-z2]
"""
# What a training does with data before Keras has them, and what fpgac data warns of.
PROGRAM = """\
import resource
from pathlib import Path
from fpgac.data.warnings import data_warnings
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.sources import Sources
from fpgac.plugins import load_plugins

plugins = load_plugins()
sources = Sources(check_spec(Path("large.toml"), plugins), plugins)
resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
layout = sources.spec.inputs.with_scaling(sources.fit_scaling())
assert not data_warnings(sources.split, layout)
numbers = layout.on_grid(sources.split.train.features)
assert numbers.dtype == "float32", numbers.dtype
assert abs(float(numbers[:, 0].std()) - 1) < 0.01
"""


def run(folder: Path, most: int) -> subprocess.CompletedProcess[str]:
    program = PROGRAM.replace("BYTES", str(most))
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.heavy  # 400 MB of data
def test_data_are_held_as_they_are_and_once_in_parts(tmp_path: Path) -> None:
    """Of a file of 400 MB two copies while it is split, and one more on the grid."""
    (tmp_path / "large.toml").write_text(SPEC)
    x = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
        tmp_path / "x.npy", "w+", np.float32, (SAMPLES, FEATURES)
    )
    random = np.random.default_rng(1)
    for first in range(0, SAMPLES, 100_000):
        piece = x[first : first + 100_000]
        piece[:] = np.clip(random.standard_normal(piece.shape, np.float32), -3, 3)
    np.save(tmp_path / "y.npy", x[:, 0])
    size = x.nbytes
    x.flush()
    del x
    done = run(tmp_path, 3 * size)
    assert done.returncode == 0, done.stderr
    assert "MemoryError" in run(tmp_path, size).stderr, "the limit holds"
