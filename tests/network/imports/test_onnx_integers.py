"""ONNX's own quantisers: integers between ``QuantizeLinear`` and ``DequantizeLinear`` are types."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.network.imports.draft import Sums
from fpgac.network.imports.reading import draft_of
from fpgac.network.ops.quantise import Quantise
from tests.network.imports.onnx_files import Writing


def rounded(
    w: Writing, name: str, scale: Any, zero: Any, clip: Sequence[int] = (), after: Any = None
) -> str:
    """From numbers to integers and back; ``after`` is another scale on the way back."""
    steps, origin = w.constant(np.float32(scale)), w.constant(zero)
    x = w.add("QuantizeLinear", name, steps, origin)
    if clip:
        x = w.add("Clip", x, *(w.constant(zero.dtype.type(end)) for end in clip))
    back = steps if after is None else w.constant(np.float32(after))
    return w.add("DequantizeLinear", x, back, origin)


@pytest.mark.parametrize(
    ("zero", "clip", "type_"),
    [
        (np.int8(0), (), "ap_fixed<8,4,RND_CONV,SAT>"),
        (np.uint8(0), (), "ap_ufixed<8,4,RND_CONV,SAT>"),
        (np.int8(0), (-32, 31), "ap_fixed<6,2,RND_CONV,SAT>"),
        (np.int8(0), (-7, 7), "ap_fixed<4,0,RND_CONV,SAT_SYM>"),
        (np.uint8(0), (0, 15), "ap_ufixed<4,0,RND_CONV,SAT>"),
    ],
)
def test_integers_of_so_many_bits_are_a_type(
    tmp_path: Path, zero: Any, clip: Sequence[int], type_: str
) -> None:
    w = Writing([1, 4])
    draft = draft_of(w.write(tmp_path / "net.onnx", rounded(w, "input", 2**-4, zero, clip)))

    (quantise,) = (node.what for node in draft.nodes)
    assert isinstance(quantise, Quantise)
    assert [str(each) for each in quantise.types] == [type_]


@pytest.mark.parametrize(
    ("scale", "zero", "clip", "after"),
    [
        (0.1, np.int8(0), (), None),
        (0.125, np.uint8(128), (), None),
        (0.125, np.int8(0), (-5, 9), None),
        (0.125, np.int8(0), (), 0.25),
        ([0.125] * 4, np.zeros(4, np.int8), (), None),
    ],
)
def test_what_no_type_can_do_is_refused(
    tmp_path: Path, scale: Any, zero: Any, clip: Sequence[int], after: Any
) -> None:
    w = Writing([1, 4])
    end = rounded(w, "input", scale, zero, clip, after)

    draft = draft_of(w.write(tmp_path / "net.onnx", end))
    assert [problem.code for problem in draft.problems] == ["network.unknown-layer"]


def test_what_computes_with_integers_is_refused(tmp_path: Path) -> None:
    w = Writing([1, 4])
    steps, zero = w.constant(np.float32(0.5)), w.constant(np.int8(0))
    x = w.add("Relu", w.add("QuantizeLinear", "input", steps, zero))
    draft = draft_of(w.write(tmp_path / "net.onnx", w.add("DequantizeLinear", x, steps, zero)))

    assert [problem.what for problem in draft.problems] == [
        "Relu '/relu_1': it computes with integers"
    ]


@pytest.mark.parametrize("axis", [0, 1])
def test_weights_may_have_a_scale_for_each_channel(tmp_path: Path, axis: int) -> None:
    w = Writing([1, 4])
    words = np.arange(-4, 4, dtype=np.int8).reshape(2, 4)
    scale = 0.5 ** np.arange(words.shape[axis], dtype=np.float32)
    zero = w.constant(np.zeros(len(scale), np.int8))
    weights = w.add("DequantizeLinear", w.constant(words), w.constant(scale), zero, axis=axis)
    draft = draft_of(w.write(tmp_path / "net.onnx", w.add("Gemm", "input", weights, transB=1)))

    (sums,) = (node.what for node in draft.nodes)
    assert isinstance(sums, Sums)
    expected = words * (scale[:, None] if axis == 0 else scale)
    assert sums.weights.values.T.tolist() == expected.tolist()
    assert sums.weights.type is not None


def test_weights_may_be_floats_that_are_rounded(tmp_path: Path) -> None:
    w = Writing([1, 3])
    given = w.constant(np.array([[0.3, -0.8, 40.0]], np.float32))
    weights = rounded(w, given, 0.25, np.int8(0))
    draft = draft_of(w.write(tmp_path / "net.onnx", w.add("Gemm", "input", weights, transB=1)))

    (sums,) = (node.what for node in draft.nodes)
    assert isinstance(sums, Sums)
    assert sums.weights.values[:, 0].tolist() == [0.25, -0.75, 31.75]
    assert sums.weights.type is not None


def test_weights_whose_scale_is_no_power_of_two_are_floats(tmp_path: Path) -> None:
    w = Writing([1, 2])
    steps, zero = w.constant(np.float32(0.1)), w.constant(np.int8(0))
    weights = w.add("DequantizeLinear", w.constant(np.array([[3, -2]], np.int8)), steps, zero)
    draft = draft_of(w.write(tmp_path / "net.onnx", w.add("Gemm", "input", weights, transB=1)))

    (sums,) = (node.what for node in draft.nodes)
    assert isinstance(sums, Sums)
    assert sums.weights.type is None
