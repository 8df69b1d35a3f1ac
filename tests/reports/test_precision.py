"""Where a network's bits go, as a table and a picture."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fpgac.reports.plots import precision_png
from fpgac.reports.precision import LayerPrecision, precision_table

LAYER = LayerPrecision(
    name="dense_1",
    bits=6,
    fraction=2,
    signed=True,
    lowest=-1.5,
    highest=0.75,
    leading=(0.25, 0.5, 0.25, 0, 0, 0),
    wrapped=0.0,
    saturated=0.125,
    signal=1.0,
    error=0.125,
    own_error=0.0,
)


def test_a_row_a_layer_under_titles() -> None:
    titles, row = precision_table([LAYER])
    assert dict(zip(titles, row, strict=True)) == {
        "layer": "dense_1",
        "format": "fixed<6,4>",
        "range seen": "-1.5 to 0.75",
        "idle bits": "3",
        "zeros": "25 %",
        "wrapped": "0",
        "saturated": "12.5 %",
        "precise bits": "3.0",
        "of this layer": "exact",
    }


@pytest.mark.parametrize(
    ("part", "shown"), [(0.0, "0"), (1e-7, "< 0.001 %"), (0.0123456, "1.23 %"), (1.0, "100 %")]
)
def test_a_little_is_not_nothing(part: float, shown: str) -> None:
    assert precision_table([replace(LAYER, wrapped=part)])[1][5] == shown


def test_a_layer_that_only_gives_zeros_has_no_precision() -> None:
    zeros = replace(LAYER, leading=(1.0, 0, 0, 0, 0, 0), signal=0.0)
    assert zeros.idle_bits == 5
    assert zeros.precise_bits == float("-inf")


def test_the_picture_is_the_same_for_the_same_figures() -> None:
    layers = [LAYER, replace(LAYER, name="relu", signed=False, wrapped=0.5, error=0.0)]
    picture = precision_png(layers)
    assert picture.startswith(b"\x89PNG")
    assert picture == precision_png(layers)
    assert picture != precision_png([LAYER])
