"""Samples and results as .npy and .npz files that need not fit the memory."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.data.samples import Rows, SamplesFile, results_file
from fpgac.errors import BuildError, DataError
from fpgac.numbers import FixedPoint
from fpgac.tensors import Layout, Tensor

Arrays = dict[str, npt.NDArray[Any]]

X = np.arange(24.0).reshape(8, 3)
BYTE = FixedPoint.parse("ap_fixed<8,6>")
THREE = Layout((Tensor("x", (3,), BYTE),))
IMAGE, SCALE = (
    Tensor("image", (2, 1), BYTE),
    Tensor("scale", (1,), FixedPoint.parse("ap_fixed<40,20>")),
)
TWO = Layout((IMAGE, SCALE))


def row_of(*shape: int) -> Layout:
    return Layout((Tensor("x", shape, BYTE),))


def saved(folder: Path, array: npt.ArrayLike) -> Path:
    np.save(folder / "x.npy", np.asarray(array))
    return folder / "x.npy"


def archived(folder: Path, **arrays: npt.NDArray[Any]) -> Path:
    np.savez(folder / "x.npz", **arrays)
    return folder / "x.npz"


def read(path: Path, layout: Layout = THREE, most: int = 3) -> npt.NDArray[Any]:
    return np.concatenate(list(SamplesFile.of(path, layout).batches(most)))


def code_of(path: Path, layout: Layout = THREE) -> tuple[str, str, str]:
    """The code of the one problem of a file, and what was expected and got."""
    with pytest.raises(DataError) as caught:
        read(path, layout)
    (problem,) = caught.value.problems
    assert problem.where is not None
    assert problem.where.file == path
    return problem.code, problem.expected, problem.got


# Reading


@pytest.mark.parametrize("dtype", ["<f4", "<f8", ">f8", "<f2", "<i4", "|u1"])
def test_a_file_is_read_in_batches_as_it_is(dtype: str, tmp_path: Path) -> None:
    samples = SamplesFile.of(saved(tmp_path, X.astype(dtype)), THREE)
    batches = list(samples.batches(3))
    assert samples.count == 8
    assert [len(batch) for batch in batches] == [3, 3, 2]
    assert {batch.dtype for batch in batches} == {np.dtype(dtype)}
    np.testing.assert_array_equal(np.concatenate(batches), X)


@pytest.mark.parametrize("shape", [(8, 3), (8, 1, 3)], ids=str)
def test_a_sample_may_be_a_tensor_or_its_numbers_in_a_row(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    np.testing.assert_array_equal(read(saved(tmp_path, X.reshape(shape)), row_of(1, 3)), X)


def test_no_samples_are_no_batches(tmp_path: Path) -> None:
    samples = SamplesFile.of(saved(tmp_path, X[:0]), THREE)
    assert (samples.count, list(samples.batches(5))) == (0, [])


@pytest.mark.parametrize("shape", [(8, 3), (8, 3, 1), (8, 1, 3)], ids=str)
def test_samples_may_lie_by_columns(shape: tuple[int, ...], tmp_path: Path) -> None:
    layout = Layout((Tensor("x", shape[1:], BYTE),))
    by_columns = np.asfortranarray(X.reshape(shape))
    np.testing.assert_array_equal(read(saved(tmp_path, by_columns), layout), X)
    np.testing.assert_array_equal(read(archived(tmp_path, x=by_columns), layout), X)
    assert SamplesFile.of(saved(tmp_path, by_columns[:0]), layout).count == 0


def test_a_single_number_a_sample_may_lie_flat(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(saved(tmp_path, X[:, 0]), row_of(1)), X[:, :1])


def test_every_version_of_numpys_format_is_read(tmp_path: Path) -> None:
    for version in ((1, 0), (2, 0), (3, 0)):
        with (tmp_path / "x.npy").open("wb") as file:
            np.lib.format.write_array(file, X, version)  # type: ignore[no-untyped-call]
        np.testing.assert_array_equal(read(tmp_path / "x.npy"), X)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("image_shape", [(8, 2, 1), (8, 2)], ids=str)
def test_several_inputs_are_the_members_of_an_archive(
    image_shape: tuple[int, ...], save: Callable[..., None], tmp_path: Path
) -> None:
    path = tmp_path / "x.npz"
    save(path, scale=X[:, 2:], image=X[:, :2].reshape(image_shape))
    samples = SamplesFile.of(path, TWO)
    assert samples.count == 8
    assert [len(batch) for batch in samples.batches(3)] == [3, 3, 2]
    np.testing.assert_array_equal(read(path, TWO), X)


def test_one_input_may_be_a_member_of_an_archive_as_well(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(archived(tmp_path, x=X)), X)


def test_several_inputs_may_be_rows(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(saved(tmp_path, X), TWO), X)


def test_members_of_different_types_keep_every_number(tmp_path: Path) -> None:
    image, scale = X[:, :2].astype(np.float32), np.full((8, 1), 2**53, np.int64)
    rows = read(archived(tmp_path, image=image, scale=scale), TWO)
    assert rows.dtype == np.float64
    assert (rows[:, 2] == 2**53).all()
    path = archived(tmp_path, image=image, scale=scale + 1)
    with pytest.raises(DataError) as caught:
        read(path, TWO)
    assert caught.value.problems[0].code == "data.inexact-number"


# Files that do not fit


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (X[:, :2], ("data.wrong-shape", "shape (n, 3)", "(8, 2)")),
        (X.ravel(), ("data.wrong-shape", "shape (n, 3)", "(24,)")),
        (np.float64(1), ("data.wrong-shape", "shape (n, 3)", "()")),
        (X + 1j, ("data.not-numbers", "integers, or floats of 16, 32 or 64 bits", "complex128")),
        (X.astype("<U2"), ("data.not-numbers", "integers, or floats of 16, 32 or 64 bits", "<U2")),
        (X.astype(bool), ("data.not-numbers", "integers, or floats of 16, 32 or 64 bits", "bool")),
    ],
    ids=["columns", "flat", "scalar", "complex", "text", "bool"],
)
def test_what_is_no_samples_of_this_network_is_refused(
    array: npt.ArrayLike, problem: tuple[str, str, str], tmp_path: Path
) -> None:
    assert code_of(saved(tmp_path, array)) == problem


@pytest.mark.parametrize(
    ("arrays", "code", "got"),
    [
        ({"image": X[:, :2]}, "data.wrong-inputs", "image"),
        ({"image": X[:, :2], "scales": X[:, 2:]}, "data.wrong-inputs", "image, scales"),
        ({"image": X[:, :2], "scale": X[:, 2:], "y": X}, "data.wrong-inputs", "image, scale, y"),
        ({}, "data.wrong-inputs", "nothing"),
        ({"image": X[:5, :2], "scale": X[:, 2:]}, "data.unequal-counts", "5 of image, 8 of scale"),
        ({"image": X, "scale": X[:, 2:]}, "data.wrong-shape", "(8, 3)"),
        ({"image": X[:, :2] * 1j, "scale": X[:, 2:]}, "data.not-numbers", "complex128"),
    ],
    ids=["missing", "mistyped", "too many", "empty", "counts", "shape", "complex"],
)
def test_an_archive_holds_each_input_once_with_its_name_shape_and_count(
    arrays: Arrays, code: str, got: str, tmp_path: Path
) -> None:
    found, _, what = code_of(archived(tmp_path, **arrays), TWO)
    assert (found, what) == (code, got)


def test_every_member_that_does_not_fit_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        SamplesFile.of(archived(tmp_path, image=X, scale=X), TWO)
    places = [(p.code, p.where and p.where.key) for p in caught.value.problems]
    assert places == [("data.wrong-shape", "image"), ("data.wrong-shape", "scale")]


def test_a_mistyped_member_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        SamplesFile.of(archived(tmp_path, image=X[:, :2], scales=X[:, 2:]), TWO)
    assert caught.value.problems[0].hint == "did you mean 'scale'?"


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_text("a,b,c")
    for path in (tmp_path / "x.npy", tmp_path / "absent.npy", tmp_path):
        assert code_of(path)[0] == "data.unreadable"


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        (b"(-8,3)", "data.wrong-shape"),
        (b"(8,3, ", "data.unreadable"),
        (b"{[]:1}", "data.unreadable"),
    ],
)
def test_a_damaged_header_is_refused(shape: bytes, code: str, tmp_path: Path) -> None:
    path = saved(tmp_path, X)
    path.write_bytes(path.read_bytes().replace(b"(8, 3)", shape))
    assert code_of(path)[0] == code


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, X)
    path.write_bytes(path.read_bytes()[:-5])
    assert code_of(path) == ("data.cut-off", "all its samples", "187 bytes of them")


def test_a_file_that_shrinks_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, X)
    samples = SamplesFile.of(path, THREE)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError) as caught:
        list(samples.batches(3))
    assert (caught.value.problems[0].code, caught.value.problems[0].got) == (
        "data.cut-off",
        "sample 7",
    )
    path.unlink()
    with pytest.raises(DataError) as caught:
        list(samples.batches(3))
    assert caught.value.problems[0].code == "data.unreadable"


def cut(data: bytes) -> bytes:
    return data[:-30]


def flipped(data: bytes) -> bytes:
    """Another number in the first member, with the checksum of the old one."""
    place = data.index(np.float64(3).tobytes())
    return data[:place] + np.float64(5).tobytes() + data[place + 8 :]


def encrypted(data: bytes) -> bytes:
    """The flag of encryption, set for the first member in the archive's directory."""
    place = data.index(b"PK\x01\x02") + 8
    return data[:place] + b"\x01" + data[place + 1 :]


@pytest.mark.parametrize("damage", [cut, flipped, encrypted])
def test_a_damaged_archive_is_refused(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = archived(tmp_path, image=X[:, :2], scale=X[:, 2:])
    path.write_bytes(damage(path.read_bytes()))
    assert code_of(path, TWO)[0] == "data.unreadable"


def test_a_member_that_holds_fewer_samples_than_it_says_is_refused(tmp_path: Path) -> None:
    short = tmp_path / "short.npy"
    np.save(short, X[:, :2])
    np.save(tmp_path / "scale.npy", X[:, 2:])
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("image.npy", short.read_bytes()[:-16])
        archive.write(tmp_path / "scale.npy", "scale.npy")
    assert code_of(tmp_path / "x.npz", TWO)[::2] == ("data.cut-off", "112 bytes of them")


def test_rows_in_memory_come_in_batches_too() -> None:
    assert [len(batch) for batch in Rows(X).batches(5)] == [5, 3]
    assert Rows(X).count == 8


# Writing


def test_results_are_an_npy_file_like_any_other(tmp_path: Path) -> None:
    with results_file(tmp_path / "new" / "y.npy", THREE, 8, raw=False) as write:
        write(X[:5])
        write(X[5:])
    got = np.load(tmp_path / "new" / "y.npy")
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, X)


def test_results_keep_the_shape_of_their_tensor(tmp_path: Path) -> None:
    with results_file(tmp_path / "y.npy", row_of(1, 3), 8, raw=True) as write:
        write(X)
    got = np.load(tmp_path / "y.npy")
    assert (got.shape, got.dtype) == ((8, 1, 3), np.int8)


@pytest.mark.parametrize(
    ("raw", "dtypes"), [(False, (np.float32, np.float64)), (True, (np.int8, np.int64))]
)
def test_several_outputs_are_members_of_an_archive_each_in_its_own_numbers(
    raw: bool, dtypes: tuple[type, type], tmp_path: Path
) -> None:
    with results_file(tmp_path / "y.npz", TWO, 8, raw=raw) as write:
        write(X[:5])
        write(X[5:])
    got = np.load(tmp_path / "y.npz")
    assert [got[name].dtype for name in got.files] == list(dtypes)
    np.testing.assert_array_equal(got["image"], X[:, :2].reshape(8, 2, 1))
    np.testing.assert_array_equal(got["scale"], X[:, 2:])
    np.testing.assert_array_equal(read(tmp_path / "y.npz", TWO), X)
    assert [path.name for path in tmp_path.iterdir()] == ["y.npz"]


def test_an_archive_says_nothing_of_when_it_was_written(tmp_path: Path) -> None:
    with results_file(tmp_path / "y.npz", TWO, 8, raw=False) as write:
        write(X)
    with zipfile.ZipFile(tmp_path / "y.npz") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_several_outputs_do_not_go_into_one_array(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError) as caught,
        results_file(tmp_path / "y.npy", TWO, 8, raw=False),
    ):
        pytest.fail("nothing is to be computed")
    (problem,) = caught.value.problems
    assert (problem.code, problem.hint) == ("data.not-an-archive", "--out y.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["y.npy", "y.npz"])
def test_results_appear_whole_or_not_at_all(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"those of before")

    def half() -> None:
        with results_file(tmp_path / name, THREE, 8, raw=False) as write:
            write(-X)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"those of before"


def test_results_that_cannot_be_written_are_refused_before_any_is_computed(tmp_path: Path) -> None:
    (tmp_path / "y.npy").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("y.npy", "Is a directory"), ("pipe", "no file that can be replaced")):
        with (
            pytest.raises(BuildError, match=rf"/{name}: cannot write: .*{why}"),
            results_file(tmp_path / name, THREE, 8, raw=False),
        ):
            pytest.fail("nothing is to be computed")
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "y.npy"}
