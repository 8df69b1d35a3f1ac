"""HGQ's quantizers are exact: each element is cast to a type of its own."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fpgac.program.program import CastEach
from fpgac.rules.core_program import exact_program
from tests.rules.drawing import CoreOf, Drawn, formats, sums


def quantizer(draw: st.DrawFn, net: Drawn) -> None:
    """A type for each element, or one for all; some elements are zero."""
    shape = (1, *net.shape) if draw(st.booleans()) else (1,)
    signs, widths = net.rng.integers(0, 2, shape), net.rng.integers(0, 9, shape)
    # A signed number of one bit has no symmetric range.
    widths = np.where((widths == 1) & (signs == 1), 2, widths)
    integers = np.where(widths > 0, net.rng.integers(1, widths + 2), 0)
    net.add(
        "FixedPointQuantizer",
        types={},
        mask_kbi=tuple(mask.astype(np.int16) for mask in (signs, widths, integers)),
        RND=draw(st.sampled_from(["TRN", "RND", "RND_CONV"])),
        SAT=draw(st.sampled_from(["WRAP", "SAT", "SAT_SYM"])),
        fusible=None,
        overrides={},
    )


def dense(draw: st.DrawFn, net: Drawn) -> None:
    outputs = draw(st.integers(1, 5))
    net.add(
        "Dense",
        (outputs,),
        types=sums(draw),
        n_in=net.shape[0],
        n_out=outputs,
        weight_data=np.rint(net.rng.normal(0, 6, (net.shape[0], outputs))) / 4,
        bias_data=np.rint(net.rng.normal(0, 6, outputs)) / 4,
    )


def relu(draw: st.DrawFn, net: Drawn) -> None:
    types = {"result": draw(formats())}
    net.add("Activation", types=types, activation="relu", n_in=prod(net.shape))


def table(draw: st.DrawFn, net: Drawn) -> None:
    """A function of every word, behind a quantizer with one type for all elements."""
    width, integer, signed = draw(st.integers(2, 6)), draw(st.integers(0, 3)), draw(st.booleans())
    masks = (np.array([value], np.int16) for value in (signed, width, integer))
    quantized: dict[str, Any] = {"RND": "TRN", "SAT": "WRAP", "fusible": None, "overrides": {}}
    net.add("FixedPointQuantizer", types={}, mask_kbi=tuple(masks), **quantized)
    net.add(
        "UnaryLUT",
        types={},
        table_data=np.rint(net.rng.normal(0, 20, 1 << width)) / 8,
        n_in=prod(net.shape),
        activation="unary_lut",
    )


@st.composite
def networks(draw: st.DrawFn) -> Drawn:
    """Quantizers between layers, as HGQ has them."""
    net = Drawn("io_parallel", "latency", np.random.default_rng(draw(st.integers(0, 99))))
    shape = tuple(draw(st.integers(2, 5)) for _ in range(draw(st.integers(1, 2))))
    net.add("InputLayer", shape, types={"result": draw(formats())}, input_shape=list(shape))
    quantizer(draw, net)
    for _ in range(draw(st.integers(1, 2))):
        layers = [dense, relu] if len(shape) == 1 else [relu]
        draw(st.sampled_from(layers))(draw, net)
        quantizer(draw, net)
    if draw(st.booleans()):
        table(draw, net)
    return net


def test_elements_have_types_of_their_own(core_from: CoreOf) -> None:
    net = Drawn("io_parallel", "latency", np.random.default_rng(1))
    net.add("InputLayer", (3,), types={"result": "ap_fixed<8,4>"}, input_shape=[3])
    masks = ([[1, 0, 1]], [[6, 0, 4]], [[3, 0, 3]])
    net.add(
        "FixedPointQuantizer",
        types={},
        mask_kbi=tuple(np.array(mask, np.int16) for mask in masks),
        RND="RND",
        SAT="SAT",
        fusible=None,
        overrides={},
    )
    program = exact_program(net.core(core_from, "net"))
    cast = program.operations[0]
    assert isinstance(cast, CastEach)
    assert [cast.to.plain_types[place] for place in cast.to.index] == [
        "ap_fixed<6,3,RND,SAT>",
        "0",
        "ap_fixed<4,3,RND,SAT>",
    ]
