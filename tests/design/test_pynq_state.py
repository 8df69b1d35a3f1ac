"""What pynq remembers of an overlay goes before the next one is loaded."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

import fpgac_templates

HOSTS = Path(fpgac_templates.__file__).parent / "hosts" / "pynq"


def test_a_board_s_host_has_pynq_forget_its_state_where_pynq_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(HOSTS)
    driver = importlib.import_module("runtime.dma").DmaDriver()
    calls: list[str] = []
    pynq, server = ModuleType("pynq"), ModuleType("pynq.pl_server")
    for module in (pynq, server):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    driver.forget()  # pynq 2.7
    state = ModuleType("pynq.pl_server.global_state")
    state.clear_global_state = lambda: calls.append("cleared")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, state.__name__, state)
    driver.forget()
    assert calls == ["cleared"]
