"""Several inputs and outputs on every kind of board: the hosts, unchanged, on the emulated card.

The cores are written by hand, so that every answer is known.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fpgac.build.runner import run_plan
from fpgac.design.contract import Contract
from fpgac.emulation import HostRun, read_card, run_host
from fpgac.plugins import Target, load_plugins
from fpgac.steps.plan import CONTRACT, emulation_files, emulation_plan, host_program, program_file
from fpgac.targets.card import CARD
from tests.design.cores import SEVERAL, answers

if TYPE_CHECKING:
    import numpy.typing as npt

    from fpgac.core.core import Core

SAMPLES = 1003

# A core for each board, and what a spec says in its table.
BOARDS: dict[str, tuple[str, dict[str, Any]]] = {
    "aws-f1": ("two and two streams", {"compute_units": 2}),
    "alveo-u50": ("two and two", {"compute_units": 2}),
    "pynq-z2": ("three and one", {}),
    "zcu102 by vivado": ("one and three", {"flow": "vivado"}),
    "zcu102 by vitis": ("two and two", {"flow": "vitis"}),
}


CARDS = ("aws-f1", "alveo-u50", "zcu102 by vitis")


@dataclass(frozen=True)
class Build:
    """A build folder of a handmade core, and samples with the right words."""

    folder: Path
    core: Core
    contract: Contract
    hosts: tuple[str, ...]
    numbers: npt.NDArray[np.float64]

    @property
    def right(self) -> npt.NDArray[np.int64]:
        """Rows of the right raw words."""
        return answers(self.core, self.core.input_layout.raw(self.numbers).astype(np.int64))

    @property
    def input(self) -> Path:
        """The samples as a host reads them."""
        several = len(self.core.inputs) > 1
        return self.folder / ("x.npz" if several else "x.npy")

    def output(self, name: str) -> str:
        """Where a host shall write."""
        return f"{name}.npz" if len(self.core.outputs) > 1 else f"{name}.npy"

    def run(self, host: str, *options: str, cwd: Path, devices: int = 1) -> HostRun:
        """A host, with samples to results."""
        program = self.folder / host_program(host, self.contract.name)
        start = [sys.executable, str(program)] if host == "pynq" else [str(program)]
        files = ["--xclbin", str(self.folder / program_file(self.contract))]
        return run_host(
            [*start, *files, "--input", str(self.input), *options],
            kind=host,  # type: ignore[arg-type]
            card=read_card(self.folder / CARD),
            devices=devices,
            cwd=cwd,
            timeout=120,
        )

    def results(self, path: Path) -> npt.NDArray[Any]:
        """Rows of what a host wrote; each array has its tensor's shape."""
        loaded = np.load(path)
        arrays = {"": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
        parts = [arrays[port.name if len(arrays) > 1 else ""] for port in self.core.outputs]
        assert [part.shape[1:] for part in parts] == [port.shape for port in self.core.outputs]
        return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def saved(build: Build) -> None:
    """The samples, with what can go wrong in a conversion, in single precision where that holds."""
    arrays = build.core.input_layout.named(build.numbers)
    if len(arrays) == 1:
        np.save(build.input, next(iter(arrays.values())))
    else:
        np.savez(build.input, **arrays)


def made(name: str, folder: Path) -> Build:
    """The build for a board, in ``folder``."""
    case, table = BOARDS[name]
    # A clock that every board has.
    core = replace(SEVERAL[case], clock_mhz=100.0)
    target = load_plugins().target(name.partition(" ")[0])
    options = target.options(table)
    design, hosts = target.design("tiny", core, options), target.hosts(options)
    contract = Contract.from_json(design.files[CONTRACT].content)
    files = {**design.files, **emulation_files(core, contract, design)}
    for path, file in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.content)
    run_plan(emulation_plan(core, contract, files, hosts), folder, {})
    random = np.random.default_rng(8)
    numbers = random.normal(0, 20, (SAMPLES, core.input_layout.size))
    numbers[:3] = np.array([[np.nan], [np.inf], [-np.inf]])
    build = Build(folder, core, contract, hosts, numbers)
    saved(build)
    return build


BuildOf = Callable[[str], Build]


@pytest.fixture(scope="module")
def build_of(tmp_path_factory: pytest.TempPathFactory) -> BuildOf:
    """Builds for a board, each made once."""
    return cache(lambda name: made(name, tmp_path_factory.mktemp("several")))


@pytest.mark.parametrize("board", BOARDS)
def test_every_host_gives_the_right_words(board: str, build_of: BuildOf, tmp_path: Path) -> None:
    build = build_of(board)
    assert build.hosts
    for host in build.hosts:
        raw, floats = (tmp_path / build.output(f"{host}-{kind}") for kind in ("raw", "floats"))
        run = build.run(host, "--output", str(raw), "--raw", cwd=tmp_path)
        assert run.exit_code == 0, run.stderr
        np.testing.assert_array_equal(build.results(raw), build.right, err_msg=host)
        run = build.run(host, "--output", str(floats), "--batch", "97", cwd=tmp_path)
        assert run.exit_code == 0, run.stderr
        numbers = build.core.output_layout.number(build.right)
        np.testing.assert_array_equal(build.results(floats), numbers, err_msg=host)
        assert f"{SAMPLES} samples in" in run.stdout


@pytest.mark.parametrize("board", BOARDS)
def test_every_host_times_its_calls(board: str, build_of: BuildOf, tmp_path: Path) -> None:
    build = build_of(board)
    units = build.contract.instances
    for host in build.hosts:
        output, profile = tmp_path / build.output(host), tmp_path / f"{host}.csv"
        options = ["--output", str(output), "--profile", str(profile), "--batch", "500", "--raw"]
        run = build.run(host, *options, cwd=tmp_path)
        assert run.exit_code == 0, run.stderr
        np.testing.assert_array_equal(build.results(output), build.right, err_msg=host)
        with profile.open(newline="") as file:
            calls = list(csv.DictReader(file))
        assert [call["samples"] for call in calls] == ["500", "500", "3"]
        turns = [units[place % len(units)] for place in range(3)]
        assert [call["compute_unit"] for call in calls] == turns


@pytest.mark.parametrize("board", CARDS)
def test_several_cards_share_the_work(board: str, build_of: BuildOf, tmp_path: Path) -> None:
    build = build_of(board)
    for host in build.hosts:
        output = tmp_path / build.output(host)
        options = ["--output", str(output), "--device", "1,0", "--raw"]
        run = build.run(host, *options, cwd=tmp_path, devices=2)
        assert run.exit_code == 0, run.stderr
        np.testing.assert_array_equal(build.results(output), build.right, err_msg=host)


@pytest.mark.parametrize("board", ["aws-f1", "alveo-u50", "pynq-z2", "zcu102 by vivado"])
def test_the_python_host_takes_and_gives_dicts(
    board: str, build_of: BuildOf, tmp_path: Path
) -> None:
    build = build_of(board)
    np.save(tmp_path / "right.npy", build.right)
    program = build.folder / host_program("pynq", "tiny")
    script = f"""
import sys
sys.path.insert(0, {str(program.parent)!r})
import numpy as np
from tiny_host import HostError, Tiny

loaded, right = np.load({str(build.input)!r}), np.load("right.npy")
X = loaded if isinstance(loaded, np.ndarray) else dict(loaded)

def part(samples, rows):
    return samples[rows] if isinstance(samples, np.ndarray) else {{
        name: array[rows] for name, array in samples.items()
    }}

def flat(results):
    arrays = [results] if isinstance(results, np.ndarray) else list(results.values())
    return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)

with Tiny({str(build.folder / program_file(build.contract))!r}) as chip:
    assert (flat(chip.predict(X, raw=True)) == right).all()
    words, profile = chip.predict(part(X, slice(100)), raw=True, batch=30, profile=True)
    assert (flat(words) == right[:100]).all() and len(profile.calls) == 4
    first = chip.start(part(X, slice(0, 50)))
    second = chip.start(part(X, slice(50, 80)))
    assert (flat(chip.wait(second, raw=True)) == right[50:80]).all()
    assert (flat(chip.wait(first, raw=True)) == right[:50]).all()
    one = chip.predict(part(X, 7), raw=True)
    ones = [one] if isinstance(one, np.ndarray) else list(one.values())
    assert (np.concatenate([array.ravel() for array in ones]) == right[7]).all()
    streamed = [flat(words) for words in chip.stream(X, 400)]
    assert (np.concatenate(streamed) == right).all()
    try:
        chip.predict({{"nobody": [[1.0]]}})
    except HostError as error:
        print(error)
"""
    (tmp_path / "script.py").write_text(script)
    run = run_host(
        [sys.executable, "script.py"],
        kind="pynq",
        card=read_card(build.folder / CARD),
        cwd=tmp_path,
        timeout=120,
    )
    assert run.exit_code == 0, run.stderr
    names = ", ".join(port.name for port in build.core.inputs)
    assert f"the inputs are nobody; expected {names}" in run.stdout


@pytest.mark.parametrize("board", ["alveo-u50", "pynq-z2"])
def test_every_host_refuses_a_file_in_the_same_words(
    board: str, build_of: BuildOf, tmp_path: Path
) -> None:
    build = build_of(board)
    arrays = build.core.input_layout.named(build.numbers)
    np.savez_compressed(tmp_path / "packed.npz", **arrays)
    first = build.core.inputs[0].name
    for host in build.hosts:
        output = tmp_path / build.output(host)
        options = ["--input", str(tmp_path / "packed.npz"), "--output", str(output)]
        run = build.run(host, *options, cwd=tmp_path)
        assert run.exit_code == 3
        assert f"packed.npz: {first}.npy: is compressed; write it with numpy.savez" in run.stderr
        assert not output.exists()


def linked(case: str, board: str, table: dict[str, Any]) -> dict[str, str]:
    """The bank that each argument of each compute unit is linked to."""
    target: Target[Any] = load_plugins().target(board)
    design = target.design("tiny", SEVERAL[case], target.options(table))
    lines = design.files["scripts/link.cfg"].content.decode().splitlines()
    found = [line.removeprefix("sp=").partition(":") for line in lines if line.startswith("sp=")]
    return {argument: bank for argument, _, bank in found}


ARGUMENTS = [f"tiny_{unit}.{name}" for unit in (1, 2) for name in ("x_a", "x_b", "x_c", "y")]


def test_in_an_hbm_each_argument_has_a_channel_of_its_own() -> None:
    found = linked("three and one", "alveo-u50", {"compute_units": 2})
    assert found == {argument: f"HBM[{place}]" for place, argument in enumerate(ARGUMENTS)}


@pytest.mark.parametrize(
    ("board", "table", "banks"),
    [
        ("aws-f1", {}, ["DDR[0]", "DDR[1]"]),
        ("alveo-u50", {"banks": ["HBM[4]", "HBM[9]"]}, ["HBM[4]", "HBM[9]"]),
    ],
    ids=["a card with DDR", "the spec's own"],
)
def test_else_all_arguments_of_a_compute_unit_share_its_bank(
    board: str, table: dict[str, Any], banks: list[str]
) -> None:
    found = linked("three and one", board, {"compute_units": 2, **table})
    assert list(found) == ARGUMENTS
    assert list(found.values()) == [bank for bank in banks for _ in range(4)]
