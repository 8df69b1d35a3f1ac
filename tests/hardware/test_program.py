"""A program is packaged only if it is of the design, whole, and as fast as was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fpgac.emulation import CardDescription, write_xclbin
from fpgac.errors import BuildError
from fpgac.hardware.program import ProgramCheck
from fpgac.plugins import Design, load_plugins
from tests.fpgac_targets.conftest import core
from tests.hardware.test_timing import RECORDED
from tests.hardware.vendors import board_bitstream, card_xclbin

PLUGINS = load_plugins()
U50, PYNQ_Z2 = PLUGINS.target("alveo-u50"), PLUGINS.target("pynq-z2")
Change = Callable[[dict[str, Any]], object]


@cache
def design_for(target: Any, clock_mhz: float = 100.0) -> Design:
    design: Design = target.design("muon", core(clock_mhz), target.options({}))
    return design


def card_of(change: Change = lambda card: None) -> CardDescription:
    """The card of the design for the U50, after a change."""
    card = json.loads(design_for(U50, 300.0).files["emulation/card.json"].content)
    change(card)
    return CardDescription.from_data(card)


def codes(folder: Path, content: bytes, log: str = "", tolerance: float = 0.05) -> list[str]:
    """What is wrong with an xclbin for the U50."""
    (folder / "muon.xclbin").write_bytes(content)
    (folder / "link.log").write_text(log)
    check = ProgramCheck(folder, design_for(U50, 300.0), U50.board, 300.0, tolerance)
    try:
        check.check(["muon.xclbin"], ["link.log"])
    except BuildError as error:
        return [problem.code for problem in error.problems]
    return []


def test_the_design_s_own_xclbin_is_taken(tmp_path: Path) -> None:
    assert codes(tmp_path, card_xclbin(card_of())) == []


def kernel_of(card: dict[str, Any]) -> dict[str, Any]:
    kernel: dict[str, Any] = card["kernels"][0]
    return kernel


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        (lambda card: kernel_of(card).update(name="iris_kernel"), "kernels differ"),
        (lambda card: kernel_of(card)["arguments"].reverse(), "arguments of muon_kernel"),
        (lambda card: kernel_of(card)["instances"][0].update(name="u"), "compute units"),
        (
            lambda card: kernel_of(card)["instances"][0]["memories"].update(y=[0]),
            "banks of muon_1.y differ",
        ),
    ],
)
def test_an_xclbin_of_another_design_is_refused(tmp_path: Path, change: Change, fact: str) -> None:
    (tmp_path / "muon.xclbin").write_bytes(card_xclbin(card_of(change)))
    check = ProgramCheck(tmp_path, design_for(U50, 300.0), U50.board, 300.0, 0.05)
    with pytest.raises(BuildError, match=fact) as caught:
        check.check(["muon.xclbin"], [])
    assert {problem.code for problem in caught.value.problems} == {"build.other-program"}


def test_memories_by_names_that_the_board_file_has_not_are_not_compared(tmp_path: Path) -> None:
    def rename(card: dict[str, Any]) -> None:
        for place, memory in enumerate(card["memories"]):
            memory["tag"] = f"HBM_MEM{place:02}"

    assert codes(tmp_path, card_xclbin(card_of(rename))) == []


def test_five_bytes_and_a_cut_file_are_no_xclbin(tmp_path: Path) -> None:
    assert codes(tmp_path, b"five!") == ["emulation.bad-xclbin"]
    assert codes(tmp_path, card_xclbin(card_of())[:-8]) == ["emulation.bad-xclbin"]


def test_the_emulated_card_s_own_xclbin_is_not_for_a_card(tmp_path: Path) -> None:
    assert codes(tmp_path, write_xclbin(card_of(), b"\x7fELF...")) == ["build.other-program"]


def test_a_damaged_section_is_told_without_a_traceback(tmp_path: Path) -> None:
    whole = card_xclbin(card_of())
    assert codes(tmp_path, whole.replace(b"<project", b"<<roject")) == ["build.other-program"]


def test_the_kernels_clock_is_that_of_the_xclbin(tmp_path: Path) -> None:
    slow = card_xclbin(card_of(lambda card: card.update(clock_mhz=137.5)))
    assert codes(tmp_path, slow) == ["build.slow-clock"]
    assert codes(tmp_path, slow, tolerance=0.6) == []


def test_the_clock_asked_and_those_of_the_xclbin_are_reported(tmp_path: Path) -> None:
    xclbin = card_xclbin(card_of(lambda card: card.update(clock_mhz=287.0)))
    (tmp_path / "muon.xclbin").write_bytes(xclbin)
    check = ProgramCheck(tmp_path, design_for(U50, 300.0), U50.board, 300.0, 0.05)
    assert [(each.figure.name, each.figure.value) for each in check.clocks(["muon.xclbin"])] == [
        ("clock asked", 300.0),
        ("clock", 287.0),
        ("clock", 287.0),
    ]


def test_a_clock_that_v_plus_plus_lowered_is_measured_by_the_tolerance(tmp_path: Path) -> None:
    whole = card_xclbin(card_of())
    assert codes(tmp_path, whole, log=RECORDED) == []
    assert codes(tmp_path, whole, log=RECORDED, tolerance=0.01) == ["build.slow-clock"]


@pytest.fixture
def overlay(tmp_path: Path) -> Callable[[bytes, Callable[[str], str]], list[str]]:
    """What is wrong with a bitstream, and with the design's own handoff after a change."""
    design = design_for(PYNQ_Z2)

    def check(bitstream: bytes, change: Callable[[str], str]) -> list[str]:
        handoff = design.files["emulation/muon.hwh"].content.decode()
        (tmp_path / "muon.bit").write_bytes(bitstream)
        (tmp_path / "muon.hwh").write_text(change(handoff))
        try:
            ProgramCheck(tmp_path, design, PYNQ_Z2.board, 100.0, 0.05).check(
                ["muon.bit", "muon.hwh"], []
            )
        except BuildError as error:
            return [problem.what for problem in error.problems]
        return []

    return check


def test_a_bitstream_and_its_handoff_are_taken(overlay: Any) -> None:
    assert overlay(board_bitstream("7z020clg400"), str) == []


@pytest.mark.parametrize(
    ("bitstream", "told"),
    [
        (b"five!", "not of this design"),
        (board_bitstream("zu9eg-ffvb1156"), "not of this design"),
        (board_bitstream("7z020clg400")[:-4], "cut off"),
        (board_bitstream("7z020clg400")[:40], "not of this design"),
    ],
)
def test_another_bitstream_is_refused(overlay: Any, bitstream: bytes, told: str) -> None:
    (problem,) = overlay(bitstream, str)
    assert told in problem


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: "a handoff", "cannot be read"),
        (lambda text: text.replace("muon_kernel", "iris_kernel"), "the kind of the cell muon_1"),
        (lambda text: text.replace("0x40000000", "0x43C00000"), "the address of muon_1"),
    ],
)
def test_another_handoff_is_refused(overlay: Any, change: Callable[[str], str], told: str) -> None:
    (problem,) = overlay(board_bitstream("7z020clg400"), change)
    assert told in problem
