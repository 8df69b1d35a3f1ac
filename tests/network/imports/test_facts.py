"""Multiplications are counted as often as weights are applied to one sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fpgac.network.imports.facts import facts_of_draft, facts_of_network
from fpgac.network.imports.formats import WideFormats
from fpgac.network.imports.reading import draft_of
from fpgac.network.imports.settling import settle
from tests.network.imports.onnx_files import Writing


def test_filters_work_at_every_place_and_slopes_at_their_own(tmp_path: Path) -> None:
    w = Writing([1, 2, 4, 3])
    x = w.add("PRelu", "input", w.constant(np.full((2, 1, 1), 0.25, np.float32)))
    x = w.add("Conv", x, w.constant(np.ones((5, 2, 2, 2), np.float32)))
    x = w.add("Gemm", w.add("Flatten", x), w.constant(np.eye(30, 7, dtype=np.float32)))
    draft = draft_of(w.write(tmp_path / "net.onnx", x))
    expected = {"prelu_0": 2 * 4 * 3, "conv_1": 3 * 2 * 5 * 8, "gemm_3": 7}

    network = settle(draft, "net", WideFormats()).network
    for facts in (facts_of_draft(draft), facts_of_network(network)):
        products = {layer.name: layer.multiplications for layer in facts if layer.multiplications}
        assert products == expected
