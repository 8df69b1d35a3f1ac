"""Layers of every kind: what a spec may say of them, and how what cannot be is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.errors import SpecError
from fpgac.spec.loader import load_spec
from fpgac.spec.shapes import pads

PICTURES = """\
name = "tiny"
[data]
source = "digits"
[topology]
inputs = [8, 8, 1]
layers = [
    { kind = "conv2d", filters = 4, kernel_size = [3, 5], padding = "same", activation = "relu" },
    { kind = "max_pooling2d", pool_size = 2 },
    { kind = "conv2d", filters = 6, kernel_size = 2, strides = [1, 2] },
    { kind = "flatten", name = "flat" },
    { kind = "dense", units = 10 },
]
[interface]
input = "ap_ufixed<6,1,RND,SAT>"
[targets.aws-f1]
"""


def spec_file(folder: Path, text: str) -> Path:
    path = folder / "tiny.toml"
    path.write_text(text)
    return path


def test_each_layer_makes_a_shape_of_another(tmp_path: Path) -> None:
    topology = load_spec(spec_file(tmp_path, PICTURES)).spec.topology
    assert (topology.input_shapes, topology.input_size) == ({"x": (8, 8, 1)}, 64)
    assert str(topology) == "8x8x1 → 8x8x4 → 3x2x6 → 10"
    assert topology.names == ("conv2d_1", "max_pooling2d_2", "conv2d_3", "flat", "dense_5")


def test_a_sequence_has_one_axis_and_channels(tmp_path: Path) -> None:
    text = PICTURES.replace("2d", "1d").replace("[8, 8, 1]", "[9, 3]")
    for change in (("[3, 5]", "3"), ("[1, 2]", "2"), ("pool_size = 2", "pool_size = 3")):
        text = text.replace(*change)
    assert str(load_spec(spec_file(tmp_path, text)).spec.topology) == "9x3 → 9x4 → 1x6 → 10"


def test_padding_puts_the_odd_zero_behind() -> None:
    """As TensorFlow does: 8 in steps of 3 under a kernel of 4 are 3 places, 2 numbers too few."""
    assert pads((8, 9, 1), (4, 2), (3, 1)) == [(1, 1), (0, 1)]
    assert pads((8,), (1,), (3,)) == [(0, 0)]


@pytest.mark.parametrize(
    ("change", "line", "key", "text"),
    [
        (('"max_pooling2d"', '"max_poling2d"'), 8, "[1].kind", "did you mean 'max_pooling2d'?"),
        (('kind = "flatten", ', ""), 10, "[3].kind", "missing key 'kind'"),
        (("[8, 8, 1]", "[8, 7, 1]"), 8, "[1].pool_size", "pools of 2x2 do not divide 8x7x4"),
        (('    { kind = "flatten", name = "flat" },\n', ""), 10, "[3].kind", "put a layer of kind"),
        (
            ("kernel_size = 2", "kernel_size = 5"),
            9,
            "[2].kernel_size",
            "5x5, is larger than its 4x",
        ),
        (("[8, 8, 1]", "64"), 7, "[0].kind", "such as inputs = [8, 8, 1], not 64"),
        (("units = 10", "filters = 10"), 11, "[4].filters", "unknown key"),
        (("filters = 6", "units = 6"), 9, "[2].units", "unknown key"),
        (("kernel_size = 2", "kernel_size = [2, 2, 2]"), 9, "[2].kernel_size", "wrong number"),
        (('"same"', '"sane"'), 7, "[0].padding", "did you mean 'same'?"),
        (("strides = [1, 2]", "strides = 0"), 9, "[2].strides", "at least 1"),
    ],
)
def test_a_layer_that_cannot_be_is_told_with_line_and_key(
    tmp_path: Path, change: tuple[str, str], line: int, key: str, text: str
) -> None:
    assert change[0] in PICTURES
    with pytest.raises(SpecError) as caught:
        load_spec(spec_file(tmp_path, PICTURES.replace(*change)))
    told = [problem for problem in caught.value.problems if text in str(problem)]
    assert [(p.where.line, p.where.key) for p in told if p.where] == [
        (line, f"topology.layers{key}")
    ]


def test_all_layers_that_do_not_fit_are_told_at_once(tmp_path: Path) -> None:
    text = PICTURES.replace("[8, 8, 1]", "[9, 8, 1]").replace("kernel_size = 2", "kernel_size = 9")
    with pytest.raises(SpecError) as caught:
        load_spec(
            spec_file(tmp_path, text.replace('    { kind = "flatten", name = "flat" },\n', ""))
        )
    assert [p.where.line for p in caught.value.problems if p.where] == [8, 9, 10]


def test_the_last_layer_may_be_of_any_kind(tmp_path: Path) -> None:
    text = PICTURES.replace('    { kind = "dense", units = 10 },\n', "")
    topology = load_spec(spec_file(tmp_path, text)).spec.topology
    assert (topology.output_names, topology.output_size) == (("flat",), 36)


def test_a_mean_that_is_not_exact_is_refused(tmp_path: Path) -> None:
    average = PICTURES.replace("max_pooling2d", "average_pooling2d")
    assert load_spec(spec_file(tmp_path, average)).spec.topology.output_size == 10
    thirds = average.replace("[8, 8, 1]", "[9, 9, 1]").replace("pool_size = 2", "pool_size = 3")
    with pytest.raises(SpecError, match="the mean of 9 numbers is not exact") as caught:
        load_spec(spec_file(tmp_path, thirds))
    assert [p.where.key for p in caught.value.problems if p.where] == [
        "topology.layers[1].pool_size"
    ]
