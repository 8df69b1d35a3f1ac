"""A plugin to start from: a complete package for one target, rendered from templates."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from fpgac.build.folder import disk_errors, write_whole
from fpgac.design.hosts import class_name
from fpgac.design.render import render
from fpgac.errors import BuildError, Problem, TargetError, Where, shown
from fpgac.plugins.manager import load_plugins
from fpgac.plugins.own import OWN_PACKAGES

__all__ = ["package_files", "write_package"]

# The package's files, and the template of each; a file without one is empty.
_FILES: Final = {
    "pyproject.toml": "package/pyproject.toml.j2",
    "README.md": "package/README.md.j2",
    "{package}/__init__.py": "package/__init__.py.j2",
    "{package}/target.py": "package/target.py.j2",
    "{package}/{name}.toml": "package/board.toml.j2",
    "{package}/py.typed": None,
    "{package}/templates/build/README.md.j2": "package/README.md.j2.j2",
    "tests/test_{module}.py": "package/test_target.py.j2",
}


def package_files(name: str, title: str | None = None) -> dict[str, bytes]:
    """The package's files by path; ``name`` is that of the target, ``title`` is shown to users.

    Raises:
        TargetError: the name or the title is not valid.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) > 40:
        raise TargetError(
            Problem(
                "not a valid name for a target",
                expected="lower-case letters and digits, with single hyphens between them, such as "
                "kv260; 40 characters at most",
                got=shown(name),
                code="target.invalid-name",
            )
        )
    if f"fpgac_{name}" in OWN_PACKAGES:
        raise TargetError(
            Problem(
                f"a package called fpgac_{name} is fpgac's own",
                hint="choose another name",
                code="target.reserved-name",
            )
        )
    if title is not None and (not title.strip() or not title.isprintable()):
        raise TargetError(
            Problem(
                "not a valid title for a board",
                expected="one line of text",
                got=shown(title),
                code="target.invalid-title",
            )
        )
    module = name.replace("-", "_")
    context = {
        "name": name,
        "module": module,
        "package": f"fpgac_{module}",
        "class_name": class_name(module),
        "title": title.strip() if title else name,
    }
    return {
        path.format_map(context): render(template, context) if template else b""
        for path, template in _FILES.items()
    }


def write_package(folder: Path, name: str, title: str | None = None) -> None:
    """Write :func:`package_files` into ``folder``, which must be new or empty.

    Raises:
        TargetError: the name or the title is not valid, or the name is taken.
        BuildError: the folder is not empty, or cannot be written.
    """
    files = package_files(name, title)
    if name in load_plugins().targets:
        raise TargetError(
            Problem(
                f"there is already a target {name!r}",
                hint="choose another name; `fpgac plugin list` shows which plugin has this one",
                code="target.name-taken",
            )
        )
    with disk_errors(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BuildError(
                Problem(
                    "the folder is not empty: nothing was written",
                    Where(folder),
                    expected="a new folder, or an empty one",
                    hint="give another folder with --folder",
                    code="build.folder-not-empty",
                )
            )
        for path, content in files.items():
            write_whole(folder / path, content)
