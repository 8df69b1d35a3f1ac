"""No file that is read can bring fpgac down: it is read, or refused for a reason, soon and cheaply.

``make nightly`` draws ten times as many cases, others each time.
"""

from __future__ import annotations

import io
import json
import resource
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fpgac.build.folder import LOCK_NAME
from fpgac.build.lock import Lock, StageRecord, StepRecord, read_lock
from fpgac.data.samples import SamplesFile
from fpgac.design.contract import Buffer, Contract
from fpgac.errors import FpgacError
from fpgac.network.file import read_network
from fpgac.numbers import FixedPoint
from fpgac.pipeline.checking import check_spec
from fpgac.plain import to_plain
from fpgac.plugins import Plugins, load_plugins
from fpgac.targets.board import Board
from fpgac.tensors import Layout, Tensor
from tests.drawing import examples
from tests.fuzzing import damaged_bytes, damaged_json, damaged_text

ROOT = Path(__file__).parents[1]
SPECS = sorted((ROOT / "specs").glob("*.toml"))
BOARDS = sorted((ROOT / "plugins/fpgac_targets/boards").glob("*.toml"))

MOST_SECONDS: Final = 2.0
MOST_BYTES: Final = 500 << 20

TYPE = FixedPoint.parse("ap_fixed<16,6,RND,SAT>")
ONE = Layout((Tensor("x", (2, 3), TYPE),))
TWO = Layout((Tensor("a", (4,), TYPE), Tensor("b", (2,), TYPE)))
DIGEST = 64 * "a"


@pytest.fixture(scope="module", autouse=True)
def _limited_memory() -> Iterator[None]:
    """As much memory as is taken now, and no more than a case may take beside it."""
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    before = resource.getrlimit(resource.RLIMIT_DATA)
    most = pages * resource.getpagesize() + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


@cache
def plugins() -> Plugins:
    return load_plugins()


@cache
def text_of(path: Path) -> str:
    return path.read_text()


def read_spec(path: Path) -> None:
    check_spec(path, plugins())


def read_board(path: Path) -> None:
    Board.load(path)


def read_contract(path: Path) -> None:
    Contract.from_json(path.read_bytes())


def read_samples(path: Path) -> None:
    for layout in (ONE, TWO):
        for _ in SamplesFile.of(path, layout).batches(100):
            pass


def a_spec(random: Random) -> bytes:
    return damaged_text(text_of(random.choice(SPECS)), random).encode()


def a_board(random: Random) -> bytes:
    return damaged_text(text_of(random.choice(BOARDS)), random).encode()


def a_network(random: Random) -> bytes:
    return damaged_json(text_of(ROOT / "specs/iris.network.json").encode(), random)


def a_contract(random: Random) -> bytes:
    one = Buffer("x", (4,), TYPE, "x", "gmem0", 64)
    two = Buffer("y", (3,), TYPE, "y", "gmem1", 64)
    contract = Contract("iris", "iris_kernel", ("iris_1",), (one,), (two,), DIGEST)
    return damaged_json(contract.to_json(), random)


def some_samples(random: Random) -> bytes:
    stream = io.BytesIO()
    if random.random() < 0.5:
        np.save(stream, np.ones((5, 2, 3), random.choice(("f8", "i2", "f4"))))
    else:
        np.savez(stream, a=np.ones((5, 4)), b=np.ones((5, 2)))
    return damaged_bytes(stream.getvalue(), random)


def a_lock(random: Random) -> bytes:
    stages = {"design": StageRecord(DIGEST, {"a/b.cpp": DIGEST}, ("a/b.cpp",), "1 file", 0.5)}
    steps = {"g++ core": StepRecord(DIGEST, {"core.o": DIGEST}, "logs/core.log", 1.5)}
    lock = Lock(spec=DIGEST, target="aws-f1", versions={"g++": "12"}, stages=stages, steps=steps)
    return damaged_json(json.dumps(to_plain(lock)).encode(), random)


def seconds_of(clock: Callable[[], float], read: Callable[[Path], Any], path: Path) -> float:
    """How long it takes by ``clock`` to read a file, or to say in plain characters why not."""
    started = clock()
    refusal = ""
    try:
        read(path)
    except FpgacError as error:
        refusal = str(error)
    seconds = clock() - started
    assert refusal == "" or refusal.replace("\n", "").isprintable()
    return seconds


Case = tuple[str, Callable[[Random], bytes], Callable[[Path], Any], int]

# The file's name, what damages one, what reads it, and how many of 2,000 cases are such.
CASES: list[Case] = [
    ("spec.toml", a_spec, read_spec, 800),
    ("net.network.json", a_network, read_network, 400),
    ("samples.npy", some_samples, read_samples, 300),
    ("board.toml", a_board, read_board, 200),
    ("contract.json", a_contract, read_contract, 150),
    (LOCK_NAME, a_lock, lambda path: read_lock(path.parent), 150),
]


@pytest.mark.hypothesis
@pytest.mark.parametrize(("name", "draw", "read", "cases"), CASES, ids=[case[0] for case in CASES])
def test_damaged_files_are_read_or_refused(
    name: str,
    draw: Callable[[Random], bytes],
    read: Callable[[Path], Any],
    cases: int,
    tmp_path: Path,
) -> None:
    @settings(
        max_examples=examples(cases),
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(st.integers(0, 2**64))
    def survives(seed: int) -> None:
        path = tmp_path / name
        path.write_bytes(draw(Random(seed)))
        if seconds_of(time.perf_counter, read, path) > MOST_SECONDS:  # perhaps the machine is busy
            assert seconds_of(time.process_time, read, path) < MOST_SECONDS

    survives()
