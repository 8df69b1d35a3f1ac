"""What the data sets of scikit-learn have in common: a fixed number of samples of some classes."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fpgac.data.dataset import Dataset, Provider
from fpgac.errors import DataError, Problem, ToolchainError

__all__ = ["ScikitProvider"]

Floats = npt.NDArray[np.float64]


class ScikitProvider(Provider):
    """A classification of ``size`` samples; a subclass has its name and features."""

    task = "classification"
    size: ClassVar[int]

    @staticmethod
    @abstractmethod
    def read(datasets: Any) -> tuple[npt.ArrayLike, npt.ArrayLike]:
        """Features and class numbers, from the module ``sklearn.datasets``."""

    def load(self, samples: int | None, seed: int) -> Dataset:
        """All samples, or ``samples`` of them; ``seed`` shuffles (and so chooses) them."""
        if samples is not None and samples > self.size:
            raise DataError(
                Problem(
                    f"the data set {self.name!r} does not hold that many samples",
                    expected=f"at most {self.size}",
                    got=f"samples = {samples}",
                    hint="remove samples from [data] to have them all",
                    code="data.too-many-samples",
                )
            )
        features, classes = self._all()
        order = np.random.default_rng(seed).permutation(self.size)[:samples]
        return Dataset(
            name=self.name,
            task=self.task,
            features=features[order],
            targets=np.eye(len(self.target_names))[classes[order]],
            feature_names=self.feature_names,
            target_names=self.target_names,
        )

    def _all(self) -> tuple[Floats, npt.NDArray[np.int64]]:
        """The features, shape (size, features), and the class numbers, shape (size,)."""
        try:
            import sklearn.datasets
        except ImportError:
            raise ToolchainError(
                Problem(
                    f"the data set {self.name!r} comes with scikit-learn, which is not installed",
                    hint="pip install 'fpgac[data]'",
                    code="toolchain.no-scikit-learn",
                )
            ) from None
        features, classes = self.read(sklearn.datasets)
        return np.asarray(features, dtype=np.float64), np.asarray(classes, dtype=np.int64)
