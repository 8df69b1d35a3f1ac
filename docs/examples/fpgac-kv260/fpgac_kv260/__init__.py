"""The target kv260 for fpgac."""

from __future__ import annotations

from typing import Any

from fpgac.plugins import Target, hookimpl


@hookimpl
def fpgac_targets() -> list[type[Target[Any]]]:
    """The targets of this package."""
    from fpgac_kv260.target import Kv260

    return [Kv260]
