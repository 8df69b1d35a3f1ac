"""Where buffers lie on the card, who sees them, and how they are copied."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.emulation.toy import Toy


@pytest.fixture(scope="module")
def opencl(toy: Toy, opencl_memory: Path) -> Sequence[str]:
    """What the OpenCL host found."""
    run = toy.run([str(opencl_memory), str(toy.xclbin)], kind="opencl")
    assert run.exit_code == 0, run.stdout + run.stderr
    return run.stdout.splitlines()


@pytest.fixture(scope="module")
def native(toy: Toy, native_memory: Path) -> Sequence[str]:
    """What the native XRT host found."""
    run = toy.run([str(native_memory), str(toy.xclbin)])
    assert run.exit_code == 0, run.stdout + run.stderr
    return run.stdout.splitlines()


class TestBanks:
    """An OpenCL host names the memory of a buffer by its index."""

    @pytest.mark.parametrize(("unit", "bank"), [("vadd_1", 0), ("vadd_2", 1)])
    def test_a_unit_works_on_the_memory_that_it_is_wired_to(
        self, opencl: Sequence[str], unit: str, bank: int
    ) -> None:
        assert f"vadd:{{{unit}}} in memory {bank} right 4096" in opencl

    def test_the_memory_of_another_unit_is_refused_as_on_a_real_card(
        self, opencl: Sequence[str]
    ) -> None:
        assert "vadd:{vadd_1} in memory 1 fails with -4" in opencl


class TestSharing:
    @pytest.mark.parametrize("kind", ["p2p", "host_only"])
    def test_the_host_sees_at_once_what_a_kernel_writes(
        self, native: Sequence[str], opencl: Sequence[str], kind: str
    ) -> None:
        assert f"{kind} without sync 4096" in native
        assert f"{kind} mapped right 4096" in opencl

    def test_a_kernel_that_is_wired_to_the_host_s_memory(self, native: Sequence[str]) -> None:
        assert "HOST[0] without sync 4096" in native

    def test_a_forgotten_sync_of_any_other_buffer_shows(self, native: Sequence[str]) -> None:
        assert "normal without sync 0" in native

    def test_a_card_takes_a_buffer_of_another_card(self, toy: Toy, native_memory: Path) -> None:
        run = toy.run([str(native_memory), str(toy.xclbin), "two cards"], devices=2)
        assert run.stdout == "between cards 4096\n"


class TestCopies:
    @pytest.mark.parametrize(
        ("size", "source", "target"),
        [(4096, 0, 8192), (4096, 8192, 0), (17 << 20, 4096, 12288)],
    )
    def test_native(self, native: Sequence[str], size: int, source: int, target: int) -> None:
        assert f"copy of {size} from {source} to {target} right 1" in native

    @pytest.mark.parametrize("size", [4096, 17 << 20])
    def test_opencl(self, opencl: Sequence[str], size: int) -> None:
        assert f"copy of {size} right 1" in opencl


def test_pynq_sees_what_is_used_of_a_memory(toy: Toy) -> None:
    run = toy.run(toy.pynq("usage"), kind="pynq")
    assert run.stdout.splitlines() == ["bank1 20480 2", "bank0 0", "bank1 4096 1"], run.stderr


@pytest.mark.parametrize(("kernel", "out"), [("last_char", -7), ("last_short", 60000)])
def test_a_last_argument_that_is_narrow(opencl: Sequence[str], kernel: str, out: int) -> None:
    assert f"{kernel} {out}" in opencl
