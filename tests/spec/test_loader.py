"""Loading a spec: values and defaults, and files that are no specs at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fpgac.errors import Problem, SpecError
from fpgac.numbers import FixedPoint
from fpgac.spec.loader import LARGEST, load_spec

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


def refusal(path: Path) -> Problem:
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    (problem,) = caught.value.problems
    assert problem.where is not None
    assert problem.where.file == path
    return problem


@pytest.mark.parametrize("name", ["muon.toml", "jets.toml", "digits.toml", "iris.toml"])
def test_the_specs_that_come_with_fpgac_are_valid(name: str) -> None:
    assert load_spec(SPECS / name).spec.name == name.removesuffix(".toml")


def test_a_good_spec_holds_typed_values_and_defaults(spec_file: Write) -> None:
    file = load_spec(spec_file(GOOD))
    assert file.spec.interface.input == FixedPoint.parse("ap_fixed<16,6,RND,SAT>")
    assert file.spec.layered.names == ("dense_1", "dense_2")
    assert file.spec.hls.strategy == "latency"
    assert file.network_path.name == "tiny.network.json"
    assert file.where("topology", "layers", 1, "units").line == 8


@pytest.mark.parametrize(
    ("text", "code", "line", "what"),
    [
        ('name = "x\n', "spec.syntax", 1, "TOML syntax: illegal character '\\n' (column 10)"),
        ("a = 1\nb = [1,\n", "spec.syntax", None, "TOML syntax: invalid value"),
        ("a = 1\na = 2\n", "spec.duplicate-key", 2, "the key 'a' is in the file twice"),
        ("[a]\n[b]\n[a]\n", "spec.duplicate-key", 3, "the table [a] is in the file twice"),
        ("x = [{ b = 1, b = 2 }]", "spec.duplicate-key", 1, "the key 'b' is in the file twice"),
    ],
)
def test_a_syntax_error_names_its_line(
    spec_file: Write, text: str, code: str, line: int | None, what: str
) -> None:
    problem = refusal(spec_file(text))
    assert (problem.code, problem.where and problem.where.line) == (code, line)
    assert problem.what.startswith(what)


def test_a_byte_order_mark_is_no_part_of_the_spec(spec_file: Write) -> None:
    path = spec_file("\ufeff" + GOOD)
    assert load_spec(path).spec.name == "tiny"


def test_samples_that_no_memory_holds_are_refused(spec_file: Write) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(spec_file(GOOD + "[proof]\nrandom = 1_000_000_000_000\n"))
    (problem,) = caught.value.problems
    assert problem.code == "spec.out-of-range"
    assert problem.where is not None
    assert problem.where.key == "proof.random"


def test_letters_that_changed_places_are_the_nearest(spec_file: Write) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(spec_file(GOOD.replace("RND", "RDN")))
    assert "did you mean 'RND'?" in str(caught.value)


def test_a_missing_file_names_the_nearest_one() -> None:
    problem = refusal(SPECS / "muno.toml")
    assert (problem.code, problem.hint) == ("spec.not-found", "did you mean 'muon.toml'?")


def test_in_an_empty_folder_a_starter_is_offered(tmp_path: Path) -> None:
    assert "fpgac init" in refusal(tmp_path / "muno.toml").hint


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    binary, link, large = (tmp_path / name for name in ("binary.toml", "link.toml", "large.toml"))
    binary.write_bytes(b"\xff\xfe\x00")
    link.symlink_to("nowhere")
    large.write_bytes(b"#" * (LARGEST + 1))
    codes = [refusal(path).code for path in (tmp_path, binary, link, large)]
    assert codes == ["spec.folder", "spec.not-text", "spec.not-found", "spec.too-large"]
