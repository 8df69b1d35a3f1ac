"""The hosts' .npy files against numpy's own, and against files that are none."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fpgac.core.core import Core

from .cores import handmade_core
from .hosts import compile_cpp, headers, python_host

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

CORE = handmade_core(samples=((2, 3, 4), "ap_fixed<16,6,RND,SAT>"), results=((2, 2), "ap_int<18>"))
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(0, 10, (7, 2, 3, 4))

# Reads samples, a few at a time, and writes their raw words; or writes results.
PROBE = """\
#include "arrays.hpp"
int main(int argc, char** argv) {
    using namespace fpga;
    using X = tensors::x;
    using Y = tensors::y;
    try {
        if (argc == 2) {
            Samples samples(argv[1]);
            std::vector<X::Word> words(3 * X::STRIDE);
            for (std::size_t first = 0; first < samples.count(); first += 3) {
                const std::size_t rows = std::min<std::size_t>(3, samples.count() - first);
                samples.read(first, rows, [&](std::size_t) { return words.data(); });
                std::fwrite(words.data(), X::STRIDE * sizeof(X::Word), rows, stdout);
            }
        } else {
            const std::size_t count = std::strtoul(argv[2], nullptr, 10);
            const auto form = std::string(argv[3]) == "raw" ? Form::WORDS : Form::DECODED;
            Results results(argv[1], count, form);
            std::vector<Y::Word> words(Y::STRIDE);
            for (std::size_t row = 0; row < count; row++) {
                for (std::size_t i = 0; i < Y::SIZE; i++)
                    words[i] = static_cast<Y::Word>(row * Y::SIZE + i) - 3;
                results.write(1, [&](std::size_t) { return words.data(); });
            }
            results.finish();
        }
    } catch (const Failure& failure) {
        std::fprintf(stderr, "%s", failure.what());
        return failure.code;
    }
}
"""


@pytest.fixture(scope="module")
def probe(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    folder = tmp_path_factory.mktemp("npy")
    headers(CORE, folder)
    (folder / "probe.cpp").write_text(PROBE)
    # Sanitisers end the program when it reads where it must not.
    compile_cpp(folder / "probe.cpp", folder / "probe", "-fsanitize=address,undefined", "-O1")

    def run(*words: object) -> subprocess.CompletedProcess[bytes]:
        command = [str(folder / "probe"), *map(str, words)]
        return subprocess.run(command, capture_output=True, check=False, timeout=60)

    return run


def saved(array: npt.NDArray[Any], version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version)  # type: ignore[no-untyped-call]
    return file.getvalue()


def odd_header(array: npt.NDArray[Any]) -> bytes:
    """As another program may write it: no padding, so that the numbers lie askew."""
    header = repr({"shape": array.shape, "fortran_order": False, "descr": array.dtype.str}).encode()
    header = header.replace(b": ", b":  ") + b"\n" * (1 + len(header) % 2)
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + array.tobytes()


GOOD = {
    "version 1": saved(X, (1, 0)),
    "version 2": saved(X, (2, 0)),
    "version 3": saved(X, (3, 0)),
    "float32": saved(X.astype(np.float32)),
    "flat samples": saved(X.reshape(7, 24)),
    "Fortran order": saved(np.asfortranarray(X)),
    "Fortran order, flat, float32": saved(np.asfortranarray(X.reshape(7, 24).astype("<f4"))),
    "numbers at an odd place": odd_header(X),
    "no samples": saved(X[:0]),
    "one sample": saved(X[:1]),
}

BAD = {
    "big-endian": (saved(X.astype(">f8")), "type >f8"),
    "integers": (saved(X.astype(np.int32)), "expected float32 or float64"),
    "half precision": (saved(X.astype(np.float16)), "expected float32 or float64"),
    "complex": (saved(X.astype(complex)), "expected float32 or float64"),
    "a record": (saved(np.zeros(3, [("a", "<f8")])), "expected float32 or float64"),
    "text": (saved(np.array(["a"])), "expected float32 or float64"),
    "too few numbers a sample": (
        saved(X[..., :3]),
        "has shape (7, 2, 3, 3); expected (n, 2, 3, 4)",
    ),
    "a wrong flat shape": (saved(X.reshape(8, 21)), "has shape (8, 21); expected (n, 2, 3, 4)"),
    "one sample alone": (saved(X[0]), "has shape (2, 3, 4); expected (n, 2, 3, 4)"),
    "a number alone": (saved(np.array(1.0)), "has shape (); expected (n, 2, 3, 4)"),
    "cut off in the numbers": (saved(X)[:-1], "is cut off"),
    "cut off after the header": (saved(X)[:128], "is cut off"),
    "cut off in the header": (saved(X)[:60], "is cut off"),
    "cut off in its length": (saved(X)[:9], ""),
    "empty": (b"", "npy file"),
    "another format": (b"PK\x03\x04 this is no npy file", "is no .npy file"),
    "an unknown version": (b"\x93NUMPY\x09\x00" + saved(X)[8:], ""),
    "a header without a shape": (saved(X).replace(b"'shape'", b"'sahpe'"), ""),
    "a header of rubbish": (saved(X)[:10] + b"\xff" * 118, ""),
    "a shape of rubbish": (saved(X).replace(b"(7, 2, 3, 4)", b"[7, 2, 3, 4]"), ""),
    "a shape cut off": (saved(X).replace(b"(7, 2, 3, 4)", b"(7, 2, 3, 4 "), ""),
    "a negative shape": (saved(X).replace(b"(7, 2, 3, 4)", b"(-7, 2,3, 4)"), ""),
    "a shape that is a set": (saved(X).replace(b"(7, 2, 3, 4)", b"{[]: 2, 3:4}"), ""),
    "a shape beyond all memory": (
        saved(X).replace(b"(7, 2, 3, 4), }     ", b"(99999999999, 2, 3, 4), }")[:128] + b"x" * 999,
        "",
    ),
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD.keys())
def test_both_hosts_read_what_numpy_reads(content: bytes, probe: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    expected = CORE.inputs[0].type.raw(np.load(path)).reshape(-1, 24)

    ran = probe(path)
    assert ran.returncode == 0, ran.stderr.decode()
    rows = np.frombuffer(ran.stdout, CORE.inputs[0].type.dtype).reshape(-1, 32)
    np.testing.assert_array_equal(rows[:, :24], expected)
    assert not rows[:, 24:].any()

    host = python_host(CORE, tmp_path)
    (samples,) = host.arrays.read_samples(path, host.contract.inputs)
    rows = np.ones((len(samples), 32), CORE.inputs[0].type.dtype)
    host.contract.inputs[0].fill(rows, samples)
    np.testing.assert_array_equal(rows[:, :24], expected)


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD.keys())
def test_both_hosts_refuse_the_rest(content: bytes, words: str, probe: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    ran = probe(path)
    assert ran.returncode == 3, ran.stderr.decode()
    assert words in ran.stderr.decode().replace("cut off or damaged", "cut off")
    assert ran.stderr.decode().startswith(f"{path}: ")

    host = python_host(CORE, tmp_path)
    with pytest.raises(host.error) as caught:
        host.arrays.read_samples(path, host.contract.inputs)
    assert caught.value.exit_code == 3
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}")


@pytest.mark.parametrize("path", ["nothing.npy", "."])
def test_a_path_that_is_no_file(path: str, probe: Any, tmp_path: Path) -> None:
    assert probe(tmp_path / path).returncode == 3
    host = python_host(CORE, tmp_path)
    with pytest.raises(host.error):
        host.arrays.read_samples(tmp_path / path, host.contract.inputs)


def test_a_single_number_a_sample_may_lie_flat(tmp_path: Path) -> None:
    core: Core = handmade_core(samples=((1,), "ap_fixed<16,6>"), results=((1,), "ap_fixed<17,7>"))
    host = python_host(core, tmp_path)
    np.save(tmp_path / "x.npy", np.arange(5.0))
    (samples,) = host.arrays.read_samples(tmp_path / "x.npy", host.contract.inputs)
    assert samples.shape == (5,)


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_numpy_reads_what_cpp_writes(count: int, probe: Any, tmp_path: Path) -> None:
    expected = (np.arange(count * 4) - 3).reshape(count, 2, 2)
    for kind, dtype in (("raw", "<i4"), ("numbers", "<f4")):
        path = tmp_path / f"{kind}.npy"
        ran = probe(path, count, kind)
        assert ran.returncode == 0, ran.stderr.decode()
        written = np.load(path)
        assert written.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(written, expected)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["numbers.npy", "raw.npy"]


def test_a_full_disk_leaves_what_was_there(probe: Any, tmp_path: Path) -> None:
    path = tmp_path / "y.npy"
    path.write_bytes(b"before")
    limited = f'trap "" XFSZ; ulimit -f 8; exec "{probe("x").args[0]}" "{path}" 9000 raw'
    ran = subprocess.run(["bash", "-c", limited], capture_output=True, check=False, timeout=60)
    assert ran.returncode == 3
    assert b"cannot be written: File too large" in ran.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["y.npy"]
    assert path.read_bytes() == b"before"


def test_what_is_no_plain_file_is_never_replaced(probe: Any, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert probe(pipe, 1, "raw").returncode == 3
    host = python_host(CORE, tmp_path)
    with pytest.raises(host.error, match="no plain file"), host.arrays.new_file(pipe):
        pass
    assert pipe.is_fifo()
