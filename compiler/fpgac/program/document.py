"""Plain data that somebody else wrote, read with care: every part knows where it stands."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from fpgac.errors import Problem, Where, nearest

__all__ = ["DamageError", "Part", "parse_document"]

# Commas and brackets: more than any document needs, and few enough for the memory.
_MOST_MARKS: Final = 1 << 20

_SHOWN: Final = 60
_LISTED: Final = 20


class DamageError(Exception):
    """A document is not what it should be; ``problem`` names the key, but no file yet."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True)
class Part:
    """A part of a document and its key, such as ``operations[12].weights``.

    Every method raises DamageError where the part is something else.
    """

    value: Any
    key: str = ""

    def refuse(self, what: str, code: str, *, line: int | None = None, **said: str) -> NoReturn:
        """Raise the error that says what is wrong with this part."""
        raise DamageError(Problem(what, Where(line=line, key=self.key), **said, code=code))

    def _misfit(self, expected: str) -> NoReturn:
        text = repr(self.value)
        got = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
        self.refuse("the file is damaged", "program.wrong-value", expected=expected, got=got)

    def table(self, keys: Iterable[str]) -> dict[str, Part]:
        """A table with exactly these keys."""
        if not isinstance(self.value, dict):
            self._misfit("a table")
        wanted = list(keys)
        for key in self.value:
            if key not in wanted:
                hint = nearest(key, [name for name in wanted if name not in self.value])
                self._at(key).refuse("this key is not known", "program.unknown-key", hint=hint)
        return {key: self.at(key) for key in wanted}

    def at(self, key: str) -> Part:
        """The part at a key that a table has."""
        if not isinstance(self.value, dict):
            self._misfit("a table")
        if key not in self.value:
            self._at(key).refuse("this key is missing", "program.missing-key")
        return self._at(key)

    def _at(self, key: str) -> Part:
        return Part(self.value.get(key), f"{self.key}.{key}".removeprefix("."))

    def items(self) -> Iterator[Part]:
        """The parts of a list."""
        if not isinstance(self.value, list):
            self._misfit("a list")
        for place, item in enumerate(self.value):
            yield Part(item, f"{self.key}[{place}]")

    def text(self) -> str:
        """A text."""
        if not isinstance(self.value, str):
            self._misfit("a text")
        return self.value

    def choice(self, among: Collection[str]) -> str:
        """One of some texts."""
        if not isinstance(self.value, str) or self.value not in among:
            few = ", ".join(list(among)[:_LISTED]) + ", ..." * (len(among) > _LISTED)
            self._misfit(f"one of {few}")
        return self.value

    def number(self, lowest: int, highest: int) -> int:
        """A whole number."""
        if type(self.value) is not int or not lowest <= self.value <= highest:
            self._misfit(f"a whole number from {lowest} to {highest}")
        return self.value


def parse_document(content: bytes) -> Part:
    """JSON as a document.

    Raises:
        DamageError: it is no JSON, or has more parts than any document needs.
    """
    whole = Part(None)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        whole.refuse("the file is damaged: it is no text", "program.no-text", line=line)
    if sum(map(text.count, ",[{")) > _MOST_MARKS:
        whole.refuse("the file is too large", "program.too-large")
    try:
        return Part(json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique))
    except json.JSONDecodeError as error:
        what = "ends too early" if error.pos >= len(text.rstrip()) else "is no JSON"
        whole.refuse(
            f"the file is damaged: it {what}", "program.no-json", line=error.lineno, got=error.msg
        )
    except (ValueError, RecursionError) as error:
        whole.refuse("the file is damaged", "program.no-json", got=str(error))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is no number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return table
