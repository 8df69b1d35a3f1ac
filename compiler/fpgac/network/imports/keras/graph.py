"""The calls of layers that a Keras configuration describes, in an order of computation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fpgac.network.imports.keras.containers import KerasFile, Weights, class_paths

__all__ = ["Call", "Graph", "KerasLayer", "Place", "graph_of"]

_MODELS = ("Sequential", "Functional", "Model")
_INPUTS = "InputLayer"


@dataclass(frozen=True)
class Place:
    """A tensor: what a layer gives when it is called for the so-manieth time."""

    layer: str
    call: int
    tensor: int = 0

    def __str__(self) -> str:
        return f"{self.layer}:{self.call}:{self.tensor}"


@dataclass(frozen=True, eq=False)
class KerasLayer:
    """A layer: its class, its configuration and its arrays.

    ``package`` is the package that registered the class, empty for Keras's own.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    weights: Weights
    package: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"


@dataclass(frozen=True, eq=False)
class Call:
    """A layer applied to tensors; ``shape`` is that of one sample, for an input."""

    layer: KerasLayer
    place: Place
    inputs: tuple[Place, ...]
    shape: tuple[int | None, ...] | None = None

    @property
    def is_input(self) -> bool:
        return self.layer.kind == _INPUTS


@dataclass(frozen=True, eq=False)
class Graph:
    """All calls, each after those that it reads, and the places of the results."""

    calls: tuple[Call, ...]
    inputs: tuple[Place, ...]
    outputs: tuple[Place, ...]


def graph_of(file: KerasFile) -> Graph:
    """The graph of the model in ``file``.

    Raises:
        ValueError, KeyError, TypeError: it is no such model.
    """
    model = file.model
    if model["class_name"] not in _MODELS:
        raise ValueError(f"it is a model of a class of its own, {model['class_name']!r}")
    return _graph(model, file.weights, by_class=file.by_class)


def _graph(model: Mapping[str, Any], weights: Mapping[str, Weights], *, by_class: bool) -> Graph:
    config = model["config"]
    # Keras once wrote a sequential model as nothing but the list of its layers.
    tables = config if isinstance(config, list) else config["layers"]
    layers = list(_layers(tables, weights, by_class=by_class))
    if model["class_name"] == "Sequential":
        return _sequence(tables, layers, config)
    return _functional(tables, layers, config)


def _layers(
    tables: Sequence[Mapping[str, Any]], weights: Mapping[str, Weights], *, by_class: bool
) -> Iterator[KerasLayer]:
    paths = class_paths(table["class_name"] for table in tables)
    for table, path in zip(tables, paths, strict=True):
        config = table["config"]
        name = str(table.get("name") or _name_of(config))
        registered = str(table.get("registered_name") or "")
        arrays = weights.get(path if by_class else name, Weights())
        kind = str(table["class_name"]).rpartition(">")[2]
        package = registered.partition(">")[0] if ">" in registered else ""
        # A port of QKeras to Keras 3 registers its classes, which are QKeras's.
        yield KerasLayer(kind, name, config, arrays, "" if package == "qkeras" else package)


def _name_of(config: Any) -> str:
    return str(config["name"]) if "name" in config else str(config["layer"]["config"]["name"])


def _sequence(tables: Sequence[Mapping[str, Any]], layers: list[KerasLayer], config: Any) -> Graph:
    """A chain, whose input shape its first layer may have."""
    if layers[0].kind != _INPUTS:
        shape = _batch_shape(layers[0].config) or config.get("build_input_shape")
        if shape is None:
            raise ValueError("the shape of its input is not in it")
        name = f"{layers[0].name}_input"
        entry = KerasLayer(_INPUTS, name, {"batch_shape": shape}, Weights())
        layers = [entry, *layers]
    places = [Place(layer.name, 0) for layer in layers]
    calls = [Call(layers[0], places[0], (), _shape(layers[0].config))]
    for layer, place, before in zip(layers[1:], places[1:], places, strict=False):
        calls.append(Call(layer, place, (before,)))
    return Graph(tuple(calls), (places[0],), (places[-1],))


def _functional(
    tables: Sequence[Mapping[str, Any]], layers: list[KerasLayer], config: Any
) -> Graph:
    calls: dict[Place, Call] = {}
    for table, layer in zip(tables, layers, strict=True):
        if layer.kind == _INPUTS:
            place = Place(layer.name, 0)
            calls[place] = Call(layer, place, (), _shape(layer.config))
        for number, node in enumerate(table.get("inbound_nodes") or ()):
            place = Place(layer.name, number)
            calls.setdefault(place, Call(layer, place, tuple(_places(node))))
    outputs = tuple(_ends(config["output_layers"]))
    inputs = tuple(_ends(config["input_layers"]))
    return Graph(tuple(_in_order(calls, (*inputs, *outputs))), inputs, outputs)


def _in_order(calls: Mapping[Place, Call], ends: Iterable[Place]) -> Iterator[Call]:
    """The calls that ``ends`` need, each after what it reads.

    Raises:
        ValueError: a call reads what there is not, or what needs it.
    """
    done: set[Place] = set()
    for end in ends:
        waiting = [(_call_of(end), False)]
        open_: set[Place] = set()
        while waiting:
            place, ready = waiting.pop()
            if place in done:
                continue
            if place not in calls:
                raise ValueError(f"nothing in it makes {place}")
            if ready:
                done.add(place)
                yield calls[place]
                continue
            if place in open_:
                raise ValueError(f"{place} is made from itself")
            open_.add(place)
            waiting.append((place, True))
            waiting += [(_call_of(read), False) for read in reversed(calls[place].inputs)]


def _call_of(place: Place) -> Place:
    return Place(place.layer, place.call)


def _places(node: Any) -> Iterator[Place]:
    """The tensors in a call's arguments: Keras 3 nests them as objects, Keras 2 lists them."""
    if isinstance(node, Mapping):
        if node.get("class_name") == "__keras_tensor__":
            layer, call, tensor = node["config"]["keras_history"]
            yield Place(str(layer), int(call), int(tensor))
        else:
            for value in node.values():
                yield from _places(value)
    elif isinstance(node, list):
        if _is_place(node):
            yield Place(str(node[0]), int(node[1]), int(node[2]))
        else:
            for value in node:
                yield from _places(value)


def _is_place(node: Sequence[Any]) -> bool:
    return len(node) in (3, 4) and isinstance(node[0], str) and isinstance(node[1], int)


def _ends(given: Any) -> Iterator[Place]:
    """The tensors at an edge of the model: one, a list, or named ones."""
    yield from _places(list(given.values()) if isinstance(given, Mapping) else given)


def _batch_shape(config: Mapping[str, Any]) -> Any:
    return config.get("batch_shape") or config.get("batch_input_shape")


def _shape(config: Mapping[str, Any]) -> tuple[int | None, ...]:
    shape = _batch_shape(config)
    if not shape:
        raise ValueError(f"the input {config.get('name')!r} has no shape")
    return tuple(shape[1:])
