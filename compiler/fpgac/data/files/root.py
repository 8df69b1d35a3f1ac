"""Trees in ROOT files, by uproot: branches with a number, or an array of a fixed size, an entry.

A tree is a TTree, or an RNTuple, whose fields are read alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fpgac.data.files.table import CHUNK, Column, Table, library, unreadable
from fpgac.errors import DataError, Problem, Where, nearest

__all__ = ["RootTable"]

_TREES: Final = ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple")
_ARRAY: Final = re.compile(r"std::array<(.*),(\d+)>")


class RootTable(Table):
    """The tree called ``tree`` in a ROOT file, or its only one.

    Raises:
        DataError: the file cannot be read, or which tree is meant is not clear.
    """

    def __init__(self, path: Path, tree: str | None) -> None:
        self.path = path
        uproot = library("uproot", "ROOT")
        try:
            file = uproot.open(path)
            names = [name for name, kind in file.classnames(cycle=False).items() if kind in _TREES]
        except (OSError, ValueError, EOFError) as error:
            raise unreadable(path, "a ROOT file", error) from None
        self._tree = file[self._chosen(sorted(set(names)), tree)]
        self.columns = tuple(
            _of_field(name, branch) if hasattr(branch, "field_id") else _of_branch(name, branch)
            for name, branch in self._tree.items(recursive=False)
        )

    def _chosen(self, names: Sequence[str], tree: str | None) -> str:
        if tree in names or (tree is None and len(names) == 1):
            return tree or names[0]
        raise DataError(
            Problem(
                f"the file has no tree {tree!r}" if tree else "which tree is meant is not clear",
                Where(self.path, key=tree or ""),
                expected=f"'tree' under [data], one of {', '.join(names)}" if names else "a tree",
                got="" if names else "none",
                hint=nearest(tree, names) if tree and names else "",
                code="data.no-tree",
            )
        )

    def chunks(self, names: Sequence[str], text: Sequence[str] = ()) -> Iterator[Mapping[str, Any]]:
        """See :meth:`Table.chunks`."""
        del text  # branches have types of their own
        yield from self._tree.iterate(list(names), library="np", step_size=CHUNK)


def _of_branch(name: str, branch: Any) -> Column:
    """A branch of a TTree."""
    interpretation = branch.interpretation
    shape = getattr(interpretation, "inner_shape", None)
    is_text = type(interpretation).__name__ == "AsStrings"
    return Column(name, tuple(shape or ()), ragged=shape is None and not is_text)


def _of_field(name: str, field: Any) -> Column:
    """A field of an RNTuple: ``std::array<std::array<float,3>,2>`` has the shape (2, 3)."""
    shape: list[int] = []
    type_: str = field.typename
    while match := _ARRAY.fullmatch(type_):
        shape.append(int(match[2]))
        type_ = match[1]
    return Column(name, tuple(shape), ragged=type_.startswith("std::vector"))
