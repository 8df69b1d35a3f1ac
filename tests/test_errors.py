"""Problems as people, terminals and programs see them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.cli.console import complain
from fpgac.errors import DataError, Problem, SpecError, Where

WHOLE = Problem(
    "out of range",
    Where(Path("a.toml"), 3, "hls.clock_mhz"),
    expected="number, at least 1",
    got="0",
    hint="the kernel's clock",
    code="spec.out-of-range",
)


def test_a_problem_is_a_paragraph() -> None:
    assert str(WHOLE).splitlines() == [
        "a.toml:3 [hls.clock_mhz]: out of range",
        "  expected: number, at least 1",
        "  got:      0",
        "  hint:     the kernel's clock",
    ]


def test_what_is_empty_is_left_out() -> None:
    one, two = Problem("one", code="spec.one"), Problem("two", got="2", code="spec.two")
    assert str(Problem("no such thing", Where(), code="spec.none")) == "no such thing"
    assert str(SpecError(one, two)) == "one\ntwo\n  got:      2"


def test_a_problem_is_plain_data_for_programs() -> None:
    assert WHOLE.plain() == {
        "code": "spec.out-of-range",
        "what": "out of range",
        "file": "a.toml",
        "line": 3,
        "key": "hls.clock_mhz",
        "expected": "number, at least 1",
        "got": "0",
        "hint": "the kernel's clock",
    }
    plain = Problem("no such thing", code="spec.none").plain()
    assert set(plain.values()) == {"spec.none", "no such thing", None}


NASTY = "\x1b[2J\x07\r\x85\u202e\udc80\u2028"
WRITTEN = r"\x1b[2J\x07\r\x85\u202e\udc80\u2028"


@pytest.mark.parametrize("label", ["what", "expected", "got", "hint", "where"])
def test_no_terminal_obeys_what_a_user_wrote(
    label: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told: dict[str, object] = {"what": "this", "code": "data.this"}
    told[label] = Where(Path(NASTY), 1, NASTY) if label == "where" else NASTY
    problem = Problem(**told)  # type: ignore[arg-type]
    complain(DataError(problem))
    for text in (str(problem), capsys.readouterr().err):
        assert WRITTEN in text
        assert text.replace("\n", "").isprintable()


def test_lines_and_tabs_stay() -> None:
    assert str(Problem("two\n\tlines", code="spec.two")) == "two\n\tlines"


def test_an_error_needs_a_problem() -> None:
    with pytest.raises(TypeError, match="at least one"):
        SpecError()
