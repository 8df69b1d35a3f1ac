"""``inspect``: what is in a file, before anything is made from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fpgac.build.folder import LOCK_NAME
from fpgac.core.checks import check_names
from fpgac.engines.built import Build
from fpgac.errors import FpgacError, NetworkError, Problem, SpecError, Where
from fpgac.network.file import read_network
from fpgac.network.imports.draft import Draft
from fpgac.network.imports.facts import (
    FLOATS,
    LayerFacts,
    facts_of_draft,
    facts_of_network,
    facts_of_program,
)
from fpgac.network.imports.files import is_model
from fpgac.network.imports.pickles import is_pickle, save_unpickled
from fpgac.network.imports.reading import draft_of
from fpgac.network.imports.settling import entry_type
from fpgac.network.imports.source import ImportedFile
from fpgac.network.keras.process import exchange
from fpgac.network.network import Network
from fpgac.network.source import NetworkFile
from fpgac.network.topology import untrained
from fpgac.pipeline.checking import check_spec
from fpgac.plugins import Plugins
from fpgac.reports.html import facts_html, heading_html, table_html
from fpgac.spec.loader import SpecFile
from fpgac.spec.shapes import shape_text
from fpgac.tensors import Tensor

__all__ = ["Inspection", "TensorFacts", "inspect"]

_SPEC = ".toml"
_TITLES = ("layer", "is", "gives", "format", "parameters", "products", "zeros")


@dataclass(frozen=True)
class TensorFacts:
    """An input or an output; the ``format`` is empty where it is yet to be decided."""

    name: str
    shape: tuple[int, ...] | None
    format: str

    def __str__(self) -> str:
        shape = shape_text(self.shape) if self.shape else "?"
        return f"{self.name}: {shape}" + (f" of {self.format}" if self.format else "")


@dataclass(frozen=True)
class Inspection:
    """What is in a file: ``kind`` says in words what it is.

    ``problems`` stand in the way of compiling it; ``notes`` are what a user should know.
    """

    path: Path
    kind: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    layers: tuple[LayerFacts, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def parameters(self) -> int:
        """All numbers that the layers have learnt."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiplications(self) -> int:
        """Those of one sample, with zeros not counted."""
        return sum(layer.multiplications for layer in self.layers)

    @property
    def sparsity(self) -> float:
        """The part of all weights that is zero."""
        weights = sum(layer.weights for layer in self.layers)
        return sum(layer.zeros for layer in self.layers) / weights if weights else 0.0

    def _repr_html_(self) -> str:
        tensors = [("in", tensor) for tensor in self.inputs]
        tensors += [("out", tensor) for tensor in self.outputs]
        layers = (
            (
                *(layer.name, layer.kind, shape_text(layer.shape) if layer.shape else "?"),
                *(layer.format, f"{layer.parameters:,}", f"{layer.multiplications:,}"),
                f"{layer.sparsity:.0%}" if layer.weights else "",
            )
            for layer in self.layers
        )
        remarks = [("note", note) for note in self.notes]
        remarks += [("in the way", str(problem)) for problem in self.problems]
        return (
            heading_html(f"{self.path}: {self.kind}")
            + facts_html((side, str(tensor)) for side, tensor in tensors)
            + table_html(_TITLES, layers)
            + (facts_html(remarks) if remarks else "")
        )


def inspect(path: Path, plugins: Plugins) -> Inspection:
    """What is in a model's file, a network file, a spec or a build.

    Raises:
        FpgacError: there is no such file, or it is none of these.
    """
    if (path / LOCK_NAME).is_file():
        return _build(path)
    if not path.exists():
        raise NetworkError(Problem("there is no such file", Where(path), code="network.no-file"))
    if path.suffix == _SPEC:
        return _spec(path, plugins)
    if path.name.endswith(NetworkFile.suffixes):
        return _network(path, read_network(path), "fpgac's own network file")
    if is_model(path):
        return _draft(path, _draft_at(path, trust=plugins.trust))
    known = "a model's file, a .network.json, a spec (.toml) or a build folder"
    raise NetworkError(
        Problem("a file of no known kind", Where(path), known, code="network.unknown-format")
    )


def _draft_at(path: Path, *, trust: bool) -> Draft:
    """The network in a model's file; of a pickle, which is opened where there is ``trust``."""
    if not (trust and is_pickle(path)):
        return draft_of(path, trust=trust)
    with exchange() as folder:
        save_unpickled(path, folder / "unpickled.keras")
        return draft_of(folder / "unpickled.keras", trust=trust)


def _draft(path: Path, draft: Draft) -> Inspection:
    inputs = []
    for entry in draft.entries:
        type_ = None if draft.problems else entry_type(draft, entry)
        inputs.append(TensorFacts(entry.name, entry.shape, str(type_ or "")))
    outputs = (TensorFacts(o.name, draft.shapes.get(o.node), "") for o in draft.outputs)
    layers = tuple(facts_of_draft(draft))
    return Inspection(
        path,
        f"a model of {draft.framework}'s",
        tuple(inputs),
        tuple(outputs),
        layers,
        draft.problems,
        tuple(_notes(layers, inputs)),
    )


def _notes(layers: Iterable[LayerFacts], inputs: Iterable[TensorFacts]) -> list[str]:
    """What is still to be decided."""
    floats = [layer.name for layer in layers if layer.format == FLOATS]
    notes = []
    if floats:
        shown = ", ".join(floats[:3]) + (", ..." if floats[3:] else "")
        notes.append(f"floats in {shown}: formats are chosen by data, or given in [quantisation]")
    if open_ := [tensor.name for tensor in inputs if not tensor.format]:
        notes.append(f"the type of {', '.join(open_)} is for the spec to say: interface.input")
    return notes


def _network(path: Path, network: Network, kind: str) -> Inspection:
    problems: tuple[Problem, ...] = ()
    try:
        check_names(network)
    except FpgacError as error:
        problems = error.problems
    return Inspection(
        path,
        kind,
        tuple(map(_tensor, network.inputs)),
        tuple(map(_tensor, network.output_tensors)),
        tuple(facts_of_network(network)),
        problems,
    )


def _tensor(tensor: Tensor) -> TensorFacts:
    return TensorFacts(tensor.name, tensor.shape, str(tensor.type))


def _spec(path: Path, plugins: Plugins) -> Inspection:
    file = check_spec(path, plugins)
    source = plugins.source(file.network_path.name, file.where("network"))
    if isinstance(source, ImportedFile):
        return _imported(path, file, source)
    if file.network_path.is_file():
        return _network(path, source.read(file.network_path, file.spec), "a spec, and its network")
    if file.spec.topology is None:
        raise SpecError(
            Problem(
                "the network's file is not there",
                file.where("network"),
                got=str(file.network_path),
                code="spec.no-network",
            )
        )
    return _network(path, untrained(file.spec), "a spec whose network is not trained yet")


def _imported(path: Path, file: SpecFile, source: ImportedFile) -> Inspection:
    """With the formats that the spec gives, as far as they are known yet."""
    kind = f"a spec, whose network is in {file.network_path.name}"
    try:
        return _network(path, source.read(file.network_path, file.spec), kind)
    except NetworkError as error:
        if {problem.code for problem in error.problems} != {"network.no-formats"}:
            raise
    found = _draft(path, source.draft(file.network_path))
    return Inspection(
        path, kind, found.inputs, found.outputs, found.layers, found.problems, found.notes
    )


def _build(path: Path) -> Inspection:
    build = Build.open(path)
    program = build.program
    return Inspection(
        path,
        f"a build of {build.contract.name}",
        tuple(map(_tensor, build.input_layout.tensors)),
        tuple(map(_tensor, build.output_layout.tensors)),
        tuple(facts_of_program(program)),
    )
