"""Formats for the floats of a file, chosen by the ranges that data show, and written down.

The file of formats lies beside the network's, and stays: neither other data nor another release
changes what was chosen. Whoever wants another choice edits it, or deletes it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.imports.draft import Draft, Entry
from fpgac.network.imports.files import whole_model
from fpgac.network.imports.formats import Formats, RangedFormats, WideFormats
from fpgac.network.imports.settling import settle
from fpgac.network.meaning import meaning
from fpgac.numbers import FixedPoint
from fpgac.program import ideal
from fpgac.program.program import Value

__all__ = [
    "Chosen",
    "UnchosenFormats",
    "WrittenFormats",
    "choose",
    "float_outputs",
    "read_formats",
]

Floats = npt.NDArray[np.float64]

# Samples whose numbers are in memory at a time.
_BATCH = 256


@dataclass(frozen=True)
class Chosen:
    """The types of inputs by name, and of what layers have by their names and its key.

    ``model`` is the file that they are for and ``digest`` that of its content; ``bits`` is what
    each number was to have.
    """

    model: str
    digest: str
    bits: int
    inputs: Mapping[str, FixedPoint]
    layers: Mapping[str, Mapping[str, FixedPoint]]

    def text(self) -> str:
        """The file's whole text, TOML."""
        lines = [
            f"# The formats of what {self.model} has as floats, as fpgac chose them by data.",
            "# Edit them, or delete this file to have them chosen again.",
            f'model = "{self.model}"',
            f'digest = "{self.digest}"',
            f"bits = {self.bits}",
            "",
            "[inputs]",
            *(f'{name} = "{type_}"' for name, type_ in self.inputs.items()),
        ]
        for layer, types in self.layers.items():
            lines += ["", f"[layers.{layer}]"]
            lines += [f'{key} = "{type_}"' for key, type_ in types.items()]
        return "\n".join(lines) + "\n"


def read_formats(path: Path) -> Chosen:
    """The formats in the file at ``path``.

    Raises:
        NetworkError: it is damaged; it says where.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return Chosen(
            str(table["model"]),
            str(table["digest"]),
            int(table["bits"]),
            _types(table["inputs"]),
            {str(name): _types(types) for name, types in table.get("layers", {}).items()},
        )
    except KeyError as error:
        got = f"no key {error.args[0]!r}"
    except (ValueError, TypeError, AttributeError, OSError) as error:
        got = str(error)
    raise NetworkError(
        Problem(
            "the file of formats cannot be read",
            Where(path),
            got=got,
            hint="correct it, or delete it to have the formats chosen again",
            code="network.bad-formats",
        )
    )


def _types(table: Mapping[str, Any]) -> dict[str, FixedPoint]:
    return {str(key): FixedPoint.parse(str(text)) for key, text in table.items()}


@dataclass(frozen=True)
class WrittenFormats(Formats):
    """The formats of a file, at ``path``."""

    chosen: Chosen
    path: Path

    def entry(self, entry: Entry) -> FixedPoint:
        return self._found(self.chosen.inputs, entry.name, "inputs")

    def constants(self, node: str, key: str, values: Floats) -> FixedPoint:
        return self._found(self.chosen.layers.get(node, {}), key, f"layers.{node}")

    def result(self, node: str, function: str) -> FixedPoint:
        return self._found(self.chosen.layers.get(node, {}), "result", f"layers.{node}")

    def _found(self, types: Mapping[str, FixedPoint], key: str, table: str) -> FixedPoint:
        if key in types:
            return types[key]
        raise NetworkError(
            Problem(
                "a format is missing in the file of formats",
                Where(self.path, key=f"{table}.{key}"),
                hint="add it, or delete the file to have all formats chosen again",
                code="network.bad-formats",
            )
        )


@dataclass(frozen=True)
class UnchosenFormats(Formats):
    """No formats yet: whatever asks for one learns that they are to be chosen."""

    file: Path

    def entry(self, entry: Entry) -> FixedPoint:
        raise self._error(f"the input {entry.name!r}")

    def constants(self, node: str, key: str, values: Floats) -> FixedPoint:
        raise self._error(f"the {key} of layer {node!r}")

    def result(self, node: str, function: str) -> FixedPoint:
        raise self._error(f"the results of layer {node!r}")

    def _error(self, what: str) -> NetworkError:
        return NetworkError(
            Problem(
                f"the file has floats, and nothing gives {what} a format",
                Where(self.file),
                hint="'fpgac compile SPEC' chooses them by the data; or give [quantisation] and "
                "interface.input",
                code="network.no-formats",
            )
        )


@dataclass(frozen=True)
class _Recording(Formats):
    """Formats of ``source``, and what was asked of it."""

    source: Formats
    inputs: dict[str, FixedPoint] = field(default_factory=dict)
    layers: dict[str, dict[str, FixedPoint]] = field(default_factory=dict)

    def entry(self, entry: Entry) -> FixedPoint:
        return self.inputs.setdefault(entry.name, self.source.entry(entry))

    def constants(self, node: str, key: str, values: Floats) -> FixedPoint:
        types = self.layers.setdefault(node, {})
        return types.setdefault(key, self.source.constants(node, key, values))

    def result(self, node: str, function: str) -> FixedPoint:
        types = self.layers.setdefault(node, {})
        return types.setdefault("result", self.source.result(node, function))


def choose(
    draft: Draft,
    file: Path,
    digest: str,
    rows: Floats,
    bits: int,
    inputs: Mapping[str, FixedPoint],
) -> Chosen:
    """Types of ``bits`` bits that hold all numbers of a network on samples of data.

    Args:
        draft: the network in ``file``, whose content has the ``digest``.
        file: where it comes from.
        digest: as above.
        rows: the samples, shape (samples, numbers of all inputs).
        bits: of weights, biases and results.
        inputs: the types of inputs that are given.

    Raises:
        NetworkError: something in the draft stands in the way.
    """
    lowest, highest = _ranges(draft, rows)
    recording = _Recording(RangedFormats(bits, lowest, highest))
    settle(draft, "draft", recording, inputs)
    return Chosen(whole_model(file).name, digest, bits, recording.inputs, recording.layers)


def _ranges(draft: Draft, rows: Floats) -> tuple[dict[str, float], dict[str, float]]:
    """The least and the greatest number of each input and node of the draft on the samples."""
    lowest: dict[str, float] = {}
    highest: dict[str, float] = {}
    for numbers in _evaluated(draft, rows):
        for name, array in numbers.items():
            lowest[name] = min(lowest.get(name, np.inf), float(array.min()))
            highest[name] = max(highest.get(name, -np.inf), float(array.max()))
    return lowest, highest


def float_outputs(draft: Draft, rows: Floats) -> Floats:
    """What the network answers in floats, shape (samples, numbers of all outputs)."""
    parts = [
        np.concatenate([numbers[output.node] for output in draft.outputs], axis=1)
        for numbers in _evaluated(draft, rows)
    ]
    return np.concatenate(parts)


def _evaluated(draft: Draft, rows: Floats) -> Iterator[dict[str, Floats]]:
    """The numbers of inputs and nodes, batch by batch: as real as formats let them be."""
    settled = settle(draft, "draft", WideFormats())
    program = meaning(settled.network)
    values = dict(program.layers)
    nodes = {name: values[node] for name, node in settled.ends.items() if node in values}
    for start in range(0, len(rows), _BATCH):
        batch = np.asarray(rows[start : start + _BATCH], np.float64)
        known: dict[Value, Floats] = {}
        numbers: dict[str, Floats] = {}
        for terminal, columns in program.input_columns:
            numbers[terminal.tensor.name] = known[terminal.value] = batch[:, columns]
        for operation in program.operations:
            known[operation.result] = ideal.evaluate(operation, known)
        yield numbers | {name: known[value] for name, value in nodes.items()}
