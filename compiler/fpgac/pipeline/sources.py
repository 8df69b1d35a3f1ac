"""What a build is made from, each thing made when it is first asked for."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from fpgac.data.dataset import Dataset, Provider, Split
from fpgac.network.network import Network
from fpgac.numbers import FloatArray
from fpgac.pipeline.checking import own_reuse_factors
from fpgac.plugins import Plugins
from fpgac.run.vectors import make_vectors
from fpgac.spec.loader import SpecFile

if TYPE_CHECKING:
    from fpgac.core.core import Core

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
    """A spec's data, network and core, for one target or several; a warm build asks for none."""

    def __init__(self, file: SpecFile, plugins: Plugins) -> None:
        self.lock = threading.RLock()
        self.file = file
        self.spec = file.spec
        self.plugins = plugins

    @_Once
    def provider(self) -> Provider:
        return self.plugins.provider(self.spec.data.source)

    @_Once
    def split(self) -> Split:
        from fpgac.data.dataset import split

        data: Dataset = self.provider.load(self.spec.data.samples, self.spec.data.seed)
        return split(data, self.spec.data.test_fraction, self.spec.data.seed)

    @_Once
    def network(self) -> Network:
        from fpgac.network.file import read_network
        from fpgac.network.topology import check

        network = read_network(self.file.network_path)
        check(network, self.spec, self.file.network_path)
        return network

    @_Once
    def core(self) -> Core:
        from fpgac.core.lowering import lower

        output = self.spec.interface.output
        return lower(
            self.network,
            self.spec.hls,
            output=None if output == "auto" else output,
            reuse_factors=own_reuse_factors(self.spec),
        )

    def vectors(self, data: int, random: int) -> FloatArray:
        """Floats for every engine; see :func:`make_vectors`."""
        to, seed = self.spec.interface.input, self.spec.proof.seed
        return make_vectors(to, self.split.test.features[:data], random, seed)
