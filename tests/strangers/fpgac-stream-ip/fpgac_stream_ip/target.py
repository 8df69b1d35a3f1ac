"""The target: its board, and how it differs from others of its kind."""

from __future__ import annotations

from importlib.resources import files

from fpgac.plugins import Board
from fpgac_targets.ip import IpTarget

__all__ = ["StreamIp"]


class StreamIp(IpTarget):
    """An IP for Vivado's catalogue, with AXI4-Streams and without hosts.

    The board file describes it.
    """

    board = Board.load(files("fpgac_stream_ip") / "stream-ip.toml")
    readme = "stream-ip/README.md.j2"
    # The templates/ of these packages precede fpgac's own.
    template_packages = ("fpgac_stream_ip", *IpTarget.template_packages)
