"""Formats per element have one form, and come back from plain data as they were."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fpgac.numbers import FixedPoint, Overflow, Rounding
from fpgac.program.formats import Formats

NARROW, WIDE = (FixedPoint.parse(f"ap_fixed<{text},RND,SAT>") for text in ("4,2", "8,3"))


def test_equal_formats_are_equal_however_they_were_given() -> None:
    formats = Formats.of([WIDE, None, NARROW, WIDE])
    widths, integers = [8, 0, 4, 8], [3, 7, 2, 3]
    same = Formats.of_widths(widths, integers, True, Rounding.RND, Overflow.SAT)
    assert formats == same
    assert hash(formats) == hash(same)
    assert formats != Formats.of([WIDE, NARROW, NARROW, WIDE])
    assert formats.types == (None, NARROW, WIDE)
    assert formats.index.tolist() == [2, 0, 1, 2]


def test_formats_come_back_from_json() -> None:
    formats = Formats.of([WIDE, None, NARROW, WIDE])
    assert Formats.from_plain(json.loads(json.dumps(formats.plain))) == formats
    assert formats.plain["types"] == ["0", "ap_fixed<4,2,RND,SAT>", "ap_fixed<8,3,RND,SAT>"]


def test_the_finest_decides_the_fraction() -> None:
    assert Formats.of([WIDE, NARROW]).fraction == 5
    assert Formats.of([FixedPoint(4, 7), None]).fraction == -3
    assert Formats.of([None]).fraction == 0


@pytest.mark.parametrize(
    ("types", "index"),
    [
        ((WIDE, NARROW), [0, 1]),
        ((NARROW, NARROW), [0, 1]),
        ((NARROW, WIDE), [0, 0]),
        ((NARROW, WIDE), [0, 2]),
        ((NARROW, WIDE), [-1, 0]),
        ((NARROW, FixedPoint(8, 3)), [0, 1]),
        ((), []),
    ],
    ids=["order", "twice", "unused", "unknown", "negative", "modes", "none"],
)
def test_other_forms_are_refused(types: tuple[FixedPoint, ...], index: list[int]) -> None:
    with pytest.raises(ValueError, match=r"formats? of elements"):
        Formats(types, np.array(index, np.int64))
