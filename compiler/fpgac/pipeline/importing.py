"""Networks from other frameworks' files: what a spec has to decide about them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fpgac.build.folder import disk_errors, write_whole
from fpgac.data.accuracy import judge
from fpgac.data.vectors import make_vectors
from fpgac.errors import NetworkError, Problem
from fpgac.network.imports.choosing import Chosen, choose, float_outputs
from fpgac.network.imports.draft import Draft
from fpgac.network.imports.files import content_digest, formats_path
from fpgac.network.imports.hls4ml_project import is_project, read_project
from fpgac.network.imports.settling import entry_type
from fpgac.network.imports.source import ImportedFile, given_inputs, needs_formats
from fpgac.network.meaning import outputs
from fpgac.numbers import FixedPoint, FloatArray
from fpgac.pipeline.sources import Sources
from fpgac.spec.loader import SpecFile
from fpgac.tensors import Layout, Tensor

__all__ = ["ChosenFormats", "choose_formats", "unheeded"]

# Samples of the data, or of random numbers, that show the ranges.
_SAMPLES = 8192
# Of an input whose type data are to choose.
_ANY = FixedPoint(16, 6)


@dataclass(frozen=True)
class ChosenFormats:
    """The file in which chosen formats were written down, and what is to be said of them."""

    path: Path
    lines: tuple[str, ...]


def choose_formats(sources: Sources) -> ChosenFormats | None:
    """Choose formats for what the spec's imported network has as floats, if nothing gives them.

    Raises:
        NetworkError: there is nothing to choose them by, or they cannot be written.
    """
    file, spec = sources.file, sources.spec
    path = file.network_path
    source = sources.source
    if not isinstance(source, ImportedFile) or not needs_formats(source, path, spec):
        return None
    draft = source.draft(path)
    inputs = given_inputs(draft, spec)
    bits = spec.quantisation.bits
    layout = _layout(sources, draft, inputs)
    rows = _rows(sources, layout)
    chosen = choose(draft, path, content_digest(path), rows, bits, inputs)
    written = formats_path(path, spec.name)
    with disk_errors(written):
        write_whole(written, chosen.text().encode())
    by = f"{len(rows):,} samples of {'the data' if sources.has_data else 'random numbers'}"
    said = f"{chosen.model} has floats: formats of {bits} bits chosen by {by}, written to {written}"
    return ChosenFormats(written, (said, *_loss(sources, draft, layout, chosen)))


def unheeded(file: SpecFile) -> str:
    """What hls4ml's project asks for and the spec does not, in one line; empty if there is nothing.

    A project's formats are the network's; how hls4ml is to build it is for the spec to say.
    """
    path, said = file.network_path, file.spec.hls
    if not is_project(path):
        return ""
    project = read_project(path)
    wishes = {key: value for key, value in project.wishes.items() if getattr(said, key) != value}
    own = any(table.get("layers") for table in file.spec.targets.values())
    asked = [f"{key} = {json.dumps(value)}" for key, value in wishes.items()]
    asked += [] if own else [f"settings of its own for {name}" for name in project.layer_wishes]
    if not asked:
        return ""
    return f"{path.name} asks for {', '.join(asked)}: 'fpgac import' writes this into a spec"


def _layout(sources: Sources, draft: Draft, inputs: dict[str, FixedPoint]) -> Layout:
    """The inputs with their scalings; types that data are to choose are any.

    Raises:
        NetworkError: there are no data, and nothing else gives an input a type.
    """
    tensors = []
    for entry in draft.entries:
        type_ = inputs.get(entry.name) or entry_type(draft, entry)
        if type_ is None and not sources.has_data:
            raise NetworkError(
                Problem(
                    f"the range of the input {entry.name!r} is not known",
                    sources.file.where("interface"),
                    expected="a table [data], or interface.input = 'ap_fixed<...>'",
                    code="network.no-ranges",
                )
            )
        tensors.append(Tensor(entry.name, entry.shape, type_ or _ANY))
    layout = Layout(tuple(tensors))
    return layout.with_scaling(sources.fit_scaling(layout))


def _rows(sources: Sources, layout: Layout) -> FloatArray:
    """Scaled samples of the training data; without data, random ones over the inputs' types."""
    if sources.has_data:
        return layout.scaled(sources.split.train.features[:_SAMPLES])
    none = np.empty((0, layout.size))
    rows = make_vectors(layout, none, _SAMPLES, sources.spec.proof.seed)[:_SAMPLES]
    return layout.on_grid(rows)


def _loss(sources: Sources, draft: Draft, layout: Layout, chosen: Chosen) -> tuple[str, ...]:
    """What the formats cost on the test data: floats against formats."""
    if not sources.has_data:
        return ()
    test = sources.split.test
    network = sources.read_network()
    inputs = network.input_layout.with_scaling(sources.scaling)
    answers = {
        "in floats": float_outputs(draft, layout.scaled(test.features)),
        f"in {chosen.bits} bits": outputs(network, inputs.raw(test.features)),
    }
    return tuple(f"{how}: {judge(test, found).summary}" for how, found in answers.items())
