"""Convolutions and pools: in integers, by the book, in QKeras, in the network's file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fpgac.network.arithmetic import check_range, outputs

from fpgac.engines.keras import keras_outputs
from fpgac.errors import NetworkError
from fpgac.network.file import read_network, write_network
from fpgac.network.network import (
    AveragePoolLayer,
    ConvLayer,
    DenseLayer,
    FlattenLayer,
    HardLayer,
    MaxPoolLayer,
    Network,
    ReluLayer,
)
from fpgac.numbers import FixedPoint, IntArray

Numbers = Any  # arrays of fractions


@pytest.fixture(params=["pictures", "sequences"])
def network(request: pytest.FixtureRequest) -> Network:
    found: Network = request.getfixturevalue(request.param)
    return found


def any_words(network: Network, samples: int) -> IntArray:
    type_ = network.input_type
    shape = (samples, network.input_size)
    return np.random.default_rng(1).integers(type_.lowest, type_.highest + 1, shape, np.int64)


def exact(type_: FixedPoint, words: IntArray) -> Numbers:
    return words.astype(object) * (Fraction(2) ** -type_.fraction)


def by_the_book(network: Network, words: IntArray) -> Numbers:
    """One sample's answer; each place of each layer by itself."""
    x = exact(network.input_type, words).reshape(network.input_shape)
    for layer in network.layers:
        match layer:
            case DenseLayer():
                weights = exact(layer.weight_type, layer.weights)
                x = x.dot(weights) + exact(layer.bias_type, layer.bias)
            case ConvLayer():
                x = convolved(layer, x)
            case ReluLayer():
                x = on_grid(layer.type, np.maximum(x, 0))
            case HardLayer(kind="sigmoid"):
                x = on_grid(layer.type, np.clip(x / 2 + Fraction(1, 2), 0, 1))
            case HardLayer(kind="tanh"):
                x = on_grid(layer.type, 2 * np.clip(x / 2 + Fraction(1, 2), 0, 1) - 1)
            case MaxPoolLayer():
                x = pooled(layer.pool, x, np.max)
            case AveragePoolLayer():
                x = pooled(layer.pool, x, np.mean)
            case FlattenLayer():
                x = x.reshape(-1)
    return x


def convolved(layer: ConvLayer, x: Numbers) -> Numbers:
    weights, bias = exact(layer.weight_type, layer.weights), exact(layer.bias_type, layer.bias)
    *space, _ = x.shape
    before, places = [], []
    for size, reach, step in zip(space, layer.kernel, layer.strides, strict=True):
        if layer.padding == "same":
            places.append(ceil(size / step))
            before.append(max((places[-1] - 1) * step + reach - size, 0) // 2)
        else:
            places.append(ceil((size - reach + 1) / step))
            before.append(0)
    out = np.empty((*places, len(bias)), object)
    for place in product(*map(range, places)):
        out[place] = bias
        for offset in product(*map(range, layer.kernel)):
            corners = zip(place, layer.strides, offset, before, strict=True)
            at = tuple(p * step + o - b for p, step, o, b in corners)
            if all(0 <= a < size for a, size in zip(at, space, strict=True)):
                out[place] = out[place] + x[at].dot(weights[offset])
    return out


def pooled(pool: tuple[int, ...], x: Numbers, operation: Callable[..., Numbers]) -> Numbers:
    sizes = [size // side for size, side in zip(x.shape, pool, strict=False)]
    out = np.empty((*sizes, x.shape[-1]), object)
    for place in product(*map(range, sizes)):
        window = tuple(slice(p * s, p * s + s) for p, s in zip(place, pool, strict=True))
        out[place] = operation(x[window].reshape(-1, x.shape[-1]), axis=0)
    return out


def on_grid(to: FixedPoint, numbers: Numbers) -> Numbers:
    # Python's round() is to the nearest, and of two equally near to the even one: RND_CONV.
    words = [round(number * 2**to.fraction) for number in numbers.flat]
    near = [Fraction(min(max(word, to.lowest), to.highest), 2**to.fraction) for word in words]
    return np.array(near, object).reshape(numbers.shape)


def test_every_output_is_the_exact_number(network: Network) -> None:
    words = any_words(network, 12)
    expected = [by_the_book(network, sample).tolist() for sample in words]
    assert outputs(network, words).tolist() == expected


def test_qkeras_agrees_to_the_last_bit(network: Network) -> None:
    words = any_words(network, 2000)
    assert keras_outputs(network, words).tobytes() == outputs(network, words).tobytes()


def test_no_samples_give_no_outputs(network: Network) -> None:
    nothing = np.empty((0, network.input_size), np.int64)
    assert outputs(network, nothing).shape == (0, network.output_size)


def test_what_is_written_comes_back(network: Network, tmp_path: Path) -> None:
    write_network(network, tmp_path / "n.json")
    again = read_network(tmp_path / "n.json")
    assert again.plain() == network.plain()
    assert again.shapes == network.shapes
    (first, *_) = network.weighted_layers
    lines = [line.strip().rstrip(",") for line in (tmp_path / "n.json").read_text().splitlines()]
    assert str(first.matrix.tolist()[0]) in lines


def test_sums_that_a_float64_might_round_are_refused(pictures: Network) -> None:
    first, *_ = pictures.weighted_layers
    # 12 products of 5-bit weights, at most: 4 bits more than the 48 of the input alone.
    check_range(FixedPoint.parse("ap_fixed<44,3>"), pictures.layers[:1])
    with pytest.raises(NetworkError, match="sums of layer 'first' are too wide"):
        check_range(FixedPoint.parse("ap_fixed<53,3>"), (first,))


def test_sums_too_fine_to_be_halved_are_refused(sequences: Network) -> None:
    """Up to 51 bits behind the point, a number between -1 and 1 has a half in 53 bits."""
    first, sigmoid, *_ = sequences.layers
    assert isinstance(first, ConvLayer)
    fine = FixedPoint.parse("ap_fixed<22,1,RND_CONV,SAT>")
    small = replace(first, weights=first.weights // 32, weight_type=fine)
    check_range(FixedPoint.parse("ap_fixed<30,0>"), (small, sigmoid))
    with pytest.raises(NetworkError, match="'first_sigmoid' are too wide"):
        check_range(FixedPoint.parse("ap_fixed<30,-1>"), (small, sigmoid))


def test_a_linear_layer_hands_its_sums_on_in_full(pictures: Network) -> None:
    """``second`` has no ReLU: the bound on ``last`` counts all bits of its sums."""
    *_, last = pictures.weighted_layers
    wide = replace(last, weights=np.full_like(last.weights, 31))
    check_range(FixedPoint.parse("ap_fixed<7,3>"), (*pictures.layers[3:6], wide))
    with pytest.raises(NetworkError, match="sums of layer 'last' are too wide"):
        check_range(FixedPoint.parse("ap_fixed<41,3>"), (*pictures.layers[3:6], wide))


DAMAGES: dict[str, tuple[Any, str, str]] = {
    "a block of weights missing": (
        lambda d: d["layers"][0]["weights"][1].pop(),
        "rows, or blocks of them, differ in length",
        "layers[0].weights",
    ),
    "weights for another channel": (
        lambda d: d["layers"][3].update(weights=[[[[1, 2, 3]] * 3] * 3] * 2),
        "of shape 2x3x3x3, not 2x3x4x3",
        "layers[3].weights",
    ),
    "pools that do not divide": (
        lambda d: d["layers"][2].update(pool=[4, 1]),
        "pools of 4x1 do not divide 6x7x4",
        "layers[2].pool_size",
    ),
    "an axis too few": (
        lambda d: d["input"].update(shape=[6, 14]),
        "with that of the channels, such as .*, not 6x14",
        "layers[0].kind",
    ),
    "no axis": (lambda d: d["input"].update(shape=[]), "damaged", "input.shape"),
    "a stride of none": (
        lambda d: d["layers"][0].update(strides=[1, 0]),
        "greater than or equal to 1",
        "layers[0].strides[1]",
    ),
    "a tanh without a sign": (
        lambda d: d["layers"][7].update(type="ap_ufixed<5,0,RND_CONV,SAT>"),
        "no type that quantized_tanh.bits. has",
        "layers[7].type",
    ),
    "nothing flat": (
        lambda d: d["layers"].pop(5),
        "put a layer of kind 'flatten' before it",
        "layers[5].kind",
    ),
}


@pytest.mark.parametrize(("damage", "says", "key"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_told_with_its_place(
    pictures: Network, tmp_path: Path, damage: Any, says: str, key: str
) -> None:
    path = tmp_path / "n.json"
    write_network(pictures, path)
    document = json.loads(path.read_text())
    damage(document)
    path.write_text(json.dumps(document))
    with pytest.raises(NetworkError, match=says) as caught:
        read_network(path)
    assert key in [problem.where.key for problem in caught.value.problems if problem.where]
