"""What tests share: the command line, the specs, and one whole build of the quick one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from fpgac.build.cache import CACHE_VARIABLE
from fpgac.network.network import Network
from fpgac.network.ops.arrangement import Flatten
from fpgac.network.ops.convolution import Convolution
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.pooling import Pooling
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.squash import Squash
from fpgac.numbers import FixedPoint, IntArray
from fpgac.spec.shapes import Padding
from fpgac.tensors import Tensor

pytest_plugins = ["tests.drawing"]
# Packages of their own: tests/plugins/test_strangers.py installs them and runs their tests.
collect_ignore = ["strangers"]

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--rewrite``: see tests/cli/test_golden.py."""
    parser.addoption("--rewrite", action="store_true", help="write golden files anew")


def run_fpgac(
    *arguments: str | Path, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does, in a process of its own."""
    command: Sequence[str] = (sys.executable, "-m", "fpgac", *map(str, arguments))
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache, and a key for seals, of this run's own, which its workers share: no test depends on
    an earlier run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(shared / "cache"))
        patch.setenv("XDG_STATE_HOME", str(shared / "state"))
        yield shared / "cache"


@pytest.fixture
def new_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, for tests that look at what is made and what is taken from it."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


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
    operations = [
        ("first", _convolution((3, 2, 2, 4), (1, 1), "same")),
        ("first_relu", Relu(FixedPoint.parse("ap_ufixed<6,2,RND_CONV,SAT>"))),
        ("pool", Pooling((2, 1), is_mean=False)),
        ("second", _convolution((2, 3, 4, 3), (1, 2), "valid")),
        ("pool_of_sums", Pooling((2, 3), is_mean=False)),
        ("flat", Flatten()),
        ("next", _dense(3, 4)),
        ("next_tanh", Squash.of_bits("tanh", 5)),
        ("last", _dense(4, 5)),
    ]
    entry = Tensor("x", (6, 7, 2), FixedPoint.parse("ap_fixed<7,3,RND,SAT>"))
    return Network.chain("pictures", entry, operations)


@pytest.fixture(scope="session")
def sequences() -> Network:
    """23 places of three channels: steps that do not divide them, and means of whole sums."""
    operations = [
        ("first", _convolution((4, 3, 4), (2,), "same")),
        ("first_sigmoid", Squash.of_bits("sigmoid", 6)),
        ("pool", Pooling((2,), is_mean=False)),
        ("second", _convolution((1, 4, 2), (1,), "valid")),
        ("mean", Pooling((2,), is_mean=True)),
        ("flat", Flatten()),
        ("last", _dense(6, 2)),
    ]
    entry = Tensor("x", (23, 3), FixedPoint.parse("ap_ufixed<8,2,RND,SAT>"))
    return Network.chain("sequences", entry, operations)


def _convolution(shape: tuple[int, ...], strides: tuple[int, ...], padding: Padding) -> Convolution:
    """Random words over the whole of their types; ``shape`` is (*kernel, channels, filters)."""
    return Convolution(*_words(shape), strides, padding)


def _dense(inputs: int, outputs: int) -> Dense:
    return Dense(*_words((inputs, outputs)))


def _words(shape: tuple[int, ...]) -> tuple[IntArray, FixedPoint, IntArray, FixedPoint]:
    random = np.random.default_rng(sum(shape))
    weight = FixedPoint.parse("ap_fixed<6,1,RND_CONV,SAT>")
    bias = FixedPoint.parse("ap_fixed<9,2,RND_CONV,SAT>")
    weights = random.integers(weight.lowest, weight.highest + 1, shape, np.int64)
    biases = random.integers(bias.lowest, bias.highest + 1, shape[-1], np.int64)
    return weights, weight, biases, bias
