"""Every built-in target passes the conformance suite, in each of its flows; a class for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from fpgac.plugins import Target, load_plugins
from fpgac.testing import TargetConformance

BUILT_IN: Final = {
    name: target
    for name, target in load_plugins().targets.items()
    if type(target).__module__.startswith("fpgac_targets.")
}


# Other cards differ from these by their board files alone: they are compiled for in the long run.
COMPILED_FOR: Final = {"aws-f1", "alveo-u50", "pynq-z2", "zcu102"}


class Seldom(TargetConformance):
    """The suite, whose slowest test is for the long run."""

    @pytest.mark.heavy
    def test_bits_agree_in_emulation(self, tmp_path: Path) -> None:
        super().test_bits_agree_in_emulation(tmp_path)


def suite_of(target: Target[Any], flow: str) -> type[TargetConformance]:
    """The suite for ``target`` in one of its flows, or in its only one."""
    options = {"flow": flow} if flow else {}
    base = TargetConformance if target.name in COMPILED_FOR else Seldom
    return type("Suite", (base,), {"target": target, "options": options})


for _name, _target in BUILT_IN.items():
    for _flow in _target.flows or ("",):
        globals()[f"Test_{_name}_{_flow}".replace("-", "_").rstrip("_")] = suite_of(_target, _flow)


def test_every_built_in_target_has_its_suite() -> None:
    from fpgac_targets import fpgac_targets

    assert set(BUILT_IN) == {target().name for target in fpgac_targets()}
    assert {"Test_aws_f1", "Test_pynq_z2", "Test_zcu102_vivado", "Test_zcu102_vitis"} <= set(
        globals()
    )
