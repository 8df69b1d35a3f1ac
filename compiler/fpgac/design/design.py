"""A pure in-memory tree of files for one target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath

from fpgac.build.folder import File
from fpgac.digest import digest_bytes, digest_json

__all__ = ["Design", "File"]


@dataclass(frozen=True)
class Design:
    """Files by relative POSIX path; the same inputs give the same bytes.

    Raises:
        ValueError: a path is absolute or leaves the tree.
    """

    name: str
    target: str
    files: Mapping[str, File]

    def __post_init__(self) -> None:
        for path in self.files:
            pure = PurePosixPath(path)
            if pure.is_absolute() or ".." in pure.parts or str(pure) != path:
                raise ValueError(f"a design's path must be relative and plain, not {path!r}")

    def part(self, folder: str) -> Design:
        """The files below ``folder`` alone."""
        inside = {path: file for path, file in self.files.items() if path.startswith(f"{folder}/")}
        return replace(self, files=inside)

    @cached_property
    def digest(self) -> str:
        """Digest of all paths, contents and modes."""
        return digest_json(
            {
                path: [digest_bytes(file.content), file.executable]
                for path, file in self.files.items()
            }
        )
