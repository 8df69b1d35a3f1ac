"""Lines of keys, in every way that TOML lets a key be written."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpgac.spec.lines import KeyPath, deepest, key_lines, key_text, nearest_line

TEXT = '''\
a = 1  # a = 2 in a comment
"b c" = "[not.a.table]"
d.e = """
x = 1
"""
[f]
g = [
  1,
  { h = 2, i = [3, 4] },
]
[f.j]
k = 2020-01-01T00:00:00Z
[[l]]
m = 1
[[l]]
m = -1.5e3
[l.n]
o = 'p = 1'
'''


def test_each_key_has_the_line_it_stands_on() -> None:
    lines = key_lines(TEXT)
    assert lines["a",] == 1
    assert lines["b c",] == 2
    assert lines["d", "e"] == 3
    assert lines["f",] == 6
    assert lines["f", "g", 0] == 8
    assert lines["f", "g", 1, "i", 1] == 9
    assert lines["f", "j", "k"] == 12
    assert lines["l", 0, "m"] == 14
    assert lines["l", 1, "m"] == 16
    assert lines["l", 1, "n", "o"] == 18


def test_what_is_missing_has_the_line_of_the_table_around_it() -> None:
    lines = key_lines(TEXT)
    assert nearest_line(lines, ("f", "j", "nothing")) == 11
    assert nearest_line(lines, ("nothing",)) is None


def test_quoted_keys_are_read_as_toml_reads_them() -> None:
    assert key_lines('x = 1\n"a\\tb".c = 2\n') == {("x",): 1, ("a\tb",): 2, ("a\tb", "c"): 2}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("topology", "layers", 2, "units"), "topology.layers[2].units"),
        (("a b", "c.d"), '"a b"."c.d"'),
        (("\x1b",), r'"\u001b"'),
        (("größe",), '"größe"'),
        (tuple("a" * 1000), "a." * 58 + "a..."),
        ((), ""),
    ],
)
def test_a_key_is_written_as_toml_writes_it(path: KeyPath, text: str) -> None:
    assert key_text(path) == text


@pytest.mark.parametrize(
    ("text", "depth", "line"),
    [
        ("a = 1\nb = [[1]]\nc = [2]\n", 2, 2),
        ("a = { b = 1 }\n[c.d.e.f]\n", 4, 2),
        ("a = 1.5\nb.c.d = 2.5\ne = { f = [ 1.5, [\n2 ] ] }\n", 3, 3),
        ("", 0, 1),
    ],
)
def test_the_deepest_value_has_its_line(text: str, depth: int, line: int) -> None:
    assert deepest(text) == (depth, line)


def paths_of(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    inner: set[KeyPath] = {path} if path else set()
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items if isinstance(value, dict | list) else ():
        inner |= paths_of(item, (*path, key)) if isinstance(item, dict | list) else {(*path, key)}
    return inner


def test_no_key_of_a_document_is_missed() -> None:
    assert key_lines(TEXT).keys() == paths_of(tomllib.loads(TEXT))


scalars = st.sampled_from(["1", '"x # ] }"', "true", "'='", "1.5", '"\\" ["'])
keys = st.sampled_from(["a", "b-1", '"c d"', "'e.f'"])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", \n".join(items) + "]"),
        st.dictionaries(keys, inner, max_size=3).map(
            lambda table: "{ " + ", ".join(f"{k} = {v}" for k, v in table.items()) + " }"
        ),
    ),
    max_leaves=8,
)


@given(st.dictionaries(keys, values, max_size=4))
def test_any_document_of_nested_values_is_walked_whole(table: dict[str, str]) -> None:
    text = "".join(f"{key} = {value}\n" for key, value in table.items())
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # TOML 1.0 takes no newline within an inline table.
        return
    assert key_lines(text).keys() == paths_of(document)
