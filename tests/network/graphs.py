"""Drawn networks: graphs of all kinds of operation over small tensors, the same for each seed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

import numpy as np

from fpgac.errors import NetworkError
from fpgac.network.exactness import check_exact
from fpgac.network.network import Network
from fpgac.network.operation import Operation, Part
from fpgac.network.ops.arrangement import (
    Cropping,
    Flatten,
    Permute,
    Reshape,
    Upsampling,
    ZeroPadding,
)
from fpgac.network.ops.convolution import Convolution, Depthwise
from fpgac.network.ops.curve import CURVES, Curve
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.merge import Concatenate, Merge
from fpgac.network.ops.pooling import GlobalPooling, Pooling
from fpgac.network.ops.quantise import Quantise
from fpgac.network.ops.relu import Relu
from fpgac.network.ops.scale import Scale
from fpgac.network.ops.sloped import LeakyRelu, Prelu
from fpgac.network.ops.softmax import Argmax, Softmax
from fpgac.network.ops.squash import Squash
from fpgac.network.ops.thresholded import ThresholdedRelu
from fpgac.network.soundness import unsound
from fpgac.numbers import FixedPoint, IntArray, Overflow, Rounding
from fpgac.program.formats import Formats
from fpgac.spec.shapes import Shape
from fpgac.tensors import Tensor

__all__ = ["IMPORTED", "KINDS", "TOGETHER", "UNSTREAMED", "drawn", "together"]

_LARGEST = 160  # numbers in a tensor
_WIDEST = 34  # bits of a number

# So many networks that follow each other have the same few formats, which g++ then compiles once.
TOGETHER = 30

Item = TypeVar("Item")
Function = Literal["add", "subtract", "multiply", "average", "maximum", "minimum"]


def drawn(seed: int, without: Collection[str] = ()) -> Network:
    """The network of a seed, of all :data:`KINDS` of operation but those."""
    formats = Palette.of(np.random.default_rng([seed // TOGETHER, 0]))
    kinds = tuple(kind for kind in KINDS if kind not in without)
    drawing = Drawing(np.random.default_rng(seed), kinds, formats)
    return drawing.network(f"net{seed}")


def together(networks: Sequence[Network]) -> Network:
    """All networks side by side as one, whose rows are theirs end to end."""
    inputs, parts, ends = [], [], []
    for place, network in enumerate(networks):
        prefix = f"n{place}_"
        inputs += [replace(x, name=f"{prefix}{x.name}") for x in network.inputs]
        for node in network.nodes:
            reads = tuple(f"{prefix}{name}" for name in node.inputs)
            parts.append(Part(f"{prefix}{node.name}", node.operation, reads))
        ends += [f"{prefix}{output.node}" for output in network.outputs]
    return Network.connected("together", inputs, parts, ends)


@dataclass(frozen=True)
class Palette:
    """The formats that networks have: of inputs with any modes, and QKeras's own."""

    inputs: tuple[FixedPoint, ...]
    signed: tuple[FixedPoint, ...]
    unsigned: tuple[FixedPoint, ...]

    @classmethod
    def of(cls, rng: np.random.Generator) -> Palette:
        inputs = tuple(_input_type(rng, signed) for signed in (True, True, False))
        signed, unsigned = (
            tuple(_grid(rng, is_signed) for _ in range(3)) for is_signed in (True, False)
        )
        return cls(inputs, signed, unsigned)


def _input_type(rng: np.random.Generator, signed: bool) -> FixedPoint:
    """Its point lies among its bits: simulated conversions read no bit beyond the first one."""
    width = int(rng.integers(2, 10))
    rounding, overflow = rng.choice(list(Rounding)), rng.choice(list(Overflow))
    integer = int(rng.integers(width + 1))
    return FixedPoint(width, integer, signed, Rounding(rounding), Overflow(overflow))


def _grid(rng: np.random.Generator, signed: bool) -> FixedPoint:
    width = int(rng.integers(2, 9))
    integer = int(rng.integers(int(signed), min(width, 4) + 1))
    return FixedPoint(width, integer, signed, Rounding.RND_CONV, Overflow.SAT)


@dataclass
class Drawing:
    """A network in the making: its tensors so far, and the names of those that are read."""

    rng: np.random.Generator
    kinds: tuple[str, ...]
    formats: Palette
    inputs: list[Tensor] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)

    def network(self, name: str) -> Network:
        for place in range(self.pick([1, 1, 2, 3])):
            tensor = Tensor(f"in_{place}", self.shape(), self.pick(self.formats.inputs))
            self.inputs.append(tensor)
            self.tensors[tensor.name] = tensor
        for _ in range(self.count(2, 7)):
            self.step(self.pick(self.preferred()))
        for tensor in self.inputs:
            if tensor.name not in self.read:
                self.step(tensor)
        made = [part.name for part in self.parts]
        ends = [end for end in made if end not in self.read or self.chance(0.1)]
        self.rng.shuffle(ends)
        network = Network.connected(name, self.inputs, self.parts, ends)
        assert not unsound(network), unsound(network)
        return network

    def step(self, x: Tensor) -> None:
        """One more node, which reads ``x``."""
        for _ in range(200):
            for operation, reads in KINDS[self.pick(self.kinds)](self, x):
                if self.add(operation, reads):
                    return
        raise AssertionError(f"nothing can read {x}")

    def preferred(self) -> list[Tensor]:
        """Mostly what nothing reads yet, so that a network has not too many ends."""
        unread = [tensor for tensor in self.tensors.values() if tensor.name not in self.read]
        return unread if unread and self.chance(0.7) else list(self.tensors.values())

    def add(self, operation: Operation, reads: Sequence[str]) -> bool:
        """Whether the operation can be a node; if so, it is one."""
        part = Part(f"{operation.kind}_{len(self.parts) + 1}", operation, tuple(reads))
        try:
            network = Network.connected("any", self.inputs, [*self.parts, part])
            check_exact(network)
        except NetworkError:
            return False
        output = network.nodes[-1].output
        if output.size > _LARGEST or output.type.width > _WIDEST:
            return False
        self.parts.append(part)
        self.tensors[part.name] = output
        self.read |= set(reads)
        return True

    def count(self, least: int, most: int) -> int:
        return int(self.rng.integers(least, most + 1))

    def chance(self, part: float) -> bool:
        return bool(self.rng.random() < part)

    def pick(self, choices: Sequence[Item]) -> Item:
        return choices[self.count(0, len(choices) - 1)]

    def shape(self) -> Shape:
        space = tuple(self.pick([3, 4, 4, 5, 6]) for _ in range(self.count(0, 2)))
        return (*space, self.count(1, 3) if space else self.count(2, 9))

    def grid(self, *, signed: bool) -> FixedPoint:
        return self.pick(self.formats.signed if signed else self.formats.unsigned)

    def words(self, shape: Shape, type_: FixedPoint) -> IntArray:
        """Words over the whole type, in some tensors half of them zero."""
        words = self.rng.integers(type_.lowest, type_.highest, shape, np.int64, endpoint=True)
        return words * (self.rng.random(shape) >= self.pick([0.0, 0.0, 0.5]))

    def weights(self, *shape: int) -> tuple[IntArray, FixedPoint, IntArray, FixedPoint]:
        """Weights of the shape, biases for its last axis, and their types."""
        weight, bias = self.grid(signed=True), self.grid(signed=True)
        return self.words(shape, weight), weight, self.words(shape[-1:], bias), bias

    def mate(self, x: Tensor) -> str:
        """A tensor of the same shape, maybe ``x`` itself."""
        return self.pick([name for name, y in self.tensors.items() if y.shape == x.shape])


Choices = Iterator[tuple[Operation, Sequence[str]]]


def _dense(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) == 1:
        yield Dense(*d.weights(x.size, d.count(1, 6))), [x.name]


def _convolution(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) > 1:
        kernel, strides = _kernel(d, x)
        weights = d.weights(*kernel, x.shape[-1], d.count(1, 4))
        yield Convolution(*weights, strides, d.pick(["valid", "same"])), [x.name]


def _pointwise(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) > 1:
        ones = (1,) * (len(x.shape) - 1)
        yield Convolution(*d.weights(*ones, x.shape[-1], d.count(1, 4)), ones, "valid"), [x.name]


def _depthwise(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) > 1:
        kernel, strides = _kernel(d, x)
        weights = d.weights(*kernel, x.shape[-1])
        yield Depthwise(*weights, strides, d.pick(["valid", "same"])), [x.name]


def _kernel(d: Drawing, x: Tensor) -> tuple[Shape, Shape]:
    axes = len(x.shape) - 1
    return tuple(d.count(1, 3) for _ in range(axes)), tuple(d.count(1, 2) for _ in range(axes))


def _relu(d: Drawing, x: Tensor) -> Choices:
    yield Relu(d.grid(signed=False), d.pick([None, None, 6])), [x.name]


def _squash(d: Drawing, x: Tensor) -> Choices:
    yield Squash.of_bits(d.pick(["sigmoid", "tanh"]), d.count(2, 8)), [x.name]


def _leaky_relu(d: Drawing, x: Tensor) -> Choices:
    yield LeakyRelu(d.grid(signed=True), d.count(1, 4095) / 4096), [x.name]


def _prelu(d: Drawing, x: Tensor) -> Choices:
    slopes = d.grid(signed=True)
    yield Prelu(d.grid(signed=True), d.words(x.shape, slopes), slopes), [x.name]


def _thresholded_relu(d: Drawing, x: Tensor) -> Choices:
    yield ThresholdedRelu(d.count(0, 2**15 - 1) / 2**12), [x.name]


def _quantise(d: Drawing, x: Tensor) -> Choices:
    yield Quantise(d.pick((*d.formats.inputs, *d.formats.signed))), [x.name]


def _quantise_each(d: Drawing, x: Tensor) -> Choices:
    some = replace(d.pick(d.formats.inputs), overflow=Overflow.SAT)
    types = [replace(some, width=some.width + more) for more in (0, 1)]
    yield Quantise.of(Formats.of([d.pick([None, *types]) for _ in range(x.size)])), [x.name]


def _scale(d: Drawing, x: Tensor) -> Choices:
    yield Scale(*d.weights(x.shape[-1])), [x.name]


def _curve(d: Drawing, x: Tensor) -> Choices:
    yield Curve(d.grid(signed=True), d.pick(list(CURVES)), d.count(6, 9)), [x.name]


def _pooling(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) > 1:
        pool = tuple(d.pick([1, 2, 2, 3, 4]) for _ in x.shape[1:])
        yield Pooling(pool, d.chance(0.5)), [x.name]


def _any_pooling(d: Drawing, x: Tensor) -> Choices:
    """Pools that overlap, leave places out, or cover places beside the image."""
    if len(x.shape) > 1:
        pool = tuple(d.pick([2, 2, 3]) for _ in x.shape[1:])
        strides = tuple(d.count(1, 3) for _ in pool)
        sides = tuple((d.count(0, size - 1), d.count(0, size - 1)) for size in pool)
        yield Pooling(pool, d.chance(0.5), strides, sides), [x.name]


def _global_pooling(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) > 1:
        yield GlobalPooling(len(x.shape) - 1, d.chance(0.5)), [x.name]


def _flatten(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) > 1:
        yield Flatten(), [x.name]


def _reshape(d: Drawing, x: Tensor) -> Choices:
    divisors = [size for size in range(1, x.size + 1) if x.size % size == 0]
    first = d.pick(divisors)
    second = d.pick([size for size in divisors if x.size // first % size == 0])
    rest = x.size // first // second
    yield Reshape(d.pick([(x.size,), (first, x.size // first), (first, second, rest)])), [x.name]


def _permute(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) > 1:
        order = d.rng.permutation(len(x.shape)) + 1
        yield Permute(tuple(order.tolist())), [x.name]


def _zero_padding(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) > 1:
        yield ZeroPadding(tuple((d.count(0, 2), d.count(0, 2)) for _ in x.shape[1:])), [x.name]


def _cropping(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) > 1:
        yield Cropping(tuple((d.count(0, 1), d.count(0, 2)) for _ in x.shape[1:])), [x.name]


def _upsampling(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) > 1:
        yield Upsampling(tuple(d.count(1, 3) for _ in x.shape[1:])), [x.name]


def _merge(d: Drawing, x: Tensor) -> Choices:
    yield Merge(d.pick(MERGES)), [x.name, d.mate(x)]


def _residual(d: Drawing, x: Tensor) -> Choices:
    """A layer that keeps the shape, and then its sum with what it read."""
    if len(x.shape) > 1:
        ones = (1,) * (len(x.shape) - 1)
        weights = d.weights(*(3 for _ in ones), x.shape[-1], x.shape[-1])
        layer: Operation = Convolution(*weights, ones, "same")
    else:
        layer = Dense(*d.weights(x.size, x.size))
    if d.add(layer, [x.name]):
        yield Merge("add"), [d.parts[-1].name, x.name]


def _concatenate(d: Drawing, x: Tensor) -> Choices:
    axis = d.count(1, len(x.shape))
    rest = (*x.shape[: axis - 1], *x.shape[axis:])
    names = [
        name
        for name, y in d.tensors.items()
        if len(y.shape) == len(x.shape) and (*y.shape[: axis - 1], *y.shape[axis:]) == rest
    ]
    yield Concatenate(d.pick([axis, axis - 1 - len(x.shape)])), [x.name, d.pick(names)]


def _softmax(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) == 1 and x.size > 1:
        yield Softmax(d.count(6, 16), d.count(4, 9)), [x.name]


def _argmax(d: Drawing, x: Tensor) -> Choices:
    if len(x.shape) == 1 and x.size > 1:
        yield Argmax(), [x.name]


MERGES: tuple[Function, ...] = ("add", "subtract", "multiply", "average", "maximum", "minimum")
KINDS: Mapping[str, Callable[[Drawing, Tensor], Choices]] = {
    "dense": _dense,
    "convolution": _convolution,
    "pointwise": _pointwise,
    "depthwise": _depthwise,
    "relu": _relu,
    "squash": _squash,
    "leaky_relu": _leaky_relu,
    "prelu": _prelu,
    "thresholded_relu": _thresholded_relu,
    "quantise": _quantise,
    "quantise_each": _quantise_each,
    "scale": _scale,
    "curve": _curve,
    "pooling": _pooling,
    "any_pooling": _any_pooling,
    "global_pooling": _global_pooling,
    "flatten": _flatten,
    "reshape": _reshape,
    "permute": _permute,
    "zero_padding": _zero_padding,
    "cropping": _cropping,
    "upsampling": _upsampling,
    "merge": _merge,
    "residual": _residual,
    "concatenate": _concatenate,
    "softmax": _softmax,
    "argmax": _argmax,
}

# What only networks of other frameworks have, and what hls4ml's streams cannot do.
IMPORTED = frozenset({"quantise", "quantise_each", "scale", "curve", "any_pooling"})
UNSTREAMED = frozenset({"quantise_each", "any_pooling"})
