"""The three hosts on the emulated card: the same command line, the same words, the same errors."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest

from fpgac.design.contract import contract
from fpgac.design.hosts import HOSTS, host_files
from fpgac.design.kernel import kernel_files
from fpgac.emulation import CardDescription, HostKind, HostRun, run_host, write_xclbin

from .cores import AP_TYPES, answers, handmade_core

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

CORE = handmade_core()
AGREED = contract(CORE, name="tiny", compute_units=2)
KINDS: tuple[HostKind, ...] = get_args(HostKind)
HINT = "load the other file"


def description(instances: tuple[str, ...] = AGREED.instances) -> CardDescription:
    """Four banks: each compute unit has one for its samples, and another for its results."""
    memory = {"kind": "DDR4", "size_bytes": 1 << 26}
    arguments = [
        {
            "name": buffer.argument,
            "c_type": f"{buffer.bus_type}*",
            "bundle": buffer.bundle,
            "width": buffer.bus_bits,
            "memory": True,
        }
        for buffer in AGREED.buffers
    ]
    arguments.append({"name": "n_samples", "c_type": "unsigned int", "size": 4, "memory": False})
    return CardDescription.from_data(
        {
            "platform": "a_card_of_four_banks",
            "clock_mhz": 200.0,
            "identity": AGREED.identity,
            "memories": [{"tag": f"bank{n}", "base": n << 26, **memory} for n in range(4)],
            "kernels": [
                {
                    "name": AGREED.kernel,
                    "arguments": arguments,
                    "instances": [
                        {"name": name, "memories": {"x": [2 * n], "y": [2 * n + 1]}}
                        for n, name in enumerate(instances)
                    ],
                }
            ],
        }
    )


@dataclass(frozen=True)
class Bench:
    """A folder with the xclbin, the hosts and samples."""

    folder: Path
    samples: npt.NDArray[np.float64]
    expected: npt.NDArray[np.int64]

    def command(self, kind: HostKind) -> list[str]:
        hosts = self.folder / "hosts"
        if kind == "pynq":
            return [sys.executable, str(hosts / "pynq" / "tiny_host.py")]
        return [str(hosts / kind / "host")]

    def run(
        self,
        kind: HostKind,
        *options: str,
        cwd: Path,
        devices: int = 1,
        replaced: Mapping[str, str] = MappingProxyType({}),
    ) -> HostRun:
        """The host with the usual files, unless ``replaced``."""
        files = {"xclbin": "tiny.xclbin", "input": "X.npy", "output": "Y.npy", **replaced}
        words = [
            word
            for option, file in files.items()
            for word in (f"--{option}", str(self.folder / file if option != "output" else file))
        ]
        command = [*self.command(kind), *words, *options]
        return run_host(
            command, kind=kind, card=description(), devices=devices, cwd=cwd, timeout=120
        )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("bench")
    for path, file in (
        kernel_files(AGREED, CORE) | host_files(AGREED, HOSTS, load_hint=HINT)
    ).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.content)
    firmware = folder / "kernel" / "firmware"
    command = ["g++", "-std=c++17", "-O2", "-fPIC", "-shared", "-w", f"-I{AP_TYPES}"]
    command += [f"-I{firmware}", str(folder / AGREED.source), str(firmware / "tiny.cpp")]
    library = folder / "kernel.so"
    subprocess.run([*command, "-o", str(library)], check=True, timeout=300)
    # As a user would build them.
    environment = {name: value for name, value in os.environ.items() if name != "XILINX_XRT"}
    for host in ("opencl", "xrt"):
        make = ["make", "-s", "-C", str(folder / "hosts" / host)]
        subprocess.run(make, check=True, timeout=300, env=environment)
    (folder / "tiny.xclbin").write_bytes(write_xclbin(description(), library.read_bytes()))
    other = write_xclbin(description(("tiny_1", "mini_2")), library.read_bytes())
    (folder / "other.xclbin").write_bytes(other)
    # Under names that the emulation does not look into beforehand.
    (folder / "cut.awsxclbin").write_bytes(other[:2000])
    (folder / "text.awsxclbin").write_bytes(b"no xclbin at all")

    random = np.random.default_rng(8)
    samples = random.normal(0, 20, (5003, 27))
    ties = (np.arange(100 * 27).reshape(100, 27) - 1350.5) / 1024
    samples[:100] = ties
    samples[100:103] = np.array([[np.nan], [np.inf], [-np.inf]])
    np.save(folder / "X.npy", samples)
    np.save(folder / "X4.npy", samples.astype(np.float32))
    np.save(folder / "none.npy", samples[:0])
    np.save(folder / "narrow.npy", samples[:, :26])
    return Bench(folder, samples, answers(CORE, CORE.inputs[0].type.raw(samples).astype(np.int64)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--batch", "97"),
        ("--compute-units", "1", "--batch=1000"),
        ("--batch", "4294967295", "--raw"),
        ("--profile", "times.csv", "--raw"),
    ],
    ids=" ".join,
)
def test_the_right_words(
    kind: HostKind, options: tuple[str, ...], bench: Bench, tmp_path: Path
) -> None:
    run = bench.run(kind, *options, cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    results = np.load(tmp_path / "Y.npy")
    assert results.shape == (5003, 1)
    if "--raw" in options:
        assert results.dtype == np.dtype("<i4")
        np.testing.assert_array_equal(results, bench.expected)
    else:
        assert results.dtype == np.dtype("<f4")
        np.testing.assert_array_equal(results, CORE.outputs[0].type.number(bench.expected))
    assert "5003 samples in" in run.stdout
    assert {p.name for p in tmp_path.iterdir()} <= {"Y.npy", "times.csv"}


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision(kind: HostKind, bench: Bench, tmp_path: Path) -> None:
    run = bench.run(kind, "--raw", cwd=tmp_path, replaced={"input": "X4.npy"})
    assert run.exit_code == 0, run.stderr
    raw = CORE.inputs[0].type.raw(bench.samples.astype(np.float32)).astype(np.int64)
    np.testing.assert_array_equal(np.load(tmp_path / "Y.npy"), answers(CORE, raw))


@pytest.mark.parametrize("kind", KINDS)
def test_no_samples(kind: HostKind, bench: Bench, tmp_path: Path) -> None:
    run = bench.run(kind, "--profile", "times.csv", cwd=tmp_path, replaced={"input": "none.npy"})
    assert run.exit_code == 0, run.stderr
    assert np.load(tmp_path / "Y.npy").shape == (0, 1)
    assert (tmp_path / "times.csv").read_text().count("\n") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_profile_times_each_call(kind: HostKind, bench: Bench, tmp_path: Path) -> None:
    run = bench.run(kind, "--profile", "times.csv", "--batch", "2000", cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    with (tmp_path / "times.csv").open(newline="") as file:
        calls = list(csv.DictReader(file))
    phases = ["injection_s", "inference_s", "extraction_s"]
    assert list(calls[0]) == ["batch", "samples", "device", "compute_unit", *phases]
    assert [list(call.values())[:4] for call in calls] == [
        ["0", "2000", "0", "tiny_1"],
        ["1", "2000", "0", "tiny_2"],
        ["2", "1003", "0", "tiny_1"],
    ]
    for phase in phases:
        total = sum(float(call[phase]) for call in calls)
        assert 0 < total < run.seconds
        line = next(line for line in run.stdout.splitlines() if line.startswith(phase[:-2]))
        assert float(line.split()[1]) == pytest.approx(total, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_another_card_of_the_machine(kind: HostKind, bench: Bench, tmp_path: Path) -> None:
    run = bench.run(kind, "--raw", "--device", "1", cwd=tmp_path, devices=2)
    assert run.exit_code == 0, run.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "Y.npy"), bench.expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options", [("--device", "2,0"), ("--device", "2", "--device=0")], ids=["list", "twice"]
)
def test_several_cards_share_the_work(
    kind: HostKind, options: tuple[str, ...], bench: Bench, tmp_path: Path
) -> None:
    """Neighbouring batches go to different cards, and then to different compute units."""
    profile = ("--profile", "times.csv", "--batch", "1001", "--raw")
    run = bench.run(kind, *options, *profile, cwd=tmp_path, devices=3)
    assert run.exit_code == 0, run.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "Y.npy"), bench.expected)
    with (tmp_path / "times.csv").open(newline="") as file:
        calls = [(call["device"], call["compute_unit"]) for call in csv.DictReader(file)]
    turns = [(device, unit) for unit in AGREED.instances for device in "20"]
    assert calls == [*turns, turns[0]]
    run = bench.run(kind, *options, "--raw", cwd=tmp_path, devices=3)
    assert run.exit_code == 0, run.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "Y.npy"), bench.expected)
    assert "compute units: 2, cards: 2, 0\n" in run.stdout


ERRORS = {
    "a card named twice": (("--device", "0,1", "--device", "0"), {}, 2, "card 0 is named twice"),
    "a card without a number": (("--device", "0,"), {}, 2, "number from 0 to 255, not ''"),
    "an option that is none": (("--bogus",), {}, 2, "--bogus"),
    "half an option": (("--inp", "x"), {}, 2, "--inp"),
    "a batch of nothing": (("--batch", "0"), {}, 2, "takes a whole number from 1 to 4294967295"),
    "too many compute units": (("--compute-units", "3"), {}, 2, "from 1 to 2, not '3'"),
    "a missing input": ((), {"input": "nothing.npy"}, 3, "nothing.npy: cannot be read"),
    "a wrong shape": ((), {"input": "narrow.npy"}, 3, "shape (5003, 26); expected (n, 27)"),
    "nowhere to write": ((), {"output": "no/Y.npy"}, 3, "no/Y.npy: cannot be written: No such"),
    "a missing xclbin": ((), {"xclbin": "nothing.xclbin"}, 5, "nothing.xclbin: cannot be read"),
    "no xclbin": ((), {"xclbin": "text.awsxclbin"}, 5, "text.awsxclbin: is no xclbin"),
    "another kernel's xclbin": ((), {"xclbin": "other.xclbin"}, 5, "not hold compute unit tiny_2"),
    "a damaged xclbin": ((), {"xclbin": "cut.awsxclbin"}, 5, "cut.awsxclbin: the card refused it"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", ERRORS.values(), ids=ERRORS.keys())
def test_an_error_is_one_line_and_its_exit_code(
    kind: HostKind,
    case: tuple[tuple[str, ...], dict[str, str], int, str],
    bench: Bench,
    tmp_path: Path,
) -> None:
    options, replaced, code, words = case
    run = bench.run(kind, *options, cwd=tmp_path, replaced=replaced)
    assert run.exit_code == code
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("host: ")]
    assert words in line
    assert "Traceback" not in run.stderr
    if "refused" in words:
        assert HINT in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["opencl", "pynq"])
def test_a_card_that_is_not_there(kind: HostKind, bench: Bench, tmp_path: Path) -> None:
    run = bench.run(kind, "--device", "7", cwd=tmp_path)
    assert run.exit_code == 4
    assert "no card number 7; there are 1, counted from 0" in run.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_card_a_host_says_so(kind: HostKind, bench: Bench, tmp_path: Path) -> None:
    """Run as a program without the card's environment."""
    hidden = ("XILINX_XRT", "OCL_ICD_VENDORS", "XCL_EMULATION_MODE")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment["OCL_ICD_VENDORS"] = str(tmp_path)
    command = [*bench.command(kind), "--output", str(tmp_path / "Y.npy")]
    command += ["--xclbin", str(bench.folder / "tiny.xclbin")]
    command += ["--input", str(bench.folder / "X.npy")]
    ran = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 4, ran.stderr
    assert "is XRT set up" in ran.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


# What a user may hand over of an array X, as text of Python.
VIEWS = """{
    "a slice": lambda X: X[1000:1017],
    "every seventh": lambda X: X[::7],
    "backwards": lambda X: X[::-1],
    "a transposed copy": lambda X: np.ascontiguousarray(X[:9].T).T,
    "columns of a wider array": lambda X: np.hstack([X[:9], X[:9]])[:, 3:30],
    "some": lambda X: X[[5, 3, 5]],
    "a single sample": lambda X: X[4],
    "whole numbers": lambda X: X[200:210].astype(int),
    "half precision": lambda X: X[200:210].astype(np.float16),
}"""


def test_the_python_host_is_a_class_too(bench: Bench, tmp_path: Path) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(bench.folder / "hosts" / "pynq")!r})
import numpy as np
from tiny_host import HostError, Tiny

XCLBIN = {str(bench.folder / "tiny.xclbin")!r}
X = np.load({str(bench.folder / "X.npy")!r})
with Tiny(XCLBIN) as chip:
    np.save("all.npy", chip.predict(X))
    np.save("raw.npy", chip.predict(X, raw=True, batch=100))
    for name, view in {VIEWS}.items():
        assert (chip.predict(view(X)) == chip.predict(view(X).copy())).all(), name
    np.save("few.npy", chip.predict(np.asfortranarray(X[:3])))
    np.save("list.npy", chip.predict(X[:2].tolist()))
    assert chip.predict(X[:0]).shape == (0, 1)
    for wrong in (X[:, :26], X[0, 0], [["no", "number"]]):
        try:
            chip.predict(wrong)
        except HostError as error:
            print(error)
with Tiny(XCLBIN, devices=[1, 0], compute_units=1) as chip:
    np.save("again.npy", chip.predict(X))
    results, profile = chip.predict(X, profile=True, batch=2000)
    np.save("timed.npy", results)
    print([call[1:4] for call in profile.calls])
    print(profile)
    assert profile.samples == len(X) and profile.rate == len(X) / profile.seconds
    batches = [chip.start(X[first : first + 10]) for first in (0, 10, 20, 30)]
    words = [chip.wait(batch, raw=True) for batch in batches]
    assert (np.concatenate(words) == chip.predict(X[:40], raw=True)).all()
for devices in ([], [0, 0], [0, 7]):
    try:
        Tiny(XCLBIN, devices)
    except HostError as error:
        print(error)
"""
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, "script.py"]
    run = run_host(command, kind="pynq", card=description(), devices=2, cwd=tmp_path, timeout=120)
    assert run.exit_code == 0, run.stderr
    for words in (
        "the input has shape (5003, 26); expected (n, 27)",
        "the input has shape (); expected (n, 27)",
        "the input holds <U6; expected numbers",
        "[(2000, 1, 'tiny_1'), (2000, 0, 'tiny_1'), (1003, 1, 'tiny_1')]",
        "phase        seconds  part  ns/sample\ninjection ",
        "name at least one card",
        "card 0 is named twice",
        "no card number 7; there are 2, counted from 0",
    ):
        assert words in run.stdout
    numbers = CORE.outputs[0].type.number(bench.expected)
    np.testing.assert_array_equal(np.load(tmp_path / "raw.npy"), bench.expected)
    counts = {"all": 5003, "again": 5003, "timed": 5003, "few": 3, "list": 2}
    for name, count in counts.items():
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), numbers[:count])
