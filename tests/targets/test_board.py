"""Board files: what they hold, and how a mistake in one is told."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from fpgac.errors import PluginError
from fpgac.targets.board import Board, Image, Toolchains

CARD = """\
name = "my-card"
title = "My card"
part = "xcvu9p-flgb2104-2-i"
platforms = ["vendor_my-card_1"]
platform_hint = "install the platform"
spread = ["DDR[1]", "DDR[0]"]

[toolchain]
name = "Vitis"
first = [2022, 1]
last = [2024, 2]

[clock]
default_mhz = 250.0
maximum_mhz = 300.0

[life]
state = "active"

[[memories]]
tag = "bank0"
name = "DDR[0]"
kind = "DDR4"
size_bytes = 0x4_0000_0000
base = 0x0
slr = 0

[[memories]]
tag = "bank1"
name = "DDR[1]"
kind = "DDR4"
size_bytes = 0x4_0000_0000
base = 0x4_0000_0000
"""


def board(tmp_path: Path, text: str) -> Board:
    file = tmp_path / "my-card.toml"
    file.write_text(text)
    return Board.load(file)


def problem_of(tmp_path: Path, text: str) -> str:
    with pytest.raises(PluginError) as caught:
        board(tmp_path, text)
    return str(caught.value)


def test_a_board_is_what_its_file_says(tmp_path: Path) -> None:
    card = board(tmp_path, CARD)
    assert card.toolchain.first == (2022, 1)
    assert card.bank_names == ("DDR[0]", "DDR[1]")
    assert card.memories[1].base == 2**34
    assert card.memories[1].slr is None
    assert card.life.notice is None
    assert card.hosts == ("pynq", "opencl", "xrt")


def test_a_board_cannot_be_changed(tmp_path: Path) -> None:
    card = board(tmp_path, CARD)
    with pytest.raises(ValueError, match="frozen"):
        card.part = "xcu250"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        ("size_bytes = 0x4", 'size_bytes = "16 GB" # 0x4', "memories[0].size_bytes"),
        ('kind = "DDR4"', 'kind = "DDR5"', "memories[0].kind"),
        ("base = 0x0", "base = -1", "memories[0].base"),
        ("slr = 0", "slot = 0", "unknown key 'slot'"),
        ('part = "xcvu9p-flgb2104-2-i"', "", "missing key 'part'"),
        ('part = "xcvu9p-flgb2104-2-i"', 'part = "a part; reboot"', "[part]"),
        ("first = [2022, 1]", "first = 2022.1", "toolchain.first"),
        ("first = [2022, 1]", "first = [2025, 1]", "first (2025.1) is after last (2024.2)"),
        ("maximum_mhz = 300.0", "maximum_mhz = 100.0", "default_mhz (250) is more than"),
        ('state = "active"', 'state = "retired"', "needs a date and a message"),
        ('tag = "bank1"', 'tag = "bank0"', "two memories are named 'bank0'"),
        ('spread = ["DDR[1]"', 'spread = ["DDR[7]"', "spread names 'DDR[7]'"),
        ('title = "My card"', r'title = "My\ncard"', "[title]"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(
    tmp_path: Path, good: str, bad: str, told: str
) -> None:
    assert good in CARD
    text = problem_of(tmp_path, CARD.replace(good, bad, 1))
    assert told in text
    assert "my-card.toml" in text


def test_all_mistakes_of_a_file_come_at_once(tmp_path: Path) -> None:
    text = CARD.replace("base = 0x0", "base = -1").replace("maximum_mhz", "maximal_mhz")
    told = problem_of(tmp_path, text)
    assert "memories[0].base" in told
    assert "did you mean 'maximum_mhz'?" in told


@pytest.mark.parametrize("text", ["name = ", "\0"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, text: str) -> None:
    assert "my-card.toml" in problem_of(tmp_path, text)


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="gone\\.toml"):
        Board.load(tmp_path / "gone.toml")


def test_an_end_of_life_is_told_in_one_line(tmp_path: Path) -> None:
    ending = 'state = "ending"\ndate = 2027-06-30\nmessage = "It ends; it still works."'
    life = board(tmp_path, CARD.replace('state = "active"', ending)).life
    assert life.date == datetime.date(2027, 6, 30)
    assert life.notice == "It ends; it still works."


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ((2019, 1), False),
        ((2019, 2), True),
        ((2020, 1, 1), True),
        ((2021, 2), True),
        ((2021, 2, 1), True),  # an update of the last release
        ((2022, 1), False),
        ((2021, 10), False),
    ],
)
def test_versions_are_compared_as_numbers(version: tuple[int, ...], known: bool) -> None:
    assert (version in Toolchains(name="Vitis", first=(2019, 2), last=(2021, 2))) is known


def test_banks_that_are_alike_are_one_table(tmp_path: Path) -> None:
    stack = (
        '\n[[memories]]\ncount = 3\ntag = "HBM"\nname = "HBM"\nkind = "HBM"\n'
        "size_bytes = 0x1000_0000\nbase = 0x10_0000_0000\nslr = 0\n"
    )
    card = board(tmp_path, CARD + stack)
    assert card.bank_names == ("DDR[0]", "DDR[1]", "HBM[0]", "HBM[1]", "HBM[2]")
    assert card.memories[4].tag == "HBM[2]"
    assert card.memories[4].base == 2**36 + 2 * 2**28


def test_a_count_that_is_no_number_is_told(tmp_path: Path) -> None:
    told = problem_of(tmp_path, CARD.replace("slr = 0", 'slr = 0\ncount = "32"'))
    assert "unknown key 'count'" in told


def test_a_board_that_lacks_a_mode_says_why(tmp_path: Path) -> None:
    short = CARD.replace('spread = ["DDR[1]"', 'modes = ["hw_emu"]\nspread = ["DDR[1]"')
    assert "must say why in 'stops'" in problem_of(tmp_path, short)
    card = board(tmp_path, short.replace("modes", 'stops = "There is no card yet."\nmodes'))
    assert card.modes == ("hw_emu",)
    assert card.stops == "There is no card yet."


def test_a_count_that_no_card_has_is_refused_at_once(tmp_path: Path) -> None:
    text = CARD.replace('tag = "bank0"', 'count = 2_000_000_000\ntag = "bank0"')
    assert "at most 256 banks" in problem_of(tmp_path, text)


def test_a_file_that_is_far_too_deep_is_refused(tmp_path: Path) -> None:
    text = f"more = {5000 * '['}{5000 * ']'}\n{CARD}"
    assert "nested too deeply" in problem_of(tmp_path, text)


def test_a_version_that_no_image_goes_with_is_told() -> None:
    images = (Image(name="PYNQ 3.0", version=(2022, 1)),)
    vivado = Toolchains(name="Vivado", first=(2020, 2), last=(2025, 2), images=images)
    assert vivado.image_notice((2022, 1, 1)) is None
    notice = vivado.image_notice((2023, 2))
    assert notice is not None
    assert "PYNQ 3.0 with 2022.1" in notice
    assert vivado.model_copy(update={"images": ()}).image_notice((2023, 2)) is None


def test_facts_that_are_still_to_be_filled_in_are_all_named(tmp_path: Path) -> None:
    text = CARD.replace('"xcvu9p-flgb2104-2-i"', '"<the FPGA\'s part number>"')
    text = text.replace("[2022, 1]", '"<the first version>"')
    text = text.replace("0x4_0000_0000\nbase = 0x0", '"<its size in bytes>"\nbase = 0x0')
    with pytest.raises(PluginError) as caught:
        board(tmp_path, text)
    assert [
        (problem.code, problem.where and (problem.where.line, problem.where.key), problem.expected)
        for problem in caught.value.problems
    ] == [
        ("plugin.placeholder", (3, "part"), "the FPGA's part number"),
        ("plugin.placeholder", (10, "toolchain.first"), "the first version"),
        ("plugin.placeholder", (24, "memories[0].size_bytes"), "its size in bytes"),
    ]


def test_what_a_module_is_plugged_into_is_for_vivado(tmp_path: Path) -> None:
    carrier = "xilinx.com:kv260_carrier:som240_1_connector:1.3"
    text = f'{CARD}\n[board_connections]\nsom240_1_connector = "{carrier}"\n'
    assert board(tmp_path, text).board_connections == {"som240_1_connector": carrier}
    assert "board_connections" in problem_of(tmp_path, text.replace(carrier, "a ] b"))
