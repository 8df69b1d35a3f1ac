"""The network's shape as a spec states it: a graph of layers, each a table of its ``kind``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from fpgac.spec.faults import fault
from fpgac.spec.formats import Identifier, Section
from fpgac.spec.layers import SECTIONS, LayerSection, WeightedSection
from fpgac.spec.shapes import MisfitError, Shape, held, shape_text
from fpgac.spec.wiring import Fault, Wire, wiring_faults

__all__ = ["INPUT", "TopologySection"]

# What the only input is called where the spec gives it no name.
INPUT = "x"

_Count = Annotated[int, Field(ge=1, le=65536)]
_Size = _Count | Annotated[tuple[_Count, ...], Field(min_length=2, max_length=3)]
_MOST_INPUTS = 64
_MOST_LAYERS = 4096

if TYPE_CHECKING:
    _AnyLayer = LayerSection
else:
    _AnyLayer = Annotated[Union[SECTIONS], Field(discriminator="kind")]  # noqa: UP007


class TopologySection(Section):
    """The network's shape: a chain of layers, or a graph where layers name what they read."""

    inputs: (
        _Size | Annotated[dict[Identifier, _Size], Field(min_length=1, max_length=_MOST_INPUTS)]
    ) = Field(
        description="Numbers in one sample, or its shape, channels last: [8, 8, 1]; or several "
        "inputs by name: { image = [8, 8, 1], weather = 4 }."
    )
    layers: tuple[_AnyLayer, ...] = Field(
        max_length=_MOST_LAYERS, description="The layers, in order."
    )
    outputs: tuple[Identifier, ...] | None = Field(
        default=None,
        min_length=1,
        description="The layers whose results are the network's; by default the last one's.",
    )

    @model_validator(mode="after")
    def _layers_make_a_graph(self) -> TopologySection:
        if not self.layers:
            raise fault("spec.no-layers", "a network needs a layer")
        wrong = [*self._too_large(), *self._arities(), *self._wiring()] or list(self._misfits())
        if wrong:
            raise ValidationError.from_exception_data("topology", wrong)
        return self

    @cached_property
    def input_shapes(self) -> Mapping[str, Shape]:
        """One sample's shape for each input, by name."""
        sizes = self.inputs if isinstance(self.inputs, dict) else {INPUT: self.inputs}
        return {name: size if isinstance(size, tuple) else (size,) for name, size in sizes.items()}

    @property
    def input_size(self) -> int:
        """Numbers in one sample of all inputs."""
        return sum(map(prod, self.input_shapes.values()))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Each layer's name, given or made from its kind and place."""
        return tuple(
            layer.name or f"{layer.kind}_{place}" for place, layer in enumerate(self.layers, 1)
        )

    @cached_property
    def reads(self) -> tuple[tuple[str, ...], ...]:
        """For each layer the names of what it reads: inputs and layers."""
        before = [self._first_input, *((name,) for name in self.names)]
        return tuple(
            usual if layer.inputs is None else layer.inputs
            for layer, usual in zip(self.layers, before, strict=False)
        )

    @property
    def _first_input(self) -> tuple[str, ...]:
        names = tuple(self.input_shapes)
        return names if len(names) == 1 else ()

    @property
    def output_names(self) -> tuple[str, ...]:
        """The layers whose results are the network's, in their order."""
        return self.outputs or self.names[-1:]

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """The shapes of inputs and of what layers give, by name."""
        shapes = dict(self.input_shapes)
        for name, layer, reads in zip(self.names, self.layers, self.reads, strict=True):
            shapes[name] = layer.output_shape(*(shapes[read] for read in reads))
        return shapes

    @property
    def output_size(self) -> int:
        """Numbers in one result of all outputs."""
        return sum(prod(self.shapes[name]) for name in self.output_names)

    @property
    def normalised(self) -> frozenset[str]:
        """The names of the layers that are trained with batch normalisation."""
        return frozenset(
            name
            for name, layer in zip(self.names, self.layers, strict=True)
            if isinstance(layer, WeightedSection) and layer.batch_normalisation
        )

    def __str__(self) -> str:
        """The network in short: its inputs' shapes, and those that layers with weights give."""
        said = [" + ".join(map(shape_text, self.input_shapes.values()))]
        for name, layer in zip(self.names, self.layers, strict=True):
            if isinstance(layer, WeightedSection):
                said.append(shape_text(self.shapes[name]))
        return " → ".join(said)

    def _too_large(self) -> Iterator[InitErrorDetails]:
        for shape in self.input_shapes.values():
            try:
                held(shape)
            except MisfitError as misfit:
                yield _wrong("shape-misfit", str(misfit), ("inputs",), shape_text(shape))

    def _arities(self) -> Iterator[InitErrorDetails]:
        for place, (layer, reads) in enumerate(zip(self.layers, self.reads, strict=True)):
            least, most = layer.arity
            if least <= len(reads) <= most:
                continue
            many = str(least) if least == most else f"{least} to {most}"
            what = f"a layer of kind {layer.kind!r} reads {many} tensors, not {len(reads)}"
            if layer.inputs is None:
                what += ": name them with 'inputs'"
            yield _wrong("arity", what, ("layers", place, "inputs"), layer.kind)

    def _wiring(self) -> Iterator[InitErrorDetails]:
        for found in wiring_faults(
            tuple(self.input_shapes), list(self._wires()), self.output_names
        ):
            key = self._key(found)
            yield _wrong(found.kind, found.what, key, found.key, found.hint)

    def _wires(self) -> Iterator[Wire]:
        for name, reads in zip(self.names, self.reads, strict=True):
            yield Wire(name, reads)

    def _key(self, fault: Fault) -> tuple[str | int, ...]:
        return (fault.key,) if fault.node is None else ("layers", fault.node, fault.key)

    def _misfits(self) -> Iterator[InitErrorDetails]:
        shapes: dict[str, Shape | None] = dict(self.input_shapes)
        named: set[str] = set(shapes)
        for place, (name, layer) in enumerate(zip(self.names, self.layers, strict=True)):
            for part in layer.parts(name):
                if part in named:
                    what = (
                        f"two layers would be named {part!r}; an activation has its layer's name "
                        "and its own, such as '_relu'"
                    )
                    yield _wrong("name-twice", what, ("layers", place, "name"), name)
                named.add(part)
            given = [shapes[read] for read in self.reads[place]]
            known = [shape for shape in given if shape is not None]
            try:
                whole = len(known) == len(given)
                shapes[name] = held(layer.output_shape(*known)) if whole else None
            except MisfitError as misfit:
                shapes[name] = misfit.shape
                yield _wrong("shape-misfit", str(misfit), ("layers", place, misfit.key), layer.kind)


def _wrong(
    kind: str, what: str, key: tuple[str | int, ...], given: object, hint: str = ""
) -> InitErrorDetails:
    error = fault(f"spec.{kind}", what, hint=hint)
    return InitErrorDetails(type=error, loc=key, input=given)
