"""Which columns of a table are features and which are targets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from fpgac.data.files.table import Column, Table
from fpgac.errors import DataError, Problem, Where, closest

__all__ = ["Choice", "choose"]


@dataclass(frozen=True)
class Choice:
    """The chosen columns, in order."""

    features: tuple[Column, ...]
    targets: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all of them."""
        return tuple(column.name for column in (*self.features, *self.targets))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each number of the features."""
        return tuple(name for column in self.features for name in column.names)

    @property
    def target_names(self) -> tuple[str, ...]:
        """A name for each number of the targets."""
        return tuple(name for column in self.targets for name in column.names)


def choose(table: Table, features: Sequence[str] | None, targets: Sequence[str]) -> Choice:
    """The columns that the patterns match: those of a pattern in the table's order.

    ``features`` of None are all that are not targets. A pattern of features that matches targets
    too leaves them out.

    Raises:
        DataError: a pattern matches nothing, a target is named as a feature, or a column is ragged.
    """
    answers = _matching(table, targets)
    taken = {column.name for column in answers}
    if features is None:
        chosen = tuple(column for column in table.columns if column.name not in taken)
    else:
        _refuse_targets(table, features, taken)
        chosen = _matching(table, features, taken)
    _refuse_ragged(table, (*chosen, *answers))
    if not chosen:
        raise DataError(
            Problem(
                "the data file has no columns but the targets",
                Where(table.path),
                expected="features too",
                code="data.no-features",
            )
        )
    return Choice(chosen, answers)


def _matching(
    table: Table, patterns: Sequence[str], without: Collection[str] = ()
) -> tuple[Column, ...]:
    found: dict[str, Column] = {}
    for pattern in patterns:
        columns = [column for column in table.columns if column.name == pattern] or [
            column for column in table.columns if fnmatchcase(column.name, pattern)
        ]
        if not columns:
            known = [column.name for column in table.columns]
            raise DataError(
                Problem(
                    f"the data file has no column {pattern!r}",
                    Where(table.path, key=pattern),
                    expected=f"one of {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}",
                    hint=_similar(pattern, known),
                    code="data.no-column",
                )
            )
        found |= {column.name: column for column in columns if column.name not in without}
    return tuple(found.values())


def _refuse_targets(table: Table, features: Sequence[str], targets: set[str]) -> None:
    for name in features:
        if name in targets:
            raise DataError(
                Problem(
                    f"the column {name!r} is a feature and a target",
                    Where(table.path, key=name),
                    expected="features that do not hold the answer",
                    code="data.target-as-feature",
                )
            )


def _refuse_ragged(table: Table, columns: Sequence[Column]) -> None:
    for column in columns:
        if column.ragged:
            raise DataError(
                Problem(
                    "a column has lists of different lengths",
                    Where(table.path, key=column.name),
                    expected="as many numbers in every row",
                    hint="pad or cut the lists to one length, or choose other columns",
                    code="data.ragged",
                )
            )


def _similar(name: str, known: Sequence[str]) -> str:
    close = closest(name, known)
    return f"did you mean {close!r}?" if close else ""
