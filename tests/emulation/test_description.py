"""A card's description: everything wrong with one is said, with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpgac.emulation.description import CardDescription
from fpgac.errors import EmulationError
from tests.emulation.toy import toy_data


def test_a_description_survives_json() -> None:
    card = CardDescription.from_data(toy_data())
    assert CardDescription.from_json(json.dumps(card.to_data()).encode()) == card


def _set(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    *parents, last = path.split(".")

    def change(data: dict[str, Any]) -> None:
        place: Any = data
        for key in parents:
            place = place[int(key) if key.isdigit() else key]
        place[int(last) if last.isdigit() else last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("platform", "x" * 64), r"\[platform\]: this is no platform's name"),
        (_set("platform", "a b"), "no platform's name"),
        (_set("platform", 3), r"'platform' has a wrong type\n  expected: str"),
        (_set("clock_mhz", 0), "no card has such a clock"),
        (_set("clock_mhz", True), "'clock_mhz' has a wrong type"),
        (_set("identity", "abc"), "no digest"),
        (_set("memories", []), "no memory"),
        (_set("memories", {}), "'memories' has a wrong type"),
        (_set("memories.0", 1), r"'memories\[0\]' is no object"),
        (_set("memories.1.tag", "bank0"), "'bank0' is used twice"),
        (_set("memories.0.tag", "x" * 16), "no tag"),
        (_set("memories.0.kind", "SRAM"), "unknown kind of memory"),
        (_set("memories.0.size_bytes", 4097), "whole kibibytes"),
        (_set("memories.0.size_bytes", 2048), "4 or more"),
        (_set("memories.0.kind", "HOST"), "called otherwise"),
        (_set("memories.0.base", -4096), "no such base"),
        (_set("memories.0.sizes", 1), r"'memories\[0\].sizes' is unknown\n  hint: +did you mean"),
        (_set("kernels", []), "no compute unit"),
        (_set("kernels.0.name", "v add"), "no C identifier"),
        (_set("kernels.0.name", "v" * 60), "too long"),
        (_set("kernels.1.name", "vadd"), "'vadd' is used twice"),
        (_set("kernels.0.arguments.1.name", "a"), "'a' is used twice"),
        (_set("kernels.0.arguments.0.c_type", "int"), "must be a pointer"),
        (_set("kernels.0.arguments.0.width", 100), "no bus is so wide"),
        (_set("kernels.0.arguments.0.bundle", ""), "no bundle's name"),
        (_set("kernels.0.arguments.3.c_type", "ap_uint<9>"), "cannot be passed by value"),
        (_set("kernels.0.arguments.3.c_type", "unsignd int"), "did you mean 'unsigned int'"),
        (_set("kernels.0.arguments.3.size", 8), "a unsigned int has another size"),
        (_set("kernels.0.instances.0.memories", {"a": [0]}), "all memory arguments must be wired"),
        (_set("kernels.0.instances.0.memories.a", [4]), "no such memory"),
        (_set("kernels.0.instances.0.memories.a", []), "no such memory"),
        (_set("kernels.0.instances.0.memories.a", ["0"]), "has a wrong type"),
        (_set("kernels.0.instances.1.name", "vadd_1"), "'vadd_1' is used twice"),
    ],
)
def test_what_cannot_be(change: Callable[[dict[str, Any]], None], message: str) -> None:
    data = toy_data()
    change(data)
    with pytest.raises(EmulationError, match=message):
        CardDescription.from_data(data)


def test_a_missing_key_is_named() -> None:
    data = toy_data()
    del data["kernels"][0]["instances"][1]["name"]
    with pytest.raises(EmulationError, match=r"'kernels\[0\].instances\[1\].name' is missing"):
        CardDescription.from_data(data)


def test_all_problems_come_at_once_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(json.dumps(toy_data() | {"clock_mhz": 0, "identity": ""}))
    with pytest.raises(EmulationError) as caught:
        CardDescription.read(path)
    assert len(caught.value.problems) == 2
    assert all(f"{path} [" in str(problem) for problem in caught.value.problems)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"{", b"[]", b"null"])
def test_what_is_no_description(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(EmulationError, match=r"card\.json"):
        CardDescription.read(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EmulationError, match="cannot be read"):
        CardDescription.read(tmp_path / "card.json")
