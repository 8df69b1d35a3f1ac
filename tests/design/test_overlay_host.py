"""The pynq host for a Zynq's DMA, unchanged, on the emulated board with pynq's own drivers."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fpgac.errors import EmulationError

from .overlays import AGREED, CORE, HINT, Bench, bench

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench(tmp_path_factory.mktemp("overlay"))


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--batch", "97"),
        ("--batch", str(AGREED.most_samples), "--raw"),
        ("--profile", "times.csv", "--raw"),
    ],
    ids=" ".join,
)
def test_the_right_words(options: tuple[str, ...], overlay: Bench, tmp_path: Path) -> None:
    run = overlay.run(*options, cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    results = np.load(tmp_path / "Y.npy")
    assert results.shape == (5003, 1)
    if "--raw" in options:
        np.testing.assert_array_equal(results, overlay.expected)
    else:
        np.testing.assert_array_equal(results, CORE.outputs[0].type.number(overlay.expected))
    assert "5003 samples in" in run.stdout
    assert {p.name for p in tmp_path.iterdir()} <= {"Y.npy", "times.csv"}


def test_the_profile_times_each_call(overlay: Bench, tmp_path: Path) -> None:
    run = overlay.run("--profile", "times.csv", "--batch", "2000", cwd=tmp_path)
    assert run.exit_code == 0, run.stderr
    with (tmp_path / "times.csv").open(newline="") as file:
        calls = list(csv.DictReader(file))
    assert [call["samples"] for call in calls] == ["2000", "2000", "1003"]
    assert {call["compute_unit"] for call in calls} == {"tiny_1"}
    assert all(float(call["inference_s"]) > 0 for call in calls)


def test_a_command_line_for_a_card_is_understood(overlay: Bench, tmp_path: Path) -> None:
    """What names a card's xclbin may name a board's bitstream."""
    command = [str(overlay.folder / "hosts/pynq/tiny_host.py"), "--xclbin"]
    command += [str(overlay.folder / "tiny.bit"), "--input", str(overlay.folder / "none.npy")]
    run = overlay.start([*command, "--output", "Y.npy"], cwd=tmp_path, timeout=60)
    assert run.exit_code == 0, run.stderr
    assert np.load(tmp_path / "Y.npy").shape == (0, 1)


ERRORS = {
    "no option of it": (("--bogus",), {}, 2, "--bogus"),
    "more than a transfer": (("--batch", str(AGREED.most_samples + 1)), {}, 2, "number from 1 to"),
    "a second compute unit": (("--compute-units", "2"), {}, 2, "from 1 to 1, not '2'"),
    "a second board": (("--device", "1"), {}, 4, "no card number 1; there are 1"),
    "a wrong shape": ((), {"input": "narrow.npy"}, 3, "shape (5003, 26); expected (n, 27)"),
    "a missing overlay": ((), {"overlay": "nothing.bit"}, 5, "nothing.bit: cannot be read"),
    "no .hwh": ((), {"overlay": "lonely.bit"}, 5, "without lonely.hwh beside it"),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS.values(), ids=ERRORS.keys())
def test_an_error_is_one_line_and_its_exit_code(
    case: tuple[tuple[str, ...], dict[str, str], int, str], overlay: Bench, tmp_path: Path
) -> None:
    options, replaced, code, words = case
    run = overlay.run(*options, cwd=tmp_path, replaced=replaced)
    assert run.exit_code == code, run.stderr
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("host: ")]
    assert words in line
    assert "Traceback" not in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_largest_batch_is_one_transfer() -> None:
    widest = max(buffer.row_bytes for buffer in AGREED.buffers)
    assert AGREED.most_samples * widest <= 2**26 - 1 < (AGREED.most_samples + 1) * widest


def test_no_bitstream_is_refused_before_the_host_starts(overlay: Bench, tmp_path: Path) -> None:
    with pytest.raises(EmulationError, match=r"this is no \.bit file"):
        overlay.run(cwd=tmp_path, replaced={"overlay": "text.bit"})


def test_what_the_board_refuses_is_told_with_the_hint(overlay: Bench, tmp_path: Path) -> None:
    """Under a name that the emulation does not look into."""
    text = overlay.folder / "text.bin"
    text.write_bytes(b"no bitstream at all")
    run = overlay.run(cwd=tmp_path, replaced={"overlay": "text.bin"})
    assert run.exit_code == 5
    assert HINT in run.stderr.splitlines()[-1]


def test_a_class_for_python(overlay: Bench, tmp_path: Path) -> None:
    """Predict, slices, raw words, and overlap by hand."""
    np.save(tmp_path / "expected.npy", overlay.expected)
    run = overlay.script(
        f"""
import numpy as np
from tiny_host import HostError, Tiny

X, expected = np.load({str(overlay.folder / "X.npy")!r}), np.load("expected.npy")
with Tiny(BIT) as chip:
    assert (chip.predict(X, raw=True) == expected).all()
    assert (chip.predict(X[1000:1017], raw=True) == expected[1000:1017]).all()
    assert (chip.predict(X[::7], raw=True, batch=10) == expected[::7]).all()
    first = chip.start(X[:50])
    second = chip.start(X[50:80])
    try:
        chip.start(X[:1])
    except HostError as error:
        assert "under way" in str(error)
    else:
        raise AssertionError("a third batch has no slot")
    assert (chip.wait(second, raw=True) == expected[50:80]).all()
    third = chip.start(X[80:90])
    assert (chip.wait(first, raw=True) == expected[:50]).all()
    assert (chip.wait(third, raw=True) == expected[80:90]).all()
    try:
        chip.wait(third)
    except HostError as error:
        assert "not under way" in str(error)
    else:
        raise AssertionError("it was collected already")
    assert chip.predict(X[:3]).dtype == np.float32
print("all well")
""",
        cwd=tmp_path,
    )
    assert run.stdout == "all well\n", run.stderr
