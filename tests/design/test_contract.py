"""Rows in memory: how wide the bus is, what lies where, and what is refused."""

from __future__ import annotations

import json
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgac.design.contract import WIDEST_BUS, Contract, bus_width, contract
from fpgac.errors import CoreError, TargetError

from .cores import handmade_core


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
    assert (x.elements, x.stride, x.padding, x.row_bytes, x.bus_type) == (
        27,
        32,
        5,
        64,
        "ap_uint<512>",
    )
    assert (y.elements, y.stride, y.padding, y.row_bytes, y.bus_type) == (1, 1, 0, 4, "ap_uint<32>")


def test_it_survives_json() -> None:
    agreed = contract(handmade_core(), name="muon", compute_units=3)
    assert Contract.from_json(agreed.to_json()) == agreed
    assert agreed.to_json() == agreed.to_json()


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"{}", b'{"name": 1}', b"\xff", b"null"], ids=repr
)
def test_other_text_is_refused(text: bytes) -> None:
    with pytest.raises(TargetError, match="no contract"):
        Contract.from_json(text)


def test_a_contract_changed_by_hand_is_refused() -> None:
    plain = json.loads(contract(handmade_core(), name="muon", compute_units=1).to_json())
    plain["input"]["type"] = "ap_fixed<16,7>"
    with pytest.raises(TargetError, match="changed after it was written"):
        Contract.from_json(json.dumps(plain).encode())


def test_what_differs_has_another_identity() -> None:
    core = handmade_core()
    assert (
        contract(core, name="muon", compute_units=1).identity
        != contract(core, name="muon", compute_units=2).identity
    )


@pytest.mark.parametrize("units", [0, -1, 61])
def test_a_number_of_compute_units_that_cannot_be(units: int) -> None:
    with pytest.raises(TargetError, match="1 to 60"):
        contract(handmade_core(), name="muon", compute_units=units)


def test_a_name_that_no_xclbin_can_hold() -> None:
    contract(handmade_core(), name="m" * 26, compute_units=9)
    with pytest.raises(TargetError, match="too long"):
        contract(handmade_core(), name="m" * 27, compute_units=10)


def test_a_format_wider_than_a_float_can_tell() -> None:
    core = handmade_core(samples=((2,), "ap_fixed<54,10>"), results=((1,), "ap_fixed<8,8>"))
    with pytest.raises(CoreError, match="at most 53 bits"):
        contract(core, name="muon", compute_units=1)
