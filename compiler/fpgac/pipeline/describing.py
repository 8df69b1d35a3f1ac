"""``fpgac data``: the samples of a spec in figures, and as arrays."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fpgac.build.folder import disk_errors, write_whole
from fpgac.data.dataset import Split
from fpgac.data.summary import Summary, summary
from fpgac.pipeline.sources import Sources

if TYPE_CHECKING:
    from fpgac.plugins import Plugins
    from fpgac.spec.loader import SpecFile

__all__ = ["SpecData"]


class SpecData:
    """The data of a spec; its network need not be trained, a scaling is found anew.

    Raises:
        FpgacError: the data cannot be read, or do not fit the spec.
    """

    def __init__(self, file: SpecFile, plugins: Plugins) -> None:
        self._sources = Sources(file, plugins)

    def summary(self) -> Summary:
        """The samples in figures."""
        sources = self._sources
        inputs = sources.network_inputs.with_scaling(sources.fit_scaling())
        return summary(sources.split, inputs)

    def export(self, path: Path) -> None:
        """Write all samples, as the data have them: not scaled.

        A ``.csv`` is a table of the training part, then the test part, with the classes' names as
        labels. Any other file is an .npz archive of the arrays ``x_train``, ``y_train``, ``x_test``
        and ``y_test``, rows of shape (samples, numbers).

        Raises:
            BuildError: the file cannot be written.
        """
        parts = self._sources.split
        content = _csv(parts) if path.suffix.lower() == ".csv" else _npz(parts)
        with disk_errors(path):
            write_whole(path, content)


def _npz(parts: Split) -> bytes:
    stream = io.BytesIO()
    np.savez(
        stream,
        x_train=parts.train.features,
        y_train=parts.train.targets,
        x_test=parts.test.features,
        y_test=parts.test.targets,
    )
    return stream.getvalue()


def _csv(parts: Split) -> bytes:
    """A line of names, and a line for each sample, whose numbers are exact."""
    data, stream = parts.train, io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    is_labelled = data.task == "classification"
    table.writerow([*data.feature_names, *(["label"] if is_labelled else data.target_names)])
    for part in (parts.train, parts.test):
        answers: Any = part.targets.tolist()
        if is_labelled:
            answers = [[data.target_names[place]] for place in part.targets.argmax(axis=1)]
        for features, answer in zip(part.features.tolist(), answers, strict=True):
            table.writerow([*features, *answer])
    return stream.getvalue().encode()
