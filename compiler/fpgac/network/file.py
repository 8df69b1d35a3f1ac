"""``NAME.network.json``: a trained network as a file that people can read and git can compare.

The file is JSON with one key a line and one row of numbers a line. Weights and biases are whole
numbers: raw words of the formats beside them. The recording is ``zlib``-compressed ``base64`` of
little-endian numbers, row by row. ``digest`` is the network's own, over operations and formats;
``checksum`` covers all else that the file says, so that damage shows wherever it is.

Files of schema 1 hold a chain of layers with one input. They are read as what they mean: the graph
in which each layer reads the one before it.
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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from fpgac.digest import digest_json
from fpgac.errors import NetworkError, Problem, Where, nearest
from fpgac.network.network import Network, Output, Recording
from fpgac.network.operation import Operation, Part
from fpgac.network.ops import OPERATIONS
from fpgac.network.soundness import unsound, wiring_problems
from fpgac.network.tables import ChainDocument, Document, OutputTable, RecordingTable, TensorTable
from fpgac.spec.shapes import MisfitError
from fpgac.spec.topology import INPUT
from fpgac.spec.wiring import Wire
from fpgac.tensors import Scaling, Tensor

__all__ = ["SCHEMA", "read_network", "write_network"]

SCHEMA = 2

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
                hint="free some space, or change the folder's rights, and train again",
                code="network.cannot-write",
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
        "inputs": plain["inputs"],
        "nodes": plain["nodes"],
        "outputs": plain["outputs"],
        "recording": _packed(network),
    }
    document["checksum"] = digest_json(document)
    return _text(document) + "\n"


def _packed(network: Network) -> dict[str, Any] | None:
    if network.recording is None:
        return None
    return {
        "samples": len(network.recording.inputs),
        "inputs": _pack(network.recording.inputs.astype(network.input_layout.dtype)),
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
        NetworkError: there is no such file, or it is damaged; it says what, where and the remedy.
    """
    document = _parse(path, _read(path))
    reader = _reader(path, document)
    checksum = document.pop("checksum", None)
    network = reader(path, document)
    _expect(path, "checksum", checksum, digest_json(document))
    return network


def _reader(path: Path, document: Mapping[str, Any]) -> Callable[[Path, dict[str, Any]], Network]:
    """What reads the file's schema."""
    if "fpgac_network" not in document:
        _refuse(path, "the file is no trained network", expected="a key 'fpgac_network'")
    readers = {1: _read_chain, SCHEMA: _read_graph}
    schema = document["fpgac_network"]
    if isinstance(schema, int) and schema in readers:
        return readers[schema]
    raise NetworkError(
        Problem(
            "the trained network is of a version that this fpgac does not read",
            Where(path, key="fpgac_network"),
            expected=" or ".join(map(str, readers)),
            got=json.dumps(schema),
            hint="'fpgac train SPEC' makes it again; a newer file needs a newer fpgac",
            code="network.unknown-schema",
        )
    )


def _expect(path: Path, key: str, said: object, found: str) -> None:
    if said != found:
        what = f"the trained network is not the one that was written: its {key} does not agree"
        _refuse(path, what, "checksum", expected=found, got=_short(said), key=key)


def _read_graph(path: Path, document: dict[str, Any]) -> Network:
    try:
        table = Document.model_validate(document)
    except ValidationError as error:
        raise NetworkError(*_at(path, _invalid(error, ""))) from None
    inputs = [_tensor(entry) for entry in table.inputs]
    parts = [_part(path, place, node) for place, node in enumerate(table.nodes)]
    outputs = [Output(output.name, output.node) for output in table.outputs]
    wires = [Wire(part.name, part.inputs) for part in parts]
    if problems := list(wiring_problems(inputs, wires, outputs)):
        raise NetworkError(*_at(path, problems))
    try:
        network = Network.connected(table.name, inputs, parts, outputs)
    except NetworkError as error:
        raise NetworkError(*_at(path, error.problems)) from None
    if problems := unsound(network):
        raise NetworkError(*_at(path, problems))
    network = replace(
        network,
        scaling=_scaling(path, "inputs", table.inputs, inputs),
        target_scaling=_scaling(path, "outputs", table.outputs, network.output_tensors),
    )
    _expect(path, "digest", table.digest, network.digest)
    recorded = _recording(path, network, table.recording) if table.recording else None
    whole = replace(network, recording=recorded, provenance=table.provenance)
    if problems := unsound(whole):
        raise NetworkError(*_at(path, problems))
    return whole


def _tensor(table: TensorTable) -> Tensor:
    return Tensor(table.name, tuple(table.shape), table.type)


def _scaling(
    path: Path,
    side: str,
    tables: Iterable[TensorTable | OutputTable],
    tensors: Iterable[Tensor],
) -> dict[str, Scaling]:
    """The scalings of the inputs or of the outputs, by name."""
    found: dict[str, Scaling] = {}
    for place, (table, tensor) in enumerate(zip(tables, tensors, strict=True)):
        if table.scaling is None:
            continue
        key = f"{side}[{place}].scaling"
        try:
            scaling = Scaling(tuple(table.scaling.offset), tuple(table.scaling.scale))
        except ValueError as error:
            _refuse(path, str(error), key=key)
        if len(scaling.scale) != tensor.size:
            expected, got = f"{tensor.size} offsets and scales", str(len(scaling.scale))
            _refuse(path, "the scaling is another tensor's", expected=expected, got=got, key=key)
        found[table.name] = scaling
    return found


def _read_chain(path: Path, document: dict[str, Any]) -> Network:
    """A file of schema 1: its digest covers the chain as the file says it."""
    try:
        ChainDocument.model_validate(document)
    except ValidationError as error:
        raise NetworkError(*_at(path, _invalid(error, ""))) from None
    try:
        network = _read_graph(path, _as_graph(document))
    except NetworkError as error:
        raise NetworkError(*(_in_chain(problem) for problem in error.problems)) from None
    chain = {key: document[key] for key in ("name", "input", "layers")}
    _expect(path, "digest", document.get("digest"), digest_json(chain))
    return network


def _as_graph(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same network as schema 2 says it."""
    given = document["input"]
    shape = given.get("shape") or [given.get("size")]
    names = [INPUT, *(layer["name"] for layer in document["layers"])]
    nodes = [
        {**layer, "inputs": [read]} for layer, read in zip(document["layers"], names, strict=False)
    ]
    graph = {
        "name": document["name"],
        "inputs": [{"name": INPUT, "shape": shape, "type": given["type"]}],
        "nodes": nodes,
        "outputs": [{"name": names[-1], "node": names[-1]}],
    }
    rest = {key: document[key] for key in ("provenance", "recording")}
    return {"fpgac_network": SCHEMA, **graph, **rest, "digest": digest_json(graph)}


def _in_chain(problem: Problem) -> Problem:
    """The problem with its place as a file of schema 1 calls it."""
    if problem.where is None:
        return problem
    key = re.sub(r"^nodes\b", "layers", re.sub(r"^inputs(\[0\])?", "input", problem.where.key))
    return replace(problem, where=replace(problem.where, key=key))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NetworkError(
            Problem(
                "the network is not trained yet: there is no such file",
                Where(path),
                hint="'fpgac train SPEC' makes it",
                code="network.not-trained",
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
                hint="change the file's rights, or name another with 'network' in the spec",
                code="network.cannot-read",
            )
        ) from error


def _refuse(
    path: Path,
    what: str,
    code: str = "damaged",
    *,
    key: str = "",
    line: int | None = None,
    expected: str = "",
    got: str = "",
) -> NoReturn:
    where = Where(path, line, key)
    raise NetworkError(
        Problem(what, where, expected, got, _AGAIN, code=f"network.{code}")
    ) from None


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


def _invalid(error: ValidationError, key: str) -> list[Problem]:
    """What pydantic found in the table at ``key``."""
    return [
        Problem(
            f"the trained network is damaged: {fault['msg']}",
            Where(key=_key(key, fault["loc"])),
            got="" if fault["type"] == "missing" else _short(fault["input"]),
            code="network.damaged",
        )
        for fault in error.errors(include_url=False)[:10]
    ]


def _key(key: str, parts: Iterable[int | str]) -> str:
    names = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts]
    return f"{key}{''.join(names)}".removeprefix(".")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _at(path: Path, problems: Iterable[Problem]) -> list[Problem]:
    return [
        replace(
            problem,
            where=Where(path, key=problem.where.key if problem.where else ""),
            hint=problem.hint or _AGAIN,
        )
        for problem in problems
    ]


def _part(path: Path, place: int, node: dict[str, Any]) -> Part:
    """The node at ``place``: its kind says which model its table has."""
    key = f"nodes[{place}]"
    kind = node.get("kind")
    if not isinstance(kind, str) or kind not in OPERATIONS:
        hint = (nearest(kind, OPERATIONS) if isinstance(kind, str) else "") or _AGAIN
        where = Where(path, key=f"{key}.kind")
        what = "the trained network has an operation that this fpgac does not know"
        got = _short(kind)
        raise NetworkError(Problem(what, where, got=got, hint=hint, code="network.unknown-kind"))
    operation = OPERATIONS[kind]
    try:
        table = operation.table.model_validate(node)
        read: Operation = operation.read(table)
    except ValidationError as error:
        raise NetworkError(*_at(path, _invalid(error, key))) from None
    except MisfitError as misfit:
        _refuse(path, str(misfit), key=f"{key}.{misfit.key}")
    except ValueError as error:
        _refuse(path, str(error), key=key)
    if read.kind != kind:
        _refuse(
            path,
            "the operation is of another kind",
            "damaged",
            expected=read.kind,
            got=kind,
            key=f"{key}.kind",
        )
    return Part(table.name, read, tuple(table.inputs))


def _recording(path: Path, network: Network, table: RecordingTable) -> Recording:
    layout = network.input_layout
    inputs = _unpack(path, "inputs", table.inputs, layout.dtype, (table.samples, layout.size))
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
