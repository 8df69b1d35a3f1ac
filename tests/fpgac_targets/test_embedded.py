"""Which of a board's platforms v++ takes: one that the board lists, no name that is made up."""

from __future__ import annotations

import pytest

from fpgac.plugins import Board, load_plugins
from fpgac_targets.embedded import platform_of

BOARD = load_plugins().target("zcu102").flows["vitis"].board


def board(*platforms: str) -> Board:
    return BOARD.model_copy(update={"platforms": platforms})


@pytest.mark.parametrize(
    ("version", "platform"),
    [
        ((2023, 1), "vendor_base_202310_1"),
        ((2023, 2), "vendor_base_202310_1"),
        ((2024, 1, 1), "vendor_base_202410_2"),
        ((2025, 2), "vendor_base_202410_2"),
    ],
)
def test_it_is_that_of_the_release_or_the_newest_before_it(
    version: tuple[int, ...], platform: str
) -> None:
    assert platform_of(board("vendor_base_202410_2", "vendor_base_202310_1"), version) == platform


def test_where_names_tell_no_release_it_is_the_first() -> None:
    assert platform_of(board("my_platform", "my_old_platform"), (2024, 2)) == "my_platform"


def test_where_all_are_newer_it_is_the_usual_one() -> None:
    assert platform_of(board("vendor_base_202410_1"), (2022, 2)) == "vendor_base_202410_1"
