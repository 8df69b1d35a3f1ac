"""The reference page is the models' own words."""

from __future__ import annotations

from pathlib import Path

from fpgac.spec.models import Spec
from fpgac.spec.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "spec.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == reference(), "python -m fpgac.spec.reference > docs/spec.md"


def test_every_key_has_a_row() -> None:
    page = reference()
    for key in Spec.model_fields:
        assert f"| `{key}` |" in page


def test_limits_and_choices_are_shown() -> None:
    page = reference()
    assert "whole number, at least 1, at most 4096" in page
    assert "`latency` or `resource`" in page
