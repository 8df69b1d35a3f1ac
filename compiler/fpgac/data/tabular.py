"""scikit-learn's other tables: wines, tumours, and the progress of diabetes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.data.scikit import Floats, ScikitProvider

__all__ = ["BreastCancerProvider", "DiabetesProvider", "WineProvider"]

_CELLS = (
    *("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity"),
    *("concave_points", "symmetry", "fractal_dimension"),
)


class WineProvider(ScikitProvider):
    """Thirteen measurements, unscaled: from 0.1 to 1680."""

    name = "wine"
    description = "Italian wines, from scikit-learn: 13 measurements, 3 cultivars"
    version = "1"
    size = 178
    feature_names = (
        *("alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols"),
        *("flavanoids", "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue"),
        *("od280_od315_of_diluted_wines", "proline"),
    )
    target_names = ("class_0", "class_1", "class_2")

    @staticmethod
    def read(datasets: Any) -> tuple[npt.ArrayLike, npt.ArrayLike]:
        """See :meth:`ScikitProvider.read`."""
        features, cultivars = datasets.load_wine(return_X_y=True)
        return features, cultivars


class BreastCancerProvider(ScikitProvider):
    """Thirty measurements of cell nuclei, unscaled: from 0 to 4254."""

    name = "breast_cancer"
    description = "tumours of Wisconsin, from scikit-learn: 30 measurements, malignant or benign"
    version = "1"
    size = 569
    feature_names = tuple(
        f"{kind}_{what}" for kind in ("mean", "error", "worst") for what in _CELLS
    )
    target_names = ("malignant", "benign")

    @staticmethod
    def read(datasets: Any) -> tuple[npt.ArrayLike, npt.ArrayLike]:
        """See :meth:`ScikitProvider.read`."""
        features, diagnoses = datasets.load_breast_cancer(return_X_y=True)
        return features, diagnoses


class DiabetesProvider(ScikitProvider):
    """Ten measurements, each with a sum of squares of 1: all within 0.2 of zero."""

    name = "diabetes"
    description = "patients, from scikit-learn: 10 measurements, the disease's progress in a year"
    version = "1"
    task = "regression"
    size = 442
    feature_names = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
    target_names = ("progression",)

    @staticmethod
    def read(datasets: Any) -> tuple[npt.ArrayLike, npt.ArrayLike]:
        """See :meth:`ScikitProvider.read`."""
        features, progress = datasets.load_diabetes(return_X_y=True)
        return features, progress

    def targets_of(self, answers: npt.NDArray[Any]) -> Floats:
        """See :meth:`ScikitProvider.targets_of`."""
        return answers.astype(np.float64).reshape(-1, 1)
