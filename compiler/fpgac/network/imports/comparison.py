"""Whether a network does what its original does, layer by layer.

Each node is given the original's own numbers for what it reads, so that errors do not add up and
the first layer that differs is the one that is wrong. A node that must be exact gives the very
numbers. Elsewhere the difference must be what formats make of it: half a step of each weight for
each number that it is multiplied with, taken as independent of each other, and a step of the grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import numpy.typing as npt

from fpgac.errors import Problem, ProofError, Where
from fpgac.network.imports.original import Original
from fpgac.network.meaning import meaning
from fpgac.network.network import Network, Node
from fpgac.network.operation import Operation
from fpgac.network.ops.curve import CURVES, Curve
from fpgac.network.ops.elementwise import OnGrid
from fpgac.network.ops.merge import Merge
from fpgac.network.ops.pooling import GlobalPooling, Pooling
from fpgac.network.ops.quantise import Quantise
from fpgac.network.ops.scale import Scale
from fpgac.network.ops.sloped import LeakyRelu, Prelu
from fpgac.network.ops.softmax import Softmax
from fpgac.network.ops.weighted import Weighted
from fpgac.numbers import FixedPoint, IntArray
from fpgac.program import ideal, interpreter
from fpgac.program.program import Operation as ProgramOperation
from fpgac.program.program import Value, operands
from fpgac.program.tables import FUNCTIONS
from fpgac.tensors import Tensor

__all__ = ["Deviation", "deviations", "require_alike"]

Floats = npt.NDArray[np.float64]

# Standard deviations of a sum's rounding errors beyond which something else is wrong.
_SIGMAS = 8.0
# Of the numbers at hand: what floats of the original may be off by.
_FLOAT_ERROR = 1e-5
# The greatest error of a probability by tables.
_SOFTMAX_ERROR = 0.15
# Where a table ends, its function has come as close to its limit.
_TABLE_END = 2e-3


@dataclass(frozen=True)
class Deviation:
    """How far a node's numbers lie from the original's, on the original's own inputs.

    ``sample`` and ``number`` are where the difference exceeds what is ``allowed`` most.
    """

    node: str
    origin: str
    sample: int
    number: int
    expected: float
    got: float
    allowed: float
    saturated: float

    @property
    def is_wrong(self) -> bool:
        return not abs(self.got - self.expected) <= self.allowed


def require_alike(
    network: Network, original: Original, rows: Floats, tensors: Mapping[str, Floats]
) -> tuple[Deviation, ...]:
    """Refuse a network of which a layer does not do what the original's does.

    Args:
        network: the imported network.
        original: where it comes from.
        rows: samples of its inputs, on their grids, shape (samples, numbers).
        tensors: the original's tensors for them, each of shape (samples, numbers), in the network's
            order of axes.

    Raises:
        ProofError: naming the first layer that differs, or is not there.
    """
    found: list[Deviation] = []
    for deviation in deviations(network, original, rows, tensors):
        if deviation.is_wrong:
            raise ProofError(_problem(deviation, original))
        found.append(deviation)
    return tuple(found)


def _problem(found: Deviation, original: Original) -> Problem:
    about = f"give or take {found.allowed:.2g}" if found.allowed else "exactly"
    return Problem(
        f"layer {found.node!r} does not do what {found.origin!r} does in {original.file}",
        Where(key=f"layers.{found.node}"),
        expected=f"{found.expected:g}, from {original.framework}, {about}",
        got=f"{found.got:g}, in sample {found.sample}, number {found.number}",
        hint="the import is wrong, and nothing may be built from it: please report the file",
        code="proof.unlike-original",
    )


def deviations(
    network: Network, original: Original, rows: Floats, tensors: Mapping[str, Floats]
) -> Iterator[Deviation]:
    """For each node that gives a tensor of the original, in order, how far it is from it.

    Raises:
        ProofError: a layer of the original is not there, or is of another shape.
    """
    known = {node.name for node in network.nodes}
    order = list(original.origins)
    lost = next((name for name in order if name not in known), None)
    replay = _Replay(network, original, rows)
    for node in network.nodes:
        replay.compute(node)
        origin = original.origins.get(node.name)
        if origin is None:
            continue
        if lost is not None and order.index(node.name) > order.index(lost):
            break
        if tensors[origin].shape[1] != node.output.size:
            raise ProofError(_misshapen(node, origin, tensors[origin].shape[1], original))
        yield replay.compare(node, origin, tensors[origin])
    if lost is not None:
        raise ProofError(_lost(lost, original))


def _misshapen(node: Node, origin: str, size: int, original: Original) -> Problem:
    return Problem(
        f"layer {node.name!r} gives another number of numbers than {origin!r} in {original.file}",
        Where(key=f"layers.{node.name}"),
        expected=str(size),
        got=str(node.output.size),
        code="proof.unlike-original",
    )


def _lost(node: str, original: Original) -> Problem:
    return Problem(
        f"the network has no layer {node!r}: {original.origins[node]!r} in {original.file} is lost",
        Where(key=f"layers.{node}"),
        code="proof.unlike-original",
    )


class _Replay:
    """The network's program, node by node, each reading the original's numbers where there are any.

    Values are real numbers, and beside them, as long as all is on the program's grids, words.
    ``slack`` is what a node without a tensor of the original may be off by.
    """

    def __init__(self, network: Network, original: Original, rows: Floats) -> None:
        program = meaning(network)
        self.original = original
        self.network = network
        self.values = dict(program.layers)
        self.operations: dict[str, list[ProgramOperation]] = {}
        for operation in program.operations:
            self.operations.setdefault(operation.layer, []).append(operation)
        self.reals: dict[Value, Floats] = {}
        self.words: dict[Value, IntArray] = {}
        self.slack: dict[str, float] = {}
        self.numbers: dict[str, Floats] = {}
        for terminal, columns in program.input_columns:
            self._replace(terminal.tensor.name, terminal.value, rows[:, columns])

    def _replace(self, name: str, value: Value, numbers: Floats) -> None:
        """Let ``numbers`` stand for what ``value`` is."""
        self.numbers[name], self.reals[value], self.slack[name] = numbers, numbers, 0.0
        scaled = np.ldexp(numbers, value.fraction)
        words = np.rint(scaled)
        on_grid = np.abs(scaled - words) <= 0.25
        inside = (words >= value.lowest) & (words <= value.highest)
        if on_grid.all() and inside.all() and self._is_on_grid(scaled, words):
            self.words[value] = words.astype(np.int64)
        else:
            self.words.pop(value, None)

    def _is_on_grid(self, scaled: Floats, words: Floats) -> bool:
        error = self.original.float_error * np.maximum(np.abs(scaled).max(initial=0), 1.0)
        return bool((np.abs(scaled - words) <= error).all())

    def compute(self, node: Node) -> None:
        """What the node makes of what it reads."""
        for operation in self.operations.get(node.name, ()):
            self.reals[operation.result] = ideal.evaluate(operation, self.reals)
            if all(x in self.words for x in operands(operation)):
                self.words[operation.result] = interpreter.evaluate(operation, self.words)
        self.numbers[node.name] = self.reals[self.values[node.name]]
        before = max(self.slack[name] for name in node.inputs)
        own = self._own_slack(node).max(initial=0)
        self.slack[node.name] = float(own + before * _steepness(node.operation))

    def _own_slack(self, node: Node) -> Floats:
        if node.name in self.original.exact and self.values[node.name] in self.words:
            return np.zeros(1)
        inputs = [self.numbers[name] for name in node.inputs]
        return slack(node.operation, node, self.network.read_by(node), inputs)

    def compare(self, node: Node, origin: str, theirs: Floats) -> Deviation:
        """How far the node is from the original, whose numbers count from here on."""
        ours, allowed = self._ours(node, float(np.abs(theirs).max(initial=0)))
        outside = _outside(node.operation, theirs)
        excess = np.where(outside, -np.inf, np.abs(ours - theirs) - allowed)
        sample, number = np.unravel_index(
            int(np.nan_to_num(excess, nan=np.inf).argmax()), ours.shape
        )
        self._replace(node.name, self.values[node.name], theirs)
        return Deviation(
            node.name,
            origin,
            int(sample),
            int(number),
            float(theirs[sample, number]),
            float(ours[sample, number]),
            float(allowed[sample, number]),
            float(outside.mean()),
        )

    def _ours(self, node: Node, scale: float) -> tuple[Floats, Floats]:
        """The node's numbers, and what they may be off by where the originals reach ``scale``."""
        value = self.values[node.name]
        if value in self.words and self._is_exact(node):
            exact = np.ldexp(self.words[value].astype(np.float64), -value.fraction)
            return exact, np.full(exact.shape, self.original.float_error * scale)
        before = max(self.slack[name] for name in node.inputs)
        allowed = self._own_slack(node) + before * _steepness(node.operation)
        ours = self.numbers[node.name]
        return ours, np.broadcast_to(allowed + _FLOAT_ERROR * scale, ours.shape)

    def _is_exact(self, node: Node) -> bool:
        """Whether it, and what it reads from where the original is known, loses nothing."""
        made = {other.name: other for other in self.network.nodes}
        waiting = [node.name]
        while waiting:
            name = waiting.pop()
            if name not in self.original.exact:
                return False
            waiting += [
                read
                for read in made[name].inputs
                if read in made and read not in self.original.origins
            ]
        return True


def _outside(operation: Operation, theirs: Floats) -> npt.NDArray[np.bool_]:
    """Which numbers an operation's grid does not reach: formats chosen by data may be narrower
    than what random samples ask for.
    """
    if isinstance(operation, Quantise) and isinstance(operation.to, FixedPoint):
        grid = operation.to
    elif isinstance(operation, OnGrid):
        grid = operation.grid
    else:
        return np.zeros(theirs.shape, np.bool_)
    lowest, highest = (grid.lowest - 1) * grid.step, (grid.highest + 1) * grid.step
    return np.asarray((theirs < lowest) | (theirs > highest))


def _steepness(operation: Operation) -> float:
    """By how much an operation may enlarge what is off."""
    match operation:
        case Weighted():
            sums = np.abs(operation.matrix).sum(axis=0).max(initial=0)
            return float(sums) * operation.weight_type.step
        case Scale():
            return float(np.abs(operation.factor).max(initial=0)) * operation.factor_type.step
        case Merge():
            return 2.0
    return 1.0


@singledispatch
def slack(
    operation: Operation, node: Node, inputs: tuple[Tensor, ...], numbers: list[Floats]
) -> Floats:
    """What formats may make of an operation's result on these numbers, (samples, size) or (1,)."""
    return np.zeros(1)


@slack.register
def _(operation: Weighted, node: Node, inputs: tuple[Tensor, ...], numbers: list[Floats]) -> Floats:
    windows = operation.windows(inputs[0].shape)
    squares = np.append(numbers[0] ** 2, np.zeros((len(numbers[0]), 1)), axis=1)
    norms = np.sqrt(squares[:, windows.windows].sum(axis=2))
    each = np.repeat(norms, windows.weights.shape[2], axis=1)
    sigma = operation.weight_type.step / np.sqrt(12)
    return np.asarray(_SIGMAS * sigma * each + operation.bias_type.step / 2)


@slack.register
def _(operation: Scale, node: Node, inputs: tuple[Tensor, ...], numbers: list[Floats]) -> Floats:
    steps = operation.factor_type.step * np.abs(numbers[0]) + operation.shift_type.step
    return np.asarray(steps / 2)


@slack.register
def _(operation: OnGrid, node: Node, inputs: tuple[Tensor, ...], numbers: list[Floats]) -> Floats:
    return np.full(1, operation.grid.step)


@slack.register
def _(
    operation: LeakyRelu, node: Node, inputs: tuple[Tensor, ...], numbers: list[Floats]
) -> Floats:
    return np.asarray(operation.grid.step + operation.slope_type.step * np.abs(numbers[0]))


@slack.register
def _(operation: Prelu, node: Node, inputs: tuple[Tensor, ...], numbers: list[Floats]) -> Floats:
    return np.asarray(operation.grid.step + operation.slope_type.step * np.abs(numbers[0]))


@slack.register
def _(operation: Curve, node: Node, inputs: tuple[Tensor, ...], numbers: list[Floats]) -> Floats:
    span = abs(FUNCTIONS[CURVES[operation.function]][1])
    # Beyond its ends a table gives what it has there.
    beyond = np.maximum(np.abs(numbers[0]) - span / 2, 0) * (operation.function == "softplus")
    return np.asarray(operation.grid.step + span / operation.entries.size + _TABLE_END + beyond)


@slack.register
def _(operation: Quantise, node: Node, inputs: tuple[Tensor, ...], numbers: list[Floats]) -> Floats:
    return np.full(1, max((type_.step for type_ in operation.types), default=0.0))


@slack.register
def _(operation: Softmax, node: Node, inputs: tuple[Tensor, ...], numbers: list[Floats]) -> Floats:
    return np.full(1, _SOFTMAX_ERROR)


@slack.register(Pooling)
@slack.register(GlobalPooling)
def _(
    operation: Operation, node: Node, inputs: tuple[Tensor, ...], numbers: list[Floats]
) -> Floats:
    return np.full(1, 0.0 if operation.is_exact(*inputs) else node.output.type.step)
