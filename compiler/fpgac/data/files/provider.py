"""A data set in a file: its features, and targets as numbers or as the labels of classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fpgac.data.dataset import Dataset, Provider, Task
from fpgac.data.files.choice import Choice, choose
from fpgac.data.files.opening import open_table
from fpgac.data.files.table import Array, Table, as_numbers
from fpgac.digest import digest_file, digest_json
from fpgac.errors import DataError, Problem, Where, nearest
from fpgac.spec.models import FILE, DataSection

__all__ = ["FileProvider"]


class FileProvider(Provider):
    """The samples that ``data`` describes; its files are relative to ``folder``.

    Features are float32 where the file's numbers are. The only column of a classification's targets
    holds labels, numbers or text; of several, one is 1 in each row. The column of a binary
    classification holds two labels, of which the second in their order is 1.

    Raises:
        DataError: a file cannot be read, or does not have the columns.
        ToolchainError: the library that reads it is not installed.
    """

    def __init__(self, data: DataSection, task: Task, folder: Path) -> None:
        self.name, self.version, self.task = FILE, "1", task
        self._data, self._folder = data, folder
        table = self._table(data.path)
        self.description = f"the samples in {table.path.name}"
        choice = self._choice(table)
        self.feature_names = choice.feature_names
        self._labels = self._labels_of(table, choice)
        is_one_hot = self.task == "classification" and self._labels
        self.target_names = self._labels if is_one_hot else choice.target_names

    def load(self, samples: int | None, seed: int) -> Dataset:
        """All samples in the file's order, or ``samples`` of them at random.

        Of a file that does not fit into memory, only those are kept.
        """
        return self._read(self._table(self._data.path), samples, seed)

    def load_test(self) -> Dataset | None:
        """The samples of the file for tests, if there is one."""
        if self._data.test_path is None:
            return None
        return self._read(self._table(self._data.test_path), None, 0)

    @property
    def digest(self) -> str:
        """What cache keys contain: the spec's words, and the content of the files."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        tables = [self._table(paths) for paths in (self._data.path, self._data.test_path) if paths]
        return digest_json(
            {
                "provider": [self.name, self.version, self.task],
                # Scaled or not, in whatever units: the samples are the same.
                "data": self._data.model_dump(
                    mode="json", exclude_none=True, exclude={"target_scaling", "units"}
                ),
                "files": [digest_file(path) for table in tables for path in table.files],
            }
        )

    def _table(self, paths: str | Sequence[str] | None) -> Table:
        return open_table([self._folder / path for path in _listed(paths)], self._data.tree)

    def _choice(self, table: Table) -> Choice:
        features = self._data.features
        return choose(
            table, None if features is None else _listed(features), _listed(self._data.labels)
        )

    def _labels_of(self, table: Table, choice: Choice) -> tuple[str, ...]:
        """The labels in the only target, in the order of the classes; none in other targets."""
        if not self._is_labelled(choice):
            return ()
        found = self._found_labels(table, choice)
        if self.task == "binary" and len(found) != 2:
            raise DataError(
                Problem(
                    "a binary classification has two classes",
                    Where(table.path, key=choice.targets[0].name),
                    expected="two different labels",
                    got=f"{len(found)}: {', '.join(found[:6])}",
                    hint="of more classes take loss = 'crossentropy', with an output for each",
                    code="data.not-two-classes",
                )
            )
        return found

    def _found_labels(self, table: Table, choice: Choice) -> tuple[str, ...]:
        if self._data.classes is not None:
            return self._data.classes
        (name,) = (column.name for column in choice.targets)
        found: set[str] = set()
        for chunk in table.chunks([name], text=[name]):
            found.update(np.unique(_labels(chunk[name])).tolist())
        return tuple(sorted(found, key=_in_order))

    def _is_labelled(self, choice: Choice) -> bool:
        alone = len(choice.targets) == 1 and choice.targets[0].size == 1
        return self.task in ("classification", "binary") and alone

    def _read(self, table: Table, samples: int | None, seed: int) -> Dataset:
        choice = self._choice(table)
        self._check_features(table, choice)
        kept = _Kept(samples, np.random.default_rng(seed))
        for features, targets in self._parts(table, choice):
            kept.add(features, targets)
        if not kept.count:
            raise DataError(
                Problem(
                    "the data file has no samples",
                    Where(table.path),
                    expected="a row for each",
                    code="data.no-samples",
                )
            )
        if samples is not None and samples > kept.count:
            raise DataError(
                Problem(
                    "the data file does not hold that many samples",
                    Where(table.path),
                    expected=f"at most {kept.count}",
                    got=f"samples = {samples}",
                    hint="remove samples from [data] to have them all",
                    code="data.too-many-samples",
                )
            )
        features, targets = kept.arrays()
        return Dataset(
            name=table.path.name,
            task=self.task,
            features=features,
            targets=targets,
            feature_names=self.feature_names,
            target_names=self.target_names,
        )

    def _check_features(self, table: Table, choice: Choice) -> None:
        """A file for tests has the columns of the one for training."""
        if choice.feature_names != self.feature_names:
            raise DataError(
                Problem(
                    "the file for tests has other features than the one for training",
                    Where(table.path),
                    expected=f"{len(self.feature_names)}: {', '.join(self.feature_names[:6])} ...",
                    got=f"{len(choice.feature_names)}: {', '.join(choice.feature_names[:6])} ...",
                    hint="name them with 'features' under [data]",
                    code="data.other-features",
                )
            )

    def _parts(self, table: Table, choice: Choice) -> Iterator[tuple[Array, Array]]:
        """Features and targets of some rows at a time."""
        labelled = self._is_labelled(choice)
        text = [column.name for column in choice.targets] if labelled else []
        first = 1
        for chunk in table.chunks(choice.names, text=text):
            columns = [as_numbers(table.path, c, chunk[c.name], first) for c in choice.features]
            if labelled:
                numbers = self._numbered(table, choice.targets[0].name, chunk, first)
                targets = self._of_classes(numbers)
            else:
                targets = np.concatenate(
                    [as_numbers(table.path, c, chunk[c.name], first) for c in choice.targets],
                    axis=1,
                )
            yield np.concatenate(columns, axis=1), targets.astype(np.float64)
            first += len(targets)

    def _of_classes(self, numbers: Array) -> Array:
        """The targets of samples of these classes."""
        if self.task == "binary":
            return numbers.reshape(-1, 1)
        return np.asarray(np.eye(len(self._labels))[numbers])

    def _numbered(self, table: Table, name: str, chunk: Mapping[str, Any], first: int) -> Array:
        """The classes' numbers of the labels in a chunk."""
        labels = _labels(chunk[name])
        places = {label: place for place, label in enumerate(self._labels)}
        numbers = np.array([places.get(label, -1) for label in labels.tolist()])
        if (numbers < 0).any():
            row = int(np.argmax(numbers < 0))
            raise DataError(
                Problem(
                    "a label is none of the classes",
                    Where(table.path, key=name),
                    expected=f"one of {', '.join(self._labels[:12])}",
                    got=f"{labels[row]!r} in row {first + row}",
                    hint=nearest(str(labels[row]), self._labels),
                    code="data.unknown-label",
                )
            )
        return numbers


def _listed(names: str | Sequence[str] | None) -> Sequence[str]:
    return [names] if isinstance(names, str) else names or ()


def _labels(values: Array) -> Array:
    """Labels as text: whole numbers without a point."""
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == values.round()).all():
        values = values.astype(np.int64)
    if values.dtype.kind in "iub":
        values = values.astype(np.int64)
    return values.reshape(len(values)).astype(str)


def _in_order(label: str) -> tuple[bool, float, str]:
    """Numbers by size, before text by the alphabet."""
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label


@dataclass
class _Kept:
    """The rows that are kept of all that come by: all, or ``most`` at random, in random order."""

    most: int | None
    generator: np.random.Generator
    count: int = 0
    _rows: list[tuple[Array, Array, Array]] = field(default_factory=list)

    def add(self, features: Array, targets: Array) -> None:
        """Some more rows."""
        self.count += len(features)
        drawn = self.generator.random(len(features)) if self.most else np.zeros(len(features))
        self._rows.append((features, targets, drawn))
        if self.most and sum(len(part) for part, _, _ in self._rows) > 2 * self.most:
            self._rows = [self._least()]

    def arrays(self) -> tuple[Array, Array]:
        """Features and targets."""
        features, targets, _ = self._least()
        return features, targets

    def _least(self) -> tuple[Array, Array, Array]:
        """Those with the least random numbers, which are as good as any."""
        features, targets, drawn = map(np.concatenate, zip(*self._rows, strict=True))
        if self.most is None:
            return features, targets, drawn
        order = np.argsort(drawn, kind="stable")[: self.most]
        return features[order], targets[order], drawn[order]
