"""Data sets in files: the same samples from each kind of file, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import awkward
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import uproot

from fpgac.data.dataset import Task
from fpgac.data.files.provider import FileProvider
from fpgac.errors import DataError, ToolchainError
from fpgac.spec.models import DataSection
from tests.data.files.conftest import ROWS, columns
from tests.problems import coded


def provider(path: Path, task: Task = "regression", **said: Any) -> FileProvider:
    section = json.dumps({"path": path.name, "labels": "sum", **said})
    return FileProvider(DataSection.model_validate_json(section), task, path.parent)


def written(folder: Path, text: str) -> Path:
    path = folder / "data.csv"
    path.write_text(text)
    return path


def test_each_kind_of_file_gives_the_samples_that_were_written(data_file: Path) -> None:
    data = provider(data_file).load(None, seed=1)
    wanted = columns()
    assert (data.feature_names, data.target_names) == (("a", "b"), ("sum",))
    features = np.stack([wanted["a"], wanted["b"]], axis=1)
    np.testing.assert_array_equal(data.features.astype(np.float32), features)
    np.testing.assert_array_equal(data.targets[:, 0].astype(np.float32), wanted["sum"])


def test_float32_stays_float32_where_the_file_says_so(data_file: Path) -> None:
    wide = data_file.suffix == ".csv"  # text has no types
    assert provider(data_file).load(None, seed=1).features.dtype == ("f8" if wide else "f4")


def test_chunks_change_nothing(data_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = provider(data_file).load(None, seed=1)
    for module in ("table", "arrays", "arrow", "root"):
        monkeypatch.setattr(f"fpgac.data.files.{module}.CHUNK", 7)
    monkeypatch.setattr("fpgac.data.files.arrow._BLOCK", 128)
    np.testing.assert_array_equal(provider(data_file).load(None, seed=1).features, whole.features)


def test_some_samples_are_drawn_from_the_whole_file(data_file: Path) -> None:
    source = provider(data_file)
    some, again, other = (source.load(20, seed).features for seed in (1, 1, 2))
    rows = {tuple(row) for row in source.load(None, seed=1).features.tolist()}
    assert {tuple(row) for row in some.tolist()} <= rows
    assert len({tuple(row) for row in some.tolist()}) == 20
    np.testing.assert_array_equal(some, again)
    assert not np.array_equal(some, other)


def test_drawing_samples_keeps_few_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 10,000 rows, never more than 30 at a time and the last chunk are kept."""
    np.savez(tmp_path / "data.npz", a=np.arange(10_000.0), sum=np.zeros(10_000))
    monkeypatch.setattr("fpgac.data.files.arrays.CHUNK", 10)
    sizes: list[int] = []
    least = "fpgac.data.files.provider._Kept._least"
    from fpgac.data.files.provider import _Kept

    real = _Kept._least

    def counted(self: _Kept) -> Any:
        sizes.append(sum(len(part) for part, _, _ in self._rows))
        return real(self)

    monkeypatch.setattr(least, counted)
    assert len(provider(tmp_path / "data.npz").load(15, seed=1)) == 15
    assert max(sizes) <= 40
    assert len(sizes) > 100


@pytest.mark.parametrize("missing", ["nowhere.csv", "data.xls"])
def test_files_that_are_not_there_or_not_known(tmp_path: Path, missing: str) -> None:
    (tmp_path / "data.xls").write_bytes(b"PK")
    code = {"nowhere.csv": "data.no-file", "data.xls": "data.unknown-suffix"}[missing]
    with pytest.raises(DataError, check=coded(code)):
        provider(tmp_path / missing)


def test_damaged_files_are_refused(data_file: Path) -> None:
    if data_file.suffix == ".csv":
        data_file.write_bytes(b"a,sum\n1,2\n\xff\xfe,3\n")
    else:
        data_file.write_bytes(data_file.read_bytes()[:64])
    with pytest.raises(DataError, check=coded("data.unreadable-file")):
        provider(data_file).load(None, seed=1)


def test_a_missing_column_is_named(data_file: Path) -> None:
    with pytest.raises(DataError, check=coded("data.no-column", key="summ")) as caught:
        provider(data_file, labels="summ")
    assert "sum" in caught.value.problems[0].hint


def test_patterns_choose_columns_in_the_order_of_the_spec(tmp_path: Path) -> None:
    names = ["t_1", "x_2", "x_1", "y"]
    np.savez(tmp_path / "data.npz", **{name: np.arange(3.0) for name in names})
    chosen = provider(tmp_path / "data.npz", features=["x_*", "t_?"], labels="y")
    assert chosen.feature_names == ("x_2", "x_1", "t_1")
    everything = provider(tmp_path / "data.npz", features="*", labels="y")
    assert everything.feature_names == ("t_1", "x_2", "x_1")


def test_a_target_is_no_feature(data_file: Path) -> None:
    with pytest.raises(DataError, check=coded("data.target-as-feature", key="sum")):
        provider(data_file, features=["a", "sum"])


@pytest.mark.parametrize(
    ("bad", "code", "got"),
    [
        ("nan", "data.not-finite", "nan in row 2"),
        ("-inf", "data.not-finite", "-inf in row 2"),
        ("12e", "data.not-a-number", "'12e' in row 2"),
        ("", "data.not-a-number", "nothing in row 2"),
    ],
)
def test_bad_values_in_text_are_named_with_column_and_row(
    tmp_path: Path, bad: str, code: str, got: str
) -> None:
    path = written(tmp_path, f"a,b,sum\n1,2,3\n1,{bad},3\n")
    with pytest.raises(DataError, check=coded(code, got=got, key="b")):
        provider(path).load(None, seed=1)


def test_the_row_of_a_bad_value_counts_over_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.zeros((40, 2, 2), np.float32)
    values[33, 1, 0] = np.nan
    np.savez(tmp_path / "data.npz", image=values, sum=np.zeros(40))
    monkeypatch.setattr("fpgac.data.files.arrays.CHUNK", 8)
    check = coded("data.not-finite", got="nan in row 34", key="image[1,0]")
    with pytest.raises(DataError, check=check):
        provider(tmp_path / "data.npz").load(None, seed=1)


@pytest.mark.parametrize("row", ["1,2", "1,2,3,4"])
def test_ragged_rows_are_refused(tmp_path: Path, row: str) -> None:
    path = written(tmp_path, f"a,b,sum\n1,2,3\n{row}\n")
    fields = row.count(",") + 1
    check = coded("data.ragged", got=f"{fields} in row 2: {row!r}")
    with pytest.raises(DataError, check=check):
        provider(path).load(None, seed=1)


def test_lists_of_different_lengths_are_refused(tmp_path: Path) -> None:
    lists = pa.table({"a": [[1.0], [1.0, 2.0]], "sum": [1.0, 2.0]})
    pyarrow.parquet.write_table(lists, tmp_path / "data.parquet")
    with pytest.raises(DataError, check=coded("data.ragged", key="a")):
        provider(tmp_path / "data.parquet")


def test_branches_of_different_lengths_are_refused(tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "data.root") as file:
        tree = file.mktree("events", {"a": "var * float32", "sum": "float64"})
        tree.extend({"a": awkward.Array([[1.0], [1.0, 2.0]]), "sum": np.zeros(2)})
    with pytest.raises(DataError, check=coded("data.ragged", key="a")):
        provider(tmp_path / "data.root")


def test_missing_values_of_parquet_are_refused(tmp_path: Path) -> None:
    holes = pa.table({"a": pa.array([1, None], pa.int32()), "sum": [1.0, 2.0]})
    pyarrow.parquet.write_table(holes, tmp_path / "data.parquet")
    with pytest.raises(DataError, check=coded("data.not-finite", key="a", got="nan in row 2")):
        provider(tmp_path / "data.parquet").load(None, seed=1)


@pytest.mark.parametrize(
    ("text", "code"), [("", "data.empty-file"), ("a,sum\n", "data.no-samples")]
)
def test_empty_files_are_refused(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(DataError, check=coded(code)):
        provider(written(tmp_path, text)).load(None, seed=1)


def test_a_column_named_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, check=coded("data.column-named-twice", key="a")):
        provider(written(tmp_path, "a,a,sum\n1,2,3\n"))


def test_more_samples_than_the_file_holds(data_file: Path) -> None:
    with pytest.raises(DataError, check=coded("data.too-many-samples", got="samples = 61")):
        provider(data_file).load(ROWS + 1, seed=1)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_text_with_any_separator_byte_order_mark_and_quotes(tmp_path: Path, separator: str) -> None:
    lines = [["a", '"b"', "sum"], [" 1", '"2"', "3 "], ["4", "5e0", "9"]]
    text = "\ufeff" + "\r\n".join(map(separator.join, lines)) + "\r\n"
    data = provider(written(tmp_path, text)).load(None, seed=1)
    assert data.feature_names == ("a", "b")
    np.testing.assert_array_equal(data.features, [[1, 2], [4, 5]])


def test_text_without_names(tmp_path: Path) -> None:
    path = written(tmp_path, "1,2,3\n4,5,9\n")
    data = provider(path, labels="column_2").load(None, seed=1)
    np.testing.assert_array_equal(data.features, [[1, 2], [4, 5]])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [(["dog", "cat", "dog"], ("cat", "dog")), (["10", "9", "10"], ("9", "10"))],
)
def test_labels_become_classes_in_their_order(
    tmp_path: Path, labels: list[str], classes: tuple[str, ...]
) -> None:
    text = "a,kind\n" + "".join(f"{place},{label}\n" for place, label in enumerate(labels))
    data = provider(written(tmp_path, text), "classification", labels="kind").load(None, seed=1)
    assert data.target_names == classes
    np.testing.assert_array_equal(data.targets, [[0, 1], [1, 0], [0, 1]])


def test_numbers_of_classes_are_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=np.zeros((4, 2)), y=np.array([0, 2, 1, 2], np.int8))
    data = provider(tmp_path / "data.npz", "classification", labels="y").load(None, seed=1)
    assert data.target_names == ("0", "1", "2")
    np.testing.assert_array_equal(np.argmax(data.targets, axis=1), [0, 2, 1, 2])


@pytest.mark.parametrize("labels", [("no", "yes"), ("0", "1"), ("0.0", "1.0")])
def test_two_labels_are_0_and_1(tmp_path: Path, labels: tuple[str, str]) -> None:
    text = f"a,kind\n1,{labels[0]}\n2,{labels[1]}\n3,{labels[0]}\n"
    data = provider(written(tmp_path, text), "binary", labels="kind").load(None, seed=1)
    assert data.target_names == ("kind",)
    np.testing.assert_array_equal(data.targets, [[0], [1], [0]])


def test_three_labels_are_not_binary(tmp_path: Path) -> None:
    path = written(tmp_path, "a,kind\n1,x\n2,y\n3,z\n")
    check = coded("data.not-two-classes", key="kind", got="3: x, y, z")
    with pytest.raises(DataError, check=check):
        provider(path, "binary", labels="kind")


def test_several_labels_have_a_column_each(tmp_path: Path) -> None:
    path = written(tmp_path, "a,cat,dog\n1,0,1\n2,1,1\n")
    data = provider(path, "multi-label", labels=["cat", "dog"]).load(None, seed=1)
    np.testing.assert_array_equal(data.targets, [[0, 1], [1, 1]])
    path.write_text("a,cat,dog\n1,0,2\n2,1,1\n")
    with pytest.raises(DataError, check=coded("data.not-binary")):
        provider(path, "multi-label", labels=["cat", "dog"]).load(None, seed=1)


def test_a_label_that_is_none_of_the_classes(tmp_path: Path) -> None:
    source = provider(
        written(tmp_path, "a,kind\n1,cat\n2,cow\n"),
        "classification",
        labels="kind",
        classes=("cat", "dog"),
    )
    check = coded("data.unknown-label", key="kind", got="'cow' in row 2")
    with pytest.raises(DataError, check=check):
        source.load(None, seed=1)


def test_images_are_taken_as_they_are(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (10, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "data.npz", images=images, label=np.arange(10) % 2)
    source = provider(tmp_path / "data.npz", "classification", labels="label")
    assert source.feature_names[:2] == ("images[0,0]", "images[0,1]")
    features = source.load(None, seed=1).features
    np.testing.assert_array_equal(features, images.reshape(10, 16))


def test_arrays_of_a_fixed_size_in_each_file_that_has_them(tmp_path: Path) -> None:
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    sums = rows.sum(axis=1)
    pairs = pa.array(rows.tolist(), pa.list_(pa.float32(), 3))
    pyarrow.parquet.write_table(pa.table({"x": pairs, "sum": sums}), tmp_path / "data.parquet")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["deep/x"], file["sum"] = rows, sums
    with uproot.recreate(tmp_path / "data.root") as file:
        file["events"] = {"x": rows, "sum": sums}  # an RNTuple
    with uproot.recreate(tmp_path / "tree.root") as file:
        file.mktree("events", {"x": rows, "sum": sums})
    for name in ("data.parquet", "data.h5", "data.root", "tree.root"):
        data = provider(tmp_path / name).load(None, seed=1)
        np.testing.assert_array_equal(data.features, rows)


def test_arrays_in_files_of_their_own(tmp_path: Path) -> None:
    np.save(tmp_path / "x_train.npy", np.arange(6.0).reshape(3, 2))
    np.save(tmp_path / "y_train.npy", np.arange(3.0))
    section = DataSection(path=("x_train.npy", "y_train.npy"), features="x*", labels="y*")
    data = FileProvider(section, "regression", tmp_path).load(None, seed=1)
    np.testing.assert_array_equal(data.features, [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(data.targets[:, 0], [0, 1, 2])


def test_arrays_of_different_lengths(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=np.zeros((3, 2)), sum=np.zeros(4))
    with pytest.raises(DataError, check=coded("data.unequal-arrays")):
        provider(tmp_path / "data.npz").load(None, seed=1)


def test_pickles_are_not_executed(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=np.array([{}], dtype=object), sum=np.zeros(1))
    with pytest.raises(DataError, check=coded("data.unreadable-file")):
        provider(tmp_path / "data.npz")


@pytest.mark.parametrize("tree", [None, "event"])
def test_which_tree_of_several(tmp_path: Path, tree: str | None) -> None:
    with uproot.recreate(tmp_path / "data.root") as file:
        file.mktree("events", columns())
        file.mktree("more", columns())
    with pytest.raises(DataError, check=coded("data.no-tree")):
        provider(tmp_path / "data.root", tree=tree)
    assert provider(tmp_path / "data.root", tree="events").feature_names == ("a", "b")


def test_a_file_of_its_own_for_tests(tmp_path: Path) -> None:
    written(tmp_path, "a,b,sum\n1,2,3\n")
    (tmp_path / "test.csv").write_text("b,a,sum\n2,1,3\n")
    source = provider(tmp_path / "data.csv", features=["a", "b"], test_path="test.csv")
    test = source.load_test()
    assert test is not None
    np.testing.assert_array_equal(test.features, [[1, 2]])


def test_a_file_for_tests_with_other_features(tmp_path: Path) -> None:
    written(tmp_path, "a,b,sum\n1,2,3\n")
    (tmp_path / "test.csv").write_text("b,a,sum\n2,1,3\n")
    with pytest.raises(DataError, check=coded("data.other-features")):
        provider(tmp_path / "data.csv", test_path="test.csv").load_test()


def test_the_digest_covers_what_the_files_hold(tmp_path: Path) -> None:
    path = written(tmp_path, "a,sum\n1,2\n3,4\n")
    before = provider(path).digest
    assert provider(path).digest == before
    path.write_text("a,sum\n1,4\n3,2\n")
    assert provider(path).digest != before


def test_without_its_library_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(ToolchainError, check=coded("toolchain.no-data-library")) as caught:
        provider(written(tmp_path, "a,sum\n1,2\n"))
    assert "fpgac[data]" in caught.value.problems[0].hint
