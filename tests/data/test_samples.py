"""Samples and results as .npy files that need not fit the memory."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.data.samples import Rows, SamplesFile, results_file
from fpgac.errors import BuildError, DataError

X = np.arange(24.0).reshape(8, 3)


def saved(folder: Path, array: npt.ArrayLike) -> Path:
    np.save(folder / "x.npy", np.asarray(array))
    return folder / "x.npy"


@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f8", "<f2", "<i4", "|u1"])
def test_a_file_is_read_in_lots_as_it_is(dtype: str, tmp_path: Path) -> None:
    samples = SamplesFile.of(saved(tmp_path, X.astype(dtype)), (3,))
    lots = list(samples.lots(3))
    assert samples.count == 8
    assert [len(lot) for lot in lots] == [3, 3, 2]
    np.testing.assert_array_equal(np.concatenate(lots), X)


@pytest.mark.parametrize("shape", [(8, 3), (8, 1, 3)], ids=str)
def test_a_sample_may_be_a_tensor_or_its_numbers_in_a_row(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    samples = SamplesFile.of(saved(tmp_path, X.reshape(shape)), (1, 3))
    np.testing.assert_array_equal(np.concatenate(list(samples.lots(8))), X)


def test_no_samples_are_no_lots(tmp_path: Path) -> None:
    samples = SamplesFile.of(saved(tmp_path, X[:0]), (3,))
    assert (samples.count, list(samples.lots(5))) == (0, [])


def test_one_column_may_lie_as_it_likes(tmp_path: Path) -> None:
    samples = SamplesFile.of(saved(tmp_path, np.asfortranarray(X[:, :1])), (1,))
    np.testing.assert_array_equal(next(samples.lots(8)), X[:, :1])


@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        (X[:, :2], r"do not fit the network[\s\S]*\(n, 3\)[\s\S]*\(8, 2\)"),
        (X.ravel(), "do not fit the network"),
        (np.float64(1), "do not fit the network"),
        (X + 1j, "complex128"),
        (X.astype(str), "do not fit the network"),
        (X.astype(bool), "do not fit the network"),
        (np.asfortranarray(X), r"column by column[\s\S]*ascontiguousarray"),
    ],
    ids=["columns", "flat", "scalar", "complex", "text", "bool", "fortran"],
)
def test_what_is_no_samples_of_this_network_is_refused(
    array: npt.ArrayLike, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=complaint):
        SamplesFile.of(saved(tmp_path, array), (3,))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_text("a,b,c")
    for path in (tmp_path / "x.npy", tmp_path / "absent.npy", tmp_path):
        with pytest.raises(DataError, match="no samples can be read"):
            SamplesFile.of(path, (3,))


@pytest.mark.parametrize("shape", [b"(-8,3)", b"(8,3, ", b"{[]:1}"])
def test_a_damaged_header_is_told(shape: bytes, tmp_path: Path) -> None:
    path = saved(tmp_path, X)
    path.write_bytes(path.read_bytes().replace(b"(8, 3)", shape))
    with pytest.raises(DataError, match=r"x\.npy"):
        SamplesFile.of(path, (3,))


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, X)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match="cut off"):
        SamplesFile.of(path, (3,))


def test_a_file_that_shrinks_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = saved(tmp_path, X)
    samples = SamplesFile.of(path, (3,))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"cut off[\s\S]*sample 7"):
        list(samples.lots(3))
    path.unlink()
    with pytest.raises(DataError, match="no samples can be read"):
        list(samples.lots(3))


def test_rows_in_memory_come_in_lots_too() -> None:
    assert [len(lot) for lot in Rows(X).lots(5)] == [5, 3]
    assert Rows(X).count == 8


def test_results_are_an_npy_file_like_any_other(tmp_path: Path) -> None:
    with results_file(tmp_path / "new" / "y.npy", (8, 3), np.dtype("<f4")) as write:
        write(X[:5])
        write(X[5:])
    got = np.load(tmp_path / "new" / "y.npy")
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, X)


def test_results_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", X)

    def half() -> None:
        with results_file(tmp_path / "y.npy", (8, 3), np.dtype("<f8")) as write:
            write(-X)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert [path.name for path in tmp_path.iterdir()] == ["y.npy"]
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), X)


def test_results_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "y.npy").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("y.npy", "Is a directory"), ("pipe", "no file that can be replaced")):
        with (
            pytest.raises(BuildError, match=rf"/{name}: cannot write: .*{why}"),
            results_file(tmp_path / name, (8, 3), np.dtype("<f8")),
        ):
            pytest.fail("nothing is to be computed")
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "y.npy"}
