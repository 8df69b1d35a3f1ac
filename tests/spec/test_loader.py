"""Loading a spec: what is right is frozen, and what is wrong is told all at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fpgac.errors import SpecError
from fpgac.numbers import FixedPoint
from fpgac.spec.loader import load_spec

Write = Callable[[str], Path]
SPECS = Path(__file__).parents[2] / "specs"

GOOD = """\
name = "tiny"
[data]
source = "iris"
[topology]
inputs = 4
layers = [
    { kind = "dense", units = 8, activation = "relu" },
    { kind = "dense", units = 3 },
]
[interface]
input = "ap_fixed<16,6,RND,SAT>"
[targets.aws-f1]
"""


@pytest.fixture
def spec_file(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "tiny.toml"
        path.write_text(text)
        return path

    return write


def problems(path: Path) -> list[tuple[int | None, str, str]]:
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    return [
        (p.where.line, p.where.key, f"{p.what} | {p.expected} | {p.hint}")
        for p in caught.value.problems
        if p.where
    ]


@pytest.mark.parametrize("name", ["muon.toml", "jets.toml", "digits.toml", "iris.toml"])
def test_the_specs_that_come_with_fpgac_are_valid(name: str) -> None:
    assert load_spec(SPECS / name).spec.name == name.removesuffix(".toml")


def test_a_good_spec_holds_typed_values_and_defaults(spec_file: Write) -> None:
    file = load_spec(spec_file(GOOD))
    assert file.spec.interface.input == FixedPoint.parse("ap_fixed<16,6,RND,SAT>")
    assert file.spec.topology.names == ("dense_1", "dense_2")
    assert file.spec.hls.strategy == "latency"
    assert file.network_path.name == "tiny.network.json"
    assert file.where("topology", "layers", 1, "units").line == 8


@pytest.mark.parametrize(
    ("change", "line", "key", "text"),
    [
        (('"tiny"', '"class"'), 1, "name", "reserved word"),
        (('"tiny"', '"my net"'), 1, "name", "no C identifier"),
        (('"tiny"', "7"), 1, "name", "valid string"),
        (("source", "sorce"), 3, "data.sorce", "did you mean 'source'?"),
        (('"iris"', '"iris"\nepochs = 3'), 4, "data.epochs", "belongs under [training]"),
        (("inputs = 4", "inputs = 4.5"), 5, "topology.inputs", "valid integer"),
        (("inputs = 4", 'inputs = "4"'), 5, "topology.inputs", "valid integer"),
        (("inputs = 4", "inputs = true"), 5, "topology.inputs", "valid integer"),
        (('"relu"', '"rleu"'), 7, "topology.layers[0].activation", "did you mean 'relu'?"),
        (("units = 3", "units = 0"), 8, "topology.layers[1].units", "greater than or equal to 1"),
        (("units = 3", "unit = 3"), 8, "topology.layers[1].unit", "did you mean 'units'?"),
        (
            ("units = 3 }", 'units = 3, name = "dense_1_relu" }'),
            4,
            "topology",
            "two layers would be named 'dense_1_relu'",
        ),
        (
            ("units = 3 }", 'units = 3, activation = "relu" }'),
            4,
            "topology",
            "last layer must have activation 'linear'",
        ),
        (
            ("units = 3 }", 'units = 3, weights = "quantized_bits(8, 0, alpha=2)" }'),
            8,
            "topology.layers[1].weights",
            "no quantiser that fpgac knows",
        ),
        (
            ("units = 3 }", 'units = 3, weights = "quantized_bits(1, 0)" }'),
            8,
            "topology.layers[1].weights",
            "2 bits or more",
        ),
        (("[interface]", "[hls]\nclock_mhz = inf\n[interface]"), 11, "hls.clock_mhz", "finite"),
        (("RND,", "RNDD,"), 11, "interface.input", "did you mean 'RND'?"),
        (("<16,6,", "<0,6,"), 11, "interface.input", "at least one bit"),
        (("<16,6,", "<54,6,"), 11, "interface.input", "at most 53 bits"),
        (("<16,6,", "<2000,6,"), 11, "interface.input", "at most 53 bits"),
        (("<16,6,", "<16,99,"), 11, "interface.input", "before the point"),
        (('SAT>"', 'SAT>"\noutput = "ap_fixed<65,3>"'), 12, "interface.output", "at most 53 bits"),
        (('"ap_fixed<16,6,RND,SAT>"', "16"), 11, "interface.input", "must be a string"),
        (("[targets.aws-f1]", ""), None, "targets", "missing key"),
    ],
)
def test_a_mistake_is_told_with_line_key_and_mend(
    spec_file: Write, change: tuple[str, str], line: int | None, key: str, text: str
) -> None:
    found = problems(spec_file(GOOD.replace(*change)))
    assert len(found) == 1, found
    assert found[0][:2] == (line, key)
    assert text in found[0][2]


def test_all_mistakes_of_a_file_come_at_once_in_the_order_of_lines(spec_file: Write) -> None:
    text = GOOD.replace("inputs", "input").replace("RND", "ROUND").replace('"tiny"', '""')
    lines = [line for line, _, _ in problems(spec_file(text))]
    assert lines == [1, 5, 11]


@pytest.mark.parametrize(
    ("text", "line"), [('name = "x\n', 1), ("a = 1\nb = [1,\n", None), ("a = 1\na = 2\n", 2)]
)
def test_a_syntax_error_names_its_line(spec_file: Write, text: str, line: int | None) -> None:
    with pytest.raises(SpecError, match="TOML syntax") as caught:
        load_spec(spec_file(text))
    (problem,) = caught.value.problems
    assert problem.where is not None
    assert problem.where.line == line


def test_a_missing_file_names_the_nearest_one() -> None:
    with pytest.raises(SpecError, match=r"did you mean 'muon.toml'") as caught:
        load_spec(SPECS / "muno.toml")
    assert caught.value.exit_code == 3


def test_a_folder_a_binary_file_and_a_dangling_link_are_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    link = tmp_path / "link.toml"
    link.symlink_to("nowhere")
    for path, text in ((tmp_path, "folder"), (binary, "UTF-8"), (link, "no such spec")):
        with pytest.raises(SpecError, match=text):
            load_spec(path)
