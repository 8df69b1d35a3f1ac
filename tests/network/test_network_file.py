"""The trained network's file: the same network comes back, and every damage is told."""

from __future__ import annotations

import base64
import errno
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fpgac.digest import digest_json
from fpgac.errors import NetworkError, Where
from fpgac.network.file import read_network, render, write_network
from fpgac.network.meaning import meaning
from fpgac.network.network import Network, Output
from fpgac.network.operation import Part
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.merge import Concatenate
from fpgac.network.ops.softmax import Softmax
from fpgac.numbers import FixedPoint
from fpgac.tensors import Tensor
from tests.drawing import examples
from tests.network.files import as_chain
from tests.network.samples import MakeNetwork
from tests.problems import coded


@pytest.fixture
def file(recorded: Network, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.network.json"
    write_network(recorded, path)
    return path


def test_what_is_written_comes_back(recorded: Network, file: Path) -> None:
    assert recorded.recording is not None
    assert_same(read_network(file), recorded)


def test_a_network_without_a_recording_comes_back(recorded: Network, tmp_path: Path) -> None:
    write_network(replace(recorded, recording=None), tmp_path / "n.json")
    network = read_network(tmp_path / "n.json")
    assert network.recording is None
    assert network.digest == recorded.digest


def test_the_same_network_gives_the_same_bytes(file: Path) -> None:
    again = file.with_name("again.json")
    write_network(read_network(file), again)
    assert again.read_bytes() == file.read_bytes()


def test_a_row_of_weights_is_a_line_for_people_and_git(recorded: Network, file: Path) -> None:
    lines = [line.strip().rstrip(",") for line in file.read_text().splitlines()]
    for row in dense(recorded).weights.tolist():
        assert str(row) in lines
    assert '"type": "ap_fixed<12,4,RND,SAT>"' in lines
    assert max(map(len, lines)) < 130


def test_the_digest_is_of_layers_and_formats_alone(recorded: Network) -> None:
    def digest(**changes: Any) -> str:
        return replace(recorded, **changes).digest

    first, (entry,) = dense(recorded), recorded.inputs
    weights = first.weights.copy()
    weights[0, 0] ^= 1
    other = recorded.with_operations({"dense_1": replace(first, weights=weights)})
    assert digest(recording=None, provenance={"seed": 2}) == recorded.digest
    assert other.digest != recorded.digest
    assert digest(inputs=(replace(entry, type=first.weight_type),)) != recorded.digest
    assert digest(outputs=(Output("result", "dense_2"),)) != recorded.digest


def dense(network: Network) -> Dense:
    """The first layer."""
    operation = network.nodes[0].operation
    assert isinstance(operation, Dense)
    return operation


# Each damage, done to the file's JSON; the code of what is wrong, and its key in schema 2.
Document = dict[str, Any]
Damage = Callable[[Document], object]
Damages = dict[str, tuple[Damage, str, str]]


def _nodes(document: Document) -> list[dict[str, Any]]:
    """The nodes, or the layers of a chain."""
    found: list[dict[str, Any]] = document["nodes" if "nodes" in document else "layers"]
    return found


def _weight(value: object) -> Damage:
    return lambda d: _nodes(d)[0]["weights"][1].__setitem__(2, value)


def _node(place: int, **values: object) -> Damage:
    return lambda d: _nodes(d)[place].update(values)


def _entry(**values: object) -> Damage:
    return lambda d: (d["inputs"][0] if "inputs" in d else d["input"]).update(values)


def _recorded(name: str, data: bytes) -> Damage:
    return lambda d: d["recording"].update({name: [base64.b64encode(data).decode()]})


DAMAGES: Damages = {
    "a weight changed": (_weight(3), "checksum", "digest"),
    "a weight out of its format": (_weight(128), "word-outside", "nodes[0].weights[1][2]"),
    "a weight beyond 64 bits": (_weight(2**70), "damaged", "nodes[0].weights[1][2]"),
    "a weight that is a float": (_weight(1.5), "damaged", "nodes[0].weights[1][2]"),
    "a weight that is a text": (_weight("1"), "damaged", "nodes[0].weights[1][2]"),
    "a weight missing": (
        lambda d: _nodes(d)[0]["weights"][1].pop(),
        "damaged",
        "nodes[0].weights",
    ),
    "no weights": (_node(0, weights=[]), "damaged", "nodes[0].weights"),
    "a row missing": (lambda d: _nodes(d)[0]["weights"].pop(), "misfit", "nodes[0].weights"),
    "a bias missing": (lambda d: _nodes(d)[0]["bias"].pop(), "misfit", "nodes[0].weights"),
    "a bias out of its format": (
        lambda d: _nodes(d)[2]["bias"].__setitem__(1, -200),
        "word-outside",
        "nodes[2].bias[1]",
    ),
    "no layers": (lambda d: _nodes(d).clear(), "damaged", "nodes"),
    "an unknown kind of layer": (_node(1, kind="gelu"), "unknown-kind", "nodes[1].kind"),
    "a key that a layer has not": (_node(1, slope=2), "damaged", "nodes[1].slope"),
    "two layers of one name": (_node(1, name="dense_1"), "name-twice", "nodes[1].name"),
    "a name that C++ refuses": (
        lambda d: _rename(d, "class"),
        "bad-name",
        "nodes[2].name",
    ),
    "a format that is none": (_node(0, weight_type="float"), "damaged", "nodes[0].weight_type"),
    "weights of one bit": (
        _node(0, weight_type="ap_fixed<1,1,RND_CONV,SAT>"),
        "word-outside",
        "nodes[0].weights[0][0]",
    ),
    "biases that wrap": (_node(0, bias_type="ap_fixed<8,1>"), "checksum", "digest"),
    "weights too wide for a float64": (
        _node(0, weight_type="ap_fixed<54,1>"),
        "damaged",
        "nodes[0].weight_type",
    ),
    "sums too wide for a float64": (
        _entry(type="ap_fixed<53,4,RND,SAT>"),
        "too-wide",
        "layers.dense_1",
    ),
    "an input of 90 bits": (_entry(type="ap_fixed<90,6>"), "damaged", "inputs[0].type"),
    "an input without numbers": (_entry(size=0, shape=[0]), "damaged", "inputs[0].shape[0]"),
    "another input": (_entry(type="ap_fixed<13,4,RND,SAT>"), "checksum", "digest"),
    "an unknown key": (lambda d: d.update(extra=1), "damaged", "extra"),
    "no version": (lambda d: d.pop("fpgac_network"), "damaged", ""),
    "a newer version": (lambda d: d.update(fpgac_network=3), "unknown-schema", "fpgac_network"),
    "a version that is a text": (
        lambda d: d.update(fpgac_network="2"),
        "unknown-schema",
        "fpgac_network",
    ),
    "the provenance changed": (lambda d: d["provenance"].update(seed=2), "checksum", "checksum"),
    "an answer changed": (
        _recorded("outputs", zlib.compress(np.ones((50, 3)).tobytes())),
        "checksum",
        "checksum",
    ),
    "an answer that is NaN": (
        _recorded("outputs", zlib.compress(np.full((50, 3), np.nan).tobytes())),
        "foreign-recording",
        "recording.outputs",
    ),
    "a recorded word out of range": (
        _recorded("inputs", zlib.compress(np.full((50, 4), 2048, "<i2").tobytes())),
        "word-outside",
        "recording.inputs",
    ),
    "a recording cut short": (
        _recorded("outputs", zlib.compress(np.ones((49, 3)).tobytes())),
        "damaged",
        "recording.outputs",
    ),
    "a recording that would fill the memory": (
        _recorded("outputs", zlib.compress(bytes(10**7))),
        "damaged",
        "recording.outputs",
    ),
    "a recording that is not zlib": (_recorded("inputs", b"abc"), "damaged", "recording.inputs"),
    "a recording that is not base64": (
        lambda d: d["recording"].update(inputs=["?"]),
        "damaged",
        "recording.inputs",
    ),
}


def _rename(document: Document, name: str) -> None:
    """Another name of the last layer, wherever it stands."""
    _nodes(document)[-1]["name"] = name
    for output in document.get("outputs", ()):
        output.update(name=name, node=name)


def _insert(place: int, **values: object) -> Damage:
    return lambda d: _nodes(d).insert(place, values)


ADD = {"kind": "add", "name": "sum"}

GRAPHS: Damages = {
    "a key missing": (lambda d: d.pop("inputs"), "damaged", "inputs"),
    "a layer missing": (lambda d: d["nodes"].pop(0), "unknown-input", "nodes[0].inputs"),
    "the last layer missing": (lambda d: d["nodes"].pop(), "unknown-output", "outputs"),
    "a layer that nobody reads": (
        _insert(3, kind="relu", name="twice", type="ap_ufixed<8,2>", inputs=["dense_2"]),
        "unread",
        "nodes[3].name",
    ),
    "an input that nobody makes": (
        _node(1, inputs=["dense_9"]),
        "unknown-input",
        "nodes[1].inputs",
    ),
    "an input that nobody reads": (
        lambda d: d["inputs"].append({"name": "y", "shape": [4], "type": "ap_fixed<8,4>"}),
        "unread",
        "inputs",
    ),
    "two inputs of one name": (
        lambda d: d["inputs"].append(d["inputs"][0]),
        "name-twice",
        "inputs",
    ),
    "nothing read": (_node(1, inputs=[]), "damaged", "nodes[1].inputs"),
    "too many read": (_node(1, inputs=["dense_1", "x"]), "misfit", "nodes[1].inputs"),
    "a layer above what it reads": (
        lambda d: d["nodes"].insert(1, d["nodes"].pop()),
        "order",
        "nodes[1].inputs",
    ),
    "a cycle": (_node(0, inputs=["dense_1_relu"]), "cycle", "nodes[0].inputs"),
    "shapes that do not meet": (
        lambda d: (
            d["nodes"].append({**ADD, "inputs": ["dense_1_relu", "dense_2"]}),
            d["outputs"][0].update(node="sum"),
        ),
        "misfit",
        "nodes[3].inputs",
    ),
    "three that are added": (
        lambda d: (
            d["nodes"].append({**ADD, "inputs": ["dense_2", "dense_2", "dense_2"]}),
            d["outputs"][0].update(node="sum"),
        ),
        "misfit",
        "nodes[3].inputs",
    ),
    "an axis that there is not": (
        lambda d: (
            d["nodes"].append(
                {"kind": "concatenate", "name": "all", "axis": 2, "inputs": ["dense_2", "dense_2"]}
            ),
            d["outputs"][0].update(node="all"),
        ),
        "misfit",
        "nodes[3].axis",
    ),
    "an output that nobody makes": (
        lambda d: d["outputs"][0].update(node="dense_9"),
        "unknown-output",
        "outputs",
    ),
    "two outputs of one name": (
        lambda d: d["outputs"].append({"name": "dense_2", "node": "dense_1"}),
        "name-twice",
        "outputs[1].name",
    ),
    "an output that C++ refuses": (
        lambda d: d["outputs"][0].update(name="class"),
        "bad-name",
        "outputs[0].name",
    ),
    "no outputs": (lambda d: d["outputs"].clear(), "damaged", "outputs"),
}

CHAINS: Damages = {
    "a key missing": (lambda d: d.pop("input"), "damaged", "input"),
    "an input without a size": (lambda d: d["input"].pop("size"), "damaged", "input.shape[0]"),
    "a layer without a name": (lambda d: d["layers"][1].pop("name"), "damaged", "layers[1].name"),
    "a layer that is a text": (
        lambda d: d["layers"].__setitem__(1, "relu"),
        "damaged",
        "layers[1]",
    ),
    "a layer missing": (lambda d: d["layers"].pop(0), "misfit", "layers[1].weights"),
    "the last layer missing": (lambda d: d["layers"].pop(), "damaged", "recording.outputs"),
    "a layer that names what it reads": (
        _node(1, inputs=["dense_1"]),
        "checksum",
        "digest",
    ),
    "two inputs": (lambda d: d.update(inputs=[d.pop("input")]), "damaged", "input"),
}


def _in_chain(key: str) -> str:
    """The key as a file of schema 1 has it."""
    return key.replace("nodes", "layers").replace("inputs[0]", "input")


CASES = {
    **{f"{name}, schema 2": (False, *case) for name, case in {**DAMAGES, **GRAPHS}.items()},
    **{
        f"{name}, schema 1": (
            True,
            damage,
            code,
            key if key == "recording.inputs" else _in_chain(key),
        )
        for name, (damage, code, key) in {**DAMAGES, **CHAINS}.items()
    },
}


@pytest.mark.parametrize(("chain", "damage", "code", "key"), CASES.values(), ids=CASES)
def test_damage_has_its_code_its_place_and_a_way_out(
    file: Path, chain: bool, damage: Damage, code: str, key: str
) -> None:
    document = json.loads(file.read_text())
    document = as_chain(document) if chain else document
    damage(document)
    file.write_text(json.dumps(document))
    with pytest.raises(NetworkError) as caught:
        read_network(file)
    found = [(problem.code, problem.where) for problem in caught.value.problems]
    assert (f"network.{code}", Where(file, key=key)) in found
    assert all(problem.hint for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("name", "expected", "got"),
    [
        ("a weight out of its format", "-128 to 127", "128"),
        ("a recording cut short", "1200 bytes", "1176 bytes"),
        ("a recording that would fill the memory", "1200 bytes", "more"),
        ("a newer version", "1 or 2", "3"),
    ],
)
def test_damage_is_told_with_what_was_expected_and_what_there_is(
    file: Path, name: str, expected: str, got: str
) -> None:
    document = json.loads(file.read_text())
    damage, *_ = DAMAGES[name]
    damage(document)
    file.write_text(json.dumps(document))
    with pytest.raises(NetworkError) as caught:
        read_network(file)
    (problem,) = caught.value.problems
    assert (problem.expected, problem.got) == (expected, got)


SPECS = Path(__file__).parents[2] / "specs"
KEPT = Path(__file__).with_name("iris.schema1.json")


@pytest.mark.parametrize(
    "path",
    [KEPT, *(SPECS / f"{name}.network.json" for name in ("digits", "iris", "jets", "muon"))],
    ids=lambda path: path.name,
)
def test_a_file_of_schema_1_is_the_graph_that_it_means(path: Path, tmp_path: Path) -> None:
    network = read_network(path)
    names = ["x", *(node.name for node in network.nodes)]
    assert [node.inputs for node in network.nodes] == [(name,) for name in names[:-1]]
    write_network(network, tmp_path / "n.json")
    document = json.loads((tmp_path / "n.json").read_text())
    assert document["fpgac_network"] == 2
    assert_same(read_network(tmp_path / "n.json"), network)
    said = json.loads(path.read_text())
    assert said == (document if said["fpgac_network"] == 2 else as_chain(document))


def test_the_kept_file_is_of_schema_1() -> None:
    assert json.loads(KEPT.read_text())["fpgac_network"] == 1


def test_a_graph_comes_back(recorded: Network, tmp_path: Path) -> None:
    """Two inputs and outputs, of which one has a name of its own; nodes of all arities."""
    (entry,), (hidden, _, last) = recorded.inputs, recorded.nodes
    other = Tensor("side", (3,), FixedPoint.parse("ap_ufixed<5,2>"))
    parts = [
        Part("hidden", hidden.operation, ("x",)),
        Part("sums", last.operation, ("hidden",)),
        Part("all", Concatenate(1), ("side", "sums")),
        Part("classes", Softmax(bits=8, table_bits=10), ("sums",)),
    ]
    outputs = [Output("all", "all"), Output("chances", "classes")]
    network = Network.connected("graph", [entry, other], parts, outputs)
    write_network(network, tmp_path / "n.json")
    assert_same(read_network(tmp_path / "n.json"), network)


def assert_same(network: Network, expected: Network) -> None:
    assert network.plain() == expected.plain()
    assert network.digest == expected.digest
    assert network.provenance == expected.provenance
    assert meaning(network).digest == meaning(expected).digest
    for ours, theirs in ((network.recording, expected.recording),):
        assert (ours is None) == (theirs is None)
        if ours and theirs:
            assert np.array_equal(ours.inputs, theirs.inputs)
            assert np.array_equal(ours.outputs, theirs.outputs)


OTHERS: list[Any] = [
    None,
    -1,
    0,
    1,
    3,
    300,
    2**70,
    1.5,
    "",
    "x",
    "relu",
    "ap_fixed<8,3>",
    [],
    [1],
    [[1]],
    {},
]


def _places(value: object, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The keys that lead to each part of a document; of a list, to its first three."""
    items: Iterable[tuple[Any, object]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value[:3])
    for key, item in items:
        yield (*at, key)
        yield from _places(item, (*at, key))


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), chain=st.booleans(), other=st.sampled_from(OTHERS))
def test_a_file_in_which_anything_is_something_else_is_refused(
    pictures: Network, tmp_path: Path, data: st.DataObject, chain: bool, other: object
) -> None:
    document = json.loads(render(pictures))
    document = as_chain(document) if chain else document
    *path, last = data.draw(st.sampled_from(list(_places(document))))
    table = document
    for key in path:
        table = table[key]
    assume(table[last] != other)
    table[last] = other
    (tmp_path / "n.json").write_text(json.dumps(document))
    with pytest.raises(NetworkError) as caught:
        read_network(tmp_path / "n.json")
    assert all(problem.code and problem.where for problem in caught.value.problems)


def test_a_forged_checksum_does_not_hide_a_changed_weight(file: Path) -> None:
    document = json.loads(file.read_text())
    document["nodes"][0]["weights"][0][0] ^= 1
    del document["checksum"]
    document["checksum"] = digest_json(document)
    file.write_text(json.dumps(document))
    with pytest.raises(NetworkError, check=coded("network.checksum", key="digest")):
        read_network(file)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[" * 100_000,
        b"[1, 2]",
        b"\xff\xfe\x00",
        b"<<<<<<< HEAD\n",
        b'{"fpgac_network": NaN}',
        b'{"a": 1, "a": 1}',
        b'{"fpgac_network": ' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "too deep", "a list", "binary", "a merge", "NaN", "a key twice", "a long number"],
)
def test_what_is_no_such_json_is_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "n.json"
    path.write_bytes(content)
    with pytest.raises(NetworkError, check=coded("network.damaged")):
        read_network(path)


def test_a_file_cut_anywhere_is_told(file: Path) -> None:
    whole = file.read_bytes()
    for length in range(0, len(whole) - 2, 97):
        file.write_bytes(whole[:length])
        with pytest.raises(NetworkError, check=coded("network.damaged")):
            read_network(file)


def test_a_network_that_is_not_there_is_not_trained_yet(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, check=coded("network.not-trained")):
        read_network(tmp_path / "muon.network.json")
    with pytest.raises(NetworkError, check=coded("network.cannot-read")):
        read_network(tmp_path)


def test_a_full_disk_leaves_the_old_file_whole(
    make_network: MakeNetwork, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    full_disk = coded("network.cannot-write", got="No space left on device")
    with pytest.raises(NetworkError, check=full_disk):
        write_network(make_network((4, 2)), file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_told(recorded: Network, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, check=coded("network.cannot-write")):
        write_network(recorded, tmp_path / "nowhere" / "n.json")


def test_a_network_that_makes_no_sense_is_never_written(recorded: Network, file: Path) -> None:
    before = file.read_bytes()
    first = replace(dense(recorded), weights=np.full((4, 8), 128))
    with pytest.raises(NetworkError, check=coded("network.word-outside")):
        write_network(recorded.with_operations({"dense_1": first}), file)
    assert file.read_bytes() == before
