"""A program as a file: plain data that can be read back, and verified, where hls4ml is not.

The file is JSON. Operations name their operands as a printed program does (``x``, ``v3``); arrays
are kept at its end, each once, packed. Intervals are not written: a :class:`Builder` finds them
again, and the program's own digest says whether they are the same.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import fields, replace
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np

from fpgac.build.folder import disk_errors, write_whole
from fpgac.digest import digest_json
from fpgac.errors import BuildError, CoreError, Problem, Where
from fpgac.numbers import FixedPoint, IntArray
from fpgac.program.document import DamageError, Part, parse_document
from fpgac.program.formats import Formats
from fpgac.program.program import (
    Operation,
    Program,
    Value,
    input_name,
    kind,
    result_name,
)
from fpgac.program.reading import AGAIN, INTEGERS, KINDS, MOST_NUMBERS, SCHEMA, program_of
from fpgac.tensors import Tensor

__all__ = ["SCHEMA", "parse_program", "program_bytes", "read_program", "write_program"]

_MOST_BYTES: Final = 1 << 26


def write_program(program: Program, path: Path) -> None:
    """Put ``program`` at ``path``, whole or not at all; the same program gives the same bytes.

    Raises:
        CoreError: it is larger than any that is read.
        BuildError: it cannot be written.
    """
    content = program_bytes(program)
    with disk_errors(path):
        write_whole(path, content)


def read_program(path: Path) -> Program:
    """The program that ``path`` holds, verified.

    Raises:
        BuildError: there is none, or it is damaged; it says what, and where.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        problem = Problem(
            "the program cannot be read",
            Where(path),
            got=error.strerror or str(error),
            hint=AGAIN,
            code="program.unreadable",
        )
        raise BuildError(problem) from error
    return parse_program(content, path)


def parse_program(content: bytes, path: Path | None = None) -> Program:
    """The same from the content of a file; ``path`` is where it comes from.

    Raises:
        BuildError: it is damaged; it says what, and where.
    """
    try:
        if len(content) > _MOST_BYTES:
            got = f"more than {_MOST_BYTES} bytes"
            Part(None).refuse("the file is too large", "program.too-large", got=got)
        return program_of(parse_document(content))
    except DamageError as damage:
        where = damage.problem.where or Where()
        place, hint = replace(where, file=path), damage.problem.hint or AGAIN
        raise BuildError(replace(damage.problem, where=place, hint=hint)) from None


def program_bytes(program: Program) -> bytes:
    """The file's whole content.

    Raises:
        CoreError: the program is larger than any that is read.
    """
    writer = _Writer(program)
    document = writer.document()
    if writer.numbers > MOST_NUMBERS:
        problem = Problem(
            "the program is too large for a file",
            expected=f"at most {MOST_NUMBERS} numbers in its arrays and values",
            got=str(writer.numbers),
            code="program.too-large",
        )
        raise CoreError(problem)
    document["checksum"] = digest_json(document)
    return (_text(document) + "\n").encode()


class _Writer:
    """A program as plain data."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names = {
            x.value: input_name(place, len(program.inputs))
            for place, x in enumerate(program.inputs)
        }
        self.names |= {op.result: result_name(at) for at, op in enumerate(program.operations)}
        self.arrays: dict[tuple[str, tuple[int, ...], bytes], int] = {}

    @property
    def numbers(self) -> int:
        """Numbers in all arrays and values."""
        arrays = sum(prod(shape) for _, shape, _ in self.arrays)
        return arrays + sum(value.size for value in self.names)

    def document(self) -> dict[str, Any]:
        """All but the checksum."""
        program = self.program
        outputs = [{**_tensor(y.tensor), "value": self.names[y.value]} for y in program.outputs]
        operations = [self._operation(operation) for operation in program.operations]
        layers = [{"name": name, "value": self.names[value]} for name, value in program.layers]
        return {
            "fpgac_program": SCHEMA,
            "name": program.name,
            "digest": program.digest,
            "inputs": [_tensor(x.tensor) for x in program.inputs],
            "outputs": outputs,
            "layers": layers,
            "operations": operations,
            "arrays": [_packed(*array) for array in self.arrays],
        }

    def _operation(self, operation: Operation) -> dict[str, Any]:
        found = {f.name: getattr(operation, f.name) for f in fields(operation)}
        found["fraction"] = operation.result.fraction
        name = kind(operation)
        plain = {"operation": name, "layer": operation.layer}
        return plain | {key: self._plain(found[key]) for key in KINDS[name].keys}

    def _plain(self, value: Any) -> Any:
        match value:
            case Value():
                return self.names[value]
            case tuple():
                return [self.names[each] for each in value]
            case np.ndarray():
                return self._array(value)
            case Formats():
                return {"types": value.plain_types, "index": self._array(value.index)}
            case FixedPoint():
                return str(value)
        return int(value) if isinstance(value, int) else str(value)

    def _array(self, array: IntArray) -> int:
        """The place of an array among those that are kept."""
        lowest, highest = int(array.min()), int(array.max())
        narrow = next(
            name
            for name in INTEGERS
            if np.iinfo(name).min <= lowest and highest <= np.iinfo(name).max
        )
        content = array.astype(np.dtype(narrow).newbyteorder("<")).tobytes()
        return self.arrays.setdefault((narrow, array.shape, content), len(self.arrays))


def _tensor(tensor: Tensor) -> dict[str, Any]:
    return {"name": tensor.name, "shape": list(tensor.shape), "type": str(tensor.type)}


def _packed(dtype: str, shape: tuple[int, ...], content: bytes) -> dict[str, Any]:
    text = base64.b64encode(zlib.compress(content, 9)).decode()
    return {"type": dtype, "shape": list(shape), "data": text}


def _text(document: Mapping[str, Any]) -> str:
    """JSON with one line for each part of a list."""
    lines = []
    for key, value in document.items():
        if isinstance(value, list) and value:
            parts = ",\n".join(f"  {json.dumps(part)}" for part in value)
            lines.append(f" {json.dumps(key)}: [\n{parts}\n ]")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}"
