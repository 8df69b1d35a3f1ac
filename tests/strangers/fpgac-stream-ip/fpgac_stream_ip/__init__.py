"""The target stream-ip for fpgac."""

from __future__ import annotations

from typing import Any

from fpgac.plugins import Target, hookimpl


@hookimpl
def fpgac_targets() -> list[type[Target[Any]]]:
    """The targets of this package."""
    from fpgac_stream_ip.target import StreamIp

    return [StreamIp]
