"""File formats of trained networks: the built-in one, and what a plugin's must be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from fpgac.digest import digest_file

if TYPE_CHECKING:
    from fpgac.network.network import Network
    from fpgac.spec.models import Spec

__all__ = ["NetworkFile", "NetworkSource", "source_of"]


class NetworkSource(ABC):
    """One file format of trained networks; the spec's ``network`` names a file of it.

    ``suffixes`` are the endings of its files, such as ``(".qonnx",)``; the longest that fits a
    file decides. A source reads: what ``fpgac train`` makes is always a ``.network.json``.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    #: Files, and folders of files, that it reads beside the network's own.
    depends_on: ClassVar[tuple[Path, ...]] = ()

    @abstractmethod
    def read(self, path: Path, spec: Spec) -> Network:
        """The network in the file at ``path``; it is checked against ``spec`` afterwards.

        Raises:
            NetworkError: there is no such file, it is damaged, or it cannot be a network.
        """

    def trusting(self) -> NetworkSource:
        """The same source, for files whose program code may run, as the user says; by default none
        of its files holds any.
        """
        return self

    def digest(self, path: Path, spec: Spec) -> str:
        """Digest of all that :meth:`read` reads.

        Raises:
            OSError: the file cannot be read.
        """
        return digest_file(path)


class NetworkFile(NetworkSource):
    """fpgac's own format."""

    name = "network.json"
    description = "fpgac's own: whole numbers, formats and the recording, as JSON"
    suffixes = (".network.json",)

    def read(self, path: Path, spec: Spec) -> Network:
        """See :func:`fpgac.network.file.read_network`."""
        from fpgac.network.file import read_network

        return read_network(path)


SourceT = TypeVar("SourceT", bound=NetworkSource)


def source_of(file: str, sources: Mapping[str, SourceT]) -> SourceT | None:
    """The source of ``file`` among ``sources`` by suffix: that of the longest that fits, or None.

    >>> source_of("iris.network.json", {".json": "other", ".network.json": "own"})
    'own'
    """
    fitting = [suffix for suffix in sources if file.endswith(suffix)]
    return sources[max(fitting, key=len)] if fitting else None
