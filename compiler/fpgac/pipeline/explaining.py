"""A log explained by the signs that the targets' builds judge by."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fpgac.errors import BuildError, Problem, Where
from fpgac.hardware.logs import ON_CARD, Explanation, explain

if TYPE_CHECKING:
    from fpgac.plugins import Plugins

__all__ = ["explain_log"]


def explain_log(path: Path, plugins: Plugins) -> Explanation:
    """What the log at ``path`` tells.

    Raises:
        BuildError: it cannot be read.
    """
    remedies: dict[str, str] = dict(ON_CARD)
    for target in plugins.targets.values():
        for flow in (target, *target.flows.values()):
            remedies |= flow.remedies
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise BuildError(
            Problem(
                "the log cannot be read",
                Where(path),
                got=error.strerror or str(error),
                hint="a build keeps its logs in BUILD/logs, scripts/build.sh in BUILD/out",
                code="build.unreadable-log",
            )
        ) from error
    return explain(text, remedies)
