"""Fisher's Iris: 150 flowers of three species, four lengths of each; scikit-learn's copy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fpgac.data.dataset import Dataset, Provider
from fpgac.errors import DataError, Problem, ToolchainError

__all__ = ["IrisProvider"]

SAMPLES = 150


class IrisProvider(Provider):
    """The four lengths in cm, as they are: at most 7.9, well within ``ap_fixed<16,6>``."""

    name = "iris"
    description = "Fisher's Iris, from scikit-learn: 4 lengths in cm, 3 species"
    version = "1"
    task = "classification"
    feature_names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    target_names = ("setosa", "versicolor", "virginica")

    def load(self, samples: int | None, seed: int) -> Dataset:
        """All 150 flowers, or ``samples`` of them; ``seed`` shuffles (and so chooses) them."""
        if samples is not None and samples > SAMPLES:
            raise DataError(
                Problem(
                    "the data set 'iris' does not hold that many samples",
                    expected=f"at most {SAMPLES}",
                    got=f"samples = {samples}",
                    hint="leave out samples under [data] to have them all",
                )
            )
        features, species = _flowers()
        order = np.random.default_rng(seed).permutation(SAMPLES)[:samples]
        return Dataset(
            name=self.name,
            task=self.task,
            features=features[order],
            targets=np.eye(len(self.target_names))[species[order]],
            feature_names=self.feature_names,
            target_names=self.target_names,
        )


def _flowers() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The lengths, shape (150, 4), and the species' numbers, shape (150,)."""
    try:
        from sklearn.datasets import load_iris
    except ImportError:
        raise ToolchainError(
            Problem(
                "the data set 'iris' comes with scikit-learn, which is not installed",
                hint="pip install 'fpgac[data]'",
            )
        ) from None
    features, species = load_iris(return_X_y=True)
    return np.asarray(features, dtype=np.float64), np.asarray(species, dtype=np.int64)
