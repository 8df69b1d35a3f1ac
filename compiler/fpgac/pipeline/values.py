"""How the values that go from stage to stage are written as files, and read again."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from fpgac.build.folder import File, Files, npy_bytes
from fpgac.core.core import Core
from fpgac.data.rows import read_rows, rows_bytes, rows_name
from fpgac.data.vectors import ANSWERS, EXPECTED, INPUT_WORDS, INPUTS
from fpgac.engines.built import CARD_PLAN, PROGRAM, CardPlan
from fpgac.engines.engine import Vectors
from fpgac.engines.proving import Proof
from fpgac.numbers import FloatArray, IntArray
from fpgac.plain import dumps, from_plain, loads, to_plain
from fpgac.tensors import Layout

if TYPE_CHECKING:
    from fpgac.data.accuracy import Accuracy
    from fpgac.engines.original import OriginalAnswers
    from fpgac.network.network import Network
    from fpgac.program.program import Program

__all__ = [
    "AccuracyReport",
    "Answers",
    "CardSide",
    "CheckedCore",
    "ProofVectors",
    "dump_network",
    "dump_original",
    "dump_program",
    "dump_proof",
    "load_network",
    "load_original",
    "load_program",
    "load_proof",
]

_NETWORK: Final = "network.json"
_ORIGINAL, _LAYERS = "original.npy", "layers.json"
_CORE, _ARRAYS, _FIRMWARE = "core.json", "arrays.npz", "firmware/"
_ABOUT, _ENGINES, _PROOF = "vectors/about.json", "vectors/engines.json", "reports/proof.json"
_FIGURES, _LINES, _PICTURE = (f"reports/accuracy.{suffix}" for suffix in ("json", "txt", "png"))


def dump_network(network: Network) -> Files:
    """The network as its own file."""
    from fpgac.network.file import render

    return {_NETWORK: File(render(network).encode())}


def load_network(files: Files) -> Network:
    """What :func:`dump_network` wrote."""
    from fpgac.network.file import read_network

    with tempfile.TemporaryDirectory(prefix="fpgac-") as folder:
        path = Path(folder, _NETWORK)
        path.write_bytes(files[_NETWORK].content)
        return read_network(path)


def dump_original(answers: OriginalAnswers) -> Files:
    """The original's answers as an array, and how close its layers are as plain data."""
    return {_ORIGINAL: File(npy_bytes(answers.outputs)), _LAYERS: File(dumps(answers.layers))}


def load_original(files: Files) -> OriginalAnswers:
    """What :func:`dump_original` wrote."""
    from fpgac.engines.original import OriginalAnswers
    from fpgac.network.imports.comparison import Deviation

    outputs = np.load(io.BytesIO(files[_ORIGINAL].content), allow_pickle=False)
    layers = json.loads(files[_LAYERS].content)
    return OriginalAnswers(outputs, tuple(from_plain(Deviation, layer) for layer in layers))


def dump_program(program: Program) -> Files:
    """The program as its own file."""
    from fpgac.program.file import program_bytes

    return {PROGRAM: File(program_bytes(program))}


def load_program(files: Files) -> Program:
    """What :func:`dump_program` wrote."""
    from fpgac.program.file import parse_program

    return parse_program(files[PROGRAM].content)


@dataclass(frozen=True, eq=False)
class CheckedCore:
    """A core that was held against the network's program.

    It was ``undecided`` whether these layers compute the same, so that vectors must decide.
    ``reuse`` is a line on reuse factors that nobody asked for.
    """

    core: Core
    undecided: tuple[str, ...] = ()
    reuse: str = ""

    def __str__(self) -> str:
        core = self.core
        claim = f"{', '.join(self.undecided)} to be proven" if self.undecided else "as the program"
        return (
            f"{_edge(core.input_layout)} in, {_edge(core.output_layout)} out, {core.io_type}, "
            f"{len(core.files)} files, {claim}" + (f", {self.reuse}" if self.reuse else "")
        )

    def dump(self) -> Files:
        """The core's C++ as it is, its graph's constants as arrays, and the rest as plain data."""
        arrays: list[npt.NDArray[Any]] = []
        plain = to_plain(replace(self, core=replace(self.core, files={})), arrays)
        sources = {f"{_FIRMWARE}{path}": File(text) for path, text in self.core.files.items()}
        return {
            _CORE: File(json.dumps(plain).encode()),
            _ARRAYS: File(_npz_bytes(arrays)),
            **sources,
        }

    @classmethod
    def load(cls, files: Files) -> CheckedCore:
        """What :meth:`dump` wrote."""
        with np.load(io.BytesIO(files[_ARRAYS].content), allow_pickle=False) as archive:
            arrays = [archive[name] for name in archive.files]
        checked: CheckedCore = from_plain(cls, json.loads(files[_CORE].content), arrays)
        sources = {
            path.removeprefix(_FIRMWARE): file.content
            for path, file in files.items()
            if path.startswith(_FIRMWARE)
        }
        return replace(checked, core=replace(checked.core, files=sources))


def _edge(layout: Layout) -> str:
    return ", ".join(f"{tensor.size} x {tensor.type}" for tensor in layout.tensors)


def _npz_bytes(arrays: Iterable[npt.NDArray[Any]]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, *arrays)
    return stream.getvalue()


@dataclass(frozen=True, eq=False)
class CardSide:
    """What the emulated card needs beside a design: files for g++, and how they are built."""

    card: CardPlan
    files: Files

    def dump(self) -> Files:
        """The files, the plan among them."""
        return {CARD_PLAN: File(dumps(self.card)), **self.files}

    @classmethod
    def load(cls, files: Files) -> CardSide:
        """What :meth:`dump` wrote."""
        return cls(loads(CardPlan, files[CARD_PLAN].content), files)


@dataclass(frozen=True)
class AboutVectors:
    """How many of a build's vectors are of the data and how many random; the rest are corners.

    ``answers`` says what the data set's own answers are: :attr:`Dataset.about_answers`.
    """

    data: int
    random: int
    answers: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class ProofVectors:
    """A build's vectors: of the test data, random ones, and corners; see :class:`AboutVectors`.

    ``answers`` are the data set's own for its samples, shape (data, numbers).
    """

    vectors: Vectors
    answers: FloatArray
    about: AboutVectors

    def __str__(self) -> str:
        data, random = self.about.data, self.about.random
        corners = len(self.vectors) - data - random
        return f"{data:,} of the data, {random:,} random, {corners:,} corners"

    def dump(self) -> Files:
        """Arrays for every host, and what they are."""
        layout = self.vectors.layout
        return {
            rows_name(INPUTS, layout): File(rows_bytes(self.vectors.numbers, layout)),
            rows_name(INPUT_WORDS, layout): File(rows_bytes(self.vectors.words, layout)),
            ANSWERS: File(npy_bytes(self.answers)),
            _ABOUT: File(dumps(self.about)),
        }

    @classmethod
    def load(cls, files: Files, layout: Layout) -> ProofVectors:
        """What :meth:`dump` wrote of vectors of ``layout``."""
        numbers = read_rows(files[rows_name(INPUTS, layout)].content, layout)
        answers: npt.NDArray[Any] = np.load(io.BytesIO(files[ANSWERS].content), allow_pickle=False)
        about = loads(AboutVectors, files[_ABOUT].content)
        return cls(Vectors("vectors", layout, numbers), answers, about)


@dataclass(frozen=True, eq=False)
class Answers:
    """The words that a build's vectors must have, as the engines in ``proof`` agree.

    ``file`` is the name of the words' file, among ``files``.
    """

    file: str
    files: Files
    proof: Proof

    @classmethod
    def of(cls, words: IntArray, outputs: Layout, proof: Proof) -> Answers:
        """Rows of words for ``outputs``."""
        name = rows_name(EXPECTED, outputs)
        return cls(name, {name: File(rows_bytes(words, outputs))}, proof)

    def words(self, outputs: Layout) -> IntArray:
        """The words as rows of ``outputs``."""
        return read_rows(self.files[self.file].content, outputs)

    def __str__(self) -> str:
        totals: dict[str, list[int]] = {}
        for agreement in self.proof.agreements:
            for title, samples in agreement.samples.items():
                totals.setdefault(title, []).append(samples)
        return ", ".join(
            f"{len(samples)} engines agree on {samples[0]:,} of the {title}"
            for title, samples in totals.items()
        )

    def dump(self) -> Files:
        """The words as hosts' results are compared with them, and the engines."""
        return {self.file: self.files[self.file], _ENGINES: File(dumps(self.proof))}

    @classmethod
    def load(cls, files: Files) -> Answers:
        """What :meth:`dump` wrote."""
        (file,) = (name for name in files if name.startswith(EXPECTED))
        return cls(file, files, loads(Proof, files[_ENGINES].content))


def dump_proof(proof: Proof) -> Files:
    """Which engines agree on what."""
    return {_PROOF: File(dumps(proof))}


def load_proof(files: Files) -> Proof:
    """What :func:`dump_proof` wrote."""
    return loads(Proof, files[_PROOF].content)


@dataclass(frozen=True)
class AccuracyReport:
    """How well the chip answers the data: ``lines`` for people, ``figures`` as plain data."""

    lines: tuple[str, ...]
    figures: Mapping[str, Any]
    picture: bytes | None = None

    @classmethod
    def of(cls, accuracy: Accuracy) -> AccuracyReport:
        """What is kept of ``accuracy``; there is a picture where matplotlib is installed."""
        return cls(accuracy.lines, json.loads(accuracy.json()), accuracy.png())

    def with_warnings(self, warnings: tuple[str, ...]) -> AccuracyReport:
        """The same with what should not stay as it is, a line each."""
        return replace(self, figures={**self.figures, "warnings": list(warnings)})

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should not stay as it is."""
        return tuple(self.figures.get("warnings", ()))

    def dump(self) -> Files:
        """Figures, a table and, if there is one, a picture."""
        text = "".join(f"{line}\n" for line in self.lines)
        figures = json.dumps(self.figures, indent=1)
        picture = {_PICTURE: File(self.picture)} if self.picture is not None else {}
        return {_FIGURES: File(f"{figures}\n".encode()), _LINES: File(text.encode()), **picture}

    @classmethod
    def load(cls, files: Files) -> AccuracyReport:
        """What :meth:`dump` wrote."""
        picture = files[_PICTURE].content if _PICTURE in files else None
        lines = files[_LINES].content.decode().splitlines()
        return cls(tuple(lines), json.loads(files[_FIGURES].content), picture)
