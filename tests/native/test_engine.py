"""Whole arrays through generated code: what the interpreter says, at every level, or a refusal."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from fpgac.build.cache import UnsafeCacheWarning
from fpgac.errors import DataError, ToolchainError
from fpgac.native.engine import Engine
from fpgac.numbers import FixedPoint
from fpgac.program.builder import Builder
from fpgac.program.interpreter import interpret
from fpgac.program.program import Cast, Combination, Dot, Program, Terminal
from fpgac.tensors import Tensor
from tests.programs import bounded, one_to_one, random_words, words

INPUT = FixedPoint.parse("ap_fixed<10,4,RND,SAT>")
OUTPUT = FixedPoint.parse("ap_fixed<12,6,RND_CONV,SAT>")


def dense(seed: int = 1, inputs: int = 7, outputs: int = 5) -> Program:
    """A dense layer of small weights, half of them zero, and a cast."""
    rng = np.random.default_rng(seed)
    x = words("x", INPUT, inputs)
    weights = rng.integers(-9, 10, (1, inputs, outputs)) * rng.integers(0, 2, (inputs, outputs))
    reach = 512 * 9 * inputs
    sums = bounded("sums", INPUT.fraction + 3, -reach, reach, outputs)
    y = words("y", OUTPUT, outputs)
    windows, bias = np.arange(inputs)[None], rng.integers(-9, 10, (1, outputs))
    layer = Dot(sums, "layer", x, windows, weights, bias), Cast(y, "layer", sums, OUTPUT)
    return one_to_one(INPUT, x, OUTPUT, y, *layer)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of these tests' own, kept from one to the next."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("FPGAC_CACHE", str(folder))
    return folder


@pytest.fixture(scope="module")
def program() -> Program:
    return dense()


@pytest.fixture
def engine(program: Program) -> Engine:
    return Engine.of(program)


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(DataError) as caught:
        yield
    assert [problem.code for problem in caught.value.problems] == [code]


@pytest.mark.parametrize("samples", [1, 63, 64, 65, 1000, 300_001])
def test_any_number_of_samples(engine: Engine, program: Program, samples: int) -> None:
    rows = random_words(program, samples)

    assert np.array_equal(engine.words(rows), interpret(program, rows))


def test_no_samples_have_no_answers(engine: Engine) -> None:
    assert engine.numbers(np.empty((0, 7))).shape == engine.words(np.empty((0, 7), int)).shape
    assert engine.numbers(np.empty((0, 7))).shape == (0, 5)


@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", "g", ">f4", "i1", "u1", "i4", "i8", "u8", "?", "O"]
)
def test_numbers_of_any_type_are_exact_or_refused(
    engine: Engine, program: Program, dtype: str
) -> None:
    numbers = (np.random.default_rng(3).normal(size=(300, 7)) * 20).astype("f2")
    numbers = np.abs(numbers) if np.dtype(dtype).kind == "u" else numbers
    x = numbers.astype(dtype)
    if dtype == "O":
        with pytest.raises(DataError):
            engine.numbers(x)
    else:
        expected = interpret(program, INPUT.raw(x.astype(np.float64)))
        assert np.array_equal(engine.numbers(x), expected)


def test_awkward_floats(engine: Engine, program: Program) -> None:
    ties = (np.arange(-2100, 2100) / 2 + 0.25) * INPUT.step
    awkward = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 1e-310, 3e38, -3e38]
    column = np.concatenate([ties, ties + INPUT.step / 4, awkward, np.nextafter(ties, 9)])
    for dtype in (np.float32, np.float64):
        x = np.repeat(column.astype(dtype)[:, None], 7, axis=1)
        assert np.array_equal(engine.numbers(x), interpret(program, INPUT.raw(x)))


@pytest.mark.parametrize(
    "x", [np.full((3, 7), 2**53 + 1), np.full((3, 7), 1 + np.longdouble(1e-18))]
)
def test_numbers_that_no_float64_holds_are_refused(engine: Engine, x: object) -> None:
    with pytest.raises(DataError, match="too long to be converted exactly"):
        engine.numbers(x)  # type: ignore[arg-type]


def test_arrays_that_do_not_lie_in_one_piece(engine: Engine, program: Program) -> None:
    rows = random_words(program, 1000)
    wide = np.repeat(rows, 2, axis=1)

    for view in (wide[:, ::2], np.asfortranarray(rows), rows[::-1][::-1]):
        assert np.array_equal(engine.words(view), interpret(program, rows))
        assert np.array_equal(engine.numbers(view * INPUT.step), interpret(program, rows))


@pytest.mark.parametrize("shape", [(7,), (3, 6), (3, 7, 1)])
def test_samples_of_another_shape_are_refused(engine: Engine, shape: tuple[int, ...]) -> None:
    with refused("data.wrong-shape"):
        engine.numbers(np.zeros(shape))


@pytest.mark.parametrize("dtype", [np.int16, np.int64])
@pytest.mark.parametrize("word", [512, -513])
def test_words_that_the_type_does_not_have_are_refused(
    engine: Engine, dtype: type[np.generic], word: int
) -> None:
    rows = np.zeros((700, 7), dtype)
    rows[-1, -1] = word
    with refused("data.no-raw-word"):
        engine.words(rows)


def test_floats_are_no_raw_words(engine: Engine) -> None:
    with refused("data.no-integers"):
        engine.words(np.zeros((3, 7)))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_share_the_samples(engine: Engine, program: Program, threads: int) -> None:
    rows = random_words(program, 400_000)

    assert np.array_equal(engine.words(rows, threads=threads), interpret(program, rows))


def test_without_a_compiler_numpy_answers(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    engine = Engine.of(program)
    rows = random_words(program, 100)

    assert (engine.level, "g++" in engine.note) == ("numpy", True)
    assert np.array_equal(engine.words(rows), interpret(program, rows))
    assert np.array_equal(engine.numbers(rows * INPUT.step), interpret(program, rows))
    with refused("data.no-raw-word"):
        engine.words(np.full((1, 7), 512))


def test_answers_are_put_where_they_are_wanted(engine: Engine, program: Program) -> None:
    rows = random_words(program, 100)
    out = np.empty((200, 5), OUTPUT.dtype)

    engine.words(rows, out=out[50:150])
    assert np.array_equal(out[50:150], interpret(program, rows))
    for misfit in (out, out[:100].astype(np.int64), np.empty((5, 100), OUTPUT.dtype).T):
        with refused("data.wrong-out"):
            engine.words(rows, out=misfit)


def several() -> Program:
    """Two inputs of unlike types; two outputs: their sum, narrowed, and the second input."""
    unsigned = FixedPoint.parse("ap_ufixed<8,3,TRN,WRAP>")
    build = Builder(Tensor("a", (2, 2), INPUT), Tensor("b", (4,), unsigned))
    x, z = (terminal.value for terminal in build.inputs)
    total = build.cast(build.combine(x, z, Combination.ADD), OUTPUT)
    outputs = Terminal(Tensor("total", (4,), OUTPUT), total), build.inputs[1]
    return build.program("several", outputs, [])


@pytest.mark.parametrize("compiler", [True, False], ids=["g++", "numpy"])
def test_rows_hold_several_inputs_and_outputs(
    compiler: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiler:
        monkeypatch.setenv("PATH", "")
    program = several()
    engine, rows = Engine.of(program), random_words(program, 1000)
    answers = engine.words(rows)
    assert [program.input_layout.dtype, answers.dtype] == [np.dtype(np.int16)] * 2
    assert np.array_equal(answers, interpret(program, rows))
    assert np.array_equal(answers[:, 4:], rows[:, 4:])


def test_each_input_has_its_own_rule() -> None:
    program = several()
    engine = Engine.of(program)
    for dtype in (np.float32, np.float64):
        x = (np.random.default_rng(1).normal(size=(1000, 8)) * 20).astype(dtype)
        words = program.input_layout.raw(x)
        assert np.array_equal(words[:, :4], INPUT.raw(x[:, :4]))
        assert np.array_equal(engine.numbers(x), interpret(program, words))


@pytest.mark.parametrize(("column", "word"), [(3, 512), (4, -1), (7, 256)])
@pytest.mark.parametrize("dtype", [np.int16, np.int64])
def test_words_that_their_own_input_does_not_have_are_refused(
    column: int, word: int, dtype: type[np.generic]
) -> None:
    rows = np.zeros((70, 8), dtype)
    rows[-1, column] = word
    with refused("data.no-raw-word"):
        Engine.of(several()).words(rows)


def libraries(cache: Path) -> set[Path]:
    return {path for path in (cache / "exact").iterdir() if path.suffix == ".so"}


def test_what_is_compiled_once_is_kept(cache: Path) -> None:
    Engine.of(dense(seed=2))
    before = {path: path.stat().st_mtime_ns for path in libraries(cache)}
    engine = Engine.of(dense(seed=2))

    assert {path: path.stat().st_mtime_ns for path in libraries(cache)} == before
    assert engine.note == ""


def test_a_damaged_library_is_made_again(cache: Path) -> None:
    program = dense(seed=3)
    before = set(libraries(cache)) if (cache / "exact").is_dir() else set()
    Engine.of(program)
    (made,) = libraries(cache) - before
    content = made.read_bytes()
    # A loaded library must not change under its reader: damage a new file in its place.
    for damage in (content[: len(content) // 2], b"", content.replace(b"ELF", b"EFL", 1)):
        made.unlink()
        made.write_bytes(damage)
        rows = random_words(program, 10)
        assert np.array_equal(Engine.of(program).words(rows), interpret(program, rows))
        assert made.stat().st_size == len(content)


@pytest.mark.parametrize("place", ["", "exact", "exact/LIBRARY"])
def test_a_library_that_others_may_have_put_there_is_not_loaded(
    place: str, new_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = dense(seed=8)
    Engine.of(program)
    planted = libraries(new_cache)
    (new_cache / place.replace("LIBRARY", min(planted).name)).chmod(0o777)
    load, loaded = ctypes.CDLL, list[Path]()

    def watched(path: str) -> ctypes.CDLL:
        loaded.append(Path(path))
        return load(path)

    monkeypatch.setattr(ctypes, "CDLL", watched)
    with pytest.warns(UnsafeCacheWarning):
        engines = [Engine.of(other) for other in (program, dense(seed=9))]
    rows = random_words(program, 10)
    assert np.array_equal(engines[0].words(rows), interpret(program, rows))
    strange = {min(planted)} if "LIBRARY" in place else planted
    assert strange.isdisjoint(loaded)


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("FPGAC_CACHE", str(tmp_path / "file"))
    program = dense(seed=4)
    rows = random_words(program, 10)

    assert np.array_equal(Engine.of(program).words(rows), interpret(program, rows))


@pytest.mark.parametrize("failing", ["kept", "fresh"])
def test_a_library_that_cannot_be_loaded(
    failing: str, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk mounted noexec: a cached library is done without, a fresh one is an error."""
    load, program = ctypes.CDLL, dense(seed=6)
    refused = cache if failing == "kept" else Path("/")

    def guarded(path: str) -> ctypes.CDLL:
        if Path(path).is_relative_to(refused):
            raise OSError(f"{path}: failed to map segment from shared object")
        return load(path)

    Engine.of(dense(seed=1))  # knows the processor's level now
    monkeypatch.setattr(ctypes, "CDLL", guarded)
    if failing == "kept":
        rows = random_words(program, 10)
        assert np.array_equal(Engine.of(program).words(rows), interpret(program, rows))
    else:
        with pytest.raises(ToolchainError) as caught:
            Engine.of(program)
        assert caught.value.problems[0].code == "toolchain.compiler-failed"


def test_a_compiler_that_a_link_wraps_keeps_the_name_of_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which("g++")
    (tmp_path / "ccache").write_text(f'#!/bin/sh\ncase $0 in *g++) exec {real} "$@";; esac\nexit 1')
    (tmp_path / "ccache").chmod(0o755)
    (tmp_path / "g++").symlink_to("ccache")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert answer(seed=7)


def answer(seed: int) -> bool:
    program = dense(seed)
    rows = random_words(program, 10)
    return np.array_equal(Engine.of(program).words(rows), interpret(program, rows))


def test_two_processes_may_compile_at_once(cache: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        assert all(pool.map(answer, [5, 5]))
    assert {path.suffix for path in (cache / "exact").iterdir()} == {".so"}
