"""Weights of one and two bits, powers of two, and single bits between layers are exact as well."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fpgac.program.program import Cast, Dot
from fpgac.rules.core_program import exact_program
from tests.cores import power_of_two
from tests.rules.drawing import (
    CoreOf,
    Drawn,
    Simulated,
    accumulators,
    assert_exact,
    formats,
)

SIGNS = ["binary_tanh", "ternary_tanh"]
# What hls4ml can fuse with a normalisation behind such weights; at the other it raises KeyError.
FUSED = {"BinaryQuantizer": SIGNS[:1], "TernaryQuantizer": SIGNS[1:]}


def binarised(draw: st.DrawFn, net: Drawn) -> None:
    """Single bits, or signs, by an activation or by a batch normalisation with it."""
    normalised = draw(st.booleans())
    before = type(net.layers[-1].get("weight_quantizer")).__name__
    name = draw(st.sampled_from(FUSED.get(before, SIGNS) if normalised else SIGNS))
    if normalised:
        channels = net.shape[-1]
        net.add(
            "BatchNormalization",
            types={"scale": draw(formats()), "bias": draw(formats()), "result": draw(formats())},
            n_in=prod(net.shape),
            n_filt=channels if len(net.shape) > 1 else -1,
            scale_data=net.rng.normal(0, 2, channels),
            bias_data=net.rng.normal(0, 2, channels),
            use_gamma=True,
            use_beta=True,
        )
    bits = "uint<1>" if name == "binary_tanh" else "int<2>"
    types = {"result": draw(st.sampled_from(["auto", bits, "ap_fixed<4,2>"]))}
    net.add("Activation", types=types, activation=name, n_in=prod(net.shape))


def weights(draw: st.DrawFn) -> Any:
    """A quantizer of weights."""
    from hls4ml.model.quantizers import BinaryQuantizer, TernaryQuantizer

    return draw(
        st.one_of(
            st.builds(power_of_two, st.integers(3, 6)),
            st.sampled_from([BinaryQuantizer(1), BinaryQuantizer(2), TernaryQuantizer()]),
        )
    )


def multiplied(draw: st.DrawFn, net: Drawn) -> None:
    """A dense layer of a vector, or a convolution."""
    types = {"bias": draw(formats()), "accum": draw(accumulators()), "result": draw(formats())}
    *image, channels = net.shape
    filters = draw(st.integers(1, 4))
    scale = draw(st.sampled_from([0.02, 1.0]))
    quantized: dict[str, Any] = {
        "weight_quantizer": weights(draw),
        "bias_data": net.rng.normal(0, 2, filters),
    }
    if not image:
        net.add(
            "Dense",
            (filters,),
            types=types,
            reuse=draw(st.sampled_from([1, 2, 3])),
            n_in=channels,
            n_out=filters,
            weight_data=net.rng.normal(0, scale, (channels, filters)),
            **quantized,
        )
        return
    width = draw(st.integers(1, min(3, image[0])))
    pads = [draw(st.integers(0, width - 1)) for _ in range(2)]
    places = image[0] + sum(pads) - width + 1
    net.add(
        "Conv1D",
        (places, filters),
        types=types,
        filt_width=width,
        in_width=image[0],
        out_width=places,
        stride_width=1,
        pad_left=pads[0],
        pad_right=pads[1],
        n_chan=channels,
        n_filt=filters,
        data_format="channels_last",
        weight_data=net.rng.normal(0, scale, (width, channels, filters)),
        **quantized,
    )


@st.composite
def networks(draw: st.DrawFn) -> Drawn:
    """One or two layers with such weights, each with or without single bits before it."""
    net = Drawn(
        draw(st.sampled_from(["io_parallel", "io_stream"])),
        draw(st.sampled_from(["latency", "resource"])),
        np.random.default_rng(draw(st.integers(0, 99))),
    )
    shape = tuple(draw(st.integers(2, 5)) for _ in range(draw(st.integers(1, 2))))
    net.add("InputLayer", shape, types={"result": draw(formats())}, input_shape=list(shape))
    for _ in range(draw(st.integers(1, 2))):
        if draw(st.booleans()):
            binarised(draw, net)
        multiplied(draw, net)
    if draw(st.booleans()):
        binarised(draw, net)
    return net


def dense_of_powers(numbers: list[float]) -> Drawn:
    net = Drawn("io_parallel", "latency", np.random.default_rng(1))
    shape = (len(numbers),)
    net.add("InputLayer", shape, types={"result": "ap_fixed<8,4>"}, input_shape=list(shape))
    net.add(
        "Dense",
        (1,),
        types={"accum": "ap_fixed<40,16>", "bias": "ap_fixed<8,4>", "result": "ap_fixed<40,16>"},
        n_in=len(numbers),
        n_out=1,
        weight_data=np.array(numbers)[:, None],
        weight_quantizer=power_of_two(8),
        bias_data=np.zeros(1),
    )
    return net


def test_powers_of_two_are_plain_products(core_from: CoreOf) -> None:
    program = exact_program(dense_of_powers([0.5, -4.0, 2.0**-12]).core(core_from, "net"))
    assert [type(operation) for operation in program.operations] == [Dot]


def test_what_hls4mls_shifts_lose_is_lost(core_from: CoreOf, simulate_all: Simulated) -> None:
    net = dense_of_powers([1.0, 2.0**-13, -(2.0**-18), -(2.0**-60)])
    program = exact_program(net.core(core_from, "net"))
    casts = [operation.to for operation in program.operations if isinstance(operation, Cast)]
    assert [type_.fraction for type_ in casts] == [-44, -2, 3]
    assert_exact([net], core_from, simulate_all)
