"""A program's file comes back as it was written, and nothing else passes for one."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.digest import digest_json
from fpgac.errors import BuildError, CoreError, Where
from fpgac.network.file import read_network
from fpgac.numbers import FixedPoint
from fpgac.program.builder import Builder
from fpgac.program.file import parse_program, program_bytes, read_program, write_program
from fpgac.program.formats import Formats
from fpgac.program.interpreter import interpret
from fpgac.program.program import Combination, Program, Terminal
from fpgac.rules.core_program import exact_program
from fpgac.tensors import Tensor
from tests.drawing import examples
from tests.programs import drawn, random_words

SPECS = Path(__file__).parents[2] / "specs"

GIVEN = FixedPoint.parse("ap_fixed<8,4>")


def every_operation() -> Program:
    """A small program with one of each kind of operation, two inputs and two outputs."""
    build = Builder(Tensor("a", (2, 2), GIVEN), Tensor("b", (4,), GIVEN))
    build.layer = "only"
    a, b = (x.value for x in build.inputs)
    whole = np.arange(4)[None]
    total = build.dot(
        a, whole, np.arange(1, 9).reshape(1, 4, 2), np.array([[1, 2]]), fraction=6, shift=1
    )
    narrow = build.cast(total, FixedPoint.parse("ap_fixed<9,4,RND,SAT>"))
    summed = build.accumulate(
        b,
        whole,
        np.ones((1, 4, 2), np.int64),
        np.zeros((1, 2), np.int64),
        product_fraction=6,
        accumulator=FixedPoint.parse("ap_fixed<7,3,RND,SAT>"),
    )
    pair = build.combine(narrow, summed, Combination.ADD)
    each = build.cast_each(pair, Formats.of([FixedPoint(5, 3), None]))
    kept = build.select(pair, each, build.gather([each], np.array([1, -1])))
    largest = build.maximum(
        build.gather([kept, each], np.array([0, 1, 2])), np.array([[0, 1], [2, -1]])
    )
    index = build.clip(largest, 0, 3)
    looked = build.lookup(index, np.array([-5, 0, 900, 3]), 2)
    y = build.cast(build.quotient(looked, 3, 7), FixedPoint(16, 14))
    outputs = [
        Terminal(Tensor("y", (2,), FixedPoint(16, 14)), y),
        Terminal(build.inputs[0].tensor, a),
    ]
    return build.program("everything", outputs, [("first", total), ("last", y)])


@pytest.fixture(scope="module")
def program() -> Program:
    return every_operation()


@pytest.fixture(scope="module")
def plain(program: Program) -> dict[str, Any]:
    """The file as plain data."""
    document: dict[str, Any] = json.loads(program_bytes(program))
    return document


def signed(document: dict[str, Any]) -> bytes:
    """A document with the checksum that it should have, as whoever forges one would write it."""
    document = {key: value for key, value in document.items() if key != "checksum"}
    return json.dumps(document | {"checksum": digest_json(document)}).encode()


def copied(plain: Any) -> Any:
    return json.loads(json.dumps(plain))


def refused(content: bytes) -> tuple[str, str]:
    """The code and the key of the problem with which a file is refused."""
    with pytest.raises(BuildError) as caught:
        parse_program(content, Path("program.json"))
    (problem,) = caught.value.problems
    assert problem.hint
    assert problem.where is not None
    assert problem.where.file == Path("program.json")
    return problem.code, problem.where.key


def packed(shape: list[int], array: np.ndarray) -> dict[str, Any]:  # type: ignore[type-arg]
    data = base64.b64encode(zlib.compress(array.tobytes(), 9)).decode()
    return {"type": array.dtype.name, "shape": shape, "data": data}


def test_a_program_comes_back_as_it_was_written(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "program.json"
    write_program(program, path)
    found = read_program(path)
    rows = random_words(program, 500)
    assert found.digest == program.digest
    assert str(found) == str(program)
    assert (found.input_layout, found.output_layout) == (
        program.input_layout,
        program.output_layout,
    )
    assert [name for name, _ in found.layers] == ["first", "last"]
    assert np.array_equal(interpret(found, rows), interpret(program, rows))


@settings(max_examples=examples(60), deadline=None, print_blob=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_program_comes_back_with_its_digest(seed: int) -> None:
    program = drawn(seed)
    content = program_bytes(program)
    found = parse_program(content)
    assert found.digest == program.digest
    assert program_bytes(found) == content


def test_arrays_that_are_used_twice_are_kept_once(program: Program, plain: dict[str, Any]) -> None:
    windows = [operation["windows"] for operation in plain["operations"] if "weights" in operation]
    assert windows == [0, 0]
    assert program_bytes(program) == program_bytes(every_operation())


@pytest.mark.parametrize("name", ["muon", "digits"])
def test_a_networks_program_is_small_and_read_in_no_time(name: str) -> None:
    program = exact_program(lower(read_network(SPECS / f"{name}.network.json"), HlsSettings()))
    content = program_bytes(program)
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        assert parse_program(content).digest == program.digest
        taken.append(time.perf_counter() - started)
    assert min(taken) < 0.05
    assert len(content) < 30_000


def test_a_program_answers_where_hls4ml_is_not(program: Program, tmp_path: Path) -> None:
    write_program(program, tmp_path / "program.json")
    rows = random_words(program, 100)
    np.save(tmp_path / "rows.npy", rows)
    code = """
import sys
for name in ("hls4ml", "tensorflow", "pydantic", "scipy"):
    sys.modules[name] = None
from pathlib import Path
import numpy as np
from fpgac.native.engine import Engine
from fpgac.program.file import read_program
engine = Engine.of(read_program(Path("program.json")))
np.save("answers.npy", engine.words(np.load("rows.npy")))
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=120)
    assert np.array_equal(np.load(tmp_path / "answers.npy"), interpret(program, rows))


# --- what is refused


def test_there_must_be_a_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(BuildError) as caught:
            read_program(path)
        assert caught.value.problems[0].code == "program.unreadable"
        assert caught.value.problems[0].where == Where(path)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "program.no-json"),
        (b"\xff\xfe", "program.no-text"),
        (b"{", "program.no-json"),
        (b"[" * 100_000, "program.no-json"),
        (b'{"a": 1, "a": 2}', "program.no-json"),
        (b'{"a": NaN}', "program.no-json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "program.no-json"),
        (b"[" + b"1," * 2_000_000 + b"1]", "program.too-large"),
        (b"[]", "program.no-program"),
        (b"{}", "program.no-program"),
        (b'{"fpgac_program": 2}', "program.version"),
        (b'{"fpgac_program": 0}', "program.version"),
        (b'{"fpgac_program": true}', "program.version"),
        (b'{"fpgac_program": 1}', "program.missing-key"),
    ],
    ids=lambda case: case if isinstance(case, str) else case[:8],
)
def test_other_files_are_refused(content: bytes, code: str) -> None:
    assert refused(content)[0] == code


Change = Callable[[dict[str, Any]], object]

FORGED: dict[str, tuple[Change, str, str]] = {
    "renamed key": (
        lambda d: d["operations"][2].update(weihts=d["operations"][2].pop("weights")),
        "program.unknown-key",
        "operations[2].weihts",
    ),
    "missing key": (
        lambda d: d["operations"][0].pop("bias"),
        "program.missing-key",
        "operations[0].bias",
    ),
    "unknown operation": (
        lambda d: d["operations"][1].update(operation="cost"),
        "program.wrong-value",
        "operations[1].operation",
    ),
    "operation without a kind": (
        lambda d: d["operations"][1].pop("operation"),
        "program.missing-key",
        "operations[1].operation",
    ),
    "no operation": (
        lambda d: d["operations"].insert(0, 7),
        "program.wrong-value",
        "operations[0]",
    ),
    "operand of later": (
        lambda d: d["operations"][1].update(x="v5"),
        "program.wrong-value",
        "operations[1].x",
    ),
    "array that is not there": (
        lambda d: d["operations"][0].update(weights=99),
        "program.wrong-value",
        "operations[0].weights",
    ),
    "array of another shape": (
        lambda d: d["operations"][0].update(weights=0),
        "program.wrong-array",
        "operations[0].weights",
    ),
    "weights for other windows": (
        lambda d: d["arrays"].__setitem__(1, packed([1, 2, 2], np.ones(4, np.int8))),
        "program.wrong-array",
        "operations[0].weights",
    ),
    "index beyond the operand": (
        lambda d: d["arrays"].__setitem__(0, packed([1, 4], np.array([0, 1, 2, 4], np.int8))),
        "program.wrong-index",
        "operations[0].windows",
    ),
    "dimension of nothing": (
        lambda d: d["arrays"][0].update(shape=[1, 0]),
        "program.wrong-value",
        "arrays[0].shape[1]",
    ),
    "array that is too short": (
        lambda d: d["arrays"][0].update(shape=[1, 5]),
        "program.wrong-array",
        "arrays[0].data",
    ),
    "array that is too long": (
        lambda d: d["arrays"][0].update(shape=[1, 3]),
        "program.wrong-array",
        "arrays[0].data",
    ),
    "array of floats": (
        lambda d: d["arrays"][0].update(type="float64"),
        "program.wrong-value",
        "arrays[0].type",
    ),
    "array that is no base64": (
        lambda d: d["arrays"][0].update(data="?"),
        "program.wrong-array",
        "arrays[0].data",
    ),
    "numbers of 64 bits": (
        lambda d: d["arrays"].__setitem__(2, packed([1, 2], np.array([-(2**63), 2], np.int64))),
        "program.wrong-array",
        "arrays[2].data",
    ),
    "shape beyond all memory": (
        lambda d: d["inputs"][0].update(shape=[1 << 20, 1 << 20]),
        "program.too-large",
        "inputs[0].shape",
    ),
    "type of no bits": (
        lambda d: d["inputs"][0].update(type="ap_fixed<0,0>"),
        "program.wrong-value",
        "inputs[0].type",
    ),
    "type beyond all memory": (
        lambda d: d["operations"][1].update(to="ap_fixed<99999999999,4>"),
        "program.wrong-value",
        "operations[1].to",
    ),
    "type wider than a host's numbers": (
        lambda d: d["inputs"][0].update(type="ap_fixed<60,4>"),
        "program.wrong-value",
        "inputs[0].type",
    ),
    "cast that changes nothing": (
        lambda d: d["operations"].insert(
            0, {"operation": "cast", "layer": "", "x": "x0", "to": str(GIVEN)}
        ),
        "program.idle-operation",
        "operations[0]",
    ),
    "numbers of too many bits": (
        lambda d: d["operations"][0].update(shift=58),
        "program.not-exact",
        "operations[0]",
    ),
    "format that no element has": (
        lambda d: d["operations"][4]["to"].update(types=["0", "ap_fixed<5,3>", "ap_fixed<6,3>"]),
        "program.wrong-value",
        "operations[4].to",
    ),
    "no inputs": (lambda d: d["inputs"].clear(), "program.wrong-value", "inputs"),
    "two inputs of one name": (
        lambda d: d["inputs"][1].update(name="a"),
        "program.wrong-value",
        "inputs",
    ),
    "no outputs": (lambda d: d["outputs"].clear(), "program.wrong-value", "outputs"),
    "output of another type": (
        lambda d: d["outputs"][0].update(type="ap_fixed<16,13>"),
        "program.wrong-output",
        "outputs",
    ),
    "another program": (
        lambda d: d["operations"][1].update(to="ap_fixed<9,4>"),
        "program.digest",
        "digest",
    ),
    "names of layers are no part of the digest": (
        lambda d: d["layers"][0].update(name="other"),
        "",
        "",
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_what_is_forged_is_found_at_its_place(plain: dict[str, Any], case: str) -> None:
    change, code, key = FORGED[case]
    document = copied(plain)
    change(document)
    if code:
        assert refused(signed(document)) == (code, key)
    else:
        assert parse_program(signed(document)).layers[0][0] == "other"
        assert refused(json.dumps(document).encode()) == ("program.checksum", "checksum")


def test_what_is_packed_cannot_eat_the_memory(plain: dict[str, Any]) -> None:
    bomb = packed([1, 4], np.zeros(100_000_000, np.int8))
    document = copied(plain)
    document["arrays"][0] = bomb
    content = signed(document)
    tracemalloc.start()
    try:
        assert refused(content) == ("program.wrong-array", "arrays[0].data")
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_sums_of_sums_cannot_eat_the_memory(plain: dict[str, Any]) -> None:
    document = copied(plain)
    document["arrays"] = [
        packed([1 << 14, 1], np.zeros(1 << 14, np.int8)),
        packed([1, 1, 1 << 14], np.ones(1 << 14, np.int8)),
        packed([1, 1 << 14], np.ones(1 << 14, np.int8)),
    ]
    assert refused(signed(document)) == ("program.too-large", "operations[0].windows")


def test_a_program_that_is_too_large_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpgac.program.file.MOST_NUMBERS", 20)
    with pytest.raises(CoreError) as caught:
        program_bytes(every_operation())
    assert caught.value.problems[0].code == "program.too-large"


def test_any_cut_is_refused(program: Program) -> None:
    content = program_bytes(program)
    for end in range(0, len(content) - 2, 7):
        refused(content[:end])


def test_any_flipped_bit_is_refused_or_means_nothing(program: Program) -> None:
    """A bit may change a letter of a layer's operation: nothing that the checksum misses."""
    content, rng = program_bytes(program), np.random.default_rng(5)
    for place in rng.integers(0, len(content), 1500):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(0, 8))
        try:
            found = parse_program(bytes(flipped))
        except BuildError:
            continue
        # White space alone may change.
        assert json.loads(flipped) == json.loads(content)
        assert found.digest == program.digest


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@settings(max_examples=examples(600), deadline=None, print_blob=True)
@given(data=st.data())
def test_whatever_is_forged_is_refused_or_a_program(
    plain: dict[str, Any], data: st.DataObject
) -> None:
    """Parts are replaced by others of the file, or by anything, and the checksum made to fit."""
    document = copied(plain)
    for _ in range(data.draw(st.integers(1, 3))):
        parent, key = data.draw(st.sampled_from(list(places(document))))
        others = [copied(holder)[name] for holder, name in places(document)]
        parent[key] = data.draw(
            st.sampled_from(others) | JSON | st.integers(-(2**70), 2**70) | st.integers(-3, 70)
        )
        document = copied(document)
    with contextlib.suppress(BuildError):
        parse_program(signed(document))


def places(part: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document: what holds it, and the key or index."""
    keys = list(part) if isinstance(part, dict) else range(len(part))
    for key in keys:
        yield part, key
        if isinstance(part[key], dict | list):
            yield from places(part[key])
