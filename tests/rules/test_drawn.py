"""Drawn networks of every family of layers give the words of hls4ml's own C++."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drawing import examples
from tests.rules import (
    test_contractions,
    test_core_program,
    test_quantized,
    test_quantizers,
    test_recurrent,
)
from tests.rules.drawing import CoreOf, Drawn, Simulated, assert_exact, together

FAMILIES: dict[str, Callable[[], st.SearchStrategy[Drawn]]] = {
    "chains and branches": test_core_program.networks,
    "contractions": test_contractions.networks,
    "recurrent layers": test_recurrent.networks,
    "quantized weights": test_quantized.networks,
    "quantizers": test_quantizers.networks,
}


def several(
    networks: Callable[[], st.SearchStrategy[Drawn]], many: int
) -> st.SearchStrategy[list[Drawn]]:
    return st.lists(networks(), min_size=many, max_size=many)


@settings(together, max_examples=examples(2))
@given(st.tuples(*(several(networks, 3) for networks in FAMILIES.values())))
def test_drawn_networks_are_exact(
    core_from: CoreOf, simulate_all: Simulated, drawn: tuple[list[Drawn], ...]
) -> None:
    assert_exact(list(chain(*drawn)), core_from, simulate_all)


@pytest.mark.heavy
@pytest.mark.parametrize("family", FAMILIES)
@settings(together, max_examples=examples(4))
@given(st.data())
def test_many_drawn_networks_are_exact(
    core_from: CoreOf, simulate_all: Simulated, family: str, data: st.DataObject
) -> None:
    assert_exact(data.draw(several(FAMILIES[family], 32)), core_from, simulate_all)
