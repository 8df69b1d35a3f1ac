"""The hosts' .npz files, for several tensors: against numpy's own, and files that are none."""

from __future__ import annotations

import io
import os
import subprocess
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from .cores import SEVERAL, core_of
from .hosts import PythonHost, compile_cpp, headers, python_host

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy.typing as npt

CORE = SEVERAL["two and two"]
TRACK, CALO = CORE.inputs
RANDOM = np.random.default_rng(3)
X = {"track": RANDOM.normal(0, 10, (7, 3, 5)), "calo": RANDOM.uniform(0, 8, (7, 9))}

# Reads samples, a few at a time, and writes the raw words of each input; or writes results.
PROBE = """\
#include "arrays.hpp"
int main(int argc, char** argv) {
    using namespace fpga;
    try {
        if (argc == 2) {
            Samples samples(argv[1]);
            std::vector<tensors::x_track::Word> track(3 * tensors::x_track::STRIDE);
            std::vector<tensors::x_calo::Word> calo(3 * tensors::x_calo::STRIDE);
            for (std::size_t first = 0; first < samples.count(); first += 3) {
                const std::size_t rows = std::min<std::size_t>(3, samples.count() - first);
                samples.read(first, rows, [&](std::size_t i) {
                    return i ? static_cast<void*>(calo.data()) : static_cast<void*>(track.data());
                });
                std::fwrite(track.data(), INPUT_ROW_BYTES[0], rows, stdout);
                std::fwrite(calo.data(), INPUT_ROW_BYTES[1], rows, stdout);
            }
        } else {
            const std::size_t count = std::strtoul(argv[2], nullptr, 10);
            const auto form = std::string(argv[3]) == "raw" ? Form::WORDS : Form::DECODED;
            Results results(argv[1], count, form);
            std::vector<tensors::y_charge::Word> charge(tensors::y_charge::STRIDE);
            std::vector<tensors::y_p_t::Word> p_t(tensors::y_p_t::STRIDE);
            for (std::size_t row = 0; row < count; row++) {
                for (std::size_t i = 0; i < 4; i++)
                    charge[i] = static_cast<tensors::y_charge::Word>(row * 4 + i) - 3;
                for (std::size_t i = 0; i < 6; i++)
                    p_t[i] = static_cast<tensors::y_p_t::Word>(row * 6 + i) - 5;
                results.write(1, [&](std::size_t i) {
                    return i ? static_cast<void*>(p_t.data()) : static_cast<void*>(charge.data());
                });
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
    folder = tmp_path_factory.mktemp("npz")
    headers(CORE, folder)
    (folder / "probe.cpp").write_text(PROBE)
    # Sanitisers end the program when it reads where it must not.
    compile_cpp(folder / "probe.cpp", folder / "probe", "-fsanitize=address,undefined", "-O1")

    def run(*words: object) -> subprocess.CompletedProcess[bytes]:
        command = [str(folder / "probe"), *map(str, words)]
        return subprocess.run(command, capture_output=True, check=False, timeout=60)

    return run


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> PythonHost:
    return python_host(CORE, tmp_path_factory.mktemp("python"))


def saved(arrays: Mapping[str, npt.NDArray[Any]], save: Callable[..., None] = np.savez) -> bytes:
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def npy(array: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


class Pipe(io.RawIOBase):
    """What cannot be sought in, so that sizes stand behind the members."""

    def __init__(self) -> None:
        self.content = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.content += bytes(data)
        return len(data)


def zipped(
    members: Mapping[str, bytes], file: Any = None, comment: bytes = b"", method: int = 0
) -> bytes:
    """An archive as another program may write it."""
    target = file or io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.comment = comment
        for name, content in members.items():
            archive.writestr(name, content)
    return target.content if isinstance(target, Pipe) else bytes(target.getvalue())


MEMBERS = {f"{name}.npy": npy(array) for name, array in X.items()}
GOOD = {
    "numpy.savez": saved(X),
    "in another order": saved(dict(reversed(X.items()))),
    "float32 beside float64": saved({**X, "calo": X["calo"].astype(np.float32)}),
    "flat samples": saved({name: array.reshape(7, -1) for name, array in X.items()}),
    "Fortran order": saved({name: np.asfortranarray(array) for name, array in X.items()}),
    "no samples": saved({name: array[:0] for name, array in X.items()}),
    "one sample": saved({name: array[:1] for name, array in X.items()}),
    "sizes of 32 bits": zipped(MEMBERS),
    "written into a pipe": zipped(MEMBERS, Pipe()),
    "with a comment": zipped(MEMBERS, comment=b"of the spring"),
}


def entry_changed(offset: int, value: bytes) -> bytes:
    """The archive with bytes of its first entry in the directory changed."""
    content = bytearray(zipped(MEMBERS))
    place = content.index(b"PK\1\2") + offset
    content[place : place + len(value)] = value
    return bytes(content)


BAD = {
    "compressed": (saved(X, np.savez_compressed), "npz: track.npy: is compressed; write it with n"),
    "an .npy file": (npy(X["track"]), "is no .npz file"),
    "empty": (b"", "npz file"),
    "another format": (b"# no archive at all\n" * 9, "is no .npz file"),
    "one tensor missing": (
        saved({"track": X["track"]}),
        "holds the arrays track; expected track, calo",
    ),
    "one too many": (
        saved({**X, "more": X["calo"]}),
        "holds the arrays track, calo, more; expected track, calo",
    ),
    "another name": (
        saved({"track": X["track"], "callo": X["calo"]}),
        "holds the arrays track, callo; expected track, calo",
    ),
    "names that numpy gives": (
        zipped({"arr_0.npy": b"", "arr_1.npy": b""}),
        "holds the arrays arr_0, arr_1; expected track, calo",
    ),
    "nothing": (zipped({}), "holds the arrays none; expected track, calo"),
    "different numbers of samples": (
        saved({**X, "calo": X["calo"][:6]}),
        "holds different numbers of samples: 7 of track, 6 of calo",
    ),
    "a wrong shape": (
        saved({**X, "calo": X["calo"][:, :8]}),
        "npz: calo.npy: has shape (7, 8); expected (n, 9)",
    ),
    "integers": (
        saved({**X, "track": X["track"].astype(int)}),
        "npz: track.npy: holds numbers of type",
    ),
    "a member that is no array": (
        zipped({**MEMBERS, "calo.npy": b"nine numbers"}),
        "npz: calo.npy: is no .npy file",
    ),
    "a member that is cut off": (
        zipped({**MEMBERS, "calo.npy": MEMBERS["calo.npy"][:-1]}),
        "npz: calo.npy: is cut off",
    ),
    "cut off in the directory": (saved(X)[:-30], "is no .npz file"),
    "cut off in the members": (saved(X)[:500], "is no .npz file"),
    "encrypted": (entry_changed(8, b"\1"), "track.npy: is encrypted"),
    "a member at no place": (entry_changed(42, b"\7\0\0\0"), "track.npy: is cut off or damaged"),
    "a member that begins in a number": (
        entry_changed(42, (200).to_bytes(4, "little")),
        "track.npy: is cut off or damaged",
    ),
    "an entry that is none": (entry_changed(0, b"PK\1\3"), "npz"),
    "a member longer than the file": (entry_changed(20, b"\0\0\1\0\0\0\1\0"), "is cut off"),
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD.keys())
def test_both_hosts_read_what_numpy_reads(
    content: bytes, probe: Any, python: PythonHost, tmp_path: Path
) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    expected = {
        port.name: port.type.raw(np.load(path)[port.name]).reshape(-1, port.size)
        for port in CORE.inputs
    }
    samples = len(expected["track"])

    ran = probe(path)
    assert ran.returncode == 0, ran.stderr.decode()
    for first in range(0, samples, 3):
        rows, read = min(3, samples - first), ran.stdout[first * 48 :]
        track = np.frombuffer(read[: rows * 32], TRACK.type.dtype).reshape(rows, 16)
        calo = np.frombuffer(read[rows * 32 : rows * 48], CALO.type.dtype).reshape(rows, 16)
        for words, port in ((track, TRACK), (calo, CALO)):
            right = expected[port.name][first : first + rows]
            np.testing.assert_array_equal(words[:, : port.size], right)
            assert not words[:, port.size :].any()

    arrays = python.arrays.read_samples(path, python.contract.inputs)
    for array, tensor in zip(arrays, python.contract.inputs, strict=True):
        flat = np.asarray(array).reshape(samples, tensor.size)
        np.testing.assert_array_equal(tensor.raw_words(flat), expected[tensor.name])


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD.keys())
def test_both_hosts_refuse_the_rest(
    content: bytes, words: str, probe: Any, python: PythonHost, tmp_path: Path
) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    ran = probe(path)
    assert ran.returncode == 3, ran.stderr.decode()
    assert words in ran.stderr.decode()
    assert ran.stderr.decode().startswith(f"{path}: ")

    with pytest.raises(python.error) as caught:
        python.arrays.read_samples(path, python.contract.inputs)
    assert caught.value.exit_code == 3
    assert words in str(caught.value).replace("cut off or damaged", "cut off") or words in str(
        caught.value
    )
    assert str(caught.value).startswith(f"{path}")


def written(path: Path, python: PythonHost, count: int, kind: str) -> None:
    """By the Python host: what the probe writes."""
    forms = python.chip.Form
    form = forms.WORDS if kind == "raw" else forms.DECODED
    with python.arrays.new_file(path) as file:
        results = python.arrays.Results(file, python.contract.outputs, count, form)
        for row in range(count):
            charge = np.arange(4 * row, 4 * row + 4, dtype="<i4")[None] - 3
            p_t = np.arange(6 * row, 6 * row + 6, dtype="<i8")[None] - 5
            results.write([charge, p_t])
        results.finish()


@pytest.mark.parametrize("count", [0, 1, 1000])
@pytest.mark.parametrize("kind", ["raw", "numbers"])
def test_numpy_reads_what_the_hosts_write(
    count: int, kind: str, probe: Any, python: PythonHost, tmp_path: Path
) -> None:
    charge = (np.arange(count * 4) - 3).reshape(count, 4)
    p_t = (np.arange(count * 6) - 5).reshape(count, 2, 3)
    expected = {"charge": (charge, "<i4", "<f4"), "p_t": (p_t, "<i8", "<f8")}
    assert probe(tmp_path / "cpp.npz", count, kind).returncode == 0
    written(tmp_path / "python.npz", python, count, kind)
    for name in ("cpp", "python"):
        path = tmp_path / f"{name}.npz"
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None, "a check sum is wrong"
        arrays = np.load(path)
        assert arrays.files == list(expected)
        for output, (words, raw_type, number_type) in expected.items():
            assert arrays[output].dtype == np.dtype(raw_type if kind == "raw" else number_type)
            step = 1 if kind == "raw" else 2.0**-10
            np.testing.assert_array_equal(arrays[output], words * step)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cpp.npz", "python.npz"]


def test_the_same_results_are_the_same_bytes(python: PythonHost, tmp_path: Path) -> None:
    for name in ("one", "other"):
        written(tmp_path / name, python, 10, "raw")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_full_disk_leaves_what_was_there(probe: Any, tmp_path: Path) -> None:
    path = tmp_path / "y.npz"
    path.write_bytes(b"before")
    limited = f'trap "" XFSZ; ulimit -f 8; exec "{probe("x").args[0]}" "{path}" 9000 raw'
    ran = subprocess.run(["bash", "-c", limited], capture_output=True, check=False, timeout=60)
    assert ran.returncode == 3
    assert b"cannot be written: File too large" in ran.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["y.npz"]
    assert path.read_bytes() == b"before"


BATCHES: dict[str, tuple[Any, str]] = {
    "an array": (np.zeros((7, 24)), "the samples are a dict with an array for each of track, calo"),
    "a tensor missing": ({"track": X["track"]}, "the inputs are track; expected track, calo"),
    "none": ({}, "the inputs are none; expected track, calo"),
    "a wrong shape": (
        {**X, "track": X["track"][:, :2]},
        "the input track has shape (7, 2, 5); expected (n, 3, 5)",
    ),
    "text": ({**X, "calo": [["no", "number"]]}, "the input calo holds <U6; expected numbers"),
    "different numbers of samples": (
        {**X, "calo": X["calo"][1:]},
        "the inputs have different numbers of samples: 7 of track, 6 of calo",
    ),
    "one sample beside many": (
        {**X, "calo": X["calo"][0]},
        "the input calo has shape (9,); expected (n, 9)",
    ),
}


@pytest.mark.parametrize(("samples", "words"), BATCHES.values(), ids=BATCHES.keys())
def test_a_dict_that_does_not_fit_is_refused(samples: Any, words: str, python: PythonHost) -> None:
    with pytest.raises(python.error) as caught:
        python.contract.batch_of(samples)
    assert words in str(caught.value)


def test_single_samples_and_flat_ones_are_understood(python: PythonHost) -> None:
    flat = {name: array.reshape(7, -1).tolist() for name, array in X.items()}
    for samples, is_one, count in (
        (X, False, 7),
        (flat, False, 7),
        ({name: array[0] for name, array in X.items()}, True, 1),
    ):
        parts, one = python.contract.batch_of(samples)
        assert one == is_one
        assert [len(part) for part in parts] == [count, count]


def test_tensors_of_one_number_may_be_flat_beside_others(tmp_path: Path) -> None:
    """(1,) is one sample of one number, and a batch of one flat sample: the others decide."""
    a, b = ((1,), "ap_fixed<8,4>", 1), ((3,), "ap_fixed<8,4>", 1)
    host = python_host(core_of({"a": a, "b": b}, {"y": b}), tmp_path)
    _, is_one = host.contract.batch_of({"a": [1.0], "b": [1.0, 2.0, 3.0]})
    assert is_one
    _, is_one = host.contract.batch_of({"a": [1.0], "b": [[1.0, 2.0, 3.0]]})
    assert not is_one


def test_what_is_no_plain_file_is_never_replaced(probe: Any, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert probe(pipe, 1, "raw").returncode == 3
    assert pipe.is_fifo()
