"""What the data sets of scikit-learn have in common: a fixed number of samples."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from fpgac.data.dataset import Dataset, Provider, Task
from fpgac.errors import DataError, Problem, ToolchainError

__all__ = ["ScikitProvider"]

Floats = npt.NDArray[np.float64]


class ScikitProvider(Provider):
    """A data set of ``size`` samples, a classification unless its subclass says otherwise."""

    task: Task = "classification"
    size: ClassVar[int]

    @staticmethod
    @abstractmethod
    def read(datasets: Any) -> tuple[npt.ArrayLike, npt.ArrayLike]:
        """Features and class numbers, or answers, from the module ``sklearn.datasets``."""

    def targets_of(self, answers: npt.NDArray[Any]) -> Floats:
        """The targets, shape (samples, targets), of what :meth:`read` gave; one-hot by default."""
        return np.asarray(np.eye(len(self.target_names))[answers.astype(np.int64)])

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
        features, targets = self._all()
        order = np.random.default_rng(seed).permutation(self.size)[:samples]
        return Dataset(
            name=self.name,
            task=self.task,
            features=features[order],
            targets=targets[order],
            feature_names=self.feature_names,
            target_names=self.target_names,
        )

    def _all(self) -> tuple[Floats, Floats]:
        """The features, shape (size, features), and the targets, shape (size, targets)."""
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
        features, answers = self.read(sklearn.datasets)
        return np.asarray(features, dtype=np.float64), self.targets_of(np.asarray(answers))
