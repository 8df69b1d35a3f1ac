"""Keras models in SavedModel folders: the layers and arrays as plain data, without TensorFlow.

A SavedModel is a program for TensorFlow; none of it is run. Beside it, Keras 2 keeps the layers'
configurations as JSON (``keras_metadata.pb``), and the arrays lie in a checkpoint: an index, which
is a table of sorted keys, and a file of bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.network.imports.files import refuse_file
from fpgac.network.imports.keras.containers import KerasFile, Weights

__all__ = ["read_saved_model"]

# The layers' arrays by their attributes, in the order in which Keras saves them elsewhere.
_ORDER = (
    "gamma",
    "depthwise_kernel",
    "pointwise_kernel",
    "kernel",
    "bias",
    "beta",
    "alpha",
    "mean",
    "variance",
    "moving_mean",
    "moving_variance",
)
_END = "/.ATTRIBUTES/VARIABLE_VALUE"
_TYPES: Mapping[int, str] = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}
_FOOTER = 48


def read_saved_model(folder: Path) -> KerasFile:
    """The model in a SavedModel folder that Keras 2 wrote.

    Raises:
        NetworkError: it is none, or is damaged.
    """
    metadata = folder / "keras_metadata.pb"
    if not metadata.is_file():
        hint = "save the model itself: model.save('model.keras'); model.export keeps no layers"
        refuse_file(folder, "the folder holds TensorFlow's operations, and no layers", hint=hint)
    try:
        nodes = {path: json.loads(text) for path, text in _nodes(metadata.read_bytes())}
        arrays = _checkpoint(folder / "variables")
        weights = {
            str(table["name"]): _weights(path.removeprefix("root."), arrays)
            for path, table in nodes.items()
            if path.startswith("root.layer") and "name" in table
        }
        return KerasFile("2", _plain(nodes["root"]), weights)
    except (OSError, KeyError, ValueError, IndexError, TypeError) as error:
        refuse_file(folder, "the SavedModel is damaged", f"{type(error).__name__}: {error}")


def _plain(value: Any) -> Any:
    """A configuration without the marks of Python's tuples."""
    match value:
        case {"class_name": "__tuple__", "items": items}:
            return _plain(items)
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
    return value


def _weights(path: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Weights:
    found = {
        key.removeprefix(f"{path}/").removesuffix(_END): array
        for key, array in arrays.items()
        if key.startswith(f"{path}/") and key.endswith(_END)
    }
    ranked = sorted(found, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    return Weights(tuple(found[name] for name in ranked))


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protocol buffer: numbers and, for what is longer, bytes."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        match tag & 7:
            case 0:
                value, place = _varint(data, place)
                yield tag >> 3, value
            case 2:
                size, place = _varint(data, place)
                yield tag >> 3, data[place : place + size]
                place += size
            case 1:
                place += 8
            case 5:
                place += 4
            case other:
                raise ValueError(f"a field of the unknown kind {other}")


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


def _nodes(data: bytes) -> Iterator[tuple[str, str]]:
    """Each object's path in the model, and its configuration."""
    for number, content in _fields(data):
        if number == 1:
            fields = dict(_fields(content))
            yield fields[3].decode(), fields[5].decode()


@dataclass(frozen=True)
class _Entry:
    """Where an array lies in the file of bytes."""

    type: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int

    @classmethod
    def parse(cls, data: bytes) -> _Entry:
        fields = dict(_fields(data))
        sizes = [dict(_fields(size)).get(1, 0) for n, size in _fields(fields.get(2, b"")) if n == 2]
        return cls(
            fields.get(1, 0), tuple(sizes), fields.get(3, 0), fields.get(4, 0), fields.get(5, 0)
        )


def _checkpoint(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of floats and integers by their keys."""
    index = (folder / "variables.index").read_bytes()
    shards: dict[int, bytes] = {}
    arrays = {}
    files = sorted(folder.glob("variables.data-*"))
    for key, value in _table(index):
        entry = _Entry.parse(value)
        if not key or entry.type not in _TYPES:
            continue
        if entry.shard not in shards:
            shards[entry.shard] = files[entry.shard].read_bytes()
        content = shards[entry.shard][entry.offset : entry.offset + entry.size]
        arrays[key.decode()] = np.frombuffer(content, _TYPES[entry.type]).reshape(entry.shape)
    return arrays


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a table in LevelDB's format, without compression."""
    footer = data[-_FOOTER:]
    _, place = _handle(footer, 0)
    index, _ = _handle(footer, place)
    for _, handle in _block(data, index):
        block, _ = _handle(handle, 0)
        yield from _block(data, block)


def _handle(data: bytes, place: int) -> tuple[tuple[int, int], int]:
    """Where a block begins, and its size."""
    offset, place = _varint(data, place)
    size, place = _varint(data, place)
    return (offset, size), place


def _block(data: bytes, handle: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    offset, size = handle
    if data[offset + size] != 0:
        raise ValueError("a compressed table")
    block = data[offset : offset + size]
    end = len(block) - 4 * (1 + int.from_bytes(block[-4:], "little"))
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        rest, place = _varint(block, place)
        length, place = _varint(block, place)
        key = key[:shared] + block[place : place + rest]
        place += rest
        yield key, block[place : place + length]
        place += length
