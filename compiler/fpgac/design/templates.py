"""Templates and files that a plugin puts in front of those that a target is made from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fpgac.errors import PluginError, Problem, Where

if TYPE_CHECKING:
    from jinja2 import BaseLoader

__all__ = ["Templates", "is_own", "override_loader"]


class Templates:
    """A folder of files, each at the path of the one that it replaces.

    A Jinja2 template (``*.j2``) may start with ``{% extends "target/PATH" %}`` and override one
    block of what the target itself has at that path. Any other file replaces one that is not
    rendered, such as ``hosts/xrt/host.cpp``, as it is. ``targets`` names the targets that they are
    for; None is all.
    """

    folder: ClassVar[Path]
    targets: ClassVar[tuple[str, ...] | None] = None

    def files(self) -> dict[str, Path]:
        """The files by path; each template has been parsed.

        Raises:
            PluginError: there are none, or one cannot be read; it names the file and the line.
        """
        found = {
            path.relative_to(self.folder).as_posix(): path
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.suffix != ".pyc"
        }
        if not found:
            raise PluginError(
                Problem(
                    "there is no file here that could replace one",
                    Where(self.folder),
                    code="plugin.no-templates",
                )
            )
        for path in found.values():
            _check(path)
        return found


def _check(path: Path) -> None:
    import jinja2

    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".j2":
            jinja2.Environment(autoescape=False).parse(text)
    except jinja2.TemplateSyntaxError as error:
        raise PluginError(
            Problem(
                f"this is no template: {error.message}",
                Where(path, error.lineno),
                code="plugin.bad-template",
            )
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(
            Problem(
                "the file cannot be read",
                Where(path),
                got=str(error),
                code="plugin.unreadable-template",
            )
        ) from None


def is_own(path: str) -> bool:
    """Whether fpgac has a template at ``path`` for every target, such as those of a package."""
    from importlib.resources import files

    return files("fpgac_templates").joinpath(path).is_file()


def override_loader(files: Mapping[str, Path], asked: set[str] | None = None) -> BaseLoader:
    """A loader of ``files``, by the path of the template that each replaces.

    All paths that are looked up, of those files and of others, go into ``asked``.
    """
    from jinja2 import FunctionLoader

    def load(path: str) -> tuple[str, str | None, None] | None:
        if asked is not None:
            asked.add(path)
        file = files.get(path)
        return (file.read_text(encoding="utf-8"), str(file), None) if file else None

    return FunctionLoader(load)
