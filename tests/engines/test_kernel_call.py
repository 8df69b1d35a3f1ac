"""Kernels called without XRT, in a process that may crash."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fpgac.engines.kernel_call import simulate_kernel
from fpgac.errors import EmulationError
from tests.emulation.toy import compile_cpp

KERNELS = """
#include <cstdio>
#include <cstdlib>
#include <cstdint>
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
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "kernels.cpp").write_text(KERNELS)
    compile_cpp("-O1", "-fPIC", "-shared", folder / "kernels.cpp", "-o", folder / "libkernels.so")
    return folder / "libkernels.so"


def rows(samples: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.arange(5 * samples, dtype=np.int16).reshape(samples, 5)


@pytest.mark.parametrize("samples", [1, 2, 1000, 100_000])
def test_a_kernel_over_many_samples(library: Path, samples: int) -> None:
    x = rows(samples)
    y = simulate_kernel(library, "sums", x, (samples, 1), np.int32)
    assert y.dtype == np.int32
    assert (y == x.sum(axis=1, keepdims=True)).all()


def test_rows_that_do_not_lie_one_behind_the_other(library: Path) -> None:
    x = rows(20)[::2]
    assert (simulate_kernel(library, "sums", x, (10,), np.int32) == x.sum(axis=1)).all()


def test_no_samples_need_no_call(library: Path) -> None:
    assert simulate_kernel(library, "aborts", rows(0), (0, 1), np.int32).shape == (0, 1)


def test_a_shape_of_other_samples_is_the_caller_s_mistake(library: Path) -> None:
    with pytest.raises(ValueError, match="begin with the 3 samples"):
        simulate_kernel(library, "sums", rows(3), (4, 1), np.int32)


def test_a_kernel_may_keep_large_arrays_on_its_stack(library: Path) -> None:
    assert simulate_kernel(library, "large_frame", rows(9), (9,), np.int32)[0] == 7


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ("one_more", "kernel one_more crashed in the simulation of 640 samples: SIGSEGV"),
        ("one_before", "SIGSEGV"),
        ("aborts", "SIGABRT\n  got: +weights are missing"),
        ("leaves", "exit code 5"),
        ("nowhere", "kernel nowhere cannot be called\n  got: .*undefined symbol: nowhere"),
    ],
)
def test_a_kernel_that_fails(library: Path, kernel: str, message: str) -> None:
    with pytest.raises(EmulationError, match=message):
        simulate_kernel(library, kernel, rows(640), (640, 1), np.int32)


def test_a_kernel_that_hangs(library: Path) -> None:
    with pytest.raises(EmulationError, match=r"did not end within 0\.5 seconds"):
        simulate_kernel(library, "endless", rows(2), (2, 1), np.int32, timeout=0.5)


def test_a_library_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EmulationError, match="cannot be called"):
        simulate_kernel(tmp_path / "libnone.so", "sums", rows(2), (2, 1), np.int32)
