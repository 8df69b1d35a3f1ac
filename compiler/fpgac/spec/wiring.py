"""Who reads what: the rules of a graph whose nodes stand in an order in which each reads only what
stands above it. Specs and network files keep to the same ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fpgac.errors import nearest

__all__ = ["Fault", "Wire", "wiring_faults"]


@dataclass(frozen=True)
class Wire:
    """A node by its name, and the names of what it reads."""

    name: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Fault:
    """What is wrong, of a ``kind``, at a node's place, or None for the graph's own keys."""

    kind: str
    what: str
    key: str
    node: int | None = None
    hint: str = ""


def wiring_faults(
    inputs: Sequence[str], nodes: Sequence[Wire], outputs: Sequence[str]
) -> list[Fault]:
    """All that is wrong with a graph; empty where every node can be computed in its turn."""
    wrong = [*_names(inputs, nodes), *_sources(inputs, nodes), *_outputs(nodes, outputs)]
    return wrong or list(_unread(inputs, nodes, outputs))


def _names(inputs: Sequence[str], nodes: Sequence[Wire]) -> Iterable[Fault]:
    seen = set(inputs)
    for place, node in enumerate(nodes):
        if node.name in seen:
            yield Fault("name-twice", f"the name {node.name!r} is used twice", "name", place)
        seen.add(node.name)
    for name, times in Counter(inputs).items():
        if times > 1:
            yield Fault("name-twice", f"two inputs are named {name!r}", "inputs")


def _sources(inputs: Sequence[str], nodes: Sequence[Wire]) -> Iterable[Fault]:
    reads = {node.name: node.inputs for node in nodes}
    known = set(inputs)
    for place, node in enumerate(nodes):
        for name in node.inputs:
            if name in known:
                continue
            if name in reads:
                yield _too_early(place, node, name, reads)
            else:
                what = f"nothing is named {name!r}, which {node.name!r} is to read"
                hint = nearest(name, [*inputs, *reads])
                yield Fault("unknown-input", what, "inputs", place, hint)
        known.add(node.name)


def _too_early(place: int, node: Wire, name: str, reads: Mapping[str, tuple[str, ...]]) -> Fault:
    if cycle := _path(name, node.name, reads):
        circle = " → ".join([node.name, *cycle])
        return Fault("cycle", f"the layers read each other in a circle: {circle}", "inputs", place)
    what = f"{node.name!r} reads {name!r}, which stands below it"
    return Fault("order", what, "inputs", place, f"put {name!r} above {node.name!r}")


def _path(start: str, end: str, reads: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The names from ``start`` by what each reads to ``end``; empty where there is no such way."""
    paths, seen = [[start]], {start}
    while paths:
        path = paths.pop()
        if path[-1] == end:
            return path
        for name in reads.get(path[-1], ()):
            if name not in seen or name == end:
                seen.add(name)
                paths.append([*path, name])
    return []


def _outputs(nodes: Sequence[Wire], outputs: Sequence[str]) -> Iterable[Fault]:
    made = {node.name for node in nodes}
    for name in outputs:
        if name not in made:
            what = f"no layer is named {name!r}, which is to be an output"
            yield Fault("unknown-output", what, "outputs", None, nearest(name, made))
    for name, times in Counter(outputs).items():
        if times > 1:
            yield Fault("name-twice", f"{name!r} is named twice among the outputs", "outputs")


def _unread(
    inputs: Sequence[str], nodes: Sequence[Wire], outputs: Sequence[str]
) -> Iterable[Fault]:
    read = {name for node in nodes for name in node.inputs}
    for place, node in enumerate(nodes):
        if node.name not in read and node.name not in outputs:
            what = f"nothing reads {node.name!r}, and it is no output"
            hint = "name it in 'outputs', or let a layer read it"
            yield Fault("unread", what, "name", place, hint)
    for name in inputs:
        if name not in read:
            yield Fault("unread", f"nothing reads the input {name!r}", "inputs")
