"""``docs/data.md`` does what it says: its files are written, and its commands run, in order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final, get_args

import numpy as np
import pytest

from fpgac.data.files.opening import SUFFIXES
from fpgac.data.providers import BUILT_IN
from fpgac.decoding import Decoding
from fpgac.pipeline.checking import check_spec
from fpgac.spec.models import ScalingKind

PAGE: Final = (Path(__file__).resolve().parents[1] / "docs" / "data.md").read_text()
FENCE: Final = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
TITLED: Final = {title: text for _, title, text in FENCE.findall(PAGE) if title}
QUICK, SLOW = (
    [line.removeprefix("$ ") for line in text.splitlines()]
    for language, _, text in FENCE.findall(PAGE)
    if language == "console"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's files, after its quick commands."""
    folder = tmp_path_factory.mktemp("data")
    for title, text in TITLED.items():
        (folder / title).write_text(text)
    for command in QUICK:
        run(folder, command)
    return folder


def run(folder: Path, command: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        shlex.split(command),
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_spec_is_sound_and_the_samples_are_there(folder: Path) -> None:
    assert check_spec(folder / "tumour.toml").spec.name == "tumour"
    with np.load(folder / "samples.npz") as archive:
        assert archive["x_train"].shape[1] == 30
        assert len(archive["y_train"]) + len(archive["y_test"]) == 569
    assert (folder / "ranges.png").is_file()


@pytest.mark.heavy  # it trains
def test_the_network_is_trained_and_judged(folder: Path) -> None:
    for command in SLOW:
        said = run(folder, command)
    area = re.search(r"diagnosis: area under the ROC curve (\S+)", said)
    assert area is not None
    assert float(area[1]) > 0.95


def test_all_kinds_of_files_and_scalings_are_told() -> None:
    assert [suffix for suffix in SUFFIXES if f"`{suffix}`" not in PAGE] == []
    assert [kind for kind in get_args(ScalingKind) if f'`"{kind}"`' not in PAGE] == []


def test_every_decoding_of_the_page_is_one() -> None:
    section = PAGE.partition("## What results mean")[2]
    told = re.findall(r'`"([^"]+)"`', section)
    assert {Decoding.parse(text).kind for text in told} == {
        *("exponential", "linear", "sigmoid", "softmax", "argmax")
    }


def test_the_sources_by_name_are_built_in() -> None:
    (line,) = (line for line in PAGE.splitlines() if "are sources by name" in line)
    names = re.findall(r"`(\w+)`", line)
    assert len(names) == 5
    assert set(names) <= set(BUILT_IN)
