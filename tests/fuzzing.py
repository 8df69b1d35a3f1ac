"""Damage to files, from a seed: what strangers, editors, disks and attackers do to them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any, Final

__all__ = ["damaged_bytes", "damaged_json", "damaged_text"]

# Values where others are expected, as TOML and JSON alike write them.
_VALUES: Final = (
    *("0", "-1", "1", "7", "0.5", "1e308", "-0.0", "2147483648", "4294967296", "65536", "4096"),
    *("9223372036854775807", "9" * 30, "9" * 5000, "0." + "1" * 5000, "1e999999"),
    *("true", "false", "[]", "{}", "[[]]", "[1, 2]", '["a"]', "[1, [2]]", '[{}, "a"]', "[0, 0, 0]"),
    *("65536, 65536", "[65536, 65536, 65536]", "[4096, 1024]", "[1.5]", "[true]"),
    *('""', '"a"', '"../../etc/passwd"', '"/dev/zero"', '"$(touch /tmp/x)"', '"a\'`b`"'),
    *(r'"\u001b[31mred"', r'"\u0000"', r'"\u202e"', '"größe"', '"' + "x" * 3000 + '"'),
    *('"ap_fixed<16,6>"', '"ap_fixed<999999,6>"', '"ap_fixed<8,-64>"', '"quantized_bits(24, 16)"'),
    *('"dense"', '"conv2d"', '"concatenate"', '"softmax"', '"flatten"', '"relu"', '"input"'),
)
_TOML_VALUES: Final = (
    *_VALUES,
    *("1979-05-27", "07:32:00", "0xffff_ffff_ffff_ffff_ffff", "inf", "nan", "'''a\nb'''"),
    *("[" * 5000, "[" * 900 + "]" * 900, ".".join("a" * 2000) + " = 1", "{ a = 1, a = 2 }"),
)
_JSON_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 10**30, 0.5, 1e308, float("nan")),
    *("", "a", "../../x", "/dev/zero", "\x1b[31m", "\0", "\ud800", "x" * 3000, "ap_fixed<9,99>"),
    *([], {}, [[]], [1, [2]], [{}], ["a"], {"a": 1}, [2**62], [0.5], [None], {"": None}),
)
_TOKEN: Final = re.compile(r'"[^"\n]*"|[A-Za-z_][\w-]*|[-\d.]+|\[[^\[\]\n]*\]')


def damaged_text(text: str, random: Random) -> str:
    """A text of TOML with one to three things wrong with it."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        text = random.choice(_TEXT_DAMAGES)(text, random)
    return text


def damaged_bytes(content: bytes, random: Random) -> bytes:
    """Content with flipped, lost, repeated and foreign bytes."""
    damaged = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 8))):
        start = random.randrange(len(damaged) or 1)
        if random.random() < 0.5:  # headers are short, and decide
            start = min(start, random.randrange(128))
        end = start + random.choice((1, 1, 1, 2, 8, 64))
        damage = random.randrange(5)
        if damage == 0 and damaged:
            damaged[start % len(damaged)] ^= 1 << random.randrange(8)
        elif damage == 1:
            del damaged[start:end]
        elif damage == 2:
            damaged[start:start] = damaged[start:end] * random.choice((1, 100))
        elif damage == 3:
            damaged[start:end] = random.randbytes(end - start)
        else:
            del damaged[random.choice((start, 0)) :]
    return bytes(damaged)


def damaged_json(content: bytes, random: Random) -> bytes:
    """A JSON document with wrong, lost, renamed and added values, or with damaged bytes."""
    if random.random() < 0.25:
        return damaged_bytes(content, random)
    document = json.loads(content)
    for _ in range(random.choice((1, 1, 2, 3))):
        document = _damaged_value(document, random)
    text = json.dumps(document)
    if random.random() < 0.05:
        text = text.replace("1", random.choice(("9" * 5000, "[" * 5000)), 1)
    return text.encode("utf-8", "surrogatepass")


def _damaged_value(value: Any, random: Random) -> Any:
    """``value`` with one thing wrong, at any depth."""
    if not isinstance(value, dict | list) or not value or random.random() < 0.1:
        return random.choice(_JSON_VALUES)
    if isinstance(value, list):
        place = random.randrange(len(value))
        swapped = random.choice(("inside", "inside", "drop", "repeat"))
        if swapped == "inside":
            return [*value[:place], _damaged_value(value[place], random), *value[place + 1 :]]
        return value[:place] + value[place:] * (2 if swapped == "repeat" else 0)
    key = random.choice(list(value))
    rest = {name: item for name, item in value.items() if name != key}
    damage = random.choice(("inside", "inside", "inside", "drop", "rename", "add"))
    if damage == "inside":
        return {**value, key: _damaged_value(value[key], random)}
    if damage == "rename":
        return {**rest, random.choice((key.upper(), f"{key}s", "", "../x")): value[key]}
    return rest if damage == "drop" else {**value, "more": random.choice(_JSON_VALUES)}


def _other_value(text: str, random: Random) -> str:
    """One word, string, number or short array of the text replaced."""
    tokens = list(_TOKEN.finditer(text))
    if not tokens:
        return random.choice(_TOML_VALUES)
    token = random.choice(tokens)
    return text[: token.start()] + random.choice(_TOML_VALUES) + text[token.end() :]


def _other_assignment(text: str, random: Random) -> str:
    """The value of one key replaced."""
    places = list(re.finditer(r"= ([^\n]+)", text))
    if not places:
        return _other_value(text, random)
    place = random.choice(places)
    return text[: place.start(1)] + random.choice(_TOML_VALUES) + text[place.end(1) :]


def _other_lines(text: str, random: Random) -> str:
    """A line lost, repeated, moved, or repeated often."""
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    line = lines.pop(random.randrange(len(lines)))
    times = random.choice((0, 1, 2, 300))
    place = random.randrange(len(lines) + 1)
    return "".join([*lines[:place], *[line] * times, *lines[place:]])


def _more_lines(text: str, random: Random) -> str:
    """A line that belongs elsewhere, or nowhere."""
    lines = text.splitlines(keepends=True)
    table = random.choice(("targets", "hls", "training", "data", "a.b.c", "targets.aws-f1", ""))
    more = random.choice((f"[{table}]\n", f"[[{table}]]\n", f"{table} = 3\n", "inputs = 3\n"))
    lines.insert(random.randrange(len(lines) + 1), more)
    return "".join(lines)


def _other_characters(text: str, random: Random) -> str:
    """Damaged bytes that are still UTF-8."""
    return damaged_bytes(text.encode(), random).decode("utf-8", "replace")


_TEXT_DAMAGES: Final[tuple[Callable[[str, Random], str], ...]] = (
    *(_other_value, _other_assignment, _other_assignment),
    *(_other_lines, _more_lines, _other_characters),
)
