"""``NAME.network.json``: a trained network that people can read and git can compare.

One row of weights is one line of raw words. Formats are spelled as in the spec. The recorded
vectors are base64 of zlib of little-endian numbers, row by row. ``digest`` is the network's own,
over layers and formats; ``checksum`` covers all else that the file says, so that damage shows
wherever it is.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from fpgac.digest import digest_json
from fpgac.errors import NetworkError, Problem, Where
from fpgac.network.network import (
    AveragePoolLayer,
    ConvLayer,
    DenseLayer,
    FlattenLayer,
    HardLayer,
    Layer,
    MaxPoolLayer,
    Network,
    Recording,
    ReluLayer,
)
from fpgac.network.soundness import unsound
from fpgac.network.tables import (
    AveragePooling1DTable,
    AveragePooling2DTable,
    DenseTable,
    Document,
    FlattenTable,
    HardTable,
    LayerTable,
    MaxPooling1DTable,
    MaxPooling2DTable,
    RecordingTable,
    ReluTable,
    ShapedInputTable,
    WeightedTable,
)
from fpgac.numbers import IntArray

__all__ = ["SCHEMA", "read_network", "write_network"]

SCHEMA = 1

_AGAIN = "make it again with 'fpgac train SPEC', or take the committed one: 'git checkout FILE'"
_LINE = 120


def write_network(network: Network, path: Path) -> None:
    """Put ``network`` at ``path``, whole or not at all; the same network gives the same bytes.

    Raises:
        NetworkError: the network makes no sense, or ``path`` cannot be written.
    """
    if problems := unsound(network):
        raise NetworkError(*_at(path, problems))
    content = render(network).encode()
    try:
        _replace(path, content)
    except OSError as error:
        raise NetworkError(
            Problem(
                "the trained network cannot be written",
                Where(path),
                got=error.strerror or str(error),
                hint="free some space, or mend the folder's rights, and train again",
            )
        ) from error


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def render(network: Network) -> str:
    """The file's whole text."""
    plain = network.plain()
    document: dict[str, Any] = {
        "fpgac_network": SCHEMA,
        "name": plain["name"],
        "digest": network.digest,
        "provenance": dict(network.provenance),
        "input": plain["input"],
        "layers": plain["layers"],
        "recording": _packed(network),
    }
    document["checksum"] = digest_json(document)
    return _text(document) + "\n"


def _packed(network: Network) -> dict[str, Any] | None:
    if network.recording is None:
        return None
    return {
        "samples": len(network.recording.inputs),
        "inputs": _pack(network.recording.inputs.astype(network.input_type.dtype)),
        "outputs": _pack(network.recording.outputs.astype("<f8")),
    }


def _pack(numbers: npt.NDArray[Any]) -> list[str]:
    text = base64.b64encode(zlib.compress(numbers.tobytes(), 9)).decode()
    return [text[start : start + _LINE] for start in range(0, len(text), _LINE)]


def _text(value: object, indent: str = "") -> str:
    """JSON with one key a line, and lists of numbers on one line."""
    inner = indent + " "
    match value:
        case dict() if value:
            rows = (
                f"{inner}{json.dumps(key)}: {_text(item, inner)}" for key, item in value.items()
            )
            return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
        case list() if any(isinstance(item, list | dict | str) for item in value):
            return "[\n" + ",\n".join(inner + _text(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value, allow_nan=False)


def read_network(path: Path) -> Network:
    """The network that ``path`` holds.

    Raises:
        NetworkError: there is no such file, or it is damaged; it says what, where and the mend.
    """
    text = _read(path)
    document = _parse(path, text)
    _check_version(path, document)
    try:
        table = Document.model_validate(document)
    except ValidationError as error:
        raise NetworkError(*_at(path, _invalid(error))) from None
    network = _network(path, table)
    if problems := unsound(network):
        raise NetworkError(*_at(path, problems))
    checksum = document.pop("checksum")
    for key, said, found in (
        ("digest", table.digest, network.digest),
        ("checksum", checksum, digest_json(document)),
    ):
        if said != found:
            _refuse(
                path,
                f"the trained network is not the one that was written: its {key} does not agree",
                expected=said,
                got=found,
                key=key,
            )
    return network


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NetworkError(
            Problem(
                "the network is not trained yet: there is no such file",
                Where(path),
                hint="'fpgac train SPEC' makes it",
            )
        ) from None
    except UnicodeDecodeError as error:
        _refuse(path, "the trained network is damaged: it is no text", got=error.reason)
    except OSError as error:
        raise NetworkError(
            Problem(
                "the trained network cannot be read",
                Where(path),
                got=error.strerror or str(error),
                hint="mend the file's rights, or name another with 'network' in the spec",
            )
        ) from error


def _refuse(
    path: Path, what: str, *, key: str = "", line: int | None = None, **said: str
) -> NoReturn:
    raise NetworkError(Problem(what, Where(path, line, key), hint=_AGAIN, **said)) from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        what = "ends too early" if error.pos >= len(text.rstrip()) else "is no JSON"
        _refuse(
            path, f"the trained network is damaged: it {what}", got=error.msg, line=error.lineno
        )
    except (ValueError, RecursionError) as error:
        _refuse(path, "the trained network is damaged", got=str(error))
    if not isinstance(document, dict):
        _refuse(
            path, "the file is no trained network", expected="a JSON object", got=_short(document)
        )
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is no number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return table


def _check_version(path: Path, document: Mapping[str, Any]) -> None:
    if "fpgac_network" not in document:
        _refuse(path, "the file is no trained network", expected="a key 'fpgac_network'")
    if document["fpgac_network"] != SCHEMA:
        raise NetworkError(
            Problem(
                "the trained network is of a version that this fpgac does not read",
                Where(path, key="fpgac_network"),
                expected=str(SCHEMA),
                got=json.dumps(document["fpgac_network"]),
                hint="'fpgac train SPEC' makes it again; a newer file needs a newer fpgac",
            )
        )


def _invalid(error: ValidationError) -> list[Problem]:
    return [
        Problem(
            f"the trained network is damaged: {fault['msg']}",
            Where(key=_key(fault["loc"])),
            got="" if fault["type"] == "missing" else _short(fault["input"]),
        )
        for fault in error.errors(include_url=False)[:10]
    ]


def _key(parts: Iterable[int | str]) -> str:
    names = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts]
    # A union's member stands among them by its tag: a layer's kind, or how the input is given.
    path = re.sub(r"(?<=\])\.[a-z_]+([12]d)?(?=\.)", "", "".join(names)).removeprefix(".")
    return re.sub(r"^input\.(size|shape)(?=\.)", "input", path)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _at(path: Path, problems: Iterable[Problem]) -> list[Problem]:
    return [
        Problem(
            problem.what,
            Where(path, key=problem.where.key if problem.where else ""),
            problem.expected,
            problem.got,
            problem.hint or _AGAIN,
        )
        for problem in problems
    ]


def _network(path: Path, table: Document) -> Network:
    layers = tuple(_layer(path, place, layer) for place, layer in enumerate(table.layers))
    given = table.input
    inputs = tuple(given.shape) if isinstance(given, ShapedInputTable) else given.size
    network = Network(table.name, inputs, given.type, layers)
    if table.recording is None or unsound(network):
        recording = None
    else:
        recording = _recording(path, network, table.recording)
    return replace(network, recording=recording, provenance=table.provenance)


def _layer(path: Path, place: int, table: LayerTable) -> Layer:
    match table:
        case ReluTable():
            return ReluLayer(table.name, table.type)
        case HardTable():
            return HardLayer(table.name, table.kind, table.type)
        case MaxPooling1DTable() | MaxPooling2DTable():
            return MaxPoolLayer(table.name, tuple(table.pool))
        case AveragePooling1DTable() | AveragePooling2DTable():
            return AveragePoolLayer(table.name, tuple(table.pool))
        case FlattenTable():
            return FlattenLayer(table.name)
        case _:
            return _weighted(path, f"layers[{place}].weights", table)


def _weighted(path: Path, key: str, table: WeightedTable) -> Layer:
    strides = () if isinstance(table, DenseTable) else tuple(table.strides)
    words = (
        table.name,
        _array(path, key, table.weights, 2 + len(strides)),
        table.weight_type,
        np.array(table.bias, np.int64),
        table.bias_type,
    )
    if isinstance(table, DenseTable):
        return DenseLayer(*words)
    return ConvLayer(*words, strides, table.padding)


def _array(path: Path, key: str, nested: list[Any], axes: int) -> IntArray:
    try:
        array = np.array(nested, np.int64)
    except ValueError:
        array = np.empty(0, np.int64)
    if array.ndim != axes or not array.size:
        lengths = sorted({len(row) for row in _rows(nested)})
        _refuse(
            path,
            "the weights are no whole array: rows, or blocks of them, differ in length",
            got=f"rows of {', '.join(map(str, lengths))}" if lengths else "no rows",
            key=key,
        )
    return array


def _rows(nested: list[Any]) -> Iterator[list[int]]:
    """The innermost lists."""
    for item in nested:
        if item and isinstance(item[0], list):
            yield from _rows(item)
        else:
            yield item


def _recording(path: Path, network: Network, table: RecordingTable) -> Recording:
    words = network.input_type.dtype
    inputs = _unpack(path, "inputs", table.inputs, words, (table.samples, network.input_size))
    answers = np.dtype("<f8")
    outputs = _unpack(path, "outputs", table.outputs, answers, (table.samples, network.output_size))
    return Recording(inputs.astype(np.int64), outputs.astype(np.float64))


def _unpack(
    path: Path, name: str, lines: list[str], dtype: np.dtype[Any], shape: tuple[int, int]
) -> npt.NDArray[Any]:
    size = shape[0] * shape[1] * dtype.itemsize
    try:
        packed = base64.b64decode("".join(lines), validate=True)
        # Asked for one byte more than there may be, so that a forged file cannot fill the memory.
        data = zlib.decompressobj().decompress(packed, size + 1)
    except (binascii.Error, zlib.error) as error:
        _refuse(path, "the recording is damaged", got=str(error), key=f"recording.{name}")
    if len(data) != size:
        got = f"{len(data)} bytes" if len(data) < size else "more"
        expected = f"{size} bytes"
        _refuse(
            path, "the recording is damaged", expected=expected, got=got, key=f"recording.{name}"
        )
    return np.frombuffer(data, dtype).reshape(shape)
