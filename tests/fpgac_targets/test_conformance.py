"""Every built-in target passes the conformance suite; one class each, made from what is there.

The emulated card of one target is built in the quick suite, those of the others in the whole one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from fpgac.plugins import Target, load_plugins
from fpgac.testing import TargetConformance

QUICK: Final = "aws-f1"
BUILT_IN: Final = {
    name: target
    for name, target in load_plugins().targets.items()
    if type(target).__module__.startswith("fpgac_targets.")
}


def suite_of(target: Target[Any]) -> type[TargetConformance]:
    """The suite for ``target``."""
    if target.name == QUICK:
        return type("Suite", (TargetConformance,), {"target": target})

    class Heavy(TargetConformance):
        @pytest.mark.heavy
        def test_bits_agree_in_emulation(self, tmp_path: Path) -> None:
            super().test_bits_agree_in_emulation(tmp_path)

    return type("Suite", (Heavy,), {"target": target})


for _name, _target in BUILT_IN.items():
    globals()["Test_" + _name.replace("-", "_")] = suite_of(_target)


def test_every_built_in_target_has_its_suite() -> None:
    from fpgac_targets import fpgac_targets

    assert set(BUILT_IN) == {target().name for target in fpgac_targets()}
    assert QUICK in BUILT_IN
