"""What host programs write is what the chip's words mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fpgac.data.samples import results_file
from fpgac.decoding import Decoding
from fpgac.engines.hosts import require_meaning
from fpgac.errors import ProofError
from fpgac.numbers import FixedPoint
from fpgac.tensors import Layout, Tensor

TYPE = FixedPoint.parse("ap_fixed<16,8>")
CLASSES = Tensor("classes", (3,), TYPE, decoding=Decoding.parse("softmax"))
WORDS = np.array([[512, 1024, 0, 5], [256, -256, 300, 6]])


@pytest.mark.parametrize(
    ("layout", "name", "words"),
    [
        (Layout((CLASSES,)), "y.npy", WORDS[:, :3]),
        (Layout((CLASSES, Tensor("energy", (1,), TYPE))), "y.npz", WORDS),
    ],
)
def test_every_bit_counts(
    layout: Layout,
    name: str,
    words: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    tmp_path: Path,
) -> None:
    for change in (0, 1):
        changed = words.copy()
        changed[1, 2] += change
        with results_file(tmp_path / name, layout, 2, raw=False) as write:
            write(layout.number(changed))
        if not change:
            require_meaning("xrt", tmp_path / name, words, layout)
            continue
        with pytest.raises(ProofError) as caught:
            require_meaning("xrt", tmp_path / name, words, layout)
        assert caught.value.problems[0].code == "proof.wrong-meaning"
