"""The spec that ``fpgac init --data`` starts from a file of samples: what it guesses is marked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fpgac.data.dataset import Task
from fpgac.data.files.opening import SUFFIXES, open_table
from fpgac.data.files.table import Column, Table, as_numbers
from fpgac.errors import DataError, Problem, Where
from fpgac.network.imports.numbers import rounding_type

__all__ = ["DECIDE", "Samples", "data_lines", "data_spec", "is_data_file", "look_at"]

# What marks a line that only a user can decide on.
DECIDE: Final = "# decide:"

Floats = npt.NDArray[np.float64]

# What columns with answers are usually called.
_ANSWERS: Final = re.compile(r"(y|labels?|targets?|class(es)?|species|truth)([_.\d].*)?", re.I)
# Whole numbers of more values than this are no classes.
_MOST_CLASSES: Final = 32
# Features whose greatest numbers are within these need no scaling.
_USUAL: Final = (1 / 8, 8.0)
_INPUT_BITS: Final = 16
_LOSSES: Final[dict[Task, str]] = {
    "regression": "mean_squared_error",
    "classification": "crossentropy",
    "binary": "binary_crossentropy",
    "multi-label": "binary_crossentropy",
}
_TASKS: Final[dict[Task, str]] = {
    "binary": "binary classification",
    "multi-label": "classification with several labels",
}
_DECODINGS: Final[dict[Task, str]] = {
    "classification": "argmax",
    "binary": "sigmoid",
    "multi-label": "sigmoid",
}


@dataclass(frozen=True, eq=False)
class Samples:
    """What a file of samples holds.

    Args:
        path: the file.
        features: the columns that go in, which hold numbers.
        labels: the column that is to be answered.
        text: the columns that are left out, since they hold text.
        rows: how many samples there are.
        task: what the labels look like.
        outputs: the numbers that a network gives for them.
        lowest: of each number of the features, shape (numbers,); so are those that follow.
        highest: the greatest ones.
        mean: of all samples.
        deviation: likewise.
    """

    path: Path
    features: tuple[Column, ...]
    labels: Column
    text: tuple[str, ...]
    rows: int
    task: Task
    outputs: int
    lowest: Floats
    highest: Floats
    mean: Floats
    deviation: Floats

    @property
    def needs_scaling(self) -> bool:
        """Whether features differ much in size, or from what fixed-point types hold well."""
        greatest = np.maximum(np.abs(self.lowest), np.abs(self.highest))
        varying = greatest[self.deviation > 0]
        least, most = _USUAL
        return bool(((varying > most) | (varying < least)).any())

    @property
    def input_type(self) -> str:
        """A type that holds all features, scaled if that is needed."""
        ends = np.array([self.lowest, self.highest])
        if self.needs_scaling:
            ends = (ends - self.mean) / np.where(self.deviation > 0, self.deviation, 1)
        return f"ap_fixed<{_INPUT_BITS},{rounding_type(_INPUT_BITS, ends).integer},RND,SAT>"


def is_data_file(data: str) -> bool:
    """Whether ``data`` is, by its name, a file of samples, and no data set's name."""
    return any(suffix in SUFFIXES for suffix in Path(data).suffixes)


def look_at(path: Path) -> Samples:
    """What the file at ``path`` holds, all of it read once.

    Raises:
        DataError: it cannot be read, or holds no samples.
        ToolchainError: the library that reads it is not installed.
    """
    table = open_table([path])
    labels = _labels(table)
    chunk = next(iter(table.chunks([column.name for column in table.columns])), {})
    others = [column for column in table.columns if column != labels and not column.ragged]
    text = tuple(column.name for column in others if not _are_numbers(chunk.get(column.name)))
    features = tuple(column for column in others if column.name not in text)
    if not features or not chunk:
        raise DataError(
            Problem(
                "the data file holds no samples to learn from",
                Where(path),
                expected="rows with a column of answers and others with numbers",
                got=", ".join(column.name for column in table.columns) or "no columns",
                code="data.no-samples",
            )
        )
    answers, figures = _Answers(labels.size), _Figures()
    first = 1
    words = [] if _are_numbers(chunk[labels.name]) else [labels.name]
    for chunk in table.chunks([column.name for column in (*features, labels)], words):
        rows = [as_numbers(path, c, chunk[c.name], first) for c in features]
        figures.add(np.concatenate(rows, axis=1).astype(np.float64))
        answers.add(np.asarray(chunk[labels.name]))
        first += len(rows[0])
    task, outputs = answers.task
    return Samples(
        *(path, features, labels, text, figures.rows, task, outputs),
        *(figures.lowest, figures.highest, figures.mean, figures.deviation),
    )


def _are_numbers(values: npt.NDArray[Any] | None) -> bool:
    """Whether a column's values are numbers, or texts of numbers."""
    if values is None:
        return False
    try:
        values.astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _labels(table: Table) -> Column:
    """The column that is called like answers, or else the last one."""
    if not table.columns:
        what = "the data file has no columns"
        raise DataError(Problem(what, Where(table.path), code="data.no-samples"))
    named = [column for column in table.columns if _ANSWERS.fullmatch(column.name)]
    return (named or table.columns)[-1]


class _Figures:
    """Range, mean and deviation of rows that come by in pieces."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = self._squares = np.zeros(1)
        self.lowest, self.highest = np.array([np.inf]), np.array([-np.inf])

    def add(self, rows: Floats) -> None:
        """Some more rows."""
        self.rows += len(rows)
        self._sum = self._sum + rows.sum(axis=0)
        self._squares = self._squares + (rows**2).sum(axis=0)
        self.lowest = np.minimum(self.lowest, rows.min(axis=0))
        self.highest = np.maximum(self.highest, rows.max(axis=0))

    @property
    def mean(self) -> Floats:
        return np.asarray(self._sum / self.rows)

    @property
    def deviation(self) -> Floats:
        varies = self.highest > self.lowest
        square = self._squares / self.rows - self.mean**2
        return np.where(varies, np.sqrt(np.maximum(square, 0)), 0.0)


class _Answers:
    """The answers that come by in pieces, as far as they tell the task."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._is_text = False
        self._is_one_hot = True
        self._found: set[Any] = set()

    def add(self, values: npt.NDArray[Any]) -> None:
        """Some more rows."""
        self._is_text |= not _are_numbers(values)
        rows = values.astype(str if self._is_text else np.float64).reshape(len(values), -1)
        if self._is_text or len(self._found) <= _MOST_CLASSES:
            self._found.update(np.unique(rows).tolist())
        if self._size > 1:
            self._is_one_hot &= bool((rows.sum(axis=1) == 1).all())

    @property
    def task(self) -> tuple[Task, int]:
        """What the answers look like, and how many numbers a network gives for them."""
        are_bits = self._found <= {0, 1}
        if self._size > 1:
            several: Task = "classification" if self._is_one_hot else "multi-label"
            return (several if are_bits else "regression"), self._size
        is_whole = self._is_text or all(float(each).is_integer() for each in self._found)
        few = self._is_text or len(self._found) <= _MOST_CLASSES
        if not (is_whole and few) or len(self._found) < 2:
            return "regression", 1
        return ("binary", 1) if len(self._found) == 2 else ("classification", len(self._found))


def data_spec(samples: Samples, spec: Path, name: str, targets: Sequence[str]) -> str:
    """A valid spec, at ``spec``, of a network that learns from ``samples``.

    What it guesses has the mark :data:`DECIDE`.
    """
    lines = [
        f"# A network that learns from {samples.path.name}. What fpgac guessed has the mark",
        f"# {DECIDE!r}; 'fpgac data' shows what comes in, and docs/spec.md has all keys.",
        f"name = {json.dumps(name)}",
        "",
        *data_lines(samples, spec),
        *_scaling(samples),
        "",
        *_topology(samples),
        "",
        "[quantisation]",
        'weights = "quantized_bits(8, 1, alpha=1)"',
        'biases = "quantized_bits(8, 1, alpha=1)"',
        'activations = "quantized_relu(8, 3)"',
        "",
        "[training]",
        f"loss = {json.dumps(_LOSSES[samples.task])}",
        "learning_rate = 0.005",
        "epochs = 50",
        f"batch_size = {_batch(samples.rows)}",
        "",
        "[interface]",
        f'input = "{samples.input_type}"',
        *_decoding(samples),
        "",
        *(f"[targets.{target}]" for target in targets),
    ]
    return "\n".join(lines) + "\n"


def data_lines(samples: Samples, spec: Path) -> Iterator[str]:
    """The table ``[data]`` of a spec at ``spec``: the file, and which of its columns are what."""
    path = Path(os.path.relpath(samples.path, spec.parent)).as_posix()
    yield "[data]"
    yield f"path = {json.dumps(path)}  # {samples.rows:,} samples"
    task = _TASKS.get(samples.task, samples.task)
    what = f"to be answered, a {task} by its values; other columns are features"
    yield f"labels = {json.dumps(samples.labels.name)}  {DECIDE} {what}"
    if samples.text:
        names = json.dumps([column.name for column in samples.features])
        left = ", ".join(json.dumps(name) for name in samples.text)
        yield f"features = {names}  {DECIDE} without {left}, which hold text"


def _scaling(samples: Samples) -> Iterator[str]:
    if samples.needs_scaling:
        why = "features are of different or unusual sizes"
        yield f'scaling = "standard"  {DECIDE} {why}; "minmax" or a table otherwise'


def _topology(samples: Samples) -> Iterator[str]:
    alone = samples.features[0].shape if len(samples.features) == 1 else ()
    is_image = len(alone) in (2, 3)
    yield "[topology]"
    yield f"inputs = {json.dumps(list(alone) if is_image else len(samples.lowest))}"
    layers = "convolutions, perhaps, before the flattening" if is_image else "as many as it takes"
    yield f"layers = [  {DECIDE} {layers}"
    if is_image:
        yield '    { kind = "flatten" },'
    yield '    { kind = "dense", units = 32, activation = "relu" },'
    yield '    { kind = "dense", units = 16, activation = "relu" },'
    yield f'    {{ kind = "dense", units = {samples.outputs} }},'
    yield "]"


def _decoding(samples: Samples) -> Iterator[str]:
    if samples.task in _DECODINGS:
        yield f'decode = "{_DECODINGS[samples.task]}"'


def _batch(rows: int) -> int:
    """Some tens of steps in an epoch, as far as batches of usual sizes give them."""
    return int(np.clip(2 ** int(np.log2(max(rows / 32, 1))), 16, 512))
