"""Every problem has a literal code of a known area, and the page of codes is up to date."""

from __future__ import annotations

import re
from typing import Final

import pytest

from fpgac import errors
from scripts.error_codes import ROOT, Site, page, sites

PAGE: Final = ROOT / "docs" / "errors.md"


@pytest.fixture(scope="module")
def found() -> list[Site]:
    return sites()


def test_the_page_is_up_to_date(found: list[Site]) -> None:
    assert PAGE.read_text() == page(found), "python scripts/error_codes.py > docs/errors.md"


def test_every_problem_has_a_literal_code(found: list[Site]) -> None:
    assert [str(site) for site in found if site.code is None] == []


def test_codes_are_an_area_and_words(found: list[Site]) -> None:
    form = re.compile(rf"({'|'.join(errors.AREAS)})\.[a-z0-9]+(-[a-z0-9]+)*")
    assert [str(site) for site in found if site.code and not form.fullmatch(site.code)] == []


def test_the_area_gives_the_exit_code(found: list[Site]) -> None:
    """Where a problem is made within its error."""
    wrong = [
        f"{site} in {site.error}"
        for site in found
        if site.code and site.error
        if getattr(errors, site.error).exit_code != errors.AREAS[site.code.partition(".")[0]]
    ]
    assert wrong == []


def test_every_exit_code_of_an_error_is_that_of_an_area() -> None:
    known = {error.exit_code for error in errors.FpgacError.__subclasses__()}
    assert known | {errors.FpgacError.exit_code} == set(errors.AREAS.values())


def test_what_a_problem_says_is_read_from_the_source(found: list[Site]) -> None:
    texts = {site.code: site.text for site in found if site.path.endswith("/plugins/manager.py")}
    assert texts["target.unknown"] == "no plugin offers a target *name*"


def test_functions_that_make_problems_are_seen_where_they_are_called(found: list[Site]) -> None:
    """As ``refuse(what, code)`` does, in a module of its own and in those that import it."""
    paths = {site.path for site in found if site.code == "program.wrong-value"}
    assert "compiler/fpgac/program/document.py" in paths
    assert len(paths) > 1
