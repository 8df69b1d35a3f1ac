"""``fpgac data``: the samples of a spec in figures, and as arrays."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fpgac.build.folder import disk_errors, write_whole
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
        """Write the arrays ``x_train``, ``y_train``, ``x_test`` and ``y_test`` of an .npz archive.

        They are rows, shape (samples, numbers), as the data have them: not scaled.

        Raises:
            BuildError: the file cannot be written.
        """
        parts, stream = self._sources.split, io.BytesIO()
        np.savez(
            stream,
            x_train=parts.train.features,
            y_train=parts.train.targets,
            x_test=parts.test.features,
            y_test=parts.test.targets,
        )
        with disk_errors(path):
            write_whole(path, stream.getvalue())
