"""The target passes the conformance suite of fpgac: see fpgac.testing."""

from __future__ import annotations

from fpgac_stream_ip.target import StreamIp

from fpgac.plugins import load_plugins
from fpgac.testing import TargetConformance


class TestStreamIp(TargetConformance):
    target = StreamIp()


def test_fpgac_finds_it() -> None:
    plugins = load_plugins()
    assert isinstance(plugins.target("stream-ip"), StreamIp), plugins.failures
