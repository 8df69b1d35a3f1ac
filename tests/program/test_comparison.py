"""Two programs are the same, are not, or are for vectors to decide; never wrongly the same."""

from __future__ import annotations

import base64
import contextlib
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgac.errors import BuildError
from fpgac.numbers import FixedPoint, Rounding
from fpgac.program.builder import Builder
from fpgac.program.comparison import Comparison, Verdict, compare
from fpgac.program.file import parse_program, program_bytes
from fpgac.program.formats import Formats
from fpgac.program.interpreter import interpret
from fpgac.program.program import Combination, Program, Terminal, Value
from fpgac.tensors import Tensor
from tests.drawing import examples
from tests.programs import drawn, random_words

GIVEN = FixedPoint.parse("ap_fixed<8,4,RND,SAT>")
BYTE = FixedPoint.parse("ap_ufixed<8,4,RND_CONV,SAT>")

Body = Callable[[Builder, Value], Value]


def program(*layers: tuple[str, Body], to: FixedPoint = BYTE, size: int = 6) -> Program:
    """Layers one after the other, and a last cast."""
    build = Builder(Tensor("x", (size,), GIVEN))
    value, ends = build.inputs[0].value, []
    for name, body in layers:
        build.layer = name
        value = body(build, value)
        ends.append((name, value))
    y = build.cast(value, to)
    return build.program("net", [Terminal(Tensor("y", (y.size,), to), y)], ends)


WEIGHTS = np.array([[3, -1], [0, 2], [5, 5], [-7, 1], [2, 2], [4, -4]])[None]
BIAS = np.array([[6, -20]])


def dense(
    order: Any = slice(None), weights: Any = WEIGHTS, bias: Any = BIAS, spare: int = 0
) -> Body:
    def body(build: Builder, x: Value) -> Value:
        windows = np.arange(x.size)[None, order]
        return build.dot(x, windows, weights[:, order] << spare, bias << spare, fraction=7 + spare)

    return body


def accumulated(accumulator: str, order: Any = slice(None), fraction: int = 7) -> Body:
    def body(build: Builder, x: Value) -> Value:
        windows = np.arange(x.size)[None, order]
        to = FixedPoint.parse(accumulator)
        return build.accumulate(
            x, windows, WEIGHTS[:, order], BIAS, product_fraction=fraction, accumulator=to
        )

    return body


def cast(text: str) -> Body:
    return lambda build, x: build.cast(x, FixedPoint.parse(text))


def gathered(index: list[int]) -> Body:
    return lambda build, x: build.gather([x], np.array(index))


def greatest(windows: list[list[int]]) -> Body:
    return lambda build, x: build.maximum(x, np.array(windows))


def in_turn(*bodies: Body) -> Body:
    def body(build: Builder, x: Value) -> Value:
        for each in bodies:
            x = each(build, x)
        return x

    return body


def relu(build: Builder, x: Value) -> Value:
    return build.at_least(x, 0)


BACK = [5, 4, 3, 2, 1, 0]

SAME: dict[str, tuple[Program, Program]] = {
    "taps in another order": (program(("d", dense())), program(("d", dense(BACK)))),
    "spare bits": (program(("d", dense())), program(("d", dense(spare=2)))),
    "a gather and back": (
        program(("d", dense())),
        program(("d", in_turn(gathered(BACK), gathered(BACK), dense()))),
    ),
    "an accumulator that cannot overflow": (
        program(("d", dense())),
        program(("d", accumulated("ap_fixed<27,20,RND,SAT>"))),
    ),
    "an accumulator that wraps, in any order": (
        program(("d", accumulated("ap_fixed<6,4>"))),
        program(("d", accumulated("ap_fixed<6,4>", BACK))),
    ),
    "rounded products that cannot overflow, in any order": (
        program(("d", accumulated("ap_fixed<20,16,TRN,SAT>"))),
        program(("d", accumulated("ap_fixed<20,16,TRN,SAT>", BACK))),
    ),
    "a wrap, then a narrower one": (
        program(("d", in_turn(dense(), cast("ap_fixed<10,3>")))),
        program(("d", in_turn(dense(), cast("ap_fixed<12,5>"), cast("ap_fixed<10,3>")))),
    ),
    "a clip that saturation does too": (
        program(("d", dense()), ("r", in_turn(relu, cast(str(BYTE))))),
        program(("d", dense()), ("r", cast(str(BYTE)))),
    ),
    "a rectifier before or behind padding": (
        program(("r", in_turn(relu, gathered([-1, 0, 1, -1])))),
        program(("r", in_turn(gathered([-1, 0, 1, -1]), relu))),
    ),
    "a rectifier before or behind the greatest": (
        program(("r", in_turn(relu, greatest([[0, 1], [2, 3]])))),
        program(("r", in_turn(greatest([[1, 0, 0], [3, -1, 2]]), relu))),
    ),
    "a rectifier as a choice": (
        program(("r", relu)),
        program(("r", lambda b, x: b.select(x, x, b.gather([x], np.full(6, -1))))),
    ),
    "a sum as a product with ones": (
        program(("s", lambda b, x: b.combine(x, x, Combination.ADD))),
        program(("s", lambda b, x: b.scaled(x, 2))),
    ),
    "one format for all": (
        program(("c", lambda b, x: b.cast_each(x, Formats.of([FixedPoint(5, 3)] * 5 + [None])))),
        program(("c", in_turn(cast("ap_fixed<5,3>"), gathered([0, 1, 2, 3, 4, -1])))),
    ),
    "entries that are never looked up": (
        program(("t", lambda b, x: b.lookup(b.clip(x, 1, 3), np.array([9, 1, 4, 2, 9]), 0))),
        program(("t", lambda b, x: b.lookup(b.clip(x, 1, 3), np.array([7, 1, 4, 2]), 0))),
    ),
    "layers that only one has": (
        program(("d", dense()), ("r", relu)),
        program(
            ("d", dense()), ("a", gathered([1, 0])), ("b", gathered([1, 0])), ("r", relu),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME)
def test_another_form_of_the_same_is_the_same(case: str) -> None:
    one, other = SAME[case]
    rows = random_words(one, 2000)
    assert one.digest != other.digest
    assert np.array_equal(interpret(one, rows), interpret(other, rows))
    assert compare(one, other) == compare(other, one) == Comparison(Verdict.SAME)


def test_equal_programs_are_compared_by_their_digest() -> None:
    assert compare(program(("d", dense())), program(("d", dense()))).verdict is Verdict.SAME


def other_weight() -> Any:
    weights = WEIGHTS.copy()
    weights[0, 2, 1] = 4
    return weights


DIFFERENT: dict[str, tuple[Program, Program, str, tuple[str, str, str]]] = {
    "a weight": (
        program(("d", dense()), ("r", relu)),
        program(("d", dense(weights=other_weight())), ("r", relu)),
        "d",
        ("weights (1 of 12 differ, the first at [0, 2, 1])", "5", "4"),
    ),
    "a bias": (
        program(("d", dense()), ("r", relu)),
        program(("d", dense(bias=BIAS + 1)), ("r", relu)),
        "d",
        ("biases (2 of 2 differ, the first at [0, 0])", "6", "7"),
    ),
    "a format": (
        program(("a", cast("ap_fixed<6,3,TRN,SAT>")), ("d", dense())),
        program(("a", cast("ap_fixed<6,3,RND,SAT>")), ("d", dense())),
        "a",
        ("format", "ap_fixed<6,3,TRN,SAT>", "ap_fixed<6,3,RND,SAT>"),
    ),
    "an accumulator's format": (
        program(("d", accumulated("ap_fixed<6,4,TRN,SAT>"))),
        program(("d", accumulated("ap_fixed<6,4,RND,SAT>"))),
        "d",
        ("accumulator's format", "ap_fixed<6,4,TRN,SAT>", "ap_fixed<6,4,RND,SAT>"),
    ),
    "the order in an accumulator that saturates": (
        program(("d", accumulated("ap_fixed<6,4,TRN,SAT>"))),
        program(("d", accumulated("ap_fixed<6,4,TRN,SAT>", BACK))),
        "d",
        ("order of accumulation", "0, 1, 2, 3, 4, 5", "5, 4, 3, 2, 1, 0"),
    ),
    "operations": (
        program(("d", dense()), ("r", relu)),
        program(("d", in_turn(dense(), cast("ap_fixed<5,3>"))), ("r", relu)),
        "d",
        ("operations", "dot", "dot, cast"),
    ),
    "the output's format": (
        program(("d", dense())),
        program(("d", dense()), to=GIVEN),
        "y",
        ("format", str(BYTE), str(GIVEN)),
    ),
    "the output's size": (
        program(("d", dense())),
        program(("d", dense()), ("pad", gathered([0, 1, -1]))),
        "y",
        ("numbers", "2", "3"),
    ),
    "the input's size": (
        program(("r", relu)),
        program(("r", relu), size=5),
        "x",
        ("numbers", "6", "5"),
    ),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_the_first_layer_that_differs_is_named_with_what_differs(case: str) -> None:
    one, other, layer, (what, expected, got) = DIFFERENT[case]
    found = compare(one, other)
    assert (found.verdict, found.layer) == (Verdict.DIFFERENT, layer)
    (difference,) = found.differences
    assert (difference.what, difference.expected, difference.got) == (what, expected, got)
    assert found.problem is not None
    assert found.problem.code == "core.other-program"
    assert layer in str(found.problem)


def test_another_output_of_the_same_layers_is_named() -> None:
    one = program(("a", relu), ("b", gathered(BACK)))
    found = compare(one, program(("a", relu)))
    assert (found.verdict, found.layer) == (Verdict.DIFFERENT, "output y")


def test_where_no_sample_shows_a_difference_vectors_must_decide() -> None:
    ones = np.ones((1, 1, 1), np.int64)

    def shifted(build: Builder, x: Value) -> Value:
        """The same entries, one further, under indices that are one greater."""
        index, places = build.clip(x, 0, 1), np.arange(6)[:, None]
        further = build.dot(index, places, ones, ones[0], fraction=4)
        return build.lookup(further, np.array([0, 7, 5]), 0)

    def plain(build: Builder, x: Value) -> Value:
        return build.lookup(build.clip(x, 0, 1), np.array([7, 5]), 0)

    found = compare(program(("t", shifted), ("r", relu)), program(("t", plain), ("r", relu)))
    assert found == Comparison(Verdict.UNDECIDED, undecided=("t",))
    assert found.problem is None


@settings(max_examples=examples(80), deadline=None, print_blob=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_called_the_same_is_the_same(seed: int) -> None:
    """One constant of a random program is changed a little: that may count, or may not."""
    one = drawn(seed, steps=12)
    rng = np.random.default_rng(seed)
    other = changed(one, rng)
    found = compare(one, other)
    rows = random_words(one, 500)
    if found.verdict is Verdict.SAME:
        assert np.array_equal(interpret(one, rows), interpret(other, rows)), f"{one}\n\n{other}"
    assert compare(one, one).verdict is Verdict.SAME


def changed(program: Program, rng: np.random.Generator) -> Program:
    """The same with one number or format another, or with two taps in each other's place."""
    document = json.loads(program_bytes(program))
    while True:
        other = json.loads(json.dumps(document))
        casts = [each for each in other["operations"] if each["operation"] == "cast"]
        if casts and rng.integers(0, 2):
            mutate_type(casts[rng.integers(0, len(casts))], rng)
        else:
            mutate_array(other, rng)
        with contextlib.suppress(BuildError):
            return parsed(other)


def mutate_array(document: dict[str, Any], rng: np.random.Generator) -> None:
    kept = document["arrays"][rng.integers(0, len(document["arrays"]))]
    content = zlib.decompress(base64.b64decode(kept["data"]))
    array = np.frombuffer(content, kept["type"]).copy()
    first, second = rng.integers(0, len(array), 2)
    if rng.integers(0, 2):
        array[[first, second]] = array[[second, first]]
    else:
        array[first] += rng.integers(-1, 2)
    kept["data"] = base64.b64encode(zlib.compress(array.tobytes())).decode()


def mutate_type(cast: dict[str, Any], rng: np.random.Generator) -> None:
    type_ = FixedPoint.parse(cast["to"])
    wider = replace(type_, width=type_.width + 1, integer=type_.integer + 1)
    coarser = replace(type_, rounding=list(Rounding)[rng.integers(0, 7)])
    cast["to"] = str([wider, coarser][rng.integers(0, 2)])


def parsed(document: dict[str, Any]) -> Program:
    """The program of a document whose digests are made to fit."""
    for key in ("digest", "checksum"):
        with contextlib.suppress(BuildError):
            return parse_program(json.dumps(document).encode())
        with pytest.raises(BuildError) as caught:
            parse_program(json.dumps(document).encode())
        (problem,) = caught.value.problems
        if problem.code != f"program.{key}":
            raise caught.value
        document[key] = problem.got
    return parse_program(json.dumps(document).encode())
