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


@pytest.fixture(params=["ap_fixed<16,6,RND,SAT>", "ap_ufixed<9,2,RND_CONV>"])
def core(request: pytest.FixtureRequest) -> Core:
    plain = handmade_core(samples=((3,), request.param), results=((3,), "ap_fixed<16,6>"))
    return plain.with_edges({plain.inputs[0].name: SCALING}, {})


def agreed(core: Core) -> Contract:
    return contract(core, name="tiny", compute_units=1)


@pytest.mark.parametrize("kind", ["float", "double"])
def test_python_and_cpp_give_the_words_of_scaled_numbers(
    core: Core, kind: str, tmp_path: Path
) -> None:
    tensor = core.inputs[0]
    with np.errstate(over="ignore"):
        x = rows_of(SCALING.undo(rows_of(hard_numbers(tensor.type)))).astype(
            f"f{4 if kind == 'float' else 8}"
        )
    expected = core.input_layout.raw(x)
    assert len(np.unique(expected)) > 100
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
    assert read.inputs[0].scaling == SCALING


def test_designs_that_differ_in_their_scaling_must_not_be_mixed(core: Core) -> None:
    assert agreed(core).identity != agreed(core.with_edges({}, {})).identity
