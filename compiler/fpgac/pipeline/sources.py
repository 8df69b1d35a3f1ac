"""What a build is made from: the spec's data and its network's file, read when needed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np

from fpgac.build.folder import File, Files
from fpgac.core.about import About, Column
from fpgac.data.columns import matches
from fpgac.data.dataset import Provider, Split, Task
from fpgac.data.vectors import make_vectors
from fpgac.digest import digest_file
from fpgac.errors import NetworkError, Problem, SpecError, Where
from fpgac.network.imports.files import files_of, formats_path, whole_model
from fpgac.network.imports.source import ImportedFile
from fpgac.network.source import NetworkFile, NetworkSource
from fpgac.numbers import FloatArray
from fpgac.plugins import Plugins
from fpgac.reports.training import TrainingReport, report_path
from fpgac.spec.loader import SpecFile
from fpgac.spec.models import FILE, DataSection, Spec
from fpgac.tensors import Layout, Scaling

if TYPE_CHECKING:
    from fpgac.network.network import Network

__all__ = ["Sources", "provider_of"]


T = TypeVar("T")


def _columns(
    names: Sequence[str], rows: FloatArray | None, units: Sequence[str]
) -> tuple[Column, ...]:
    """The columns of these names, with the range of ``rows`` if there are some."""
    if rows is None:
        return tuple(map(Column, names))
    lows, highs = rows.min(axis=0).tolist(), rows.max(axis=0).tolist()
    return tuple(map(Column, names, lows, highs, units))


class _Once(cached_property[T]):
    """A cached property that is made once, however many threads ask for it at a time."""

    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        with instance.lock:
            return super().__get__(instance, owner)


def provider_of(file: SpecFile, plugins: Plugins) -> Provider:
    """Where the spec's data come from: its own files, or the provider that it names.

    Raises:
        DataError: there is no such provider, or a file does not have what the spec says.
        SpecError: the spec names no data.
        ToolchainError: the library that reads the file is not installed.
    """
    data = _data_of(file)
    if data.source != FILE:
        return plugins.provider(data.source)
    from fpgac.data.files.provider import FileProvider

    return FileProvider(data, data.task or _task(file.spec), file.path.parent)


def _data_of(file: SpecFile) -> DataSection:
    if file.spec.data is None:
        raise SpecError(
            Problem(
                "the spec names no data",
                file.where(),
                expected="a table [data]",
                code="spec.no-data",
            )
        )
    return file.spec.data


def _task(spec: Spec) -> Task:
    """What a file's targets are by the loss, where the spec does not say."""
    if spec.training.loss == "binary_crossentropy":
        several = spec.topology is None or spec.topology.output_size > 1
        return "multi-label" if several else "binary"
    return "classification" if spec.training.loss == "crossentropy" else "regression"


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
    def trusts(self) -> bool:
        """Whether program code in the network's file may run."""
        return isinstance(self.source, ImportedFile) and self.source.trust

    @property
    def _data(self) -> DataSection:
        return _data_of(self.file)

    @_Once
    def provider(self) -> Provider:
        return provider_of(self.file, self.plugins)

    @property
    def data_digest(self) -> str:
        """What cache keys contain of the data."""
        return str(self.provider.digest) if self.has_data else ""

    @_Once
    def split(self) -> Split:
        from fpgac.data.dataset import split

        said = self._data
        data = self.provider.load(said.samples, said.seed)
        test = self.provider.load_test()
        return Split(data, test) if test else split(data, said.test_fraction, said.seed)

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

    @_Once
    def scaling(self) -> Mapping[str, Scaling]:
        """What hosts scale each input by, by its name.

        What is to be found in the data is kept with a network that was trained here, and found
        anew for one that was imported.

        Raises:
            NetworkError: the spec asks for a scaling that was to be found in the training.
        """
        said = self.spec.data.scaling if self.spec.data is not None else None
        if not isinstance(said, str) or self.is_imported:
            return self.fit_scaling()
        return self.read_network().scaling or self._not_scaled("features", "scaling", said)

    @_Once
    def target_scaling(self) -> Mapping[str, Scaling]:
        """What the targets were scaled by, by the output's name.

        Raises:
            NetworkError: the spec asks for a scaling that was to be found in the training.
        """
        said = self.spec.data.target_scaling if self.spec.data is not None else None
        if not isinstance(said, str) or self.is_imported:
            return self.fit_target_scaling()
        found = self.read_network().target_scaling
        return found or self._not_scaled("targets", "target_scaling", said)

    def _not_scaled(self, what: str, key: str, said: str) -> NoReturn:
        raise NetworkError(
            Problem(
                f"the network was not trained on scaled {what}",
                Where(self.file.network_path),
                expected=f"a network with the scaling {said!r}",
                hint=f"fpgac train {self.file.path}; or give a table under [data.{key}]",
                code="network.not-scaled",
            )
        )

    @property
    def inputs(self) -> Layout:
        """The network's inputs with their scalings."""
        layout: Layout = self.network_inputs
        return layout.with_scaling(self.scaling)

    @_Once
    def network_inputs(self) -> Layout:
        """What the network itself takes, already scaled: as the spec says, or else its file.

        Raises:
            NetworkError: there is no such file.
        """
        if self.spec.topology is not None:
            return self.spec.inputs
        layout: Layout = self.read_network().input_layout
        return layout

    def fit_scaling(self, inputs: Layout | None = None) -> Mapping[str, Scaling]:
        """The spec's scaling of ``inputs``, as a training finds it in its part of the data.

        By default, the inputs are those of the network, whose types must be known.
        """
        said = self.spec.data.scaling if self.spec.data is not None else None
        if said is None:
            return {}
        from fpgac.data.scaling import fitted, from_table

        layout = inputs or self.network_inputs
        if isinstance(said, str):
            return fitted(said, layout, self.split.train.features)
        where = self.file.where("data", "scaling")
        return from_table(said, layout, self.provider.feature_names, where)

    def fit_target_scaling(self) -> Mapping[str, Scaling]:
        """The same for targets, by the outputs' names."""
        from fpgac.data.scaling import fitted, from_table

        said = self.spec.data.target_scaling if self.spec.data is not None else None
        if said is None:
            return {}
        if isinstance(said, str):
            return fitted(said, self.network_outputs, self.split.train.targets)
        where = self.file.where("data", "target_scaling")
        return from_table(said, self.network_outputs, self.provider.target_names, where)

    @property
    def network_outputs(self) -> Layout:
        """The network's outputs, in types that keep every bit.

        Raises:
            NetworkError: the spec has no layers, and there is no file of the network's.
        """
        from fpgac.network.topology import untrained

        layered = self.spec.topology is not None
        network = untrained(self.spec) if layered else self.read_network()
        return Layout(network.output_tensors)

    def read_network(self) -> Network:
        """The network in the spec's file, which is the one that the spec asks for.

        Raises:
            NetworkError: there is none, it is damaged, or it is another one.
        """
        from fpgac.network.topology import check

        network: Network = self.source.read(self.file.network_path, self.spec)
        if self.spec.topology is not None:
            check(network, self.spec, self.file.network_path)
        if network.scaling and not (self.spec.data and self.spec.data.scaling):
            raise NetworkError(
                Problem(
                    "the network was trained on scaled features",
                    Where(self.file.network_path),
                    expected="'scaling' under [data]",
                    got="none",
                    hint=f"write it there, or train again: fpgac train {self.file.path}",
                    code="network.scaled",
                )
            )
        if network.target_scaling and not (self.spec.data and self.spec.data.target_scaling):
            raise NetworkError(
                Problem(
                    "the network was trained on scaled targets",
                    Where(self.file.network_path),
                    expected="'target_scaling' under [data]",
                    got="none",
                    hint=f"write it there, or train again: fpgac train {self.file.path}",
                    code="network.scaled-targets",
                )
            )
        return network

    @property
    def copies(self) -> Files:
        """The spec and the files of its network, for whoever receives the build; below ``spec/``.

        A network in a folder, such as TensorFlow's SavedModel, is not among them.
        """
        network = self.file.network_path
        files = files_of(whole_model(network)) if self.is_imported else [network]
        paths = (self.file.path, *files, formats_path(network, self.spec.name))
        try:
            return {
                f"spec/{path.name}": File(path.read_bytes()) for path in paths if path.is_file()
            }
        except OSError as error:
            raise SpecError(
                Problem(
                    f"cannot be read: {error.strerror}",
                    Where(self.file.path),
                    code="spec.unreadable",
                )
            ) from error

    @property
    def report_digest(self) -> str | None:
        """Digest of the training's report, if there is one."""
        path = report_path(self.file.network_path)
        return digest_file(path) if path.is_file() else None

    def about(self, network: str) -> About | None:
        """What the numbers of the network with this digest mean, and how good it is.

        None where the spec names no data, which would say it.
        """
        if not self.has_data:
            return None
        train, path = self.split.train, report_path(self.file.network_path)
        said = train.about_answers
        report = TrainingReport.read(path, network)
        return About(
            data=train.name,
            task=train.task,
            features=_columns(
                train.feature_names, train.features, self.units_of(train.feature_names)
            ),
            results=_columns(
                train.target_names,
                None if train.task == "classification" else train.targets,
                self.units_of(train.target_names),
            ),
            quantity=said["quantity"],
            accuracy=report.lines if report else (),
        )

    def units_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """The unit of each column, as the spec or else the provider says; empty where none does."""
        said = (self.spec.data and self.spec.data.units) or {}
        units = [*said.items(), *self.provider.units.items()]
        return tuple(
            next((unit for pattern, unit in units if matches(name, pattern)), "") for name in names
        )

    @property
    def training_digest(self) -> str | None:
        """What the network's file says it was trained from; None where it does not say."""
        return self._provenance("training_digest")

    @property
    def is_of_other_data(self) -> bool:
        """Whether the network was trained on a file that holds other samples now."""
        if self.spec.data is None or self.spec.data.source != FILE:
            return False
        return self._provenance("data", "digest") not in (None, self.provider.digest)

    def _provenance(self, *keys: str) -> str | None:
        """What the network's file says of where it comes from; None where it does not say."""
        if not isinstance(self.source, NetworkFile):
            return None
        try:
            said = json.loads(self.file.network_path.read_bytes())["provenance"]
            for key in keys:
                said = said[key]
        except (OSError, ValueError, KeyError, TypeError):
            return None  # whoever reads the network says what is wrong
        return said if isinstance(said, str) else None

    def vectors(self, layout: Layout, data: int, random: int) -> FloatArray:
        """Floats for every engine whose inputs are ``layout``; see :func:`make_vectors`."""
        none = np.empty((0, layout.size))
        features = self.split.test.features[:data] if self.has_data else none
        return make_vectors(layout, features, random, self.spec.proof.seed)
