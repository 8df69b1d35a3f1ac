"""Mistakes that people make in specs: each is one problem, with its code, line and key."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest
from pydantic import Field, ValidationError

from fpgac.errors import Problem, SpecError
from fpgac.spec.faults import fault
from fpgac.spec.formats import Section
from fpgac.spec.lines import key_lines
from fpgac.spec.loader import load_spec
from fpgac.spec.mistakes import MOST_PROBLEMS, problems_of

Change = tuple[str, str]

GOOD = """\
name = "tiny"
[data]
source = "digits"
[topology]
inputs = [8, 8, 1]
layers = [
    { kind = "conv2d", filters = 4, kernel_size = 3 },
    { kind = "flatten" },
    { kind = "dense", units = 10 },
]
[quantisation]
weights = "quantized_bits(8, 0)"
[interface]
input = "ap_fixed<16,6,RND,SAT>"
[targets.aws-f1]
"""
LAYERS = GOOD[GOOD.index("layers") : GOOD.index("[quantisation]")]


def mistake(folder: Path, change: Change) -> Problem:
    """The only problem of the good spec after a change."""
    assert change[0] in GOOD
    path = folder / "tiny.toml"
    path.write_text(GOOD.replace(*change, 1))
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    (problem,) = caught.value.problems
    assert str(problem).replace("\n", "").isprintable()
    assert len(str(problem)) < 1000
    return problem


def place(problem: Problem) -> tuple[str, int | None, str]:
    assert problem.where is not None
    return problem.code, problem.where.line, problem.where.key


def test_as_many_mistakes_as_a_file_holds_are_found_soon(tmp_path: Path) -> None:
    """Two seconds of the processor, whatever the file."""
    keys = "".join(f"k{number} = 1\n" for number in range(15_000))
    (tmp_path / "tiny.toml").write_text(GOOD.replace("[data]\n", f"[data]\n{keys}"))
    started = process_time()
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path / "tiny.toml")
    assert process_time() - started < 2
    assert caught.value.problems[-1].code == "spec.more-mistakes"
    assert len(caught.value.problems) == MOST_PROBLEMS + 1


def test_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(GOOD)
    assert load_spec(tmp_path / "tiny.toml").spec.name == "tiny"


# By their code: what is changed in the good spec, and the line and key that are named.
MISTAKES: dict[str, list[tuple[Change, int | None, str]]] = {
    "spec.missing-key": [
        (('name = "tiny"\n', ""), None, "name"),
        (('kind = "dense", ', ""), 9, "topology.layers[2].kind"),
        (("inputs = [8, 8, 1]\n", ""), 4, "topology.inputs"),
        (("[interface]", "[training.pruning]\n[interface]"), 13, "training.pruning.sparsity"),
        (("[targets.aws-f1]", ""), None, "targets"),
    ],
    "spec.invalid-name": [
        (("[8, 8, 1]", '{ "1st" = 8 }'), 5, "topology.inputs.1st"),
        (('"tiny"', '""'), 1, "name"),
        (('"tiny"', '"my net"'), 1, "name"),
        (('"tiny"', '"2nd"'), 1, "name"),
        (('"tiny"', '"a__b"'), 1, "name"),
        (('"tiny"', '"class"'), 1, "name"),
        (('"tiny"', '"größe"'), 1, "name"),
        (('"tiny"', '"' + 5000 * "x" + '"'), 1, "name"),
        (('"tiny"', r'"red \u001b[31m"'), 1, "name"),
    ],
    "spec.wrong-type": [
        (('"tiny"', "7"), 1, "name"),
        (('"tiny"', '["tiny"]'), 1, "name"),
        (('"tiny"', "{ is = 1 }"), 1, "name"),
        (('[data]\nsource = "digits"', 'data = "digits"'), 2, "data"),
        (("[data]", "[[data]]"), 2, "data"),
        (("[data]", "[data]\nsamples = 1e3"), 3, "data.samples"),
        (("[data]", "[data]\nsamples = 1797.0"), 3, "data.samples"),
        (("[data]", '[data]\ntest_fraction = "20 %"'), 3, "data.test_fraction"),
        (("[8, 8, 1]", '"64"'), 5, "topology.inputs"),
        (("[8, 8, 1]", "64.0"), 5, "topology.inputs"),
        (("[8, 8, 1]", "true"), 5, "topology.inputs"),
        (("[8, 8, 1]", '{ image = "8" }'), 5, "topology.inputs.image"),
        (("[8, 8, 1]", "{ image = { height = 8 } }"), 5, "topology.inputs.image"),
        (('"ap_fixed<16,6,RND,SAT>"', "{ x = 16 }"), 14, "interface.input.x"),
        (("[8, 8, 1]", '[8, 8, "1"]'), 5, "topology.inputs[2]"),
        ((LAYERS, "layers = 3\n"), 6, "topology.layers"),
        ((LAYERS, 'layers = { kind = "dense", units = 3 }\n'), 6, "topology.layers"),
        (('{ kind = "flatten" }', '"flatten"'), 8, "topology.layers[1]"),
        (('"flatten"', "3"), 8, "topology.layers[1].kind"),
        (("units = 10", "units = [10]"), 9, "topology.layers[2].units"),
        (("kernel_size = 3", 'kernel_size = "3"'), 7, "topology.layers[0].kernel_size"),
        (("kernel_size = 3", "kernel_size = 3.5"), 7, "topology.layers[0].kernel_size"),
        (("kernel_size = 3", 'kernel_size = [3, "3"]'), 7, "topology.layers[0].kernel_size[1]"),
        (('"quantized_bits(8, 0)"', "8"), 12, "quantisation.weights"),
        (('"ap_fixed<16,6,RND,SAT>"', "16"), 14, "interface.input"),
        (('SAT>"', 'SAT>"\noutput = 3'), 15, "interface.output"),
        (("[interface]", "[training]\npruning = 0.5\n[interface]"), 14, "training.pruning"),
        (("[targets.aws-f1]", "[targets]\naws-f1 = 2"), 16, "targets.aws-f1"),
    ],
    "spec.unknown-key": [
        (("name", "nmae"), 1, "nmae"),
        (("source", "sorce"), 3, "data.sorce"),
        (("[data]", "[dta]"), 2, "dta"),
        (("[data]", "[data]\nepochs = 3"), 3, "data.epochs"),
        (("[data]", '[data]\n"a.b\\n" = 3'), 3, r'data."a.b\n"'),
        (("[data]", f"[data]\n{900 * 'x'} = 3"), 3, f"data.{112 * 'x'}..."),
        (("[quantisation]", "[quantization]"), 11, "quantization"),
        (("[interface]", '[hls]\nclock = "200 MHz"\n[interface]'), 14, "hls.clock"),
        (("[targets.aws-f1]", 'targets = ["aws-f1"]'), 15, "interface.targets"),
        (("filters = 4", "units = 4, filters = 4"), 7, "topology.layers[0].units"),
        (("units = 10", "unit = 10"), 9, "topology.layers[2].unit"),
        (('kind = "dense"', 'knd = "dense"'), 9, "topology.layers[2].knd"),
    ],
    "spec.cycle": [
        (("units = 10", 'units = 10, inputs = ["dense_3"]'), 9, "topology.layers[2].inputs")
    ],
    "spec.unknown-input": [
        (("filters = 4", 'filters = 4, inputs = ["y"]'), 7, "topology.layers[0].inputs")
    ],
    "spec.unknown-output": [
        (("[quantisation]", 'outputs = ["dense_9"]\n[quantisation]'), 11, "topology.outputs")
    ],
    "spec.arity": [(('"flatten"', '"add"'), 8, "topology.layers[1].inputs")],
    "spec.no-layers": [((LAYERS, "layers = []\n"), 4, "topology")],
    "spec.out-of-range": [
        (("[data]", "[data]\nsamples = 5"), 3, "data.samples"),
        (("[data]", "[data]\ntest_fraction = 20"), 3, "data.test_fraction"),
        (("[data]", "[data]\nseed = -1"), 3, "data.seed"),
        (("[8, 8, 1]", "0"), 5, "topology.inputs"),
        (("[8, 8, 1]", "70000"), 5, "topology.inputs"),
        (("[8, 8, 1]", "[8, 0, 1]"), 5, "topology.inputs[1]"),
        (("[8, 8, 1]", "{ image = [8, 0, 1] }"), 5, "topology.inputs.image[1]"),
        (("kernel_size = 3", "kernel_size = 0"), 7, "topology.layers[0].kernel_size"),
        (("kernel_size = 3", "kernel_size = [3, 0]"), 7, "topology.layers[0].kernel_size[1]"),
        (("units = 10", "units = 5000"), 9, "topology.layers[2].units"),
        (("[interface]", "[hls]\nclock_mhz = inf\n[interface]"), 14, "hls.clock_mhz"),
        (("[interface]", "[hls]\nclock_mhz = nan\n[interface]"), 14, "hls.clock_mhz"),
        (("[interface]", "[hls]\nreuse_factor = 0\n[interface]"), 14, "hls.reuse_factor"),
        (
            ("[interface]", "[training.pruning]\nsparsity = 1\n[interface]"),
            14,
            "training.pruning.sparsity",
        ),
    ],
    "spec.huge-number": [
        (("[data]", f"[data]\nsamples = 1{20 * '0'}"), 3, "data.samples"),
        (("[data]", f"[data]\nsamples = 1{5000 * '0'}"), 3, ""),
    ],
    "spec.wrong-length": [
        (("[8, 8, 1]", "[64]"), 5, "topology.inputs"),
        (("[8, 8, 1]", "[]"), 5, "topology.inputs"),
        (("[8, 8, 1]", "[2, 2, 2, 2]"), 5, "topology.inputs"),
        (("[8, 8, 1]", "{ }"), 5, "topology.inputs"),
        (("kernel_size = 3", "kernel_size = [3]"), 7, "topology.layers[0].kernel_size"),
        (("kernel_size = 3", "kernel_size = [3, 3, 3]"), 7, "topology.layers[0].kernel_size"),
        (("[targets.aws-f1]", "[targets]"), 15, "targets"),
    ],
    "spec.shape-misfit": [
        (("[8, 8, 1]", "[65536, 65536, 65536]"), 5, "topology.inputs"),
        (("[8, 8, 1]", "{ a = [4096, 4096] }"), 5, "topology.inputs"),
        (("[8, 8, 1]", "[2000, 2000, 1]"), 7, "topology.layers[0].kind"),
        (("kernel_size = 3", "kernel_size = 9"), 7, "topology.layers[0].kernel_size"),
    ],
    "spec.invalid-value": [
        (
            ("[interface]", "[training.pruning]\nsparsity = 0.5\nbegin = 0.9\n[interface]"),
            13,
            "training.pruning",
        ),
    ],
    "spec.unknown-choice": [
        (('"conv2d"', '"conv2"'), 7, "topology.layers[0].kind"),
        (("kernel_size = 3", 'kernel_size = 3, padding = "SAME"'), 7, "topology.layers[0].padding"),
        (("units = 10", 'units = 10, activation = "rleu"'), 9, "topology.layers[2].activation"),
        (("[interface]", '[hls]\nio_type = "stream"\n[interface]'), 14, "hls.io_type"),
        (("[interface]", '[training]\nloss = "mse"\n[interface]'), 14, "training.loss"),
        (('SAT>"', 'SAT>"\noutput = "Auto"'), 15, "interface.output"),
    ],
    "spec.invalid-quantiser": [
        (("quantized_bits(8, 0)", "quantised_bits(8, 0)"), 12, "quantisation.weights"),
        (("quantized_bits(8, 0)", "quantized_bits(8, 0"), 12, "quantisation.weights"),
        (("quantized_bits(8, 0)", "quantized_bits(8.5, 0)"), 12, "quantisation.weights"),
        (("quantized_bits(8, 0)", "quantized_bits(80, 0)"), 12, "quantisation.weights"),
        (("quantized_bits(8, 0)", "quantized_bits(8, -1)"), 12, "quantisation.weights"),
        (("quantized_bits(8, 0)", "quantized_bits(1, 0)"), 12, "quantisation.weights"),
        (("quantized_bits(8, 0)", "quantized_bits(8, 0, alpha=2)"), 12, "quantisation.weights"),
        (("quantized_bits(8, 0)", "quantized_po2(8)"), 12, "quantisation.weights"),
        (("quantized_bits(8, 0)", "ap_fixed<8,1>"), 12, "quantisation.weights"),
    ],
    "spec.wrong-quantiser": [
        (("quantized_bits(8, 0)", "quantized_relu(8, 0)"), 12, "quantisation.weights"),
    ],
    "spec.too-long": [
        (("quantized_bits(8, 0)", f"quantized_bits({200 * '9'}, 0)"), 12, "quantisation.weights"),
        (("<16,6,RND,SAT>", 5000 * "x"), 14, "interface.input"),
    ],
    "spec.invalid-format": [
        (("<16,6,RND,SAT>", "<16>"), 14, "interface.input"),
        (("<16,6,RND,SAT>", "<16,6"), 14, "interface.input"),
        (("<16,6,RND,SAT>", "(16,6)"), 14, "interface.input"),
        (("<16,6,RND,SAT>", "<0,6>"), 14, "interface.input"),
        (("<16,6,RND,SAT>", "<a,6>"), 14, "interface.input"),
        (("<16,6,RND,SAT>", "<16,6,SAT,RND>"), 14, "interface.input"),
        (("<16,6,RND,SAT>", r"<16,6,\u001b[2J>"), 14, "interface.input"),
        (("ap_fixed<16,6,RND,SAT>", "auto"), 14, "interface.input"),
        (("ap_fixed<16,6,RND,SAT>", ""), 14, "interface.input"),
    ],
    "spec.format-too-wide": [
        (("<16,6,RND,SAT>", "<54,6>"), 14, "interface.input"),
        (("<16,6,RND,SAT>", "<16,99>"), 14, "interface.input"),
        (('SAT>"', 'SAT>"\noutput = "ap_fixed<65,3>"'), 15, "interface.output"),
    ],
    "spec.syntax": [
        (('"tiny"', '"tiny'), 1, ""),
        (('"tiny"', "tiny"), 1, ""),
        (("[data]", "[data"), 2, ""),
        (("kernel_size = 3 }", "kernel_size = 3"), 7, ""),
    ],
    "spec.duplicate-key": [
        (("[data]", "[data]\nsource = 'muon'"), 4, ""),
        (("[interface]", "[data]\n[interface]"), 13, ""),
        (("units = 10", "units = 10, units = 10"), 9, ""),
    ],
    "spec.too-deep": [
        (("[data]", f"[data]\nx = {65 * '['}{65 * ']'}"), 3, ""),
        (("[data]", f"[data]\nx = {300 * '['}{300 * ']'}"), 3, ""),
        (("[data]", f"[data]\nx = {3000 * '['}{3000 * ']'}"), 3, ""),
        (("[data]", f"[data]\nx = {3000 * '{ a = '}1{3000 * '}'}"), 3, ""),
        (("[data]", f"[data]\na{3000 * '.a'} = 1"), 3, ""),
    ],
}


@pytest.mark.parametrize(
    ("code", "change", "line", "key"),
    [(code, *row) for code, rows in MISTAKES.items() for row in rows],
    ids=lambda value: str(value)[:60] if isinstance(value, tuple) else None,
)
def test_a_mistake_is_one_problem_with_its_code_and_place(
    code: str, change: Change, line: int | None, key: str, tmp_path: Path
) -> None:
    assert place(mistake(tmp_path, change)) == (code, line, key)


# What helps to fix it


@pytest.mark.parametrize(
    ("change", "expected", "got"),
    [
        (("[data]", "[data]\nsamples = 5"), "whole number, at least 10", "5"),
        (("[data]", '[data]\nsamples = "5"'), "whole number, at least 10", "'5'"),
        (
            ("[8, 8, 1]", "0"),
            "whole number, array of whole numbers or values by name, at least 1",
            "0",
        ),
        (
            ("[8, 8, 1]", "[64]"),
            "whole number, array of whole numbers or values by name, with 2 or more entries",
            "[64]",
        ),
        (
            ("kernel_size = 3", "kernel_size = [3, 3, 3]"),
            "whole number or array of 2 whole numbers",
            "[3, 3, 3]",
        ),
        (("units = 10", "units = 0"), "whole number, at least 1, at most 4096", "0"),
        (('SAT>"', 'SAT>"\noutput = true'), "fixed-point type, 'auto' or values by name", "true"),
        (
            ("units = 10", 'units = 10, activation = "softmax"'),
            "'relu', 'relu6', 'sigmoid', 'tanh' or 'linear'",
            "'softmax'",
        ),
        (
            ("[interface]", "[hls]\nclock_mhz = nan\n[interface]"),
            "number, at least 1, at most 1000, finite",
            "nan",
        ),
        (
            ("<16,6,RND,SAT>", 5000 * "x"),
            "at most 100 characters",
            "'ap_fixed" + 68 * "x" + "...",
        ),
    ],
)
def test_what_is_expected_stands_beside_what_was_given(
    change: Change, expected: str, got: str, tmp_path: Path
) -> None:
    problem = mistake(tmp_path, change)
    assert (problem.expected, problem.got) == (expected, got)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (("source", "sorce"), "did you mean 'source'?"),
        (('"flatten"', '"Flatten"'), "did you mean 'flatten'?"),
        (('kind = "dense"', 'knd = "dense"'), "did you mean 'kind'?"),
        (("quantized_bits(8, 0)", "quantised_bits(8, 0)"), "did you mean 'quantized_bits'?"),
        (("quantized_bits(8, 0)", "quantized_po2(8)"), ""),
        (("quantized_bits(8, 0)", "quantized_bits(8, alpha=2)"), "only alpha=1 has an exact form"),
        (('SAT>"', 'SAT>"\noutput = "Auto"'), "did you mean 'auto'?"),
        (("[data]", "[data]\nepochs = 3"), "'epochs' belongs under [training]"),
        (("[data]", "[data]\nsparsity = 0.5"), "'sparsity' belongs under [training.pruning]"),
        (("[data]", "[data]\nfilters = 3"), "'filters' belongs in the tables of topology.layers"),
        (
            ("inputs = [8", "input = [8"),
            "did you mean 'inputs'? ('input' belongs under [interface])",
        ),
        (
            ("[targets.aws-f1]", "targets = 3"),
            "'targets' belongs at the top of the file, before the first [table]",
        ),
        (
            ("[data]", "[data]\nfoo = 3"),
            "known: classes, features, labels, path, samples, scaling, seed, source, "
            "target_scaling, task, test_fraction, test_path, tree, units",
        ),
        (("[data]", "[[data]]"), "write [data] on a line of its own, and its keys below"),
        (
            ('{ kind = "flatten" }', '"flatten"'),
            "a table in one line is written { key = value, ... }",
        ),
        (
            ("kernel_size = 3", "kernel_size = [3, 3, 3]"),
            "The kernel's size, or [height, width].",
        ),
    ],
)
def test_a_hint_says_what_to_do(change: Change, hint: str, tmp_path: Path) -> None:
    assert mistake(tmp_path, change).hint == hint


def test_all_mistakes_come_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    text = GOOD.replace('"tiny"', '""').replace("units = 10", "units = 0").replace("RND", "ROUND")
    (tmp_path / "tiny.toml").write_text(text.replace("source", "sorce"))
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path / "tiny.toml")
    assert [p.where.line for p in caught.value.problems if p.where] == [1, 3, 9, 14]


# Other models than the spec's


class Inner(Section):
    count: int = Field(default=1, ge=1)


class Outer(Section):
    inner: Inner = Inner()
    parts: tuple[Inner, ...] = ()


def problems(text: str, data: dict[str, object]) -> list[Problem]:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(data)
    return problems_of(caught.value, Outer, Path("outer.toml"), key_lines(text), data)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("count", "'count' belongs under [inner] or in the tables of parts"),
        ("epochs", "known: inner, parts"),
    ],
)
def test_hints_come_from_the_model_at_hand(key: str, hint: str) -> None:
    (problem,) = problems(f"{key} = 3\n", {key: 3})
    assert (place(problem), problem.hint) == (("spec.unknown-key", 1, key), hint)


def test_a_part_of_a_file_is_placed_in_the_whole() -> None:
    with pytest.raises(ValidationError) as caught:
        Inner.model_validate({"count": 0})
    lines = key_lines("[targets.mine]\ncount = 0\n")
    root = ("targets", "mine")
    (problem,) = problems_of(caught.value, Inner, None, lines, {"count": 0}, root)
    assert place(problem) == ("spec.out-of-range", 2, "targets.mine.count")


def test_a_fault_of_a_validator_keeps_its_own_words() -> None:
    class Even(Section):
        number: int

        def model_post_init(self, _: object) -> None:
            if self.number % 2:
                raise fault("spec.odd", "not even", expected="an even number", hint="add one")

    with pytest.raises(ValidationError) as caught:
        Even.model_validate({"number": 3})
    (problem,) = problems_of(caught.value, Even, None, {}, {"number": 3})
    assert problem.plain() == {
        "code": "spec.odd",
        "what": "not even",
        "file": None,
        "line": None,
        "key": None,
        "expected": "an even number",
        "got": None,
        "hint": "add one",
    }
