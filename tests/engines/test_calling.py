"""Functions of a shared library, called in processes that may crash."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpgac.engines.calling import Function, call
from fpgac.errors import EmulationError
from tests.emulation.toy import compile_cpp
from tests.processes import children

KERNELS = """
#include <cstdio>
#include <cstdlib>
#include <cstdint>
#include <iostream>
extern "C" void sums(const int16_t *x, int32_t *y, unsigned int n) {
  for (unsigned i = 0; i < n; ++i) {
    y[i] = 0;
    for (unsigned j = 0; j < 5; ++j) y[i] += x[5 * i + j];
  }
}
extern "C" void one_more(const int16_t *x, int32_t *y, unsigned int n) { sums(x, y, n + 1); }
extern "C" void one_before(const int16_t *x, int32_t *y, unsigned int) { y[-(1 << 12)] = x[0]; }
extern "C" void aborts(const int16_t *, int32_t *, unsigned int) {
  fputs("weights are missing\\n", stderr);
  abort();
}
extern "C" void leaves(const int16_t *, int32_t *, unsigned int) { exit(5); }
extern "C" void endless(const int16_t *, int32_t *, unsigned int n) {
  for (volatile unsigned int i = 1; i; i = n | 1) {}
}
extern "C" void large_frame(const int16_t *, int32_t *y, unsigned int n) {
  volatile int frame[8 << 20];
  for (unsigned i = 0; i < n; ++i) frame[i * 1000] = 7;
  y[0] = frame[0];
}
extern "C" void two_and_two(const int16_t *a, const uint8_t *b, int32_t *p, double *q, unsigned n) {
  for (unsigned i = 0; i < n; ++i) {
    p[i] = a[2 * i] + a[2 * i + 1] - b[i];
    for (unsigned j = 0; j < 3; ++j) q[3 * i + j] = b[i] / 2.0 + j;
  }
}
extern "C" void streams(const int16_t *, int32_t *, unsigned int) {
  std::cout << "WARNING: Hls::stream 'x' is read while empty" << std::endl;
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "kernels.cpp").write_text(KERNELS)
    compile_cpp("-O1", "-fPIC", "-shared", folder / "kernels.cpp", "-o", folder / "libkernels.so")
    return folder / "libkernels.so"


Rows = np.ndarray[tuple[int, ...], np.dtype[Any]]


def rows(samples: int) -> Rows:
    return np.arange(5 * samples, dtype=np.int16).reshape(samples, 5)


def one_result(library: Path, name: str, inputs: Rows, **options: Any) -> Rows:
    """What the function gives for a sample: one int32."""
    function = Function(library, name, f"kernel {name}")
    (results,) = call(function, [inputs], [(1, np.int32)], **options)
    assert results.dtype == np.int32
    return results[:, 0]


@pytest.mark.parametrize("samples", [1, 2, 1000, 100_000])
@pytest.mark.parametrize("shared", [{}, {"chunk": 7, "processes": 3}], ids=["alone", "shared"])
def test_a_function_over_many_samples(library: Path, samples: int, shared: Any) -> None:
    x = rows(samples)
    assert (one_result(library, "sums", x, **shared) == x.sum(axis=1, dtype=np.int32)).all()


@pytest.mark.parametrize("shared", [{}, {"chunk": 7, "processes": 3}], ids=["alone", "shared"])
def test_several_inputs_and_outputs(library: Path, shared: Any) -> None:
    random = np.random.default_rng(1)
    a = random.integers(-(2**15), 2**15, (100, 2), np.int16)
    b = random.integers(0, 256, (100, 1), np.uint8)
    function = Function(library, "two_and_two", "the function")
    p, q = call(function, [a, b], [(1, np.int32), (3, np.float64)], **shared)
    np.testing.assert_array_equal(p[:, 0], a.sum(axis=1, dtype=np.int32) - b[:, 0])
    np.testing.assert_array_equal(q, b / 2 + np.arange(3))


def test_progress_counts_samples(library: Path) -> None:
    done: list[int] = []
    one_result(library, "sums", rows(100), chunk=30, progress=done.append)
    assert done == sorted(done)
    assert done[-1] == 100


def test_rows_that_do_not_lie_one_behind_the_other(library: Path) -> None:
    x = rows(20)[::2]
    assert (one_result(library, "sums", x) == x.sum(axis=1)).all()


def test_no_samples_need_no_call(library: Path) -> None:
    assert one_result(library, "aborts", rows(0)).shape == (0,)


def test_inputs_of_different_lengths_are_the_caller_s_mistake(library: Path) -> None:
    function = Function(library, "two_and_two", "the function")
    with pytest.raises(ValueError, match="3, 4"):
        call(function, [rows(3), rows(4)], [(1, np.int32), (3, np.float64)])


def test_a_function_may_keep_large_arrays_on_its_stack(library: Path) -> None:
    assert one_result(library, "large_frame", rows(9))[0] == 7


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("one_more", "emulation.kernel-crash", "kernel one_more crashed: SIGSEGV"),
        ("one_before", "emulation.kernel-crash", "SIGSEGV"),
        ("aborts", "emulation.kernel-crash", "weights are missing"),
        ("aborts", "emulation.kernel-crash", "SIGABRT"),
        ("leaves", "emulation.kernel-crash", "exit code 5"),
        ("nowhere", "emulation.cannot-call", "undefined symbol: nowhere"),
        ("streams", "emulation.stream-misuse", "'x' is read while empty"),
    ],
)
def test_a_function_that_fails(library: Path, name: str, code: str, words: str) -> None:
    with pytest.raises(EmulationError) as caught:
        one_result(library, name, rows(640))
    (problem,) = caught.value.problems
    assert problem.code == code
    assert words in str(problem)


def test_a_function_that_hangs(library: Path) -> None:
    before = children(os.getpid())
    with pytest.raises(EmulationError) as caught:
        one_result(library, "endless", rows(2), patience=0.5)
    assert caught.value.problems[0].code == "emulation.hang"
    assert children(os.getpid()) == before


def test_a_library_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EmulationError) as caught:
        one_result(tmp_path / "libnone.so", "sums", rows(2))
    assert caught.value.problems[0].code == "emulation.cannot-call"


def test_a_full_disk_is_an_error(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(EmulationError) as caught:
        one_result(library, "sums", rows(2))
    assert caught.value.problems[0].code == "emulation.scratch-full"
    assert "set TMPDIR" in caught.value.problems[0].hint
