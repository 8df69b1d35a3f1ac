"""Real files of each framework, made once by the framework itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.network.imports import onnx_files

_SWITCHES = {"old": {"TF_USE_LEGACY_KERAS": "1"}, "new": {"KERAS_BACKEND": "tensorflow"}}


def made(kind: str, factory: pytest.TempPathFactory) -> Path:
    folder = factory.mktemp(kind)
    script = Path(__file__).with_name("keras_files.py")
    environment = {**os.environ, **_SWITCHES[kind], "CUDA_VISIBLE_DEVICES": "-1"}
    command = [sys.executable, str(script), kind, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="session")
def old_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of Keras 2 and QKeras."""
    return made("old", tmp_path_factory)


@pytest.fixture(scope="session")
def new_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of Keras 3 and HGQ2."""
    return made("new", tmp_path_factory)


@pytest.fixture(scope="session")
def onnx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ONNX and QONNX files."""
    folder = tmp_path_factory.mktemp("onnx")
    for name in onnx_files.FILES:
        onnx_files.FILES[name](folder / f"{name}.onnx")
    return folder
