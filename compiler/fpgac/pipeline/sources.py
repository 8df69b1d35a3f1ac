"""What a build is made from: the spec's data and its network's file, read when needed."""

from __future__ import annotations

import json
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fpgac.data.dataset import Dataset, Provider, Split
from fpgac.data.vectors import make_vectors
from fpgac.errors import Problem, SpecError
from fpgac.network.imports.source import ImportedFile
from fpgac.network.source import NetworkFile, NetworkSource
from fpgac.numbers import FloatArray
from fpgac.plugins import Plugins
from fpgac.plugins.blame import blamed
from fpgac.spec.loader import SpecFile
from fpgac.spec.models import DataSection
from fpgac.tensors import Layout

if TYPE_CHECKING:
    from fpgac.network.network import Network

__all__ = ["Sources"]


T = TypeVar("T")


class _Once(cached_property[T]):
    """A cached property that is made once, however many threads ask for it at a time."""

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        with instance.lock:
            return super().__get__(instance, owner)


class Sources:
    """A spec's data and network file, for one target or several; a warm build reads neither."""

    def __init__(self, file: SpecFile, plugins: Plugins) -> None:
        self.lock = threading.RLock()
        self.file = file
        self.spec = file.spec
        self.plugins = plugins

    @property
    def has_data(self) -> bool:
        """Whether the spec names a data set; a network from a file needs none."""
        return self.spec.data is not None

    @property
    def is_imported(self) -> bool:
        """Whether the network comes from another framework's file."""
        return isinstance(self.source, ImportedFile)

    @property
    def _data(self) -> DataSection:
        if self.spec.data is None:
            raise SpecError(
                Problem(
                    "the spec names no data",
                    self.file.where(),
                    expected="a table [data]",
                    code="spec.no-data",
                )
            )
        return self.spec.data

    @_Once
    def provider(self) -> Provider:
        return self.plugins.provider(self._data.source)

    @property
    def data_digest(self) -> str:
        """What cache keys contain of the data."""
        return str(self.provider.digest) if self.has_data else ""

    @_Once
    def split(self) -> Split:
        from fpgac.data.dataset import split

        with blamed(self.provider):
            data = self.provider.load(self._data.samples, self._data.seed)
            if not isinstance(data, Dataset):
                raise TypeError(f"load must give a Dataset, not {data!r}")
        return split(data, self._data.test_fraction, self._data.seed)

    @_Once
    def source(self) -> NetworkSource:
        return self.plugins.source(self.file.network_path.name, self.file.where("network"))

    @property
    def network_digest(self) -> str:
        """Digest of the network's file.

        Raises:
            NetworkError: it cannot be read.
        """
        try:
            digest: str = self.source.digest(self.file.network_path, self.spec)
            return digest
        except OSError:
            self.read_network()  # raises: it says what to do
            raise

    def read_network(self) -> Network:
        """The network in the spec's file, which is the one that the spec asks for.

        Raises:
            NetworkError: there is none, it is damaged, or it is another one.
        """
        from fpgac.network.network import Network
        from fpgac.network.topology import check

        with blamed(self.source):
            network = self.source.read(self.file.network_path, self.spec)
            if not isinstance(network, Network):
                raise TypeError(f"read must give a Network, not {network!r}")
        if self.spec.topology is not None:
            check(network, self.spec, self.file.network_path)
        return network

    @property
    def training_digest(self) -> str | None:
        """What the network's file says it was trained from; None where it does not say."""
        if not isinstance(self.source, NetworkFile):
            return None
        try:
            document = json.loads(self.file.network_path.read_bytes())
            digest: object = document["provenance"]["training_digest"]
        except (OSError, ValueError, KeyError, TypeError):
            return None  # whoever reads the network says what is wrong
        return digest if isinstance(digest, str) else None

    def vectors(self, inputs: Layout, data: int, random: int) -> FloatArray:
        """Floats for every engine; see :func:`make_vectors`."""
        none = np.empty((0, inputs.size))
        features = self.split.test.features[:data] if self.has_data else none
        return make_vectors(inputs, features, random, self.spec.proof.seed)
