"""The line of each key of a TOML text: ``tomllib`` gives values, but not their lines."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

__all__ = ["KeyPath", "deepest", "key_lines", "key_text", "nearest_line"]

KeyPath = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""
    (?P<comment>\#[^\n]*)
  | (?P<newline>\n)
  | (?P<space>[\ \t\r]+)
  | (?P<string>\"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5}
              | \"(?:\\.|[^\"\\\n])*\" | '[^'\n]*')
  | (?P<mark>[\[\]{}=,.])
  | (?P<word>[^\s\#\[\]{}=,.\"']+)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    line: int

    @property
    def key(self) -> str:
        if self.kind != "string":
            return self.text
        return str(tomllib.loads(f"key = {self.text}")["key"])


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of every key, table and array item of valid TOML ``text``."""
    return _Reader(tuple(_tokens(text))).document()


def nearest_line(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """The line of ``path``, or of the innermost table around it."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def key_text(path: KeyPath, longest: int = 120) -> str:
    """A key as TOML writes it, with the indices of arrays, and cut where it is long.

    >>> key_text(("targets", "my card", "banks", 0))
    'targets."my card".banks[0]'
    """
    parts = (f"[{part}]" if isinstance(part, int) else f".{_written(part)}" for part in path)
    text = "".join(parts).removeprefix(".")
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _written(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def deepest(text: str) -> tuple[int, int]:
    """How many brackets and dots the most deeply nested value stands in, and its line.

    ``text`` need not be valid TOML.
    """
    brackets = dots = depth = 0
    line = 1
    for token in _tokens(text):
        brackets += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token.text, 0)
        if token.kind in ("mark", "newline"):
            dots = dots + 1 if token.text == "." else 0
        if brackets + dots > depth:
            depth, line = brackets + dots, token.line
    return depth, line


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind not in ("comment", "space"):
            yield _Token(kind, match.group(), line)
        line += match.group().count("\n")


@dataclass
class _Reader:
    """Walks the tokens of a document that ``tomllib`` has already accepted."""

    tokens: tuple[_Token, ...]
    place: int = 0
    lines: dict[KeyPath, int] = field(default_factory=dict)
    tables: Counter[KeyPath] = field(default_factory=Counter)

    def document(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self.skip_newlines():
            if self.peek() == "[":
                table = self.header()
            else:
                self.pair(table)
        return self.lines

    def peek(self) -> str:
        return self.tokens[self.place].text if self.place < len(self.tokens) else ""

    def take(self) -> _Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def skip_newlines(self) -> bool:
        while self.peek() == "\n":
            self.place += 1
        return self.place < len(self.tokens)

    def note(self, path: KeyPath, line: int) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)

    def header(self) -> KeyPath:
        line = self.take().line
        array = self.peek() == "["
        if array:
            self.take()
        path = self.resolve(self.dotted())
        if array:
            self.tables[path] += 1
            path = (*path, self.tables[path] - 1)
        while self.peek() == "]":
            self.take()
        self.note(path, line)
        return path

    def resolve(self, names: tuple[str, ...]) -> KeyPath:
        """A header's names, with the index of the item of the array table that it refers to."""
        path: KeyPath = ()
        for place, name in enumerate(names, start=1):
            path = (*path, name)
            if place < len(names) and self.tables[path]:
                path = (*path, self.tables[path] - 1)
        return path

    def dotted(self) -> tuple[str, ...]:
        names = [self.take().key]
        while self.peek() == ".":
            self.take()
            names.append(self.take().key)
        return tuple(names)

    def pair(self, table: KeyPath) -> None:
        line = self.tokens[self.place].line
        path = (*table, *self.dotted())
        self.note(path, line)
        if self.peek() == "=":
            self.take()
            self.value(path)

    def value(self, path: KeyPath) -> None:
        if self.peek() == "[":
            self.items(path)
        elif self.peek() == "{":
            self.inline_table(path)
        else:
            while self.peek() not in ("", "\n", ",", "]", "}"):
                self.take()

    def items(self, path: KeyPath) -> None:
        self.take()
        index = 0
        while self.skip_newlines() and self.peek() != "]":
            if self.peek() == ",":
                self.take()
                continue
            self.note((*path, index), self.tokens[self.place].line)
            self.value((*path, index))
            index += 1
        self.take()

    def inline_table(self, path: KeyPath) -> None:
        self.take()
        while self.skip_newlines() and self.peek() != "}":
            if self.peek() == ",":
                self.take()
                continue
            self.pair(path)
        self.take()
