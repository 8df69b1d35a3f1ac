"""What an emulated card is: its memories, kernels and compute units, as plain data.

A target renders the description into its build folder as ``card.json``::

    {
        "platform": "xilinx_aws-vu9p-f1_shell-v04261818_201920_3",
        "clock_mhz": 250.0,
        "identity": "<64 hexadecimal digits>",
        "memories": [{"tag": "bank0", "kind": "DDR4", "size_bytes": 17179869184, "base": 0}],
        "kernels": [
            {
                "name": "muon_kernel",
                "arguments": [
                    {
                        "name": "x",
                        "c_type": "ap_uint<512>*",
                        "bundle": "gmem0",
                        "width": 512,
                        "memory": true,
                    },
                    {"name": "n_samples", "c_type": "unsigned int", "size": 4, "memory": false},
                ],
                "instances": [{"name": "muon_1", "memories": {"x": [0]}}],
            }
        ],
        "streams": [{"from": "reader_1.out", "to": "muon_1.in"}],
    }

``streams`` and a kernel's ``"free_running": true`` may be left out. An argument that is a stream
has ``"stream": true`` and the ``width`` of its items.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from fpgac.errors import EmulationError, Problem, Where, nearest

__all__ = [
    "MEMORY_KINDS",
    "SCALARS",
    "Argument",
    "CardDescription",
    "Connection",
    "Instance",
    "Kernel",
    "Memory",
]

T = TypeVar("T")

# MEM_TYPE of XRT's xclbin.h, for what can hold a kernel's buffers.
MEMORY_KINDS: Final[Mapping[str, int]] = {
    "DDR3": 0,
    "DDR4": 1,
    "DRAM": 2,
    "HBM": 6,
    "BRAM": 7,
    "URAM": 8,
    "HOST": 2,
}
# XRT tells the memory of the host by its tag: its MEM_TYPE is that of any other.
HOST_TAG: Final = "HOST[0]"
_SMALLEST_MEMORY: Final = 4096

# The scalar types that both XRT's metadata and pynq 3.0.1 know, with their bytes on the card.
SCALARS: Final[Mapping[str, int]] = {
    "char": 1,
    "signed char": 1,
    "unsigned char": 1,
    "short": 2,
    "unsigned short": 2,
    "int": 4,
    "unsigned int": 4,
    "unsigned": 4,
    "long": 8,
    "unsigned long": 8,
    "long long": 8,
    "unsigned long long": 8,
    "float": 4,
    "double": 8,
}

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_IDENTITY = re.compile(r"[0-9a-f]{64}")
_PLATFORM = re.compile(r"[A-Za-z0-9_.:-]{1,63}")


@dataclass(frozen=True)
class Memory:
    """One memory bank: ``tag`` is its name for hosts (at most 15 characters)."""

    tag: str
    kind: str
    size_bytes: int
    base: int

    @property
    def span_bytes(self) -> int:
        """What XRT's emulation takes for it of its addresses: it knows powers of two only."""
        return 1 << (self.size_bytes - 1).bit_length()


@dataclass(frozen=True)
class Argument:
    """A kernel argument: a pointer into memory through a bundle, a scalar of ``size`` bytes, or a
    stream. ``width`` is in bits: of the bus, or of the stream's items."""

    name: str
    c_type: str
    memory: bool
    size: int = 8
    bundle: str = ""
    width: int = 32
    stream: bool = False


@dataclass(frozen=True)
class Instance:
    """A compute unit: for each memory argument the indices of the banks it is wired to."""

    name: str
    memories: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Kernel:
    """An ``extern "C"`` function and the compute units that run it.

    One that runs freely (``ap_ctrl_none``) has streams alone, and no host starts it.
    """

    name: str
    arguments: tuple[Argument, ...]
    instances: tuple[Instance, ...]
    free_running: bool = False


@dataclass(frozen=True)
class Connection:
    """A stream from the argument of one compute unit to that of another, each as (compute unit,
    argument)."""

    source: tuple[str, str]
    sink: tuple[str, str]


@dataclass(frozen=True)
class CardDescription:
    """A card with its program. ``identity`` stands for everything the xclbin is made from.

    Raises:
        EmulationError: a name, a size or a connection cannot be; all problems at once.
    """

    platform: str
    clock_mhz: float
    identity: str
    memories: tuple[Memory, ...]
    kernels: tuple[Kernel, ...]
    streams: tuple[Connection, ...] = ()

    def __post_init__(self) -> None:
        if problems := tuple(_problems(self)):
            raise EmulationError(*problems)

    @classmethod
    def read(cls, path: Path) -> CardDescription:
        """The description in the JSON file ``path``.

        Raises:
            EmulationError: the file is missing, no JSON, or describes no card.
        """
        where = Where(file=path)
        try:
            text = path.read_bytes()
        except OSError as error:
            raise EmulationError(
                Problem(
                    "the card's description cannot be read",
                    where,
                    got=str(error.strerror),
                    code="emulation.unreadable-card",
                )
            ) from error
        return cls.from_json(text, where)

    @classmethod
    def from_json(cls, text: bytes, where: Where | None = None) -> CardDescription:
        """The description in JSON text; ``where`` is the file it came from.

        Raises:
            EmulationError: the text is no JSON, or describes no card.
        """
        file = where.file if where else None
        try:
            data = json.loads(text)
        except UnicodeDecodeError as error:
            raise EmulationError(
                Problem(
                    "the card's description is no text",
                    where,
                    got=error.reason,
                    code="emulation.unreadable-card",
                )
            ) from error
        except json.JSONDecodeError as error:
            place = Where(file=file, line=error.lineno)
            raise EmulationError(
                Problem(
                    "the card's description is no JSON",
                    place,
                    got=error.msg,
                    code="emulation.unreadable-card",
                )
            ) from error
        return cls.from_data(data, where)

    @classmethod
    def from_data(cls, data: object, where: Where | None = None) -> CardDescription:
        """The description that :meth:`to_data` gave, or that a target wrote by hand.

        Raises:
            EmulationError: a key is missing, unknown or of a wrong type, or the card cannot be.
        """
        file = where.file if where else None
        fields = _Fields(data, "", file)
        values = {
            "platform": fields.take("platform", str),
            "clock_mhz": float(fields.take("clock_mhz", (int, float))),
            "identity": fields.take("identity", str),
            "memories": fields.take_list("memories", _memory),
            "kernels": fields.take_list("kernels", _kernel),
            "streams": fields.take_list("streams", _connection, optional=True),
        }
        fields.finish()
        try:
            return cls(**values)
        except EmulationError as error:
            raise EmulationError(*(_at(problem, file) for problem in error.problems)) from None

    def to_data(self) -> dict[str, Any]:
        """Plain data for JSON; :meth:`from_data` reads it back."""
        data = asdict(self)
        for kernel, kernel_data in zip(self.kernels, data["kernels"], strict=True):
            kernel_data["arguments"] = [_argument_data(a) for a in kernel.arguments]
            if not kernel.free_running:
                del kernel_data["free_running"]
        data["streams"] = [
            {"from": ".".join(each.source), "to": ".".join(each.sink)} for each in self.streams
        ]
        if not self.streams:
            del data["streams"]
        return data


def _argument_data(argument: Argument) -> dict[str, Any]:
    data: dict[str, Any] = {"name": argument.name, "c_type": argument.c_type}
    if argument.memory:
        return data | {"bundle": argument.bundle, "width": argument.width, "memory": True}
    if argument.stream:
        return data | {"width": argument.width, "memory": False, "stream": True}
    return data | {"size": argument.size, "memory": False}


def _at(problem: Problem, file: Path | None) -> Problem:
    key = problem.where.key if problem.where else ""
    return replace(problem, where=Where(file, key=key))


class _Fields:
    """The keys of one JSON object, taken one by one; what is left over is unknown."""

    def __init__(self, data: object, key: str, file: Path | None) -> None:
        self.key, self.file = key, file
        if not isinstance(data, dict):
            self._refuse("is no object", key, expected="{...}", got=repr(data)[:60])
        self.left: dict[str, Any] = dict(data)  # type: ignore[call-overload]
        self.known: list[str] = []

    def _refuse(self, what: str, key: str, **facts: str) -> None:
        subject = f"'{key}' " if key else "the description "
        where = Where(self.file, key=key)
        raise EmulationError(Problem(subject + what, where, code="emulation.card-key", **facts))

    def path(self, name: str) -> str:
        return f"{self.key}.{name}" if self.key else name

    def take(self, name: str, kind: type[T] | tuple[type, ...], default: Any = None) -> Any:
        self.known.append(name)
        if name not in self.left:
            if default is None:
                self._refuse("is missing", self.path(name))
            return default
        value = self.left.pop(name)
        kinds = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            expected = " or ".join(k.__name__ for k in kinds)
            self._refuse("has a wrong type", self.path(name), expected=expected, got=repr(value))
        return value

    def take_list(
        self, name: str, build: Callable[[_Fields], T], *, optional: bool = False
    ) -> tuple[T, ...]:
        items = self.take(name, list, [] if optional else None)
        return tuple(
            build(_Fields(item, f"{self.path(name)}[{index}]", self.file))
            for index, item in enumerate(items)
        )

    def take_indices(self, name: str) -> tuple[int, ...]:
        items = self.take(name, list)
        if not all(type(item) is int for item in items):
            self._refuse("has a wrong type", self.path(name), expected="indices", got=repr(items))
        return tuple(items)

    def finish(self) -> None:
        for name in self.left:
            self._refuse("is unknown", self.path(name), hint=nearest(name, self.known))


def _memory(fields: _Fields) -> Memory:
    memory = Memory(
        tag=fields.take("tag", str),
        kind=fields.take("kind", str),
        size_bytes=fields.take("size_bytes", int),
        base=fields.take("base", int),
    )
    fields.finish()
    return memory


def _argument(fields: _Fields) -> Argument:
    memory = fields.take("memory", bool)
    name, c_type = fields.take("name", str), fields.take("c_type", str)
    if memory:
        argument = Argument(
            name,
            c_type,
            memory=True,
            bundle=fields.take("bundle", str),
            width=fields.take("width", int),
        )
    elif fields.take("stream", bool, False):
        argument = Argument(
            name, c_type, memory=False, stream=True, width=fields.take("width", int)
        )
    else:
        argument = Argument(name, c_type, memory=False, size=fields.take("size", int))
    fields.finish()
    return argument


def _instance(fields: _Fields) -> Instance:
    name, wires = fields.take("name", str), fields.take("memories", dict)
    memories = _Fields(wires, fields.path("memories"), fields.file)
    indices = {argument: memories.take_indices(argument) for argument in wires}
    fields.finish()
    return Instance(name, indices)


def _kernel(fields: _Fields) -> Kernel:
    kernel = Kernel(
        name=fields.take("name", str),
        arguments=fields.take_list("arguments", _argument),
        instances=fields.take_list("instances", _instance),
        free_running=fields.take("free_running", bool, False),
    )
    fields.finish()
    return kernel


def _connection(fields: _Fields) -> Connection:
    source, sink = (fields.take(name, str).partition(".") for name in ("from", "to"))
    fields.finish()
    return Connection((source[0], source[2]), (sink[0], sink[2]))


def _problem(key: str, what: str, expected: str, got: object) -> Problem:
    return Problem(what, Where(key=key), expected, repr(got), code="emulation.impossible-card")


def _problems(card: CardDescription) -> Iterator[Problem]:
    if not _PLATFORM.fullmatch(card.platform):
        yield _problem(
            "platform",
            "this is no platform's name",
            "1 to 63 of A-Z a-z 0-9 _ . : -",
            card.platform,
        )
    if not 1 <= card.clock_mhz <= 1000:
        yield _problem("clock_mhz", "no card has such a clock", "1 to 1000 MHz", card.clock_mhz)
    if not _IDENTITY.fullmatch(card.identity):
        yield _problem("identity", "this is no digest", "64 hexadecimal digits", card.identity)
    yield from _memory_problems(card)
    yield from _repeated("kernels", (k.name for k in card.kernels))
    yield from _repeated("instances", (i.name for k in card.kernels for i in k.instances))
    if not any(kernel.instances for kernel in card.kernels):
        yield Problem(
            "the card has no compute unit", Where(key="kernels"), code="emulation.impossible-card"
        )
    for index, kernel in enumerate(card.kernels):
        yield from _kernel_problems(f"kernels[{index}]", kernel, len(card.memories))
    yield from _stream_problems(card)


def _stream_problems(card: CardDescription) -> Iterator[Problem]:
    """Each stream of a compute unit is an end of one connection, and both ends are as wide."""
    widths = {
        (instance.name, argument.name): argument.width
        for kernel in card.kernels
        for instance in kernel.instances
        for argument in kernel.arguments
        if argument.stream
    }
    ends = [end for each in card.streams for end in (each.source, each.sink)]
    for unit, argument in widths:
        if (count := ends.count((unit, argument))) != 1:
            what = f"the stream {unit}.{argument} is connected {count} times"
            yield _problem("streams", what, "once", count)
    for end in ends:
        if end not in widths:
            name = ".".join(end)
            hint = nearest(name, map(".".join, widths))
            yield Problem(
                f"'{name}' is no stream of a compute unit",
                Where(key="streams"),
                hint=hint,
                code="emulation.impossible-card",
            )
    for each in card.streams:
        source, sink = widths.get(each.source), widths.get(each.sink)
        if source and sink and source != sink:
            what = f"the ends of {'.'.join(each.source)} to {'.'.join(each.sink)} differ in width"
            yield _problem("streams", what, f"{source} bits", sink)


def _memory_problems(card: CardDescription) -> Iterator[Problem]:
    if not card.memories:
        yield Problem(
            "the card has no memory", Where(key="memories"), code="emulation.impossible-card"
        )
    yield from _repeated("memories", (memory.tag for memory in card.memories))
    for index, memory in enumerate(card.memories):
        key = f"memories[{index}]"
        if not re.fullmatch(r"[!-~]{1,15}", memory.tag):
            yield _problem(key, "this is no tag", "1 to 15 printable characters", memory.tag)
        if memory.kind not in MEMORY_KINDS:
            yield _problem(key, "unknown kind of memory", ", ".join(MEMORY_KINDS), memory.kind)
        if memory.size_bytes < _SMALLEST_MEMORY or memory.size_bytes % 1024:
            yield _problem(
                key, "no such size can be had", "whole kibibytes, 4 or more", memory.size_bytes
            )
        if (memory.kind == "HOST") != (memory.tag == HOST_TAG):
            yield _problem(key, "the host's memory is called otherwise", HOST_TAG, memory.tag)
        if not 0 <= memory.base < 1 << 63 or memory.base % 4096:
            yield _problem(key, "no such base address can be", "a multiple of 4096", memory.base)


def _repeated(key: str, names: Iterator[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield Problem(
                f"the name '{name}' is used twice",
                Where(key=key),
                code="emulation.impossible-card",
            )
        seen.add(name)


def _kernel_problems(key: str, kernel: Kernel, banks: int) -> Iterator[Problem]:
    yield from _repeated(f"{key}.arguments", (a.name for a in kernel.arguments))
    for name in (kernel.name, *(a.name for a in kernel.arguments)):
        if not _NAME.fullmatch(name):
            yield _problem(key, "this is no C identifier", "letters, digits and _", name)
    for index, argument in enumerate(kernel.arguments):
        yield from _argument_problems(f"{key}.arguments[{index}]", argument)
    if kernel.free_running and not all(argument.stream for argument in kernel.arguments):
        names = [argument.name for argument in kernel.arguments if not argument.stream]
        what = "a kernel that runs freely has streams alone: nobody gives it other arguments"
        yield _problem(key, what, "streams", names)
    memory = {argument.name for argument in kernel.arguments if argument.memory}
    for index, instance in enumerate(kernel.instances):
        place = f"{key}.instances[{index}]"
        if not _NAME.fullmatch(instance.name):
            yield _problem(place, "this is no C identifier", "letters, digits and _", instance.name)
        if len(f"{kernel.name}:{instance.name}") > 63:
            yield _problem(
                place, "kernel and instance are too long", "63 characters", instance.name
            )
        if set(instance.memories) != memory:
            yield _problem(
                place, "all memory arguments must be wired", ", ".join(sorted(memory)),
                sorted(instance.memories),
            )  # fmt: skip
        for argument_name, indices in instance.memories.items():
            if not indices or not all(0 <= i < banks for i in indices):
                yield _problem(
                    f"{place}.memories.{argument_name}", "no such memory", f"0 to {banks - 1}",
                    list(indices),
                )  # fmt: skip


def _argument_problems(key: str, argument: Argument) -> Iterator[Problem]:
    if argument.memory:
        if not argument.c_type.endswith("*"):
            yield _problem(key, "a memory argument must be a pointer", "T*", argument.c_type)
        if not _NAME.fullmatch(argument.bundle):
            yield _problem(
                key, "this is no bundle's name", "letters, digits and _", argument.bundle
            )
        if argument.width not in (8, 16, 32, 64, 128, 256, 512, 1024):
            yield _problem(key, "no bus is so wide", "8 to 1024, a power of two", argument.width)
    elif argument.stream:
        if not argument.c_type.endswith("&") or argument.width < 1:
            yield _problem(key, "a stream must be a reference", "T&, of 1 bit or more", argument)
    elif argument.c_type not in SCALARS:
        yield Problem(
            f"'{argument.c_type}' cannot be passed by value",
            Where(key=key),
            hint=nearest(argument.c_type, SCALARS),
            code="emulation.impossible-card",
        )
    elif argument.size != SCALARS[argument.c_type]:
        expected = f"{SCALARS[argument.c_type]} bytes"
        yield _problem(key, f"a {argument.c_type} has another size", expected, argument.size)
