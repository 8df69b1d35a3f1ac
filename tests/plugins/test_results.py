"""What a plugin gave, held against a type: what fits passes, and the first misfit is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.errors import Where
from fpgac.numbers import FixedPoint
from fpgac.plugins import Design, Figure, File, Target
from fpgac.plugins.results import hints_of, misfit
from fpgac.testing import tiny_core, tiny_network
from fpgac_targets.aws_f1 import AwsF1


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (1, int),
        (1, float),
        (np.float64(1), float),
        (None, str | None),
        ("axis", Literal["m_axi", "axis"]),
        ((1, 2, 3), tuple[int, ...]),
        ([Figure("clock", 7)], Sequence[Figure]),
        ({"a": Path("b")}, Mapping[str, Path]),
        (np.zeros(3), npt.NDArray[np.float64]),
        (print, Callable[[str], None]),
        (AwsF1(), Target[Any]),
        (AwsF1, type[Target[Any]]),
        (FixedPoint.parse("ap_fixed<6,1,RND_CONV,SAT>"), FixedPoint),
    ],
)
def test_what_fits(value: object, hint: Any) -> None:
    assert misfit(value, hint, "it") is None


@pytest.mark.parametrize(
    ("value", "hint", "said"),
    [
        (True, int, "it must be int, not true"),
        (1.5, int, "it must be int, not 1.5"),
        ("ab", Sequence[str], "it must be Sequence[str], not 'ab'"),
        ((1, "2"), tuple[int, ...], "it[1] must be int, not '2'"),
        ((1,), tuple[int, str], "it must have 2 items, not 1"),
        ({"a": "b"}, Mapping[str, Path], "it['a'] must be Path, not 'b'"),
        ({1: Path("b")}, Mapping[str, Path], "a key of it must be str, not 1"),
        ("axi", Literal["m_axi", "axis"], "it must be 'm_axi' or 'axis', not 'axi'"),
        (7, str | None, "it must be str or None, not 7"),
        (int, type[Target[Any]], "it must be a subclass of Target, not <class 'int'>"),
        (Where(line=cast("int", 1.5)), Where, "it.line must be int or None, not 1.5"),
        (
            Design("d", "t", {"a": File(cast("bytes", "b"))}),
            Design,
            "it.files['a'].content must be bytes, not 'b'",
        ),
    ],
)
def test_what_does_not_fit(value: object, hint: Any, said: str) -> None:
    assert misfit(value, hint, "it") == said


def test_what_fpgac_itself_makes_fits() -> None:
    """Whole values, with all that is in them, of types that are known to type checkers only."""
    design = AwsF1().design("tiny", tiny_core(100.0), AwsF1().options({}))
    for value in (tiny_network(), tiny_core(100.0), design):
        assert misfit(value, type(value), "it") is None


def test_names_for_type_checkers_are_those_of_the_interface() -> None:
    from fpgac.network.network import Network
    from fpgac.network.source import NetworkSource

    assert hints_of(NetworkSource.read)["return"] is Network
    assert hints_of(Target)["flows"] == Mapping[str, Target[Any]]
