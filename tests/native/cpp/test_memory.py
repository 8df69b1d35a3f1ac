"""Values that are needed at one time never share memory; those that are not may."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from fpgac.native.cpp.memory import Span, allocate

SPANS = st.lists(
    st.builds(
        lambda size, first, length: Span(size, first, first + length),
        st.integers(1, 500),
        st.integers(0, 9),
        st.integers(0, 5),
    )
)


@given(SPANS)
def test_what_lives_together_lies_apart(spans: list[Span]) -> None:
    offsets, end = allocate(spans, unit=64)
    placed = list(zip(spans, offsets, strict=True))

    assert all(offset % 64 == 0 and offset + span.size <= end for span, offset in placed)
    for (one, here), (other, there) in combinations(placed, 2):
        if one.first <= other.last and other.first <= one.last:
            assert here + one.size <= there or there + other.size <= here


def test_memory_is_used_again() -> None:
    spans = [Span(64, time, time + 1) for time in range(1000)]

    assert allocate(spans, unit=64)[1] == 2 * 64
