"""The xclbin: written from a card's description, read back, and read by pynq's own parser."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fpgac.emulation.description import CardDescription
from fpgac.emulation.xclbin import Section, bank_ranges, main, read_xclbin, write_xclbin
from fpgac.errors import EmulationError
from tests.emulation.toy import toy_data

LIBRARY = b"\x7fELF and the rest of a kernel's shared library"


@pytest.fixture
def card() -> CardDescription:
    return CardDescription.from_data(toy_data())


@pytest.fixture
def xclbin(card: CardDescription) -> bytes:
    return write_xclbin(card, LIBRARY)


def test_what_was_written_is_read_back(card: CardDescription, xclbin: bytes) -> None:
    read = read_xclbin(xclbin)
    assert read.description == card
    assert read.platform == card.platform
    assert read.mode == 5
    assert read.sections[Section.BITSTREAM] == LIBRARY
    assert set(read.sections) == set(Section)


def test_the_same_input_gives_the_same_bytes(card: CardDescription, xclbin: bytes) -> None:
    again = CardDescription.from_json(json.dumps(card.to_data()).encode())
    assert write_xclbin(again, LIBRARY) == xclbin


def test_the_uuid_follows_identity_and_library(card: CardDescription, xclbin: bytes) -> None:
    other = write_xclbin(replace(card, identity="0" * 64), LIBRARY)
    changed = write_xclbin(card, LIBRARY + b"!")
    assert len({read_xclbin(data).uuid for data in (xclbin, other, changed)}) == 3


def test_pynq_s_own_parser_reads_it(xclbin: bytes) -> None:
    from pynq.pl_server.xclbin_parser import XclBin

    read = XclBin(xclbin_data=bytearray(xclbin))
    assert set(read.mem_dict) == {"bank0", "bank1", "PLRAM[0]", "HOST[0]"}
    assert read.mem_dict["bank1"]["size"] == 192 << 20
    assert read.mem_dict["bank1"]["base_address"] == 1 << 40
    assert read.ip_dict["vadd_2"]["registers"]["c"]["memory"] == "bank1"
    # Arguments as Vitis HLS lays them out: two words and a spare one for each pointer.
    registers = read.ip_dict["triple_1"]["registers"]
    assert {name: registers[name]["address_offset"] for name in ("x", "y", "n")} == {
        "x": 0x10,
        "y": 0x1C,
        "n": 0x28,
    }
    assert registers["x"]["type"] == "ap_uint<512>*"
    assert [clock["frequency"] for clock in read.clock_dict.values()] == [250, 250]


def test_xrt_lays_the_banks_end_to_end(card: CardDescription) -> None:
    assert bank_ranges(card) == (
        range(16 << 30),
        range(16 << 30, (16 << 30) + (192 << 20)),
        range(start := (16 << 30) + (256 << 20), start := start + (128 << 10)),
        range(start, start + (16 << 30)),
    )


@pytest.mark.parametrize("size", [0, 7, 100, 455, 456, 700, -1])
def test_a_file_that_is_too_short(xclbin: bytes, size: int) -> None:
    with pytest.raises(EmulationError, match=r"truncated|not an xclbin"):
        read_xclbin(xclbin[:size])


def test_a_file_that_is_too_long(xclbin: bytes) -> None:
    with pytest.raises(EmulationError, match="bytes behind its end"):
        read_xclbin(xclbin + b"\0")


def test_another_file(xclbin: bytes) -> None:
    with pytest.raises(EmulationError, match="not an xclbin"):
        read_xclbin(b"PK" + xclbin[2:])


@pytest.mark.parametrize(("offset", "word"), [(24, 1 << 40), (32, 1 << 40), (32, 2**64 - 1)])
def test_a_section_outside_the_file(xclbin: bytes, offset: int, word: int) -> None:
    damaged = bytearray(xclbin)
    struct.pack_into("<Q", damaged, 456 + offset, word)
    with pytest.raises(EmulationError, match="outside the xclbin"):
        read_xclbin(bytes(damaged))


def test_a_damaged_count_of_sections(xclbin: bytes) -> None:
    damaged = bytearray(xclbin)
    struct.pack_into("<I", damaged, 448, 0xFFFFFFFF)
    with pytest.raises(EmulationError, match="header is damaged"):
        read_xclbin(bytes(damaged))


def test_no_byte_of_the_header_leads_to_another_error(xclbin: bytes) -> None:
    for offset in range(304, 456 + 40 * len(Section)):
        damaged = bytearray(xclbin)
        damaged[offset] ^= 0xFF
        try:
            read_xclbin(bytes(damaged))
        except EmulationError as error:
            assert error.problems[0].what  # noqa: PT017 (most damage goes unnoticed: it is no error)


def test_what_is_no_library_is_refused(card: CardDescription) -> None:
    with pytest.raises(EmulationError, match="no shared library"):
        write_xclbin(card, b"int main() {}")


class TestCommand:
    """``python -m fpgac.emulation xclbin card.json libkernel.so out.xclbin``."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> list[Path]:
        card, library = tmp_path / "card.json", tmp_path / "libkernel.so"
        card.write_text(json.dumps(toy_data()))
        library.write_bytes(LIBRARY)
        return [card, library, tmp_path / "out.xclbin"]

    def run(self, *arguments: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fpgac.emulation", "xclbin", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_writes_the_file(self, files: list[Path], xclbin: bytes) -> None:
        done = self.run(*files)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert files[2].read_bytes() == xclbin

    def test_bad_input_is_one_line_and_leaves_the_old_file(
        self, files: list[Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        files[0].write_text('{"platform": ')
        files[2].write_bytes(b"old")
        before = set(files[0].parent.iterdir())
        assert main([str(path) for path in files]) == 10
        message = capsys.readouterr().err
        assert message.startswith(f"error: {files[0]}:1: the card's description is no JSON")
        assert message.count("\n") == 1
        assert files[2].read_bytes() == b"old"
        assert set(files[0].parent.iterdir()) == before

    @pytest.mark.parametrize("lost", [0, 1])
    def test_a_missing_file(
        self, files: list[Path], lost: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        files[lost].unlink()
        assert main([str(path) for path in files]) == 10
        assert str(files[lost]) in capsys.readouterr().err

    def test_a_folder_that_cannot_be_one(
        self, files: list[Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        files[2] = files[0] / "out.xclbin"
        assert main([str(path) for path in files]) == 10
        assert "card.json" in capsys.readouterr().err

    def test_wrong_usage(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["card.json"]) == 2
        assert "usage:" in capsys.readouterr().err
