"""From the plain data of a program's file to the program: all is checked, and what follows from
something else is found again by the Builder, whose rules are the only ones.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Final, NoReturn

import numpy as np

from fpgac.digest import digest_json
from fpgac.numbers import WIDEST, FixedPoint, IntArray
from fpgac.program.builder import Builder
from fpgac.program.document import Part
from fpgac.program.formats import ZERO, Formats
from fpgac.program.program import Combination, Program, Terminal, Value
from fpgac.program.ranges import WIDEST as WIDEST_VALUE
from fpgac.program.ranges import Interval, NotExact
from fpgac.tensors import Tensor

__all__ = ["AGAIN", "INTEGERS", "KINDS", "MOST_NUMBERS", "SCHEMA", "program_of"]

SCHEMA: Final = 1

# What helps against all damage.
AGAIN: Final = "make it again with 'fpgac compile'"

# What a program may need: numbers in its arrays and values, and steps to find its intervals. A
# network of a million weights needs a tenth of it.
MOST_NUMBERS: Final = 1 << 25
_MOST_STEPS: Final = 1 << 32

# Beyond all places of a point, and all bits of a type, that a program can do with.
_FARTHEST: Final = 1024

# Just beyond the greatest number of a program.
_FAR: Final = 1 << (WIDEST_VALUE - 1)

_DIMENSIONS: Final = 8

# What arrays are kept as, the narrowest first.
INTEGERS: Final = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64")


def program_of(document: Part) -> Program:
    """The program that a document describes.

    Raises:
        DamageError: it describes none; the error names the key.
    """
    _check_version(document)
    return _Reader(document).program()


@dataclass
class _Budget:
    """What a file may still ask for."""

    numbers: int = MOST_NUMBERS
    steps: int = _MOST_STEPS

    def spend(self, part: Part, numbers: int, steps: int = 0) -> None:
        """Take so much, or refuse ``part``."""
        self.numbers -= numbers
        self.steps -= max(steps, numbers)
        if min(self.numbers, self.steps) < 0:
            part.refuse("the program is too large", "program.too-large")


class _Reader:
    """Plain data on its way to a program."""

    def __init__(self, document: Part) -> None:
        self.root = document
        keys = ("fpgac_program", "name", "digest", "inputs", "outputs", "layers", "operations")
        self.parts = document.table([*keys, "arrays", "checksum"])
        self.budget = _Budget()
        self.arrays = [self._unpacked(part) for part in self.parts["arrays"].items()]
        tensors = list(self._tensors())
        self._check_names("inputs", tensors)
        self.build = Builder(*tensors)
        self.values = {x.value.name: x.value for x in self.build.inputs}

    def program(self) -> Program:
        """All of it, verified."""
        for part in self.parts["operations"].items():
            self._add(part)
        outputs, layers = list(self._outputs()), list(self._layers())
        self._check_names("outputs", (output.tensor for output in outputs))
        name = self.parts["name"].text()
        try:
            program = self.build.program(name, outputs, layers)
        except ValueError as error:
            self.parts["outputs"].refuse(str(error), "program.wrong-output")
        self._compare("digest", program.digest)
        plain = {key: value for key, value in self.root.value.items() if key != "checksum"}
        self._compare("checksum", digest_json(plain))
        return program

    def _compare(self, key: str, found: str) -> None:
        said = self.parts[key].text()
        if said != found:
            what = f"the program is not the one that was written: its {key} does not agree"
            self.parts[key].refuse(what, f"program.{key}", expected=said, got=found)

    def _tensors(self) -> Iterator[Tensor]:
        for part in self.parts["inputs"].items():
            yield self._tensor(part.table(("name", "shape", "type")))

    def _outputs(self) -> Iterator[Terminal]:
        for part in self.parts["outputs"].items():
            parts = part.table(("name", "shape", "type", "value"))
            yield Terminal(self._tensor(parts), self.value(parts["value"]))

    def _check_names(self, key: str, tensors: Iterable[Tensor]) -> None:
        names = [tensor.name for tensor in tensors]
        if not names or len(set(names)) < len(names):
            what = "tensors must have names of their own, and there must be one"
            self.parts[key].refuse(what, "program.wrong-value", got=", ".join(names))

    def _tensor(self, parts: Mapping[str, Part]) -> Tensor:
        shape = _shape(parts["shape"])
        self.budget.spend(parts["shape"], prod(shape))
        return Tensor(parts["name"].text(), shape, _type(parts["type"], WIDEST))

    def _layers(self) -> Iterator[tuple[str, Value]]:
        for part in self.parts["layers"].items():
            parts = part.table(("name", "value"))
            yield parts["name"].text(), self.value(parts["value"])

    def _unpacked(self, part: Part) -> IntArray:
        parts = part.table(("type", "shape", "data"))
        shape = _shape(parts["shape"])
        self.budget.spend(parts["shape"], prod(shape))
        dtype = np.dtype(parts["type"].choice(INTEGERS)).newbyteorder("<")
        content = _inflated(parts["data"], prod(shape) * dtype.itemsize)
        array = np.frombuffer(content, dtype).reshape(shape)
        if float(np.abs(array.astype(np.float64)).max()) >= 2.0 ** (WIDEST_VALUE - 1):
            parts["data"].refuse("an array holds numbers of too many bits", "program.wrong-array")
        array = array.astype(np.int64)
        array.setflags(write=False)
        return array

    def value(self, part: Part) -> Value:
        """A value that is known already."""
        return self.values[part.choice(self.values)]

    def operand(self, part: Part) -> Value:
        """The same, of an operation whose result is as large."""
        value = self.value(part)
        self.budget.spend(part, value.size)
        return value

    def array(self, part: Part, dimensions: int) -> IntArray:
        """One of the arrays."""
        array = self.arrays[part.number(0, len(self.arrays) - 1)]
        if array.ndim != dimensions:
            expected, got = f"an array of {dimensions} dimensions", f"shape {array.shape}"
            part.refuse(
                "an array has another shape", "program.wrong-array", expected=expected, got=got
            )
        return array

    def index(self, part: Part, dimensions: int, size: int) -> IntArray:
        """Places of elements, or -1."""
        array = self.array(part, dimensions)
        if array.min() < -1 or array.max() >= size:
            part.refuse(
                "an index points at no element",
                "program.wrong-index",
                expected=f"numbers from -1 to {size - 1}",
                got=f"numbers from {array.min()} to {array.max()}",
            )
        return array

    def _add(self, part: Part) -> None:
        """One more operation, by the Builder's own rules."""
        found = KINDS[part.at("operation").choice(KINDS)]
        parts = part.table(("operation", "layer", *found.keys))
        self.build.layer = parts["layer"].text()
        place = len(self.build.operations)
        try:
            result = found.add(self, parts)
        except NotExact as refusal:
            part.refuse(f"the operation is not exact: {refusal}", "program.not-exact")
        if len(self.build.operations) != place + 1:
            part.refuse("the operation changes nothing", "program.idle-operation")
        self.values[result.name] = result


def _check_version(document: Part) -> None:
    if not isinstance(document.value, dict) or "fpgac_program" not in document.value:
        expected = "a table with the key 'fpgac_program'"
        document.refuse("the file is no program", "program.no-program", expected=expected)
    version = Part(document.value["fpgac_program"], "fpgac_program")
    if version.value != SCHEMA or type(version.value) is not int:
        version.refuse(
            "the program is of a version that this fpgac does not read",
            "program.version",
            expected=str(SCHEMA),
            got=json.dumps(version.value)[:20],
            hint=f"{AGAIN}; a newer file needs a newer fpgac",
        )


def _shape(part: Part) -> tuple[int, ...]:
    shape = tuple(item.number(1, MOST_NUMBERS) for item in part.items())
    if not 1 <= len(shape) <= _DIMENSIONS:
        part.refuse("a shape has too many dimensions, or none", "program.wrong-value")
    return shape


def _type(part: Part, widest: int = _FARTHEST) -> FixedPoint:
    try:
        type_ = FixedPoint.parse(part.text())
    except ValueError as error:
        part.refuse(str(error), "program.wrong-value")
    if type_.width > widest:
        expected = f"at most {widest} bits"
        part.refuse("a type is too wide", "program.wrong-value", expected=expected, got=str(type_))
    return type_


def _inflated(part: Part, size: int) -> bytes:
    """Exactly ``size`` bytes; what is packed may be forged to hold far more."""
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(base64.b64decode(part.text(), validate=True), size + 1)
    except (binascii.Error, ValueError, zlib.error) as error:
        part.refuse("an array is damaged", "program.wrong-array", got=str(error))
    if len(content) != size or not stream.eof or stream.unused_data:
        got = f"{len(content)} bytes" if len(content) < size else "more"
        part.refuse("an array is damaged", "program.wrong-array", expected=f"{size} bytes", got=got)
    return content


# --- one function an operation; their keys are called as the operations' own fields


Parts = Mapping[str, Part]


def _dot(reader: _Reader, parts: Parts) -> Value:
    x, windows, weights, bias = _sums(reader, parts)
    fraction = _place(parts["fraction"])
    shift = parts["shift"].number(0, WIDEST_VALUE)
    return reader.build.dot(x, windows, weights, bias, fraction=fraction, shift=shift)


def _accumulate(reader: _Reader, parts: Parts) -> Value:
    x, windows, weights, bias = _sums(reader, parts)
    accumulator = _type(parts["accumulator"], WIDEST_VALUE)
    words = Interval.of(accumulator, 1)
    if bias.min() < words.lowest[0] or bias.max() > words.highest[0]:
        what = f"the bias does not hold words of {accumulator}"
        parts["bias"].refuse(what, "program.wrong-array")
    fraction = _place(parts["product_fraction"])
    return reader.build.accumulate(
        x, windows, weights, bias, product_fraction=fraction, accumulator=accumulator
    )


def _sums(reader: _Reader, parts: Parts) -> tuple[Value, IntArray, IntArray, IntArray]:
    """The operand, windows, weights and bias of sums of products."""
    x = reader.value(parts["x"])
    windows = reader.index(parts["windows"], 2, x.size)
    weights, bias = reader.array(parts["weights"], 3), reader.array(parts["bias"], 2)
    groups, taps, filters = weights.shape
    if taps != windows.shape[1] or len(windows) % groups:
        _unequal(parts["weights"], weights, "the windows", windows)
    if bias.shape != (groups, filters):
        _unequal(parts["bias"], bias, "the weights", weights)
    sums = len(windows) * filters
    reader.budget.spend(parts["windows"], sums + windows.size, sums * taps)
    return x, windows, weights, bias


def _cast(reader: _Reader, parts: Parts) -> Value:
    x = reader.operand(parts["x"])
    return reader.build.cast(x, _type(parts["to"]))


def _cast_each(reader: _Reader, parts: Parts) -> Value:
    x, part = reader.operand(parts["x"]), parts["to"]
    found = part.table(("types", "index"))
    types = list(found["types"].items())
    for type_ in types:
        if type_.text() != ZERO:
            _type(type_)
    index = reader.array(found["index"], 1)
    if len(index) != x.size:
        _unequal(found["index"], index, "the operand", x.lowest)
    reader.budget.spend(part, len(types), len(types) * x.size)
    try:
        formats = Formats.parse([type_.text() for type_ in types], index)
    except ValueError as error:
        part.refuse(str(error), "program.wrong-value")
    return reader.build.cast_each(x, formats)


def _clip(reader: _Reader, parts: Parts) -> Value:
    x = reader.operand(parts["x"])
    lowest, highest = (parts[end].number(-_FAR, _FAR) for end in ("lowest", "highest"))
    if lowest > highest:
        parts["lowest"].refuse("a clip leaves nothing between its ends", "program.wrong-value")
    return reader.build.clip(x, lowest, highest)


def _gather(reader: _Reader, parts: Parts) -> Value:
    xs = [reader.operand(part) for part in parts["xs"].items()]
    if len({x.fraction for x in xs}) != 1:
        what = "values are put together that differ in the place of their point, or none"
        parts["xs"].refuse(what, "program.wrong-value")
    index = reader.index(parts["index"], 1, sum(x.size for x in xs))
    reader.budget.spend(parts["index"], len(index))
    return reader.build.gather(xs, index)


def _maximum(reader: _Reader, parts: Parts) -> Value:
    x = reader.value(parts["x"])
    windows = reader.index(parts["windows"], 2, x.size)
    if (windows.max(axis=1) < 0).any():
        parts["windows"].refuse("a window has no elements", "program.wrong-index")
    reader.budget.spend(parts["windows"], windows.size)
    return reader.build.maximum(x, windows)


def _combine(reader: _Reader, parts: Parts) -> Value:
    a, b = reader.operand(parts["a"]), reader.operand(parts["b"])
    _check_size(parts["b"], b, a)
    how = Combination(parts["how"].choice([str(how) for how in Combination]))
    return reader.build.combine(a, b, how)


def _select(reader: _Reader, parts: Parts) -> Value:
    x, positive, otherwise = (
        reader.operand(parts[name]) for name in ("x", "positive", "otherwise")
    )
    _check_size(parts["positive"], positive, x)
    _check_size(parts["otherwise"], otherwise, x)
    if positive.fraction != otherwise.fraction:
        what = "a choice is between values that differ in the place of their point"
        parts["otherwise"].refuse(what, "program.wrong-value")
    return reader.build.select(x, positive, otherwise)


def _lookup(reader: _Reader, parts: Parts) -> Value:
    x, table = reader.operand(parts["x"]), reader.array(parts["table"], 1)
    lowest, highest = x.interval
    if lowest < 0 or highest >= len(table):
        parts["table"].refuse(
            "a table does not hold an entry for every index",
            "program.wrong-index",
            expected=f"indices from 0 to {len(table) - 1}",
            got=f"indices from {lowest} to {highest}",
        )
    lengths = np.unique(np.stack([x.lowest, x.highest]), axis=1)
    reader.budget.spend(parts["table"], 0, int((lengths[1] - lengths[0] + 1).sum()))
    return reader.build.lookup(x, table, _place(parts["fraction"]))


def _quotient(reader: _Reader, parts: Parts) -> Value:
    x = reader.operand(parts["x"])
    shift = parts["shift"].number(0, WIDEST_VALUE)
    return reader.build.quotient(x, shift, parts["divisor"].number(1, _FAR))


def _place(part: Part) -> int:
    """Bits behind a point."""
    return part.number(-_FARTHEST, _FARTHEST)


def _check_size(part: Part, value: Value, other: Value) -> None:
    if value.size != other.size:
        _unequal(part, value.lowest, "the other operand", other.lowest)


def _unequal(part: Part, array: IntArray, other: str, like: IntArray) -> NoReturn:
    part.refuse(
        "shapes do not fit each other",
        "program.wrong-array",
        expected=f"one that fits {other} of shape {like.shape}",
        got=f"shape {array.shape}",
    )


@dataclass(frozen=True)
class Kind:
    """A kind of operation in a file: its keys, and what adds it to the program."""

    keys: tuple[str, ...]
    add: Callable[[_Reader, Parts], Value]


KINDS: Final[Mapping[str, Kind]] = {
    "dot": Kind(("x", "windows", "weights", "bias", "fraction", "shift"), _dot),
    "accumulate": Kind(
        ("x", "windows", "weights", "bias", "product_fraction", "accumulator"), _accumulate
    ),
    "cast": Kind(("x", "to"), _cast),
    "cast-each": Kind(("x", "to"), _cast_each),
    "clip": Kind(("x", "lowest", "highest"), _clip),
    "gather": Kind(("xs", "index"), _gather),
    "maximum": Kind(("x", "windows"), _maximum),
    "combine": Kind(("a", "b", "how"), _combine),
    "select": Kind(("x", "positive", "otherwise"), _select),
    "lookup": Kind(("x", "table", "fraction"), _lookup),
    "quotient": Kind(("x", "shift", "divisor"), _quotient),
}
