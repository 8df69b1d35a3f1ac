"""An error in a plugin's code is reported as the plugin's own, with its file and line."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fpgac.errors import FpgacError, PluginError, Problem, Where
from fpgac.plugins.manager import BUILTIN_PLUGIN

__all__ = ["blamed"]

OUR_OWN: Final = ("fpgac", BUILTIN_PLUGIN.value)


@contextmanager
def blamed(thing: object) -> Iterator[None]:
    """Call methods of ``thing``, which comes from a plugin.

    Raises:
        PluginError: they raised anything but an FpgacError, which passes unchanged, as do all
            errors of built-in things.
    """
    module = type(thing).__module__
    try:
        yield
    except FpgacError:
        raise
    except Exception as error:
        if module.partition(".")[0] in OUR_OWN:
            raise
        raise PluginError(
            Problem(
                f"the plugin's {type(thing).__name__} has a defect: {type(error).__name__}: "
                f"{' '.join(str(error).split())}",
                _place(module, error),
                hint="`fpgac --debug ...` shows the traceback, for the plugin's author",
                code="plugin.defect",
            )
        ) from error


def _place(module: str, error: Exception) -> Where | None:
    """The last line of the plugin's module in the traceback, or else its file."""
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return None
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return Where(Path(file), frames[-1].lineno if frames else None)
