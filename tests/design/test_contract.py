"""Rows in memory: how wide the bus is, what lies where, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgac.design.contract import WIDEST_BUS, Contract, Interface, bus_width, contract
from fpgac.errors import CoreError, TargetError

from .cores import SEVERAL, Tensor, core_of, handmade_core

if TYPE_CHECKING:
    from fpgac.core.core import Core


def codes(error: TargetError) -> list[str]:
    return [problem.code for problem in error.problems]


@pytest.mark.parametrize(
    ("numbers", "word_bits", "width", "words"),
    [
        (27, 16, 512, 1),  # muon's samples: a row of 32 places
        (1, 32, 32, 1),  # muon's results
        (4, 16, 64, 1),  # iris's samples
        (3, 32, 128, 1),
        (1, 8, 8, 1),
        (32, 16, 512, 1),
        (33, 16, 512, 2),  # more than a bus word: the widest words are the fewest
        (9, 64, 512, 2),
    ],
)
def test_the_fewest_bus_words_then_the_least_padding(
    numbers: int, word_bits: int, width: int, words: int
) -> None:
    assert bus_width(numbers, word_bits) == width
    assert ceil(numbers * word_bits / width) == words


@given(st.integers(1, 5000), st.sampled_from([8, 16, 32, 64]))
def test_no_other_width_is_better(numbers: int, word_bits: int) -> None:
    width = bus_width(numbers, word_bits)
    bits = numbers * word_bits
    assert word_bits <= width <= WIDEST_BUS
    assert width.bit_count() == 1
    for other in (w for w in (8, 16, 32, 64, 128, 256, 512) if w >= word_bits):
        assert (ceil(bits / width), width) <= (ceil(bits / other), other)


def test_the_layout_of_muon() -> None:
    agreed = contract(handmade_core(), name="muon", compute_units=2)
    assert agreed.kernel == "muon_kernel"
    assert agreed.instances == ("muon_1", "muon_2")
    assert [buffer.argument for buffer in agreed.buffers] == ["x", "y"]
    x, y = agreed.buffers
    assert (x.size, x.stride, x.padding, x.row_bytes, x.bus_type) == (
        27,
        32,
        5,
        64,
        "ap_uint<512>",
    )
    assert (y.size, y.stride, y.padding, y.row_bytes, y.bus_type) == (1, 1, 0, 4, "ap_uint<32>")


@pytest.mark.parametrize("core", [handmade_core(), *SEVERAL.values()], ids=["one", *SEVERAL])
def test_it_survives_json(core: Core) -> None:
    agreed = contract(core, name="muon", compute_units=3)
    assert Contract.from_json(agreed.to_json()) == agreed
    assert agreed.to_json() == agreed.to_json()


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"{}", b'{"name": 1}', b"\xff", b"null"], ids=repr
)
def test_other_text_is_refused(text: bytes) -> None:
    with pytest.raises(TargetError) as caught:
        Contract.from_json(text)
    assert codes(caught.value) == ["target.no-contract"]


def test_a_contract_changed_by_hand_is_refused() -> None:
    plain = json.loads(contract(handmade_core(), name="muon", compute_units=1).to_json())
    plain["inputs"][0]["type"] = "ap_fixed<16,7>"
    with pytest.raises(TargetError) as caught:
        Contract.from_json(json.dumps(plain).encode())
    assert codes(caught.value) == ["target.changed-contract"]


def test_what_differs_has_another_identity() -> None:
    core = handmade_core()
    assert (
        contract(core, name="muon", compute_units=1).identity
        != contract(core, name="muon", compute_units=2).identity
    )


@pytest.mark.parametrize("units", [0, -1, 61])
def test_a_number_of_compute_units_that_cannot_be(units: int) -> None:
    with pytest.raises(TargetError) as caught:
        contract(handmade_core(), name="muon", compute_units=units)
    assert codes(caught.value) == ["target.compute-units"]
    assert caught.value.problems[0].expected == "1 to 60"


def test_a_name_that_no_xclbin_can_hold() -> None:
    contract(handmade_core(), name="m" * 26, compute_units=9)
    with pytest.raises(TargetError) as caught:
        contract(handmade_core(), name="m" * 27, compute_units=10)
    assert codes(caught.value) == ["target.long-name"]


def test_a_format_wider_than_a_float_can_tell() -> None:
    core = handmade_core(samples=((2,), "ap_fixed<54,10>"), results=((1,), "ap_fixed<8,8>"))
    with pytest.raises(CoreError, match="at most 53 bits"):
        contract(core, name="muon", compute_units=1)


def test_several_tensors_are_arguments_of_their_own() -> None:
    agreed = contract(SEVERAL["two and two"], name="muon", compute_units=1)
    assert [buffer.argument for buffer in agreed.buffers] == [
        *("x_track", "x_calo"),
        *("y_charge", "y_p_t"),
    ]
    assert [buffer.bundle for buffer in agreed.buffers] == ["gmem0", "gmem1", "gmem2", "gmem3"]
    assert [buffer.name for buffer in agreed.input_layout.tensors] == ["track", "calo"]
    assert (agreed.input_layout.size, agreed.output_layout.size) == (24, 10)


def test_the_side_with_one_tensor_stays_as_simple_as_it_is() -> None:
    one_and_three = contract(SEVERAL["one and three"], name="muon", compute_units=1)
    assert [buffer.argument for buffer in one_and_three.buffers] == ["x", "y_u", "y_v", "y_w"]


def several(*names: str) -> dict[str, Tensor]:
    return dict.fromkeys(names, ((2,), "ap_fixed<8,4>", 1))


ONE = several("y")


@pytest.mark.parametrize(
    ("core", "interface", "code"),
    [
        (core_of(several("a", "b-c"), ONE), "m_axi", "target.tensor-name"),
        (core_of(several("a", ""), ONE), "m_axi", "target.tensor-name"),
        (core_of(several(*map(str, range(32))), ONE), "m_axi", "target.too-many-buffers"),
        (core_of(several(*map(str, range(500))), ONE), "m_axi", "target.too-many-buffers"),
        (core_of(several(*map(str, range(16))), ONE), "axis", "target.too-many-buffers"),
    ],
    ids=["a name with a hyphen", "no name", "33 memory ports", "500 inputs", "17 streams"],
)
def test_tensors_that_cannot_be_arguments(core: Core, interface: Interface, code: str) -> None:
    with pytest.raises(TargetError) as caught:
        contract(core, name="muon", compute_units=1, interface=interface)
    assert codes(caught.value) == [code]


def test_two_tensors_of_one_name() -> None:
    (port,) = core_of(ONE, ONE).inputs
    core = replace(core_of(ONE, ONE), inputs=(port, port))
    with pytest.raises(TargetError) as caught:
        contract(core, name="muon", compute_units=1)
    assert codes(caught.value) == ["target.tensor-named-twice"]


def test_a_lonely_tensor_may_have_any_name() -> None:
    agreed = contract(core_of(several("dense/BiasAdd:0"), ONE), name="muon", compute_units=1)
    assert agreed.inputs[0].argument == "x"
