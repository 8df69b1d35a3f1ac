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
    topology = load_spec(spec_file(tmp_path, PICTURES)).spec.layered
    assert (topology.input_shapes, topology.input_size) == ({"x": (8, 8, 1)}, 64)
    assert str(topology) == "8x8x1 → 8x8x4 → 3x2x6 → 10"
    assert topology.names == ("conv2d_1", "max_pooling2d_2", "conv2d_3", "flat", "dense_5")


def test_a_sequence_has_one_axis_and_channels(tmp_path: Path) -> None:
    text = PICTURES.replace("2d", "1d").replace("[8, 8, 1]", "[9, 3]")
    for change in (("[3, 5]", "3"), ("[1, 2]", "2"), ("pool_size = 2", "pool_size = 3")):
        text = text.replace(*change)
    assert str(load_spec(spec_file(tmp_path, text)).spec.layered) == "9x3 → 9x4 → 1x6 → 10"


def test_padding_puts_the_odd_zero_behind() -> None:
    """As TensorFlow does: 8 in steps of 3 under a kernel of 4 are 3 places, 2 numbers too few."""
    assert pads((8, 9, 1), (4, 2), (3, 1)) == [(1, 1), (0, 1)]
    assert pads((8,), (1,), (3,)) == [(0, 0)]


@pytest.mark.parametrize(
    ("inputs", "layer", "shape"),
    [
        ("[9, 8, 3]", '{ kind = "depthwise_conv2d", kernel_size = 2 }', (8, 7, 3)),
        ("[9, 3]", '{ kind = "separable_conv1d", filters = 5, kernel_size = 3 }', (7, 5)),
        ("[9, 8, 3]", '{ kind = "zero_padding2d", padding = [1, 0, 2, 3] }', (10, 13, 3)),
        ("[9, 3]", '{ kind = "zero_padding1d", padding = 2 }', (13, 3)),
        ("[9, 3]", '{ kind = "cropping1d", cropping = [1, 2] }', (6, 3)),
        ("[9, 8, 3]", '{ kind = "cropping2d", cropping = 2 }', (5, 4, 3)),
        ("[9, 3]", '{ kind = "upsampling1d" }', (18, 3)),
        ("[9, 8, 3]", '{ kind = "upsampling2d", size = [1, 3] }', (9, 24, 3)),
        ("[9, 8, 3]", '{ kind = "global_max_pooling2d" }', (3,)),
        ("[8, 3]", '{ kind = "global_average_pooling1d" }', (3,)),
        ("12", '{ kind = "reshape", shape = [2, 2, 3] }', (2, 2, 3)),
        ("[9, 8, 3]", '{ kind = "permute", order = [3, 1, 2] }', (3, 9, 8)),
        ("[9, 8, 3]", '{ kind = "leaky_relu" }', (9, 8, 3)),
        ("[9, 8, 3]", '{ kind = "prelu" }', (9, 8, 3)),
        ("12", '{ kind = "softmax" }', (12,)),
        ("12", '{ kind = "argmax" }', (12,)),
    ],
)
def test_each_kind_makes_its_shape(
    tmp_path: Path, inputs: str, layer: str, shape: tuple[int, ...]
) -> None:
    topology = load_spec(spec_file(tmp_path, with_layers(inputs, layer))).spec.layered
    assert topology.shapes[topology.names[-1]] == shape


def with_layers(inputs: str, *layers: str) -> str:
    """The spec with other layers; the last may be of any kind."""
    start, end = PICTURES.index("inputs = "), PICTURES.index("[interface]")
    chain = "".join(f"    {layer},\n" for layer in layers)
    return f"{PICTURES[:start]}inputs = {inputs}\nlayers = [\n{chain}]\n{PICTURES[end:]}"


GRAPH = with_layers(
    "{ image = [8, 8, 2], more = [8, 8, 2] }",
    '{ kind = "conv2d", filters = 2, kernel_size = 3, padding = "same", inputs = ["image"] }',
    '{ kind = "add", name = "sum", inputs = ["conv2d_1", "more", "image"] }',
    '{ kind = "concatenate", name = "both", inputs = ["sum", "image"], axis = 3 }',
    '{ kind = "global_max_pooling2d", name = "greatest" }',
    '{ kind = "dense", units = 3, name = "classes" }',
).replace("[interface]", 'outputs = ["classes", "both"]\n[interface]')


def test_layers_make_a_graph_where_they_name_what_they_read(tmp_path: Path) -> None:
    topology = load_spec(spec_file(tmp_path, GRAPH)).spec.layered
    assert topology.input_shapes == {"image": (8, 8, 2), "more": (8, 8, 2)}
    assert topology.reads == (
        ("image",),
        ("conv2d_1", "more", "image"),
        ("sum", "image"),
        ("both",),
        ("greatest",),
    )
    assert topology.shapes["both"] == (8, 8, 4)
    assert topology.output_names == ("classes", "both")
    assert (topology.input_size, topology.output_size) == (256, 3 + 256)


@pytest.mark.parametrize(
    ("change", "line", "key", "code"),
    [
        (("more = [8, 8, 2]", "more = [8, 7, 2]"), 8, "[1].inputs", "shape-misfit"),
        (("axis = 3", "axis = 4"), 9, "[2].axis", "out-of-range"),
        (("axis = 3", "axis = 0"), 9, "[2].axis", "shape-misfit"),
        (('"sum", "image"]', '"sum", "greatest"]'), 9, "[2].inputs", "cycle"),
        (('"more", "image"]', '"more", "classes"]'), 8, "[1].inputs", "cycle"),
        (('"more", "image"]', '"more", "picture"]'), 8, "[1].inputs", "unknown-input"),
        (('name = "both"', 'name = "sum"'), 9, "[2].name", "name-twice"),
        (('name = "both"', 'name = "more"'), 9, "[2].name", "name-twice"),
        ((', inputs = ["image"] }', " }"), 7, "[0].inputs", "arity"),
        (('["conv2d_1", "more", "image"]', '["more"]'), 8, "[1].inputs", "arity"),
    ],
)
def test_a_graph_that_cannot_be_has_a_code_line_and_key(
    tmp_path: Path, change: tuple[str, str], line: int, key: str, code: str
) -> None:
    assert change[0] in GRAPH
    with pytest.raises(SpecError) as caught:
        load_spec(spec_file(tmp_path, GRAPH.replace(*change)))
    assert (f"spec.{code}", line, f"topology.layers{key}") in places(caught.value)


@pytest.mark.parametrize(
    ("change", "line", "key"),
    [
        (('"more", "image"]', '"image"]'), 5, "inputs"),
        (('inputs = ["sum", "image"]', 'inputs = ["more", "image"]'), 8, "layers[1].name"),
    ],
)
def test_what_nobody_reads_is_refused(
    tmp_path: Path, change: tuple[str, str], line: int, key: str
) -> None:
    assert change[0] in GRAPH
    with pytest.raises(SpecError) as caught:
        load_spec(spec_file(tmp_path, GRAPH.replace(*change)))
    assert places(caught.value) == [("spec.unread", line, f"topology.{key}")]


def places(error: SpecError) -> list[tuple[str, int | None, str]]:
    return [(p.code, p.where.line, p.where.key) for p in error.problems if p.where]


@pytest.mark.parametrize(
    ("change", "line", "key", "code"),
    [
        (('"max_pooling2d"', '"max_poling2d"'), 8, "[1].kind", "unknown-choice"),
        (('kind = "flatten", ', ""), 10, "[3].kind", "missing-key"),
        (("[8, 8, 1]", "[8, 7, 1]"), 8, "[1].pool_size", "shape-misfit"),
        (('    { kind = "flatten", name = "flat" },\n', ""), 10, "[3].kind", "shape-misfit"),
        (("kernel_size = 2", "kernel_size = 5"), 9, "[2].kernel_size", "shape-misfit"),
        (("[8, 8, 1]", "64"), 7, "[0].kind", "shape-misfit"),
        (("units = 10", "filters = 10"), 11, "[4].filters", "unknown-key"),
        (("filters = 6", "units = 6"), 9, "[2].units", "unknown-key"),
        (("kernel_size = 2", "kernel_size = [2, 2, 2]"), 9, "[2].kernel_size", "wrong-length"),
        (('"same"', '"sane"'), 7, "[0].padding", "unknown-choice"),
        (("strides = [1, 2]", "strides = 0"), 9, "[2].strides", "out-of-range"),
    ],
)
def test_a_layer_that_cannot_be_has_a_code_line_and_key(
    tmp_path: Path, change: tuple[str, str], line: int, key: str, code: str
) -> None:
    assert change[0] in PICTURES
    with pytest.raises(SpecError) as caught:
        load_spec(spec_file(tmp_path, PICTURES.replace(*change)))
    assert (f"spec.{code}", line, f"topology.layers{key}") in places(caught.value)


def test_all_layers_that_do_not_fit_are_named_at_once(tmp_path: Path) -> None:
    text = PICTURES.replace("[8, 8, 1]", "[9, 8, 1]").replace("kernel_size = 2", "kernel_size = 9")
    text = text.replace('    { kind = "flatten", name = "flat" },\n', "")
    with pytest.raises(SpecError) as caught:
        load_spec(spec_file(tmp_path, text))
    assert places(caught.value) == [
        ("spec.shape-misfit", 8, "topology.layers[1].pool_size"),
        ("spec.shape-misfit", 9, "topology.layers[2].kernel_size"),
        ("spec.shape-misfit", 10, "topology.layers[3].kind"),
    ]


@pytest.mark.parametrize(("last", "outputs"), [("conv2d_3", 36), ("max_pooling2d_2", 64)])
def test_the_last_layer_may_be_of_any_kind(tmp_path: Path, last: str, outputs: int) -> None:
    lines = PICTURES.splitlines(keepends=True)
    kept = lines[: 9 if last == "conv2d_3" else 8]
    topology = load_spec(spec_file(tmp_path, "".join([*kept, *lines[11:]]))).spec.layered
    assert topology.output_names == (last,)
    assert topology.output_size == outputs


def test_a_mean_that_is_not_exact_is_refused(tmp_path: Path) -> None:
    average = PICTURES.replace("max_pooling2d", "average_pooling2d")
    assert load_spec(spec_file(tmp_path, average)).spec.layered.output_size == 10
    thirds = average.replace("[8, 8, 1]", "[9, 9, 1]").replace("pool_size = 2", "pool_size = 3")
    with pytest.raises(SpecError) as caught:
        load_spec(spec_file(tmp_path, thirds))
    assert places(caught.value) == [("spec.shape-misfit", 8, "topology.layers[1].pool_size")]
