"""What a kernel and its hosts agree on, and the conversion of numbers to raw words and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import BAD_FILE, HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Array = npt.NDArray[Any]
    # One array, or for several tensors one by each name.
    Arrays = Array | dict[str, Array]

__all__ = [
    "Contract",
    "Decoding",
    "Form",
    "Input",
    "Output",
    "Tensor",
    "check_counts",
    "check_names",
    "check_shape",
    "given",
    "shape_text",
]


@dataclass(frozen=True)
class Tensor:
    """An input or output: ``shape`` is that of one sample, and ``argument`` the kernel's.

    ``type`` is the type on the chip and ``step`` what the last bit of its numbers weighs; ``word``
    is the raw word in memory. A row in memory has ``stride`` raw words, padding included.
    """

    name: str
    argument: str
    shape: tuple[int, ...]
    type: str
    step: float
    word: np.dtype[Any]
    stride: int

    @property
    def size(self) -> int:
        """Numbers in a sample."""
        return prod(self.shape)

    @property
    def row_bytes(self) -> int:
        """Bytes in a row."""
        return self.stride * self.word.itemsize

    def is_batch(self, shape: tuple[int, ...]) -> bool:
        """(n, numbers) or (n, and the tensor's shape); a single number a sample may be (n,) too."""
        fits = [self.shape, (self.size,), *([()] if self.size == 1 else [])]
        return bool(shape) and shape[1:] in fits

    def is_sample(self, shape: tuple[int, ...]) -> bool:
        """Whether it is the shape of one sample."""
        return shape in (self.shape, (self.size,))


@dataclass(frozen=True)
class Input(Tensor):
    """An input; ``rule`` gives the raw words of rows of float64 numbers, as float64 numbers.

    The rule is exact for every number, NaN and infinities included; where the network was trained
    on scaled numbers it scales them first.
    """

    rule: Callable[[Array], Array]

    def raw_words(self, numbers: npt.ArrayLike) -> Array:
        """The raw words of rows of numbers, shape (n, size)."""
        x = np.asarray(numbers, dtype=np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(self.rule(x)).astype(self.word)

    def fill(self, rows: Array, samples: Array) -> None:
        """Put samples as raw words into rows of the kernel's layout, in pieces that fit a cache."""
        step = max(1, 16384 // self.size)
        for first in range(0, len(samples), step):
            piece = np.asarray(samples[first : first + step]).reshape(-1, self.size)
            rows[first : first + len(piece), : self.size] = self.raw_words(piece)
        rows[:, self.size :] = 0


@dataclass(frozen=True)
class Decoding:
    """What numbers mean: ``meaning`` takes float64 numbers of shape (n, and the output's shape).

    It gives an array of ``dtype`` and shape (n, and ``shape``). ``text`` says it in a few words.
    """

    text: str
    meaning: Callable[[Array], Array]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Form(Enum):
    """What results are: the kernel's raw words, the network's numbers, or what these mean."""

    WORDS = "words"
    NUMBERS = "numbers"
    DECODED = "decoded"

    @classmethod
    def of(cls, raw: bool, decoded: bool) -> Form:
        """What two options ask for."""
        return cls.WORDS if raw else cls.DECODED if decoded else cls.NUMBERS


@dataclass(frozen=True)
class Output(Tensor):
    """An output; ``number`` is the narrowest float that holds each of its numbers exactly.

    Numbers without a ``decoding`` mean themselves.
    """

    number: np.dtype[Any]
    decoding: Decoding | None = None

    def numbers(self, words: npt.ArrayLike) -> Array:
        """The numbers that raw words stand for: exact."""
        return (np.asarray(words).astype(np.float64) * self.step).astype(self.number)

    def shape_of(self, form: Form) -> tuple[int, ...]:
        """The shape of one result."""
        decoding = self._decoding_of(form)
        return decoding.shape if decoding else self.shape

    def dtype(self, form: Form) -> np.dtype[Any]:
        """What a result's numbers are."""
        decoding = self._decoding_of(form)
        return decoding.dtype if decoding else self.word if form is Form.WORDS else self.number

    def result(self, words: Array, form: Form) -> Array:
        """The results of raw words, shape (n, size): of shape (n, and that of one result)."""
        shaped = words.reshape(len(words), *self.shape)
        if form is Form.WORDS:
            return shaped
        decoding, numbers = self._decoding_of(form), self.numbers(shaped)
        if decoding is None:
            return numbers
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(decoding.meaning(numbers.astype(np.float64)))

    def _decoding_of(self, form: Form) -> Decoding | None:
        return self.decoding if form is Form.DECODED else None


@dataclass(frozen=True)
class Contract:
    """The contract with a kernel, which takes its ``inputs``, its ``outputs``, and n_samples.

    ``compute_units`` are named as in the card's program. ``most_samples`` is the largest batch.
    ``load_hint`` is what to add when the card refuses its program.
    """

    kernel: str
    compute_units: tuple[str, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    most_samples: int
    load_hint: str

    def batch_of(self, samples: object) -> tuple[list[Array], bool]:
        """The array of each input in a batch of samples, and whether it was a single sample.

        ``samples`` is an array for one input, and for several a mapping with one by each name.

        Raises:
            HostError: an input is missing, unknown, or of another shape or number of samples.
        """
        arrays = [np.asarray(each) for each in self._parts(samples)]
        for tensor, array in zip(self.inputs, arrays):
            if array.dtype.kind not in "fiub":
                text = f"{self.what(tensor)} holds {array.dtype}; expected numbers"
                raise HostError(BAD_FILE, text)
        pairs = list(zip(self.inputs, arrays))
        is_batch = all(tensor.is_batch(array.shape) for tensor, array in pairs)
        is_one = not is_batch and all(tensor.is_sample(array.shape) for tensor, array in pairs)
        if is_one:
            arrays = [array[np.newaxis] for array in arrays]
        for tensor, array in zip(self.inputs, arrays):
            check_shape(self.what(tensor), tensor, array.shape)
        check_counts("the inputs have", self.inputs, [len(array) for array in arrays])
        return arrays, is_one

    def what(self, tensor: Tensor) -> str:
        """What messages call an input."""
        return "the input" if len(self.inputs) == 1 else f"the input {tensor.name}"

    def _parts(self, samples: object) -> Sequence[Any]:
        if isinstance(samples, Mapping):
            check_names("the inputs are", self.inputs, list(samples))
            return [samples[tensor.name] for tensor in self.inputs]
        if len(self.inputs) > 1:
            names = ", ".join(tensor.name for tensor in self.inputs)
            raise HostError(BAD_FILE, f"the samples are a dict with an array for each of {names}")
        return [samples]


def given(outputs: Sequence[Output], results: Sequence[Array]) -> Arrays:
    """What a user gets: the array of one output, of several a dict by name."""
    if len(outputs) == 1:
        return results[0]
    return {output.name: result for output, result in zip(outputs, results)}


def shape_text(shape: tuple[int, ...]) -> str:
    """How the shape of samples or results is written: (n, 27)."""
    return f"(n, {', '.join(map(str, shape))})" if shape else "(n,)"


def check_shape(what: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Refuse what is no batch of samples."""
    if not tensor.is_batch(shape):
        text = f"{what} has shape {shape}; expected {shape_text(tensor.shape)}"
        raise HostError(BAD_FILE, text)


def check_names(what: str, tensors: Sequence[Tensor], names: Sequence[str]) -> None:
    """Refuse names that are not those of the tensors."""
    expected = [tensor.name for tensor in tensors]
    if sorted(names) != sorted(expected):
        text = f"{what} {', '.join(names) or 'none'}; expected {', '.join(expected)}"
        raise HostError(BAD_FILE, text)


def check_counts(what: str, tensors: Sequence[Tensor], counts: Sequence[int]) -> None:
    """Refuse tensors that have different numbers of samples."""
    if len(set(counts)) > 1:
        parts = (f"{count} of {tensor.name}" for count, tensor in zip(counts, tensors))
        raise HostError(BAD_FILE, f"{what} different numbers of samples: {', '.join(parts)}")
