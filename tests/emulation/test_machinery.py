"""Building the card's machinery, and what is said where something for it is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fpgac.emulation import missing, require, run_host
from fpgac.emulation.description import CardDescription
from fpgac.emulation.installation import find_xrt
from fpgac.emulation.machinery import Machinery, build_machinery, emconfig
from fpgac.errors import ToolchainError
from tests.emulation.toy import toy_data


class TestMachinery:
    def test_builders_at_the_same_time_get_the_same_whole_thing(
        self, machineries: tuple[Machinery, Machinery]
    ) -> None:
        first, second = machineries
        assert first == second
        built = [path.name for path in first.folder.parent.iterdir() if path.is_dir()]
        assert built == [first.folder.name]
        assert os.access(first.supervisor, os.X_OK)
        driver = (first.folder / "vendors/xilinx.icd").read_text().strip()
        assert Path(driver).name == "libxilinxopencl.so.2"
        assert Path(driver).is_file()

    def test_it_is_built_once(self, machineries: object) -> None:
        before = build_machinery().supervisor.stat().st_mtime_ns
        assert build_machinery().supervisor.stat().st_mtime_ns == before

    def test_xrt_s_own_library_stays_as_it_is(self, machineries: object) -> None:
        machinery = build_machinery()
        shim = find_xrt().shim
        assert shim is not None
        assert machinery.folder not in shim.parents

    def test_a_cache_that_cannot_be_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FPGAC_CACHE", "/proc/none")
        with pytest.raises(ToolchainError, match="cannot be kept in the cache") as caught:
            build_machinery()
        assert "FPGAC_CACHE" in caught.value.problems[0].hint

    def test_pynq_must_not_see_the_emulation_mode(self, tmp_path: Path) -> None:
        machinery = build_machinery()
        inherited = {"XCL_EMULATION_MODE": "hw_emu", "PATH": "/bin"}
        modes = {
            kind: machinery.environment(kind, tmp_path, inherited).get("XCL_EMULATION_MODE")
            for kind in ("pynq", "opencl", "xrt")
        }
        assert modes == {"pynq": None, "opencl": "sw_emu", "xrt": "sw_emu"}
        assert machinery.environment("xrt", tmp_path, inherited)["PATH"] == "/bin"

    def test_emconfig_tells_the_devices_and_their_banks(self) -> None:
        config = json.loads(emconfig(CardDescription.from_data(toy_data()), devices=3))
        (board,) = config["Platform"]["Boards"]
        (device,) = board["Devices"]
        assert device["NumDevices"] == "3"
        sizes = ("16GB", "256MB", "128KB", "16GB")  # powers of two: XRT knows no others
        assert device["DdrBanks"] == [{"Size": size} for size in sizes]


class TestMissing:
    def test_nothing_is_missing_here(self) -> None:
        assert missing() == ()
        require("pynq")

    def test_without_xrt_each_missing_thing_is_named_with_its_mend(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FPGAC_XRT", str(tmp_path))
        hints = {kind: {p.hint for p in missing(kind)} for kind in ("pynq", "opencl", "xrt")}
        assert hints == {
            "pynq": {"apt install libxrt1"},
            "opencl": {"apt install libxrt1", "apt install libxrt-dev"},
            "xrt": {"apt install libxrt1", "apt install libxrt-dev"},
        }
        with pytest.raises(ToolchainError, match="XRT is not installed") as caught:
            require("xrt")
        assert caught.value.exit_code == 8
        assert len(caught.value.problems) == 3

    def test_without_xrt_no_host_runs_and_nothing_crashes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FPGAC_XRT", str(tmp_path))
        card = CardDescription.from_data(toy_data())
        with pytest.raises(ToolchainError, match="apt install libxrt1"):
            run_host(["/bin/true"], kind="xrt", card=card, cwd=tmp_path, timeout=5)

    def test_without_a_compiler(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert [problem.hint for problem in missing()] == ["apt install g++"]
        with pytest.raises(ToolchainError, match=r"g\+\+ is not on PATH"):
            build_machinery()

    def test_a_kind_that_is_none(self) -> None:
        with pytest.raises(ValueError, match="pynq, opencl, xrt, not 'vhdl'"):
            missing("vhdl")
