"""The Python host as a package for pip, so that a bitstream is shared as PYNQ users share them.

The package of a design called ``muon`` is ``muon_overlay``. It holds the host, what the board
loads where that is built, and a notebook with the vectors that it predicts. Its entry points are
PYNQ's: ``pynq.overlays``, where ``pynq.Overlay("muon.bit")`` looks, and ``pynq.notebooks``, for
``pynq get-notebooks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fpgac.design.contract import Contract, Interface
from fpgac.design.design import File
from fpgac.design.hosts import class_name
from fpgac.design.notebook import notebook
from fpgac.design.render import render

__all__ = ["OverlayPackage", "program_names"]

# What a board loads, and what lies beside it.
_SUFFIXES: Final[Mapping[Interface, tuple[str, ...]]] = {
    "m_axi": (".xclbin",),
    "axis": (".bit", ".hwh"),
}

# What pip installs for the host.
_REQUIREMENTS: Final = "requirements.txt"


def program_names(contract: Contract, kind: str | None = None) -> tuple[str, ...]:
    """The files that the board loads of a design: the one that a host is given comes first.

    ``kind`` is how it ends where another makes it of what v++ made: ``awsxclbin``.
    """
    suffixes = (f".{kind}",) if kind else _SUFFIXES[contract.interface]
    return tuple(f"{contract.name}{suffix}" for suffix in suffixes)


@dataclass(frozen=True)
class OverlayPackage:
    """What the package is made from.

    ``title`` is the board's; ``host`` are the files of the design's Python host, by their paths in
    its folder, ``requirements.txt`` among them; ``archive`` is the file that the package comes in.
    ``vectors`` are files by name: ``inputs.npy``, ``expected_raw.npy`` and ``answers.npy``, of
    which those of several tensors end in .npz, and ``answers`` says what the last one means (see
    :attr:`fpgac.data.dataset.Dataset.about_answers`). ``program`` is what the board loads, by name
    (see :func:`program_names`, also of its ``kind``), if it is built; ``stops`` says why it never
    can be.
    """

    contract: Contract
    title: str
    host: Mapping[str, bytes]
    answers: Mapping[str, Any]
    vectors: Mapping[str, bytes]
    archive: str
    description: str = ""
    stops: str = ""
    kind: str | None = None
    program: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """What Python imports."""
        return f"{self.contract.name}_overlay"

    def files(self) -> dict[str, File]:
        """All files, by path; the same each time.

        Raises:
            TargetError: a template cannot be rendered.
        """
        name, code = self.contract.name, self.package
        host = {
            path: File(content, executable=content.startswith(b"#!"))
            for path, content in self.host.items()
        }
        notebooks = f"{code}/notebooks"
        return {
            "README.md": self._rendered("README.md"),
            "pyproject.toml": self._rendered("pyproject.toml"),
            "setup.cfg": self._rendered("setup.cfg"),
            f"{code}/__init__.py": self._rendered("__init__.py"),
            **{
                path if path == _REQUIREMENTS else f"{code}/{path}": file
                for path, file in host.items()
            },
            **{f"{code}/{path}": File(content) for path, content in self.program.items()},
            f"{notebooks}/__init__.py": self._rendered("notebooks.py"),
            f"{notebooks}/{name}.ipynb": File(
                notebook(self._rendered("notebook.py").content.decode())
            ),
            **{f"{notebooks}/{path}": File(content) for path, content in self.vectors.items()},
        }

    def _rendered(self, template: str) -> File:
        lines = self.host.get(_REQUIREMENTS, b"").decode().splitlines()
        context = {
            "contract": self.contract,
            "title": self.title,
            "package": self.package,
            "class_name": class_name(self.contract.name),
            "requirements": [line for line in lines if line and not line.startswith("#")],
            "description": self.description,
            "stops": self.stops,
            "answers": self.answers,
            "archive": self.archive,
            "program_names": program_names(self.contract, self.kind),
            "kind": self.kind,
            "has_program": bool(self.program),
        }
        return File(render(f"overlay/{template}.j2", context))
