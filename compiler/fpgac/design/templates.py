"""Templates that a plugin puts in front of those that a target is rendered from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fpgac.errors import PluginError, Problem, Where

if TYPE_CHECKING:
    from jinja2 import BaseLoader

__all__ = ["Templates", "override_loader"]


class Templates:
    """A folder of Jinja2 templates, each at the path of the template that it replaces.

    A template may start with ``{% extends "target/PATH" %}`` and override one block of what the
    target itself has at that path. ``targets`` names the targets that it is for; None is all.
    """

    folder: ClassVar[Path]
    targets: ClassVar[tuple[str, ...] | None] = None

    def files(self) -> dict[str, Path]:
        """The templates' files by path; each has been parsed.

        Raises:
            PluginError: there are none, or one is no template; it names the file and the line.
        """
        found = {
            path.relative_to(self.folder).as_posix(): path
            for path in sorted(self.folder.rglob("*.j2"))
        }
        if not found:
            raise PluginError(
                Problem(
                    "there is no template (*.j2) here",
                    Where(self.folder),
                    code="plugin.no-templates",
                )
            )
        for path in found.values():
            _parse(path)
        return found


def _parse(path: Path) -> None:
    import jinja2

    try:
        jinja2.Environment(autoescape=False).parse(path.read_text(encoding="utf-8"))
    except jinja2.TemplateSyntaxError as error:
        problem = Problem(
            f"this is no template: {error.message}",
            Where(path, error.lineno),
            code="plugin.bad-template",
        )
        raise PluginError(problem) from None
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(
            "the template cannot be read",
            Where(path),
            got=str(error),
            code="plugin.unreadable-template",
        )
        raise PluginError(problem) from None


def override_loader(files: Mapping[str, Path]) -> BaseLoader:
    """A loader of ``files``, by the path of the template that each replaces."""
    from jinja2 import FunctionLoader

    def load(path: str) -> tuple[str, str | None, None] | None:
        file = files.get(path)
        return (file.read_text(encoding="utf-8"), str(file), None) if file else None

    return FunctionLoader(load)
