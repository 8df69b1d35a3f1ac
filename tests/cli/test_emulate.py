"""``fpgac emulate`` and ``fpgac trace``, as users call them; and ``fpgac.emulate`` in Python."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import fpgac as package

Fpgac = Callable[..., subprocess.CompletedProcess[str]]
X = np.random.default_rng(3).uniform(0, 8, (300, 4))


def test_without_data_the_network_is_judged_on_all_of_its_test_data(
    fpgac: Fpgac, specs: Path
) -> None:
    done = fpgac("emulate", specs / "iris.toml")
    assert done.returncode == 0, done.stderr
    assert "accuracy 95.6% of 45 samples" in done.stdout
    assert "(exact program)" in done.stderr


def test_a_file_of_samples_becomes_a_file_of_results(
    fpgac: Fpgac, specs: Path, iris_build: Path, tmp_path: Path
) -> None:
    vectors, expected = (iris_build / f"vectors/{name}.npy" for name in ("inputs", "expected_raw"))
    out = tmp_path / "new" / "y.npy"
    done = fpgac("emulate", specs / "iris.toml", "--data", vectors, "--out", out, "--raw")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(out), np.load(expected))
    assert f"wrote {out}" in done.stderr
    done = fpgac("emulate", specs / "iris.toml", "--data", vectors, "--out", out, "--threads", "1")
    assert done.returncode == 0, done.stderr
    words = np.load(out) / np.load(out)[np.load(out) != 0].__abs__().min()
    assert np.load(out).dtype == np.float32
    assert (np.sign(words) == np.sign(np.load(expected))).all()


def test_python_gives_what_the_command_line_gives(
    fpgac: Fpgac, specs: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", X)
    options = ("--data", tmp_path / "x.npy", "--out", tmp_path / "y.npy")
    assert fpgac("emulate", specs / "iris.toml", *options).returncode == 0
    chip = package.emulator(specs / "iris.toml", threads=1)
    np.testing.assert_array_equal(package.emulate(specs / "iris.toml", X), np.load(options[-1]))
    np.testing.assert_array_equal(chip.predict(X), np.load(options[-1]))
    raw = package.emulate(specs / "iris.toml", X, raw=True)
    np.testing.assert_array_equal(chip.outputs.number(raw), np.load(options[-1]))


def test_the_package_offers_nothing_else_by_itself() -> None:
    with pytest.raises(AttributeError, match="no attribute 'simulate'"):
        _ = package.simulate  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--data", "x.npy"), 2, "--out Y.npy"),
        (("--data", "absent.npy", "--out", "y.npy"), 4, "absent.npy: no samples can be read"),
        (("--data", "five.npy", "--out", "y.npy"), 4, "(n, 4)"),
        (("--data", "x.npy", "--out", "five.npy/y.npy"), 9, "cannot write"),
        (("--data", "x.npy", "--out", "x.npy"), 9, "x.npy: the results would replace the samples"),
        (("--raw",), 2, "--raw"),
        (("--threads", "0"), 2, "--threads"),
    ],
    ids=["no out", "no data", "other shape", "no folder", "itself", "raw", "no threads"],
)
def test_what_cannot_be_is_told_and_leaves_nothing(
    fpgac: Fpgac, specs: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "five.npy", np.zeros((3, 5)))
    done = fpgac("emulate", specs / "iris.toml", *arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "y.npy").exists()


def test_a_spec_without_a_network_says_how_to_train_one(fpgac: Fpgac, specs: Path) -> None:
    (specs / "iris.network.json").unlink()
    done = fpgac("emulate", specs / "iris.toml")
    assert done.returncode == 5
    assert "fpgac train" in done.stderr


def test_memory_does_not_grow_with_the_samples(specs: Path, tmp_path: Path) -> None:
    program = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from fpgac.cli.emulate import emulate\n"
        "emulate(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))\n"
        "status = Path('/proc/self/status').read_text()\n"
        "print(int(re.search(r'VmHWM:\\s*(\\d+)', status)[1]) // 1024)"
    )
    peaks = []
    for samples in (200_000, 3_000_000):
        np.save(tmp_path / "x.npy", np.ones((samples, 4), np.float32))
        files = (specs / "iris.toml", tmp_path / "x.npy", tmp_path / "y.npy")
        command = [sys.executable, "-c", program, *map(str, files)]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(run.stdout.split()[-1]))
        assert np.load(tmp_path / "y.npy", mmap_mode="r").shape == (samples, 3)
    # The larger file alone is 48 MB, its results are 36 MB.
    assert peaks[1] < peaks[0] + 20


def test_a_trace_tells_and_draws_where_the_bits_go(fpgac: Fpgac, specs: Path) -> None:
    done = fpgac("trace", specs / "iris.toml")
    assert done.returncode == 0, done.stderr
    titles, given, *layers = done.stdout.splitlines()
    assert "precise bits" in titles
    assert given.startswith("input")
    assert [line.split()[0] for line in layers] == ["dense_1", "dense_1_relu", "dense_2"]
    assert (specs / "iris.trace.png").read_bytes().startswith(b"\x89PNG")

    figures = json.loads(fpgac("--json", "trace", specs / "iris.toml").stdout)["result"]
    assert [layer["name"] for layer in figures] == ["input", "dense_1", "dense_1_relu", "dense_2"]
    assert figures[2]["saturated"] == pytest.approx(0.00694, abs=1e-4)


def test_a_trace_of_no_samples_is_refused(fpgac: Fpgac, specs: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X[:0])
    done = fpgac("trace", specs / "iris.toml", "--data", tmp_path / "x.npy")
    assert done.returncode == 4
    assert "no samples to trace" in done.stderr
