"""A plugin to start from: a complete package for one target, rendered from templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from fpgac.build.folder import disk_errors, write_whole
from fpgac.design.hosts import class_name
from fpgac.design.render import render
from fpgac.errors import BuildError, Problem, TargetError, Where, shown
from fpgac.plugins.manager import load_plugins
from fpgac.plugins.own import OWN_PACKAGES

__all__ = ["Kind", "package_files", "write_package"]

Kind = Literal["card", "embedded", "vivado", "ip"]

# The package's files, and the template of each; a file without one is empty.
_FILES: Final = {
    "pyproject.toml": "package/pyproject.toml.j2",
    "README.md": "package/README.md.j2",
    "{package}/__init__.py": "package/__init__.py.j2",
    "{package}/target.py": "package/target.py.j2",
    "{package}/{name}.toml": "package/{kind}.toml.j2",
    "{package}/py.typed": None,
    "{package}/templates/{name}/README.md.j2": "package/build_readme.md.j2",
    "tests/__init__.py": None,
    "tests/test_{module}.py": "package/test_target.py.j2",
    ".github/workflows/test.yml": "package/ci.yml.j2",
}


@dataclass(frozen=True)
class _Base:
    """The class that a target starts from, and what a package says of it.

    ``readme`` is the template of a build's README, which gets a ``section`` with ``text``;
    ``extras`` of fpgac and Debian's ``packages`` are what the tests of such a target need.
    """

    module: str
    name: str
    about: str
    proof: str
    readme: str
    section: str
    text: str
    extras: str = "train"
    packages: tuple[str, ...] = ()


_XRT: Final = (
    *("libxrt1", "libxrt-dev", "uuid-dev"),
    *("ocl-icd-libopencl1", "ocl-icd-opencl-dev", "opencl-clhpp-headers"),
)

_BASES: Final[Mapping[str, _Base]] = {
    "card": _Base(
        module="fpgac_targets.vitis",
        name="VitisTarget",
        about="A PCIe card that is built with v++",
        proof="real g++, real XRT, the emulated card",
        readme="build/README.md.j2",
        section="The card",
        text="`xbutil examine` must list it, with the platform `{{ board.platforms[0] }}`.",
        extras="pynq,train",
        packages=_XRT,
    ),
    "embedded": _Base(
        module="fpgac_targets.embedded",
        name="EmbeddedTarget",
        about="A board with a processor of its own that is built with v++",
        proof="real g++, real XRT, the emulated card",
        readme="build/README.md.j2",
        section="The board",
        text="Set its switches to boot from the SD card.",
        packages=_XRT,
    ),
    "vivado": _Base(
        module="fpgac_targets.vivado",
        name="VivadoTarget",
        about="A Zynq board whose overlay Vivado builds for PYNQ",
        proof="real g++, the real pynq, the emulated board, a recorder that knows Vivado's Tcl",
        readme="vivado/README.md.j2",
        section="The board",
        text="Set its switches to boot from the SD card with PYNQ's image.",
        extras="pynq,train",
    ),
    "ip": _Base(
        module="fpgac_targets.ip",
        name="IpTarget",
        about="An IP for Vivado's catalogue, with AXI4-Streams and without hosts",
        proof="real g++, and a recorder that knows the Tcl of HLS",
        readme="ip/README.md.j2",
        section="Where it goes",
        text="It takes its clock and its reset from the design around it.",
    ),
}


def package_files(name: str, title: str | None = None, kind: Kind = "card") -> dict[str, bytes]:
    """The package's files by path; ``name`` is that of the target, ``title`` is shown to users.

    Its board file asks for the facts of a board of that ``kind``: v++ builds a ``card`` and an
    ``embedded`` board, Vivado an overlay, ``ip`` is for Vivado's catalogue.

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
        "kind": kind,
        "base": _BASES[kind],
    }
    return {
        path.format_map(context): render(template.format_map(context), context) if template else b""
        for path, template in _FILES.items()
    }


def write_package(folder: Path, name: str, title: str | None = None, kind: Kind = "card") -> None:
    """Write :func:`package_files` into ``folder``, which must be new or empty.

    Raises:
        TargetError: the name or the title is not valid, or the name is taken.
        BuildError: the folder is not empty, or cannot be written.
    """
    files = package_files(name, title, kind)
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
