"""Fisher's Iris: 150 flowers of three species, four lengths each; scikit-learn's copy."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy.typing as npt

from fpgac.data.scikit import ScikitProvider

__all__ = ["IrisProvider"]


class IrisProvider(ScikitProvider):
    """The four lengths in cm, unscaled: at most 7.9, well within ``ap_fixed<16,6>``."""

    name = "iris"
    description = "Fisher's Iris, from scikit-learn: 4 lengths in cm, 3 species"
    version = "1"
    size = 150
    units = MappingProxyType({"*_length": "cm", "*_width": "cm"})
    feature_names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    target_names = ("setosa", "versicolor", "virginica")

    @staticmethod
    def read(datasets: Any) -> tuple[npt.ArrayLike, npt.ArrayLike]:
        """See :meth:`ScikitProvider.read`."""
        features, species = datasets.load_iris(return_X_y=True)
        return features, species
