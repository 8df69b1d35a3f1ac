"""A layer's constants as C++: byte for byte what hls4ml writes, each number spelt only once.

hls4ml spells every number anew; a layer of 4096 by 4096 has 16 million, but 256 different ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["are_numbers", "write_weights"]


def write_weights(writer: Any, graph: Any, folder: Path) -> None:
    """Write the constants of hls4ml's ``ModelGraph`` into ``folder``, ``NAME.h`` for each array.

    ``writer`` is hls4ml's own, for arrays that hold something else than numbers in their order.
    """
    for node in graph.get_layers():
        for weights in node.get_weights():
            if are_numbers(weights):
                (folder / f"{weights.name}.h").write_text(_header(weights))
            else:
                writer.print_array_to_cpp(weights, folder.parents[1], write_txt_file=False)


def are_numbers(weights: Any) -> bool:
    """Whether hls4ml's array holds numbers: others hold structs, of places or of exponents."""
    from hls4ml.model.types import WeightVariable

    return type(weights).__next__ is WeightVariable.__next__


def _header(weights: Any) -> str:
    numbers = np.unique(weights.data)
    places = np.searchsorted(numbers, weights.data.ravel())
    texts = [weights.precision_fmt.format(number) for number in numbers]
    return f"""\
//Numpy array shape {weights.shape}
//Min {weights.min:.12f}
//Max {weights.max:.12f}
//Number of zeros {weights.nzeros}

#ifndef {weights.name.upper()}_H_
#define {weights.name.upper()}_H_

{weights.definition_cpp()} = {{{", ".join(map(texts.__getitem__, places.tolist()))}}};


#endif
"""
