"""Einsum, attention, layer normalisation and embeddings are exact."""

from __future__ import annotations

from math import prod

import numpy as np
from hypothesis import strategies as st

from tests.rules.drawing import (
    Drawn,
    Shape,
    accumulators,
    formats,
    sums,
)

# Equations of one tensor with weights, and of two tensors of one shape, by its rank.
WITH_WEIGHTS = {
    2: ["ab,bc->ac", "ab,cb->ac", "ab,bc->ca", "ab,abc->ac", "ab,bcd->acd"],
    3: ["abc,cd->abd", "abc,bcd->abd", "abc,dbc->ad", "abc,bcd->adb"],
}
OF_TWO = {
    2: ["ab,cb->ac", "ab,ab->a", "ab,ac->bc", "ab,ab->b"],
    3: ["abc,abd->acd", "abc,adc->abd", "abc,abc->ab", "abc,adc->bda"],
}


def einsum_dense(draw: st.DrawFn, net: Drawn) -> None:
    weighted(
        draw, net, draw(st.sampled_from(WITH_WEIGHTS[len(net.shape)])), draw(st.integers(1, 4))
    )


def weighted(draw: st.DrawFn, net: Drawn, equation: str, length: int) -> str:
    """Einsum with weights, whose own axes all have one length."""
    first, rest = equation.split(",")
    second, result = rest.split("->")
    lengths = dict(zip(first, net.shape, strict=True))
    shape = tuple(lengths.get(axis, length) for axis in result)
    bias = shape if draw(st.booleans()) else (1,) * (len(shape) - 1) + shape[-1:]
    return net.add(
        "EinsumDense",
        shape,
        types=sums(draw),
        equation=equation,
        inp_shape=net.shape,
        out_shape=shape,
        weight_data=net.rng.normal(0, 2, [lengths.get(axis, length) for axis in second]),
        bias_data=net.rng.normal(0, 2, bias),
    )


def einsum(draw: st.DrawFn, net: Drawn) -> None:
    """Two tensors that were one, each of a type of its own."""
    before, shape = net.layers[-1]["name"], net.shape
    branches = [
        net.add(
            "Activation",
            types={"result": draw(formats())},
            inputs=[before],
            activation="relu",
            n_in=prod(shape),
        )
        for _ in range(2)
    ]
    multiplied(draw, net, draw(st.sampled_from(OF_TWO[len(shape)])), branches, [shape, shape])


def multiplied(
    draw: st.DrawFn, net: Drawn, equation: str, inputs: list[str], given: list[Shape]
) -> str:
    """Einsum of the results of two layers, which have the ``given`` shapes."""
    operands, result = equation.split("->")
    lengths: dict[str, int] = {}
    for axes, shape in zip(operands.split(","), given, strict=True):
        lengths |= dict(zip(axes, shape, strict=True))
    shape = tuple(lengths[axis] for axis in result)
    return net.add(
        "Einsum",
        shape,
        types={"accum": draw(accumulators()), "result": draw(formats())},
        inputs=inputs,
        equation=equation,
        inp0_shape=given[0],
        inp1_shape=given[1],
        out_shape=shape,
    )


def attention(draw: st.DrawFn, net: Drawn) -> None:
    """One head: queries, keys and values, the softmax of their products, and what it shows."""
    before, shape = net.layers[-1]["name"], net.shape
    length, features = shape
    heads = []
    for _ in range(3):
        net.shape = shape
        heads.append(weighted(draw, net, "ab,bc->ac", features))
        net.layers[-1]["inputs"] = [before]
    multiplied(draw, net, "ac,bc->ab", heads[:2], [shape, shape])
    shown = net.add(
        "Softmax",
        types={"result": draw(formats()), "accum": draw(formats(most=14))},
        activation="softmax",
        n_in=length * length,
        n_outer=length,
        n_inner=1,
        axis=-1,
        implementation=draw(st.sampled_from(["stable", "latency", "argmax"])),
    )
    multiplied(draw, net, "ab,bc->ac", [shown, heads[2]], [(length, length), shape])


def layer_normalisation(draw: st.DrawFn, net: Drawn) -> None:
    rows, length = prod(net.shape[:-1]), net.shape[-1]
    name = net.add(
        "LayerNormalization",
        types={"scale": draw(formats()), "bias": draw(formats()), "result": draw(formats())},
        n_in=prod(net.shape),
        seq_len=rows,
        axis=2,
        epsilon_power_of_10=draw(st.sampled_from([2, 3, 5])),
        gamma_data=net.rng.normal(0, 2, length),
        beta_data=net.rng.normal(0, 2, length),
    )
    if draw(st.booleans()):
        net.settings[name]["Precision"] |= {
            "accum": draw(formats(most=20)),
            "table": draw(formats()),
        }
        net.settings[name]["table_size"] = draw(st.sampled_from([100, 256, 1024]))
        net.settings[name]["table_range_power2"] = draw(st.integers(0, 2))


@st.composite
def networks(draw: st.DrawFn) -> Drawn:
    """One or two layers on a matrix or on three axes."""
    net = Drawn("io_parallel", "latency", np.random.default_rng(draw(st.integers(0, 99))))
    shape = tuple(draw(st.integers(2, 4)) for _ in range(draw(st.integers(2, 3))))
    net.add("InputLayer", shape, types={"result": draw(formats())}, input_shape=list(shape))
    for _ in range(draw(st.integers(1, 2))):
        if len(net.shape) in {2, 3}:
            layers = [einsum_dense, einsum, layer_normalisation]
            layers += [attention] if len(net.shape) == 2 else []
            draw(st.sampled_from(layers))(draw, net)
    return net
