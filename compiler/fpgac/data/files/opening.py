"""Which reader a file's name asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from fpgac.data.files.arrays import hdf5, npy, npz
from fpgac.data.files.arrow import CsvTable, ParquetTable
from fpgac.data.files.root import RootTable
from fpgac.data.files.table import Table
from fpgac.errors import DataError, Problem, Where, nearest

__all__ = ["SUFFIXES", "open_table"]

_READERS: Final[Mapping[str, Callable[[Path], Table]]] = MappingProxyType(
    {
        ".npy": lambda path: npy([path]),
        ".npz": npz,
        ".csv": CsvTable,
        ".tsv": CsvTable,
        ".txt": CsvTable,
        ".parquet": ParquetTable,
        ".h5": hdf5,
        ".hdf5": hdf5,
    }
)
_ROOT: Final = ".root"
_COMPRESSED: Final = (".gz", ".bz2", ".zst")
SUFFIXES: Final = (*_READERS, _ROOT)


def open_table(paths: Sequence[Path], tree: str | None = None) -> Table:
    """The table in a file, by its suffix; several files are the arrays of ``.npy`` files.

    Raises:
        DataError: no such file, or one of an unknown kind.
        ToolchainError: the library that reads it is not installed.
    """
    for path in paths:
        _require(path)
    if len(paths) > 1:
        _require_arrays(paths)
        return npy(paths)
    (path,) = paths
    kind = _kind(path)
    return RootTable(path, tree) if kind == _ROOT else _READERS[kind](path)


def _kind(path: Path) -> str:
    name = Path(path.name)
    if name.suffix in _COMPRESSED and Path(name.stem).suffix in (".csv", ".tsv", ".txt"):
        name = Path(name.stem)
    return name.suffix.lower()


def _require(path: Path) -> None:
    if not path.is_file():
        folder = path.parent
        near = [each.name for each in folder.iterdir()] if folder.is_dir() else []
        raise DataError(
            Problem(
                "there is no such data file",
                Where(path),
                hint=nearest(path.name, [name for name in near if _kind(Path(name)) in SUFFIXES]),
                code="data.no-file",
            )
        )
    if _kind(path) not in SUFFIXES:
        raise DataError(
            Problem(
                "a data file's name says what it holds, and this one's is not known",
                Where(path),
                expected=f"a name that ends in {', '.join(SUFFIXES)}",
                got=path.suffix or "no suffix",
                code="data.unknown-suffix",
            )
        )


def _require_arrays(paths: Sequence[Path]) -> None:
    for path in paths:
        if _kind(path) != ".npy":
            raise DataError(
                Problem(
                    "only .npy files can stand side by side",
                    Where(path),
                    expected="one file, or .npy files with an array each",
                    code="data.several-files",
                )
            )
    stems = [path.stem for path in paths]
    for path in paths:
        if stems.count(path.stem) > 1:
            raise DataError(
                Problem(
                    f"two files have arrays named {path.stem!r}",
                    Where(path),
                    expected="a name of its own for each file",
                    code="data.column-named-twice",
                )
            )
