"""A build for a Zynq board, with few samples."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.compiling import Report, Request, compile_spec
from fpgac.plugins import load_plugins

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture(scope="session")
def zynq_build(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The iris network compiled for the pynq-z2; its spec lies beside the build folder."""
    folder = tmp_path_factory.mktemp("zynq")
    shutil.copy(SPECS / "iris.network.json", folder)
    text, _, _ = (SPECS / "iris.toml").read_text().partition("[targets.")
    few = text.replace("random = 12000", "random = 500")
    (folder / "iris.toml").write_text(f"{few}[targets.pynq-z2]\nclock_mhz = 100.0\n")
    plugins = load_plugins()
    file = check_spec(folder / "iris.toml", plugins)
    return compile_spec(Request(file, "pynq-z2", folder / "build"), plugins)
