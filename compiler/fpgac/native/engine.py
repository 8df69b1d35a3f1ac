"""An exact program that answers as fast as this machine can: whole arrays to raw words."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fpgac.errors import DataError, Problem
from fpgac.native.cpp.generator import Source, generate
from fpgac.native.cpp.levels import Level
from fpgac.native.library import COMPILER, best_level, compiled, find_compiler
from fpgac.numbers import IntArray
from fpgac.program.interpreter import interpret
from fpgac.program.program import Program
from fpgac.tensors import exact_floats, float_type

__all__ = ["Engine"]

Array = npt.NDArray[Any]

# Numbers that are worked on at a time: where they are copied first, few enough for the copy; else
# few enough for Ctrl-C to be heard.
_COPIED_PIECE: Final = 1 << 20
_PIECE: Final = 1 << 26
_INTERPRETED_PIECE: Final = 1 << 14

# Fewer samples than this are not worth a thread.
_WORTHWHILE: Final = 1 << 13


@dataclass(frozen=True)
class Engine:
    """A program ready to run.

    ``level`` names the instructions that it uses, or ``"numpy"``; ``note`` says why it is slower
    than it could be, if it is. An engine may be used from several threads at once.
    """

    program: Program
    level: str
    note: str
    _run: _Run

    @classmethod
    def of(cls, program: Program, level: Level | None = None) -> Engine:
        """The quickest engine for ``program`` here, or the one for the instructions of ``level``.

        It is compiled the first time; without g++, numpy interprets the program.

        Raises:
            CoreError: the program needs integers of more than 64 bits, or an input or output more
                than a host's floats hold.
            ToolchainError: g++ is there but fails.
        """
        compiler = find_compiler()
        if compiler is None:
            note = f"{COMPILER} was not found on PATH: numpy computes the answers, far more slowly"
            return cls(program, "numpy", note, _Interpreted(program))
        source = generate(program, level or best_level(compiler))
        library = compiled(source.text, source.level.flags, compiler)
        return cls(program, source.level.name, "", _Compiled(program, source, library))

    def words(
        self, raw: npt.ArrayLike, *, threads: int | None = None, out: IntArray | None = None
    ) -> IntArray:
        """The raw words that answer raw words of the program's input types.

        Args:
            raw: rows of the program's ``input_layout``, of any integer type.
            threads: how many work at once; by default one for each usable processor.
            out: where to put the answers, of the very shape and type that is returned.

        Returns:
            Rows of the program's ``output_layout``, of its dtype.

        Raises:
            DataError: another shape, an ``out`` that does not fit, no integers, or words that an
                input's type does not have.
        """
        return self._answers(
            np.asarray(raw), self._run.dtype, _as_words(self.program), threads, out
        )

    def numbers(
        self, x: npt.ArrayLike, *, threads: int | None = None, out: IntArray | None = None
    ) -> IntArray:
        """The raw words that answer numbers, which become each input's raw words by the one rule.

        Args:
            x: rows of the program's ``input_layout``, floats or integers; NaN and infinities are
                welcome.
            threads: how many work at once; by default one for each usable processor.
            out: where to put the answers, of the very shape and type that is returned.

        Returns:
            Rows of the program's ``output_layout``, of its dtype.

        Raises:
            DataError: another shape, an ``out`` that does not fit, no numbers, or a number that
                no float64 holds.
        """
        array = np.asarray(x)
        return self._answers(array, float_type(array.dtype), exact_floats, threads, out)

    def _answers(
        self,
        x: Array,
        dtype: np.dtype[Any],
        convert: Callable[[Array, np.dtype[Any]], Array],
        threads: int | None,
        out: IntArray | None,
    ) -> IntArray:
        inputs, outputs = self.program.input_layout.size, self.program.output_layout.size
        if x.ndim != 2 or x.shape[1] != inputs:
            expected = f"an array of shape (samples, {inputs})"
            what = "the samples do not fit the network"
            got = str(x.shape)
            raise DataError(Problem(what, None, expected, got, code="data.wrong-shape"))
        y = self._room(len(x)) if out is None else self._checked(out, len(x))

        def run(piece: slice) -> None:
            self._run(np.ascontiguousarray(convert(x[piece], dtype)), y[piece])

        workers = min(threads or usable_processors(), -(-len(x) // _WORTHWHILE))
        in_place = x.flags.c_contiguous and x.dtype == dtype
        most = max(1, self._run.piece(in_place) // max(inputs, outputs))
        pieces = list(_pieces(len(x), most, workers, self._run.block))
        if workers <= 1:
            for piece in pieces:
                run(piece)
        else:
            with ThreadPoolExecutor(workers) as pool:
                # The list brings up the first error.
                list(pool.map(run, pieces))
        return y

    def _room(self, samples: int) -> IntArray:
        layout = self.program.output_layout
        return np.empty((samples, layout.size), layout.dtype)

    def _checked(self, out: IntArray, samples: int) -> IntArray:
        layout = self.program.output_layout
        shape, dtype = (samples, layout.size), layout.dtype
        if out.shape == shape and out.dtype == dtype and out.flags.carray:
            return out
        expected = f"{dtype} in one piece, of shape {shape}"
        got = f"{out.dtype} of shape {out.shape}"
        what = "the results do not fit the array that is to take them"
        raise DataError(Problem(what, None, expected, got, code="data.wrong-out"))


def usable_processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0))


class _Compiled:
    """The generated functions."""

    def __init__(self, program: Program, source: Source, library: ctypes.CDLL) -> None:
        self.dtype = program.input_layout.dtype
        self._library = library
        self._constants = _aligned(len(source.constants))
        self._constants[:] = np.frombuffer(source.constants, np.uint8)
        self._memory_bytes = source.memory_bytes
        self.block = source.block
        self._functions = {
            np.dtype(np.float32): library.run_floats,
            np.dtype(np.float64): library.run_doubles,
        }

    def piece(self, in_place: bool) -> int:
        """How many numbers are worked on at a time."""
        return _PIECE if in_place else _COPIED_PIECE

    def __call__(self, x: Array, y: IntArray) -> None:
        function = self._functions.get(x.dtype, self._library.run_words)
        memory = _aligned(self._memory_bytes)
        arrays = [ctypes.c_void_p(array.ctypes.data) for array in (x, y)]
        tables = [ctypes.c_void_p(array.ctypes.data) for array in (memory, self._constants)]
        if function(*arrays, ctypes.c_int64(len(x)), *tables):
            raise _no_such_word(x)


class _Interpreted:
    """The program, read by numpy."""

    block = 1
    dtype: np.dtype[Any] = np.dtype(np.int64)

    def __init__(self, program: Program) -> None:
        self._program = program

    def piece(self, in_place: bool) -> int:
        """How many numbers are worked on at a time."""
        del in_place
        return _INTERPRETED_PIECE

    def __call__(self, x: Array, y: IntArray) -> None:
        words = self._program.input_layout.raw(x) if x.dtype.kind == "f" else x
        y[:] = interpret(self._program, words)


_Run = _Compiled | _Interpreted


def _aligned(size: int, alignment: int = 64) -> npt.NDArray[np.uint8]:
    room = np.empty(size + alignment, np.uint8)
    start = -room.ctypes.data % alignment
    return room[start : start + size]


def _pieces(samples: int, most: int, workers: int, block: int) -> Iterator[slice]:
    """Pieces of whole blocks: at most ``most`` samples, and no more pieces than workers need."""
    size = most if workers <= 1 else min(most, -(-samples // (2 * workers)))
    size = -(-size // block) * block
    return (slice(first, first + size) for first in range(0, samples, size))


def _as_words(program: Program) -> Callable[[Array, np.dtype[Any]], Array]:
    columns = [(terminal.value.interval, part) for terminal, part in program.input_columns]

    def convert(x: Array, dtype: np.dtype[Any]) -> Array:
        if x.dtype.kind not in "iu":
            raise _no_integers(x)
        # Words of the input's own size are looked at where they are read.
        if x.dtype != dtype or dtype == np.int64:
            for (lowest, highest), part in columns:
                words = x[:, part]
                outside = (words < lowest) | (words > highest)
                if outside.any():
                    raise _no_such_word(words[outside])
        return x.astype(dtype, copy=False)

    return convert


def _no_integers(x: Array) -> DataError:
    what = "the samples are not raw words"
    expected, got = "integers", f"an array of {x.dtype}"
    return DataError(Problem(what, expected=expected, got=got, code="data.no-integers"))


def _no_such_word(x: Array) -> DataError:
    got = f"words from {x.min()} to {x.max()}"
    what = "a sample has words that are not raw words of the input's type"
    return DataError(Problem(what, got=got, code="data.no-raw-word"))
