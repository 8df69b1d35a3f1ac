"""Hosts scale numbers before they become raw words: in Python and C++ the same bits."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from fpgac.core.core import Core
from fpgac.design.contract import Contract, contract
from fpgac.tensors import Scaling

from .cores import handmade_core
from .hosts import compile_cpp, headers, python_host
from .test_conversion import hard_numbers, pointer, rows_of

# Numbers that no float holds exactly, a power of two, and ends of the range of float64.
SCALING = Scaling((0.1, -5.843333333333334, 1e-300), (1 / 3, 1.2098e5, 2.0**-4))


# Powers of two: they move the binary points.
SHIFT = Scaling((0.0,) * 3, (2.0**-12, 1.0, 2.0**5))
TYPES = ["ap_fixed<16,6,RND,SAT>", "ap_ufixed<9,2,RND_CONV>", "ap_fixed<8,8,TRN,SAT_SYM>"]


def core_of(type_: str, scaling: Scaling) -> Core:
    plain = handmade_core(samples=((3,), type_), results=((3,), "ap_fixed<16,6>"))
    return plain.with_edges({plain.inputs[0].name: scaling}, {})


@pytest.fixture(
    params=[(TYPES[0], SCALING), (TYPES[1], SCALING), *((type_, SHIFT) for type_ in TYPES)],
    ids=str,
)
def core(request: pytest.FixtureRequest) -> Core:
    return core_of(*request.param)


def agreed(core: Core) -> Contract:
    return contract(core, name="tiny", compute_units=1)


@pytest.mark.parametrize("kind", ["float", "double"])
def test_python_and_cpp_give_the_words_of_scaled_numbers(
    core: Core, kind: str, tmp_path: Path
) -> None:
    tensor = core.inputs[0]
    with np.errstate(over="ignore"):
        assert tensor.scaling is not None
        x = rows_of(tensor.scaling.undo(rows_of(hard_numbers(tensor.type)))).astype(
            f"f{4 if kind == 'float' else 8}"
        )
    expected = core.input_layout.raw(x)
    assert len(np.unique(expected)) > 60
    assert not np.array_equal(expected, tensor.type.raw(x)), "the scaling matters"

    rows = np.ones((len(x), 4), tensor.type.dtype)
    python_host(core, tmp_path).contract.inputs[0].fill(rows, x)
    np.testing.assert_array_equal(rows[:, :3], expected)

    headers(core, tmp_path)
    (tmp_path / "scaled.cpp").write_text(
        f'#include "numbers.hpp"\nusing X = fpga::tensors::x;\n'
        f'extern "C" void scaled(const {kind}* x, unsigned long n, void* words)'
        " { fpga::to_raw<X>(x, n, static_cast<X::Word*>(words)); }\n"
    )
    compile_cpp(tmp_path / "scaled.cpp", tmp_path / "scaled.so", "-shared", "-fPIC")
    rows[:] = 1
    ctypes.CDLL(str(tmp_path / "scaled.so")).scaled(
        pointer(x), ctypes.c_ulong(len(x)), pointer(rows)
    )
    np.testing.assert_array_equal(rows[:, :3], expected)
    assert not rows[:, 3].any()


def test_a_contract_keeps_the_scaling_to_the_last_bit(core: Core) -> None:
    made = agreed(core)
    read = Contract.from_json(made.to_json())
    assert read == made
    assert read.inputs[0].scaling == core.inputs[0].scaling


@pytest.mark.parametrize("text", TYPES)
def test_a_shift_gives_the_words_of_a_type_with_another_point(text: str) -> None:
    tensor = core_of(text, SHIFT).inputs[0]
    columns = []
    for place, type_ in enumerate(tensor.shifted_types):
        x = hard_numbers(type_)
        columns.append(type_.raw(x))
        row = np.zeros((len(x), 3))
        row[:, place] = x
        np.testing.assert_array_equal(tensor.raw(row)[:, place], columns[-1])
    integers = [type_.integer - tensor.type.integer for type_ in tensor.shifted_types]
    assert integers == [12, 0, -5]


def test_only_powers_of_two_without_offsets_are_shifts() -> None:
    assert SHIFT.is_shift
    assert not SCALING.is_shift
    assert not Scaling((0.0, 1.0), (1.0, 0.5)).is_shift
    assert not Scaling((0.0, 0.0), (1.0, 0.75)).is_shift


def test_designs_that_differ_in_their_scaling_must_not_be_mixed(core: Core) -> None:
    assert agreed(core).identity != agreed(core.with_edges({}, {})).identity
