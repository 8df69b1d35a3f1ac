"""Values are written as plain data and read back the same; all else is refused with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.numbers import FixedPoint
from fpgac.plain import PlainError, dumps, from_plain, loads, to_plain


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Part:
    name: str
    size: int = 1


@dataclass(frozen=True)
class Whole:
    parts: tuple[Part, ...]
    type: FixedPoint
    colour: Colour
    pair: tuple[int, str]
    mode: Literal["a", "b"]
    weight: float
    more: Mapping[str, int | float | str | tuple[int, ...]] = field(default_factory=dict)
    about: Any = None
    best: Part | None = None
    sure: bool = False


WHOLE = Whole(
    (Part("x"), Part("y", 2)),
    FixedPoint.parse("ap_fixed<8,4,RND,SAT>"),
    Colour.BLUE,
    (3, "three"),
    "b",
    0.1,
    {"int": 1, "float": 1.5, "text": "1", "list": (1, 2)},
    {"any": [None, {"thing": 1}]},
    Part("z"),
    sure=True,
)


def test_a_value_comes_back_as_it_was() -> None:
    assert loads(Whole, dumps(WHOLE)) == WHOLE
    assert dumps(WHOLE) == dumps(loads(Whole, dumps(WHOLE)))


def test_what_has_a_default_may_be_missing() -> None:
    assert loads(Part, b'{"name": "x"}') == Part("x", 1)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"parts": 3}, "parts"),
        ({"parts": [{"name": "x"}, {"name": 7}]}, "parts[1].name"),
        ({"parts": [{"nam": "x"}]}, "parts[0].nam"),
        ({"parts": [{"size": 3}]}, "parts[0].name"),
        ({"parts": [{"name": "x", "size": True}]}, "parts[0].size"),
        ({"type": "ap_fixed<3>"}, "type"),
        ({"colour": "green"}, "colour"),
        ({"pair": [1]}, "pair"),
        ({"pair": [1, 2]}, "pair[1]"),
        ({"mode": "c"}, "mode"),
        ({"more": {"x": None}}, "more.x"),
        ({"best": 3}, "best"),
        ({"unknown": 3}, "unknown"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_its_place(change: dict[str, object], key: str) -> None:
    with pytest.raises(PlainError) as caught:
        from_plain(Whole, to_plain(WHOLE) | change)
    assert caught.value.key == key


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(PlainError):
        loads(Whole, text)


@dataclass(frozen=True, eq=False)
class Held:
    words: npt.NDArray[np.integer[Any]] | None
    more: Mapping[str, npt.NDArray[Any]]


def test_arrays_are_kept_beside_the_plain_data() -> None:
    held, arrays = Held(np.arange(3), {"a": np.eye(2)}), list[npt.NDArray[Any]]()
    plain = to_plain(held, arrays)
    assert plain == {"words": {"array": 0}, "more": {"a": {"array": 1}}}
    found: Held = from_plain(Held, plain, arrays)
    np.testing.assert_array_equal(found.words, np.arange(3))  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.more["a"], np.eye(2))
    nothing: Held = from_plain(Held, {"words": None, "more": {}}, [])
    assert nothing.words is None
    with pytest.raises(PlainError, match=r"more\.a"):
        from_plain(Held, {"words": None, "more": {"a": {"array": 2}}}, arrays)


def test_what_has_no_plain_form_is_the_caller_s_mistake() -> None:
    for value in (object(), np.arange(3), Part):
        with pytest.raises(TypeError):
            to_plain(value)
