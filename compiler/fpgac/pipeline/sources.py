"""What a build is made from, each thing made when it is first asked for."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fpgac.data.dataset import Dataset, Provider, Split
from fpgac.data.vectors import make_vectors
from fpgac.network.network import Network
from fpgac.network.source import NetworkSource
from fpgac.numbers import FloatArray
from fpgac.pipeline.checking import own_reuse_factors
from fpgac.plugins import Plugins
from fpgac.plugins.blame import blamed
from fpgac.spec.loader import SpecFile
from fpgac.tensors import Layout, Tensor

if TYPE_CHECKING:
    from fpgac.core.core import Core
    from fpgac.engines.proving import Agreement
    from fpgac.native.engine import Engine

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

        with blamed(self.provider):
            data = self.provider.load(self.spec.data.samples, self.spec.data.seed)
            if not isinstance(data, Dataset):
                raise TypeError(f"load must give a Dataset, not {data!r}")
        return split(data, self.spec.data.test_fraction, self.spec.data.seed)

    @_Once
    def source(self) -> NetworkSource:
        return self.plugins.source(self.spec.network_file, self.file.where("network"))

    @_Once
    def network(self) -> Network:
        from fpgac.network.topology import check

        with blamed(self.source):
            network = self.source.read(self.file.network_path, self.spec)
            if not isinstance(network, Network):
                raise TypeError(f"read must give a Network, not {network!r}")
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

    @_Once
    def proof_vectors(self) -> FloatArray:
        """The proof's samples as floats, of shape (samples, inputs)."""
        return self.vectors(self.spec.proof.data, self.spec.proof.random)

    @_Once
    def exact(self) -> Engine | None:
        """The core's exact program, ready to run; None where it has none."""
        from fpgac.native.engine import Engine
        from fpgac.program.ranges import NotExact
        from fpgac.rules.core_program import exact_program

        try:
            return Engine.of(exact_program(self.core))
        except NotExact:
            return None

    @_Once
    def keras_outputs(self) -> tuple[FloatArray, FloatArray]:
        """What the quantised Keras network gives for the proof's vectors, and for the test data.

        It is asked once: loading TensorFlow takes seconds.
        """
        from fpgac.engines.keras import keras_outputs

        vectors = self.proof_vectors
        numbers = np.concatenate([vectors, self.split.test.features])
        outputs = keras_outputs(self.network, self.spec.interface.input.raw(numbers))
        return outputs[: len(vectors)], outputs[len(vectors) :]

    @_Once
    def test_data_agreements(self) -> tuple[Agreement, ...]:
        """The proof on all of the test data; empty where the vectors hold it all already."""
        from fpgac.engines.keras import keras_is_installed
        from fpgac.engines.proving import prove_test_data

        if self.exact is None or len(self.split.test) <= self.spec.proof.data:
            return ()
        return prove_test_data(
            self.core,
            self.network,
            self.split.test.features,
            exact=self.exact,
            keras=(lambda: self.keras_outputs[1]) if keras_is_installed() else None,
        )

    def vectors(self, data: int, random: int) -> FloatArray:
        """Floats for every engine; see :func:`make_vectors`."""
        topology, to = self.spec.topology, self.spec.interface.input
        layout = Layout((Tensor("x", topology.input_shape, to),))
        return make_vectors(layout, self.split.test.features[:data], random, self.spec.proof.seed)
