"""The trained network's file: the same network comes back, and every damage is told."""

from __future__ import annotations

import base64
import errno
import json
import os
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.digest import digest_json
from fpgac.errors import NetworkError
from fpgac.network.file import read_network, write_network
from fpgac.network.network import Network
from tests.network.samples import MakeNetwork


@pytest.fixture
def file(recorded: Network, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.network.json"
    write_network(recorded, path)
    return path


def test_what_is_written_comes_back(recorded: Network, file: Path) -> None:
    network = read_network(file)
    assert network.plain() == recorded.plain()
    assert network.digest == recorded.digest
    assert network.provenance == recorded.provenance
    assert network.recording is not None
    assert recorded.recording is not None
    assert np.array_equal(network.recording.inputs, recorded.recording.inputs)
    assert np.array_equal(network.recording.outputs, recorded.recording.outputs)


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
    for row in recorded.weighted_layers[0].weights.tolist():
        assert str(row) in lines
    assert '"type": "ap_fixed<12,4,RND,SAT>"' in lines
    assert max(map(len, lines)) < 130


def test_the_digest_is_of_layers_and_formats_alone(recorded: Network) -> None:
    def digest(**changes: Any) -> str:
        return replace(recorded, **changes).digest

    first, *others = recorded.weighted_layers
    weights = first.weights.copy()
    weights[0, 0] ^= 1
    assert digest(recording=None, provenance={"seed": 2}) == recorded.digest
    assert digest(layers=(replace(first, weights=weights), *recorded.layers[1:])) != recorded.digest
    assert digest(input_type=first.weight_type) != recorded.digest
    assert others


# Each damage, done to the file's JSON; what the error says; the key that it names.
Damage = Callable[[dict[str, Any]], object]


def _weight(value: object) -> Damage:
    return lambda d: d["layers"][0]["weights"][1].__setitem__(2, value)


def _layer(place: int, **values: object) -> Damage:
    return lambda d: d["layers"][place].update(values)


def _recorded(name: str, data: bytes) -> Damage:
    return lambda d: d["recording"].update({name: [base64.b64encode(data).decode()]})


DAMAGES: dict[str, tuple[Damage, str, str]] = {
    "a weight changed": (_weight(3), "its digest does not agree", "digest"),
    "a weight out of its format": (
        _weight(128),
        r"outside its type ap_fixed<8,1,RND_CONV,SAT>\n +expected: -128 to 127\n +got: +128",
        "layers[0].weights[1][2]",
    ),
    "a weight beyond 64 bits": (_weight(2**70), "damaged", "layers[0].weights[1][2]"),
    "a weight that is a float": (_weight(1.5), "damaged", "layers[0].weights[1][2]"),
    "a weight that is a text": (_weight("1"), "damaged", "layers[0].weights[1][2]"),
    "a weight missing": (
        lambda d: d["layers"][0]["weights"][1].pop(),
        "rows, or blocks of them, differ in length\n +got: +rows of 7, 8",
        "layers[0].weights",
    ),
    "no weights": (_layer(0, weights=[]), "no whole array.*\n +got: +no rows", "layers[0].weights"),
    "a row missing": (
        lambda d: d["layers"][0]["weights"].pop(),
        "do not fit its inputs and biases: of shape 3x8, not 4x8",
        "layers[0].weights",
    ),
    "a bias missing": (
        lambda d: d["layers"][0]["bias"].pop(),
        "do not fit its inputs and biases",
        "layers[0].weights",
    ),
    "a bias out of its format": (
        lambda d: d["layers"][2]["bias"].__setitem__(1, -200),
        "-128 to 127",
        "layers[2].bias[1]",
    ),
    "a layer missing": (
        lambda d: d["layers"].pop(0),
        "do not fit|must follow",
        "layers[1].weights",
    ),
    "no layers": (lambda d: d["layers"].clear(), "last layer must be dense", "layers"),
    "the last layer a relu": (lambda d: d["layers"].pop(), "last layer must be dense", "layers"),
    "a relu after a relu": (
        lambda d: d["layers"].insert(1, {**d["layers"][1], "name": "twice"}),
        "an activation must follow a layer with weights",
        "layers[2]",
    ),
    "an unknown kind of layer": (_layer(1, kind="gelu"), "damaged", "layers[1]"),
    "two layers of one name": (_layer(2, name="dense_1"), "two layers are named", "layers[2].name"),
    "a name that C++ refuses": (_layer(2, name="class"), "reserved word", "layers[2].name"),
    "a format that is none": (
        _layer(0, weight_type="float"),
        "'float' is no fixed-point type",
        "layers[0].weight_type",
    ),
    "weights of one bit": (
        _layer(0, weight_type="ap_fixed<1,1,RND_CONV,SAT>"),
        "no type that quantized_bits",
        "layers[0].weight_type",
    ),
    "biases that wrap": (
        _layer(0, bias_type="ap_fixed<8,1>"),
        "no type that quantized_bits",
        "layers[0].bias_type",
    ),
    "a relu with a sign": (
        _layer(1, type="ap_fixed<8,3,RND_CONV,SAT>"),
        "no type that quantized_relu",
        "layers[1].type",
    ),
    "an input of 90 bits": (
        lambda d: d["input"].update(type="ap_fixed<90,6>"),
        "does not fit a host's numbers",
        "input.type",
    ),
    "another input": (
        lambda d: d["input"].update(type="ap_fixed<13,4,RND,SAT>"),
        "the recording is damaged|digest does not agree",
        "digest",
    ),
    "an unknown key": (lambda d: d.update(extra=1), "damaged: Extra inputs", "extra"),
    "a key missing": (lambda d: d.pop("input"), "damaged: Field required", "input"),
    "no version": (lambda d: d.pop("fpgac_network"), "no trained network", ""),
    "a newer version": (
        lambda d: d.update(fpgac_network=2),
        "version that this fpgac does not read\n +expected: 1\n +got: +2",
        "fpgac_network",
    ),
    "the provenance changed": (
        lambda d: d["provenance"].update(seed=2),
        "its checksum does not agree",
        "checksum",
    ),
    "an answer changed": (
        _recorded("outputs", zlib.compress(np.ones((50, 3)).tobytes())),
        "its checksum does not agree",
        "checksum",
    ),
    "an answer that is NaN": (
        _recorded("outputs", zlib.compress(np.full((50, 3), np.nan).tobytes())),
        "recorded answer is not finite",
        "recording.outputs",
    ),
    "a recorded word out of range": (
        _recorded("inputs", zlib.compress(np.full((50, 4), 2048, "<i2").tobytes())),
        "outside the input's type",
        "recording.inputs",
    ),
    "a recording cut short": (
        _recorded("outputs", zlib.compress(np.ones((49, 3)).tobytes())),
        "expected: 1200 bytes\n +got: +1176 bytes",
        "recording.outputs",
    ),
    "a recording that would fill the memory": (
        _recorded("outputs", zlib.compress(bytes(10**7))),
        "expected: 1200 bytes\n +got: +more",
        "recording.outputs",
    ),
    "a recording that is not zlib": (_recorded("inputs", b"abc"), "damaged", "recording.inputs"),
    "a recording that is not base64": (
        lambda d: d["recording"].update(inputs=["?"]),
        "recording is damaged",
        "recording.inputs",
    ),
}


@pytest.mark.parametrize(("damage", "says", "key"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_told_with_its_place_and_mend(
    file: Path, damage: Damage, says: str, key: str
) -> None:
    document = json.loads(file.read_text())
    damage(document)
    file.write_text(json.dumps(document))
    with pytest.raises(NetworkError, match=says) as caught:
        read_network(file)
    wheres = [problem.where for problem in caught.value.problems]
    assert (file, key) in [(where.file, where.key) for where in wheres if where]
    assert all("fpgac train SPEC" in problem.hint for problem in caught.value.problems)


def test_a_forged_checksum_does_not_hide_a_changed_weight(file: Path) -> None:
    document = json.loads(file.read_text())
    document["layers"][0]["weights"][0][0] ^= 1
    del document["checksum"]
    document["checksum"] = digest_json(document)
    file.write_text(json.dumps(document))
    with pytest.raises(NetworkError, match="its digest does not agree"):
        read_network(file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "damaged: it ends too early"),
        (b"[" * 100_000, "damaged"),
        (b"[1, 2]", "no trained network"),
        (b"\xff\xfe\x00", "it is no text"),
        (b"<<<<<<< HEAD\n", "it is no JSON"),
        (b'{"fpgac_network": NaN}', "NaN, which is no number"),
        (b'{"a": 1, "a": 1}', "the key 'a' is there twice"),
        (b'{"fpgac_network": ' + b"9" * 5000 + b"}", "damaged"),
    ],
    ids=["empty", "too deep", "a list", "binary", "a merge", "NaN", "a key twice", "a long number"],
)
def test_what_is_no_such_json_is_told(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "n.json"
    path.write_bytes(content)
    with pytest.raises(NetworkError, match=says):
        read_network(path)


def test_a_file_cut_anywhere_is_told(file: Path) -> None:
    whole = file.read_bytes()
    for length in range(0, len(whole) - 2, 97):
        file.write_bytes(whole[:length])
        with pytest.raises(NetworkError, match=re.escape("damaged: it")):
            read_network(file)


def test_a_network_that_is_not_there_is_not_trained_yet(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="not trained yet") as caught:
        read_network(tmp_path / "muon.network.json")
    assert "'fpgac train SPEC' makes it" in str(caught.value)
    with pytest.raises(NetworkError, match="cannot be read"):
        read_network(tmp_path)


def test_a_full_disk_leaves_the_old_file_whole(
    make_network: MakeNetwork, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NetworkError, match="No space left on device"):
        write_network(make_network((4, 2)), file)
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def test_a_folder_that_is_not_there_is_told(recorded: Network, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="cannot be written"):
        write_network(recorded, tmp_path / "nowhere" / "n.json")


def test_a_network_that_makes_no_sense_is_never_written(recorded: Network, file: Path) -> None:
    before = file.read_bytes()
    first = replace(recorded.weighted_layers[0], weights=np.full((4, 8), 128))
    with pytest.raises(NetworkError, match="outside its type"):
        write_network(replace(recorded, layers=(first, *recorded.layers[1:])), file)
    assert file.read_bytes() == before
