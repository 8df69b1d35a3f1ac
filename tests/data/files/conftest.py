"""One small data set, written as a file of each kind by the libraries themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import uproot

ROWS = 60


def columns() -> dict[str, npt.NDArray[np.float32]]:
    """Two features and the sum of both, as float32."""
    draw = np.random.default_rng(7)
    a, b = draw.normal(0, 1, (2, ROWS)).astype(np.float32)
    return {"a": a, "b": b, "sum": a + b}


def _npz(path: Path) -> None:
    np.savez_compressed(path, **columns())


def _npy(path: Path) -> None:
    fields = columns()
    array = np.empty(ROWS, dtype=[(name, np.float32) for name in fields])
    for name, values in fields.items():
        array[name] = values
    np.save(path, array)


def _csv(path: Path) -> None:
    pyarrow.csv.write_csv(pa.table(columns()), path)


def _parquet(path: Path) -> None:
    pyarrow.parquet.write_table(pa.table(columns()), path, row_group_size=17)


def _hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for name, values in columns().items():
            file[name] = values


def _root(path: Path) -> None:
    with uproot.recreate(path) as file:
        file.mktree("events", columns())


WRITERS: dict[str, Callable[[Path], None]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".csv": _csv,
    ".parquet": _parquet,
    ".h5": _hdf5,
    ".root": _root,
}


@pytest.fixture(params=WRITERS)
def data_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The data set in a file of some kind."""
    path = tmp_path / f"data{request.param}"
    WRITERS[request.param](path)
    return path
