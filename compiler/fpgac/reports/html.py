"""Tables as HTML, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["facts_html", "heading_html", "table_html"]


def heading_html(text: str) -> str:
    """A line above a table."""
    return f"<p><b>{escape(text)}</b></p>"


def table_html(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a row of titles; every cell is text, whatever is in it.

    >>> table_html(["layer"], [["<dense>"]])
    '<table><tr><th>layer</th></tr><tr><td>&lt;dense&gt;</td></tr></table>'
    """
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def facts_html(facts: Iterable[tuple[str, object]]) -> str:
    """A table of names and what they are.

    >>> facts_html([("target", "aws-f1")])
    '<table><tr><th>target</th><td>aws-f1</td></tr></table>'
    """
    rows = (f"<tr><th>{escape(name)}</th>{_cells([value])}</tr>" for name, value in facts)
    return f"<table>{''.join(rows)}</table>"


def _cells(values: Iterable[object]) -> str:
    return "".join(f"<td>{escape(str(value))}</td>" for value in values)
