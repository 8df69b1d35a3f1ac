"""What tests share: the command line, the specs, and one whole build of the quick one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from fpgac.network.network import (
    AveragePoolLayer,
    ConvLayer,
    DenseLayer,
    FlattenLayer,
    HardLayer,
    MaxPoolLayer,
    Network,
    ReluLayer,
)
from fpgac.numbers import FixedPoint, IntArray
from fpgac.spec.shapes import Padding

pytest_plugins = ["tests.drawing"]

ROOT = Path(__file__).parents[1]


def run_fpgac(
    *arguments: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does, in a process of its own."""
    command: Sequence[str] = (sys.executable, "-m", "fpgac", *map(str, arguments))
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.fixture(scope="session")
def fpgac() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line, as a function."""
    return run_fpgac


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    """A copy of the specs and their trained networks, to change at will."""
    return Path(shutil.copytree(ROOT / "specs", tmp_path / "specs"))


@pytest.fixture(scope="session")
def iris_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The iris network compiled for aws-f1 with everything real; tests must leave it as it is."""
    folder = tmp_path_factory.mktemp("builds") / "iris-aws-f1"
    done = run_fpgac("compile", ROOT / "specs" / "iris.toml", "--target", "aws-f1", "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def pictures() -> Network:
    """6 x 7 pixels of two channels: an odd padding, oblong kernels and pools, unequal strides."""
    layers = (
        _conv("first", (3, 2, 2, 4), (1, 1), "same"),
        ReluLayer("first_relu", FixedPoint.parse("ap_ufixed<6,2,RND_CONV,SAT>")),
        MaxPoolLayer("pool", (2, 1)),
        _conv("second", (2, 3, 4, 3), (1, 2), "valid"),
        MaxPoolLayer("pool_of_sums", (2, 3)),
        FlattenLayer("flat"),
        _dense("next", 3, 4),
        HardLayer("next_tanh", "tanh", FixedPoint.parse("ap_fixed<5,1,RND_CONV,SAT>")),
        _dense("last", 4, 5),
    )
    return Network("pictures", (6, 7, 2), FixedPoint.parse("ap_fixed<7,3,RND,SAT>"), layers)


@pytest.fixture(scope="session")
def sequences() -> Network:
    """23 places of three channels: steps that do not divide them, and means of whole sums."""
    layers = (
        _conv("first", (4, 3, 4), (2,), "same"),
        HardLayer("first_sigmoid", "sigmoid", FixedPoint.parse("ap_ufixed<6,0,RND_CONV,SAT>")),
        MaxPoolLayer("pool", (2,)),
        _conv("second", (1, 4, 2), (1,), "valid"),
        AveragePoolLayer("mean", (2,)),
        FlattenLayer("flat"),
        _dense("last", 6, 2),
    )
    return Network("sequences", (23, 3), FixedPoint.parse("ap_ufixed<8,2,RND,SAT>"), layers)


def _conv(
    name: str, shape: tuple[int, ...], strides: tuple[int, ...], padding: Padding
) -> ConvLayer:
    """Random words over the whole of their types; ``shape`` is (*kernel, channels, filters)."""
    return ConvLayer(*_words(name, shape), strides, padding)


def _dense(name: str, inputs: int, outputs: int) -> DenseLayer:
    return DenseLayer(*_words(name, (inputs, outputs)))


def _words(
    name: str, shape: tuple[int, ...]
) -> tuple[str, IntArray, FixedPoint, IntArray, FixedPoint]:
    random = np.random.default_rng(sum(shape))
    weight = FixedPoint.parse("ap_fixed<6,1,RND_CONV,SAT>")
    bias = FixedPoint.parse("ap_fixed<9,2,RND_CONV,SAT>")
    weights = random.integers(weight.lowest, weight.highest + 1, shape, np.int64)
    biases = random.integers(bias.lowest, bias.highest + 1, shape[-1], np.int64)
    return name, weights, weight, biases, bias
