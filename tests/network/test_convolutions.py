"""Convolutions and pools: in integers, by the book, in QKeras, in the network's file."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.engines.keras import keras_outputs
from fpgac.errors import NetworkError, Where
from fpgac.network.file import read_network, write_network
from fpgac.network.meaning import outputs
from fpgac.network.network import Network
from tests.network.book import by_the_book
from tests.network.samples import any_words


@pytest.fixture(params=["pictures", "sequences"])
def network(request: pytest.FixtureRequest) -> Network:
    found: Network = request.getfixturevalue(request.param)
    return found


def test_every_output_is_the_exact_number(network: Network) -> None:
    words = any_words(network, 12)
    assert outputs(network, words).tolist() == by_the_book(network, words, Fraction).tolist()


def test_qkeras_agrees_to_the_last_bit(network: Network) -> None:
    words = any_words(network, 2000)
    assert keras_outputs(network, words).tobytes() == outputs(network, words).tobytes()


def test_no_samples_give_no_outputs(network: Network) -> None:
    nothing = np.empty((0, network.input_layout.size), np.int64)
    assert outputs(network, nothing).shape == (0, network.output_size)


def test_what_is_written_comes_back(network: Network, tmp_path: Path) -> None:
    write_network(network, tmp_path / "n.json")
    again = read_network(tmp_path / "n.json")
    assert again.plain() == network.plain()
    assert again.tensors == network.tensors
    (first, *_) = (node.operation.products for node in network.weighted)
    assert first is not None
    lines = [line.strip().rstrip(",") for line in (tmp_path / "n.json").read_text().splitlines()]
    assert str(first[0].tolist()) in lines


DAMAGES: dict[str, tuple[Callable[[dict[str, Any]], object], str, str]] = {
    "a block of weights missing": (
        lambda d: d["nodes"][0]["weights"][1].pop(),
        "damaged",
        "nodes[0].weights",
    ),
    "weights for another channel": (
        lambda d: d["nodes"][3].update(weights=[[[[1, 2, 3]] * 3] * 3] * 2),
        "misfit",
        "nodes[3].weights",
    ),
    "pools larger than their picture": (
        lambda d: d["nodes"][2].update(pool=[7, 1]),
        "misfit",
        "nodes[2].pool",
    ),
    "an axis too few": (
        lambda d: d["inputs"][0].update(shape=[6, 14]),
        "misfit",
        "nodes[0].kind",
    ),
    "no axis": (lambda d: d["inputs"][0].update(shape=[]), "damaged", "inputs[0].shape"),
    "a stride of none": (
        lambda d: d["nodes"][0].update(strides=[1, 0]),
        "damaged",
        "nodes[0].strides[1]",
    ),
    "strides along one axis": (
        lambda d: d["nodes"][0].update(strides=[1]),
        "damaged",
        "nodes[0].weights",
    ),
    "a tanh without a sign": (
        lambda d: d["nodes"][7].update(type="ap_ufixed<5,0,RND_CONV,SAT>"),
        "unknown-grid",
        "nodes[7].type",
    ),
    "nothing flat": (
        lambda d: (d["nodes"].pop(5), d["nodes"][5].update(inputs=["pool_of_sums"])),
        "misfit",
        "nodes[5].kind",
    ),
    "flattened twice": (
        lambda d: (
            d["nodes"].insert(6, {"kind": "flatten", "name": "flatter", "inputs": ["flat"]}),
            d["nodes"][7].update(inputs=["flatter"]),
        ),
        "misfit",
        "nodes[6].kind",
    ),
}


@pytest.mark.parametrize(("damage", "code", "key"), DAMAGES.values(), ids=DAMAGES)
def test_damage_has_its_code_and_its_place(
    pictures: Network, tmp_path: Path, damage: Any, code: str, key: str
) -> None:
    path = tmp_path / "n.json"
    write_network(pictures, path)
    document = json.loads(path.read_text())
    damage(document)
    path.write_text(json.dumps(document))
    with pytest.raises(NetworkError) as caught:
        read_network(path)
    found = [(problem.code, problem.where) for problem in caught.value.problems]
    assert found == [(f"network.{code}", Where(path, key=key))]
