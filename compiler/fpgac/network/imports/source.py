"""Other frameworks' files as a source of networks: what a spec's ``network`` may name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fpgac.digest import digest_file, digest_json
from fpgac.errors import NetworkError, Problem, Where, nearest
from fpgac.network.imports.files import SUFFIXES, content_digest, formats_path, whole_model
from fpgac.network.imports.hls4ml_project import is_project, read_project
from fpgac.network.source import NetworkSource

if TYPE_CHECKING:
    from fpgac.network.imports.draft import Draft
    from fpgac.network.imports.formats import Formats
    from fpgac.network.network import Network
    from fpgac.numbers import FixedPoint
    from fpgac.spec.models import Spec

__all__ = ["ImportedFile", "given_inputs", "needs_formats"]


@dataclass(frozen=True)
class ImportedFile(NetworkSource):
    """Files of Keras, QKeras, HGQ2, ONNX and QONNX; their code runs with ``trust`` alone."""

    trust: bool = False

    name = "Keras or ONNX"
    description = "Keras 2 and 3, QKeras, HGQ2, ONNX, QONNX: topology, formats and names are theirs"
    suffixes = SUFFIXES

    def read(self, path: Path, spec: Spec) -> Network:
        """See :meth:`NetworkSource.read`.

        What the file has as floats gets the formats of the spec's ``[quantisation]``, or those
        that were chosen by data.
        """
        from fpgac.network.imports.reading import imported

        draft = self.draft(path)
        formats = _formats(path, spec, lambda: draft)
        return imported(draft, path, spec.name, formats, given_inputs(draft, spec))

    def draft(self, path: Path) -> Draft:
        """The network in the file at ``path``, as the file has it.

        Raises:
            NetworkError: there is no such file, it is of no known kind, or it cannot be read.
        """
        from fpgac.network.imports.reading import draft_of

        return draft_of(path, trust=self.trust)

    def trusting(self) -> NetworkSource:
        """See :meth:`NetworkSource.trusting`."""
        return ImportedFile(trust=True)

    def check(self, path: Path, spec: Spec) -> None:
        """Refuse what stands in the way of importing the file, all of it at once.

        Raises:
            NetworkError: something does.
        """
        draft = self.draft(path)
        if draft.problems:
            raise NetworkError(*(replace(p, where=Where(path)) for p in draft.problems))
        given_inputs(draft, spec)

    def sizes(self, path: Path) -> dict[str, int]:
        """How many numbers the ``inputs`` take, and the ``outputs`` give; none if not known.

        Raises:
            NetworkError: there is no such file, or it cannot be read.
        """
        draft = self.draft(path)
        names = {
            "inputs": [entry.name for entry in draft.entries],
            "outputs": [output.node for output in draft.outputs],
        }
        shapes = {side: [draft.shapes.get(name) for name in names[side]] for side in names}
        return {
            side: sum(math.prod(shape) for shape in found if shape is not None)
            for side, found in shapes.items()
            if None not in found and not draft.problems
        }

    def outline(self, path: Path, name: str) -> Network | None:
        """The network's layers and their shapes, with formats of any width; None where something
        stands in the way of importing it.

        Raises:
            NetworkError: there is no such file, or it cannot be read.
        """
        from fpgac.network.imports.formats import WideFormats
        from fpgac.network.imports.settling import settle

        draft = self.draft(path)
        return None if draft.problems else settle(draft, name, WideFormats()).network

    def digest(self, path: Path, spec: Spec) -> str:
        """See :meth:`NetworkSource.digest`: of the file, its name, and what gives formats."""
        formats = formats_path(path, spec.name)
        chosen = digest_file(formats) if formats.is_file() else ""
        project = digest_file(path) if is_project(path) else ""
        return digest_json([whole_model(path).name, content_digest(path), chosen, project])


def needs_formats(source: ImportedFile, path: Path, spec: Spec) -> bool:
    """Whether the file at ``path`` has floats whose formats are yet to be chosen by data.

    Raises:
        NetworkError: the file cannot be imported.
    """
    from fpgac.network.imports.choosing import UnchosenFormats
    from fpgac.network.imports.reading import imported

    formats = _formats(path, spec, lambda: source.draft(path))
    if not isinstance(formats, UnchosenFormats):
        return False
    draft = source.draft(path)
    try:
        imported(draft, path, spec.name, formats, given_inputs(draft, spec))
    except NetworkError as error:
        if {problem.code for problem in error.problems} == {"network.no-formats"}:
            return True
        raise
    return False


def given_inputs(draft: Draft, spec: Spec) -> dict[str, FixedPoint]:
    """The types that a spec gives to inputs.

    Raises:
        NetworkError: the network has no such input.
    """
    given = spec.interface.input
    names = [entry.name for entry in draft.entries]
    if not isinstance(given, Mapping):
        return {} if given is None else dict.fromkeys(names, given)
    for name in given:
        if name not in names:
            what = f"the network has no input {name!r}"
            where = Where(key=f"interface.input.{name}")
            hint = nearest(name, names)
            raise NetworkError(Problem(what, where, hint=hint, code="network.unknown-input"))
    return dict(given)


def _formats(path: Path, spec: Spec, draft: Callable[[], Draft]) -> Formats:
    """The spec's own formats, or those of hls4ml's project, or those that data chose."""
    from fpgac.network.imports.choosing import UnchosenFormats
    from fpgac.network.imports.formats import ProjectFormats, UsualFormats

    usual = spec.quantisation
    if usual.source is None and usual.model_fields_set - {"bits"}:
        return UsualFormats(usual)
    project = read_project(path) if is_project(path) and usual.source is None else None
    if project is not None and project.has_precisions:
        kinds = {node.name: node.label.partition(" ")[0] for node in draft().nodes}
        return ProjectFormats(project, kinds)
    written = formats_path(path, spec.name)
    return _written(written, path) if written.is_file() else UnchosenFormats(path)


def _written(written: Path, path: Path) -> Formats:
    """The formats in the file ``written``, which data chose for the model at ``path``.

    Raises:
        NetworkError: they were chosen for another model.
    """
    from fpgac.network.imports.choosing import WrittenFormats, read_formats

    chosen = read_formats(written)
    if chosen.digest != content_digest(path):
        raise NetworkError(
            Problem(
                f"the formats were chosen for another {chosen.model}",
                Where(written),
                expected=f"those of {whole_model(path).name} as it is now",
                hint="delete the file to have them chosen again",
                code="network.other-formats",
            )
        )
    return WrittenFormats(chosen, written)
