"""Plots: real pictures, the same for the same figures, whole or not at all."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.errors import BuildError, ToolchainError
from fpgac.reports.plots import confusion_png, resolution_png, write_png
from fpgac.reports.resolution import Classification, Estimates
from tests.problems import coded

BLUE, VERMILION = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
MATRIX = Classification(("cat", "dog", "emu"), ((40, 2, 0), (3, 37, 1), (0, 0, 17)))


def estimates(**changes: Any) -> Estimates:
    """A network twice as precise as its baseline."""
    generator = np.random.default_rng(1)
    truth = np.exp(generator.uniform(np.log(3), np.log(200), 20_000))
    by = {
        "network": truth * (1 + generator.normal(0, 0.1, truth.shape)),
        "look-up tables": truth * (1 + generator.normal(0, 0.2, truth.shape)),
    }
    values: dict[str, Any] = {
        "name": "transverse momentum",
        "symbol": r"$p_\mathrm{T}$",
        "unit": "GeV",
        "truth": truth,
        "by": by,
        "edges": (3.0, 10.0, 30.0, 200.0),
        "threshold": 20.0,
    }
    return Estimates(**values | changes)


def pixels(png: bytes) -> npt.NDArray[np.uint8]:
    """Shape (height, width, 3)."""
    from matplotlib.image import imread

    return np.asarray(np.rint(imread(io.BytesIO(png))[..., :3] * 255), dtype=np.uint8)


def area(png: bytes, colour: tuple[int, int, int]) -> int:
    """How many pixels have just this colour."""
    return int((pixels(png) == colour).all(axis=2).sum())


def test_where_estimates_end_no_resolution_is_drawn() -> None:
    """The shaded last bin has no point, which would fall."""
    clipped = {name: np.clip(each, 3, 200) for name, each in estimates().by.items()}
    edges = (3.5, 10.0, 30.0, 100.0, 170.0, 200.0)
    open_, ended = (
        resolution_png(estimates(by=clipped, edges=edges, limits=limits, threshold=None))
        for limits in (None, (3.0, 200.0))
    )
    shade = (0xE6, 0xE6, 0xE6)
    assert area(open_, shade) < 200  # text
    assert area(ended, shade) > 1000
    assert area(ended, BLUE) < area(open_, BLUE)


@pytest.fixture(scope="module")
def plot() -> bytes:
    return resolution_png(estimates())


def test_network_and_baseline_are_both_drawn(plot: bytes) -> None:
    assert area(plot, BLUE) > 1000
    assert area(plot, VERMILION) > 1000
    alone = resolution_png(estimates(by={"network": estimates().by["network"]}))
    assert area(alone, VERMILION) == 0


def test_a_threshold_adds_the_turn_on(plot: bytes) -> None:
    assert pixels(plot).shape == (660, 2160, 3)
    assert pixels(resolution_png(estimates(threshold=None))).shape == (660, 1440, 3)


def test_a_perfect_estimate_can_be_drawn() -> None:
    truth = estimates().truth
    assert area(resolution_png(estimates(by={"network": truth}, threshold=None)), BLUE) > 100


def test_bins_without_samples_are_left_out() -> None:
    assert area(resolution_png(estimates(edges=(1.0, 2.0, 3.0, 200.0))), BLUE) > 1000


def test_the_confusion_matrix_is_darkest_on_its_diagonal() -> None:
    picture = pixels(confusion_png(MATRIX)).astype(int).sum(axis=2)
    assert ((picture < 200) & (picture > 0)).sum() > 3000  # dark blue, not the black text
    swapped = Classification(("cat", "dog"), ((0, 9), (9, 0)))
    assert confusion_png(swapped) != confusion_png(Classification(("cat", "dog"), ((9, 0), (0, 9))))


def test_equal_figures_give_equal_bytes(plot: bytes) -> None:
    assert resolution_png(estimates()) == plot
    assert confusion_png(MATRIX) == confusion_png(MATRIX)


def test_neither_settings_nor_the_clock_show(tmp_path: Path) -> None:
    """Another process, another year, and a user with a taste of their own."""
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 30\naxes.grid: True\n")
    code = (
        "import sys; from fpgac.reports.plots import confusion_png\n"
        "from fpgac.reports.resolution import Classification\n"
        f"sys.stdout.buffer.write(confusion_png({MATRIX!r}))"
    )
    environment = os.environ | {"MATPLOTLIBRC": str(tmp_path), "SOURCE_DATE_EPOCH": "1"}
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env=environment
    )
    assert other.stdout == confusion_png(MATRIX)


def test_drawing_leaves_the_users_settings_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    confusion_png(MATRIX)
    assert dict(matplotlib.rcParams) == before


def test_a_picture_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "confusion.png"
    write_png(path, b"before")
    write_png(path, confusion_png(MATRIX))
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [file.name for file in path.parent.iterdir()] == ["confusion.png"]


def test_where_nothing_can_be_written_nothing_is_lost(tmp_path: Path) -> None:
    """There is a file where the folder should be."""
    (tmp_path / "reports").write_text("mine")
    with pytest.raises(BuildError, match="cannot write"):
        write_png(tmp_path / "reports" / "confusion.png", b"picture")
    assert (tmp_path / "reports").read_text() == "mine"


def test_without_matplotlib_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ToolchainError, check=coded("toolchain.no-matplotlib")):
        confusion_png(MATRIX)
