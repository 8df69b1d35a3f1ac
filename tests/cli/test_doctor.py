"""``fpgac doctor``: its exit code is of what the named target's emulation needs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

Fpgac = Callable[..., subprocess.CompletedProcess[str]]


def test_what_is_missing_is_no_error_unless_a_target_is_named(fpgac: Fpgac, tmp_path: Path) -> None:
    environment = {**os.environ, "FPGAC_XRT": str(tmp_path / "no-xrt")}
    done = fpgac("doctor", environment=environment)
    assert done.returncode == 0, done.stderr
    assert "- XRT" in done.stdout

    done = fpgac("--json", "doctor", "--target", "alveo-u50", environment=environment)
    assert done.returncode == 8
    document = json.loads(done.stdout)
    assert document["exit_code"] == 8
    assert {each["code"] for each in document["problems"]} == {"toolchain.not-installed"}
    (state,) = document["result"]["targets"]
    assert state["emulation"] == document["problems"]


def test_a_target_that_can_be_emulated_needs_no_vendor_s_tool(fpgac: Fpgac, tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("XILINX_")}
    environment |= {"FPGAC_XRT": str(tmp_path / "no-xrt")}
    done = fpgac("doctor", "--target", "pynq-z2", environment=environment)
    assert done.returncode == 0, "a board's hosts need no XRT"
    assert "hardware: something is missing" in done.stdout
    assert "ending, 2026-09-29" in done.stdout
