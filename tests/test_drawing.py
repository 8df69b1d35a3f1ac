"""The usual profile draws the same cases in every run; the nightly one has a seed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import settings

from tests.drawing import examples

TESTS = Path(__file__).parent

PROGRAM = """
from hypothesis import given, settings, strategies as st
from drawing import examples

@settings(max_examples=examples(5))
@given(st.integers())
def test_numbers(number):
    with open("drawn", "a") as file:
        print(number, file=file)
"""


def drawn(folder: Path, *options: str) -> list[str]:
    (folder / "test_numbers.py").write_text(PROGRAM)
    (folder / "drawn").unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "drawing", "-c", "/dev/null"]
    done = subprocess.run(
        [*command, *options, "test_numbers.py"],
        cwd=folder,
        env={"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "drawn").read_text().split()


def test_the_usual_cases_are_the_same_in_every_run(tmp_path: Path) -> None:
    assert len(drawn(tmp_path)) == 5
    assert drawn(tmp_path) == drawn(tmp_path, "--hypothesis-seed=8")


def test_a_nightly_seed_draws_its_own_cases_and_more_of_them(tmp_path: Path) -> None:
    first, again, others = (
        drawn(tmp_path, "--hypothesis-profile=nightly", f"--hypothesis-seed={seed}")
        for seed in (7, 7, 8)
    )
    assert len(first) == 50
    assert first == again
    assert first != others


def test_a_tests_own_number_follows_the_profile() -> None:
    assert examples(40) == 40 * settings().max_examples // 100
