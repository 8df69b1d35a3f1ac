"""Who a piece of code belongs to: a plugin's name, where it comes from, its files and its log."""

from __future__ import annotations

import contextlib
import re
import site
import sys
import sysconfig
import traceback
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from fpgac.build.cache import cache_path, own_folder
from fpgac.errors import Where

__all__ = ["Owner"]

# A log that has grown beyond this is begun anew.
_LONGEST_LOG: Final = 2**20


@dataclass(frozen=True)
class Owner:
    """A plugin: its name, its distribution and version or its file, and where its code lies.

    ``root`` is the folder of its package, or the file of its module; None where that is not known.
    """

    name: str
    origin: str = ""
    root: Path | None = None

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"{self.name!r} of {self.origin}" if self.origin else repr(self.name)

    @property
    def folder(self) -> Path | None:
        """The folder of its code: its package's, or its module's where that lies with no others."""
        if self.root is None or self.root.is_dir():
            return self.root
        return None if self.root.parent in _shared_folders() else self.root.parent

    def owns(self, file: str) -> bool:
        """Whether the source ``file`` is the plugin's."""
        path = Path(file)
        return path == self.root or (self.folder is not None and path.is_relative_to(self.folder))

    def place_of(self, error: BaseException) -> Where | None:
        """The line of the plugin's code that ``error`` comes from: the last one in its traceback.

        An error of syntax is where that is. None where no code of the plugin's took part.
        """
        if isinstance(error, SyntaxError) and error.filename:
            return Where(Path(error.filename), error.lineno)
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if self.owns(frame.filename)]
        return Where(Path(own[-1].filename), own[-1].lineno) if own else None

    @property
    def log(self) -> Path:
        """Where all goes that its code prints: ``plugins/NAME.log`` in fpgac's cache."""
        return cache_path("plugins") / f"{re.sub(r'[^A-Za-z0-9._-]', '_', self.name)}.log"

    def keep(self, printed: bytes) -> None:
        """Add what the plugin ``printed`` to its log, as far as the disk takes it."""
        with contextlib.suppress(OSError):
            own_folder(self.log.parent)
            grown = self.log.is_file() and self.log.stat().st_size > _LONGEST_LOG
            with self.log.open("wb" if grown else "ab") as stream:
                stream.write(printed)


@lru_cache
def _shared_folders() -> frozenset[Path]:
    """Where modules of many distributions lie side by side."""
    paths = sysconfig.get_paths()
    known = [paths["purelib"], paths["platlib"], paths["stdlib"], site.getusersitepackages()]
    # Of a clone that was never installed: fpgac's own folders.
    return frozenset(map(Path, [*known, *(p for p in sys.path if p.endswith("site-packages"))]))
