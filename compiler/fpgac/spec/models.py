"""The language: what a spec may say, as frozen pydantic models that refuse unknown keys.

The descriptions below are the reference: ``fpgac schema`` prints them as JSON Schema, and the
documentation's table of keys is made from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_serializer, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from fpgac.errors import nearest
from fpgac.numbers import FixedPoint
from fpgac.spec.faults import fault
from fpgac.spec.formats import (
    BitsQuantiser,
    Format,
    Identifier,
    Quantiser,
    ReluQuantiser,
    Section,
)
from fpgac.spec.topology import TopologySection
from fpgac.tensors import Layout, Tensor

__all__ = [
    "DataSection",
    "Format",
    "HlsSection",
    "InterfaceSection",
    "ProofSection",
    "PruningSection",
    "QuantisationSection",
    "Quantiser",
    "Section",
    "Spec",
    "TopologySection",
    "TrainingSection",
]


class QuantisationSection(Section):
    """The precision of every layer, as QKeras quantisers with alpha=1."""

    model_config = ConfigDict(serialize_by_alias=True)

    source: Literal["data"] | None = Field(
        default=None,
        alias="from",
        description="'data': the ranges that data show give the formats of a network whose file "
        "has floats; they are written beside the file, and stay.",
    )
    bits: int = Field(
        default=16, ge=2, le=24, description="With from = 'data', the bits of each number."
    )
    weights: BitsQuantiser = Field(
        default=Quantiser(function="quantized_bits", bits=8, integer=0),
        description="Weights, such as 'quantized_bits(8, 0)'.",
    )
    biases: BitsQuantiser = Field(
        default=Quantiser(function="quantized_bits", bits=8, integer=0),
        description="Biases, such as 'quantized_bits(8, 0)'.",
    )
    activations: ReluQuantiser = Field(
        default=Quantiser(function="quantized_relu", bits=8, integer=2),
        description="What a ReLU gives, such as 'quantized_relu(8, 2)'; sigmoid and tanh have its "
        "bits.",
    )


class DataSection(Section):
    """Where samples come from."""

    source: str = Field(
        description="A data set provider: 'muon', 'jets', 'digits', 'iris', or a plugin's."
    )
    samples: int | None = Field(
        default=None, ge=10, description="How many to make, where the provider makes them."
    )
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="The part kept away from training."
    )
    seed: int = Field(default=1, ge=0, lt=2**32, description="Seed of the data set and its split.")


class PruningSection(Section):
    """Magnitude pruning with a polynomial schedule (tensorflow-model-optimization)."""

    sparsity: float = Field(ge=0, lt=1, description="The part of the weights that ends at zero.")
    begin: float = Field(
        default=0.1, ge=0, lt=1, description="When pruning starts, as a part of the training."
    )
    end: float = Field(
        default=0.7, gt=0, le=1, description="When the final sparsity is reached, likewise."
    )
    frequency: int = Field(default=50, ge=1, description="Steps between two prunings.")

    @model_validator(mode="after")
    def _begin_before_end(self) -> PruningSection:
        if self.begin >= self.end:
            raise ValueError(f"begin ({self.begin}) must be before end ({self.end})")
        return self


class TrainingSection(Section):
    """How ``fpgac train`` makes the network."""

    optimiser: Literal["adam", "nadam", "rmsprop", "sgd"] = Field(
        default="adam", description="A Keras optimiser."
    )
    learning_rate: float = Field(default=1e-3, gt=0, description="Its first learning rate.")
    schedule: Literal["constant", "cosine"] = Field(
        default="cosine", description="How the learning rate goes on."
    )
    loss: Literal["mean_squared_error", "mean_absolute_error", "huber", "crossentropy"] = Field(
        default="mean_squared_error",
        description="The loss; crossentropy takes the outputs as logits of the classes.",
    )
    epochs: int = Field(default=20, ge=1, description="Passes over the data.")
    batch_size: int = Field(default=256, ge=1, description="Samples in one training step.")
    validation_fraction: float = Field(
        default=0.1, gt=0, lt=1, description="The part of the training data that is only watched."
    )
    seed: int = Field(default=1, ge=0, lt=2**32, description="Seed of the weights and the order.")
    pruning: PruningSection | None = Field(default=None, description="Absent: no pruning.")


_Formats = Annotated[dict[Identifier, Format], Field(min_length=1)]
_Output = Format | Literal["auto"]


class InterfaceSection(Section):
    """The number formats between host and kernel."""

    input: Format | _Formats | None = Field(
        default=None,
        description="The samples' type, such as 'ap_fixed<16,6,RND,SAT>', for all inputs or for "
        "each by its name. Only a network's own file, or from = 'data', can say it instead.",
    )
    output: _Output | Annotated[dict[Identifier, _Output], Field(min_length=1)] = Field(
        default="auto",
        description="The results' type, for all outputs or for each by its name; 'auto' keeps "
        "every bit of the last layer.",
    )

    @field_serializer("input", "output")
    def _as_text(self, formats: object) -> str | dict[str, str]:
        if isinstance(formats, dict):
            return {name: str(format_) for name, format_ in formats.items()}
        return str(formats)


class HlsSection(Section):
    """What hls4ml is asked for."""

    strategy: Literal["latency", "resource"] = Field(
        default="latency", description="hls4ml's strategy."
    )
    reuse_factor: int = Field(
        default=1, ge=1, description="Multiplications that share one multiplier."
    )
    io_type: Literal["io_parallel", "io_stream"] = Field(
        default="io_parallel",
        description="How tensors pass between layers; with io_stream a kernel takes a sample "
        "when the last is answered.",
    )
    clock_mhz: float = Field(default=200.0, ge=1, le=1000, description="The kernel's clock.")


class ProofSection(Section):
    """The vectors on which all engines must agree."""

    data: int = Field(default=8192, ge=1, description="Samples from the data set's test part.")
    random: int = Field(default=4096, ge=0, description="Random samples over the input's range.")
    seed: int = Field(default=1, ge=0, lt=2**32, description="Seed of the random samples.")
    difference: float = Field(
        default=0.1,
        gt=0,
        description="How far an imported network of floats may be from its original: the greatest "
        "difference in an output on the data, as a part of the output's range there.",
    )


class Spec(Section):
    """One network, its precision and its boards."""

    name: Identifier = Field(description="A C identifier: names the kernel and the build.")
    description: str = Field(default="", description="One line for people.")
    network: str | None = Field(
        default=None,
        description="The network's file, beside the spec: fpgac's own, by default "
        "NAME.network.json, or one of Keras, QKeras, HGQ2, ONNX or QONNX, which says its topology.",
    )
    topology: TopologySection | None = Field(
        default=None, description="The layers; absent: those of the file that 'network' names."
    )
    data: DataSection | None = Field(
        default=None,
        description="What the network is trained and judged on; absent: the file that 'network' "
        "names is proven on random samples alone.",
    )
    quantisation: QuantisationSection = Field(default_factory=QuantisationSection)
    training: TrainingSection = Field(default_factory=TrainingSection)
    interface: InterfaceSection = Field(default_factory=InterfaceSection)
    hls: HlsSection = Field(default_factory=HlsSection)
    proof: ProofSection = Field(default_factory=ProofSection)
    targets: dict[str, dict[str, Any]] = Field(
        min_length=1, description="A table for each target, with the options of its plugin."
    )

    @model_validator(mode="after")
    def _network_is_there(self) -> Spec:
        if self.topology is not None:
            wrong = [key for key in ("data",) if getattr(self, key) is None]
            paths: list[tuple[str, ...]] = [(key,) for key in wrong]
            paths += [("interface", "input")] if self.interface.input is None else []
        else:
            paths = [] if self.network else [("topology",)]
        if paths:
            missing = [_missing_key(*path) for path in paths]
            raise ValidationError.from_exception_data("spec", missing)
        return self

    @model_validator(mode="after")
    def _formats_are_those_of_the_network(self) -> Spec:
        if self.topology is None:
            return self
        checks = (
            ("input", self.interface.input, tuple(self.topology.input_shapes), True),
            ("output", self.interface.output, self.topology.output_names, False),
        )
        wrong = [
            InitErrorDetails(type=error, loc=("interface", key), input=sorted(formats))
            for key, formats, names, whole in checks
            if isinstance(formats, dict)
            for error in _name_errors(key, formats, names, whole)
        ]
        if wrong:
            raise ValidationError.from_exception_data("spec", wrong)
        return self

    @cached_property
    def inputs(self) -> Layout:
        """What goes in: each input's name, shape and type."""
        formats = self.interface.input
        tensors = []
        for name, shape in self.layered.input_shapes.items():
            type_ = formats[name] if isinstance(formats, dict) else formats
            assert type_ is not None  # a spec with a topology has them
            tensors.append(Tensor(name, shape, type_))
        return Layout(tuple(tensors))

    @property
    def layered(self) -> TopologySection:
        """The topology, which must be there.

        Raises:
            ValueError: the network's file has it.
        """
        if self.topology is None:
            raise ValueError("the spec leaves its topology to the network's file")
        return self.topology

    def output_types(self, names: Iterable[str]) -> dict[str, FixedPoint]:
        """The types of the results that are not to keep every bit, by the names of the outputs."""
        asked = self.interface.output
        types = asked if isinstance(asked, dict) else dict.fromkeys(names, asked)
        return {name: type_ for name, type_ in types.items() if isinstance(type_, FixedPoint)}

    @property
    def network_file(self) -> str:
        """The trained network's file name, relative to the spec's folder."""
        return self.network or f"{self.name}.network.json"


def _missing_key(*path: str) -> InitErrorDetails:
    """A key that only a network's own file can replace."""
    expected = "a table [topology], or 'network' with a file that has the layers"
    if path[0] != "topology":
        expected = "a value, beside [topology]"
    error = fault("spec.missing-key", f"missing key {path[-1]!r}", expected=expected)
    return InitErrorDetails(type=error, loc=path, input=None)


def _name_errors(
    key: str, formats: Mapping[str, object], names: Sequence[str], whole: bool
) -> Iterator[PydanticCustomError]:
    unknown = [name for name in formats if name not in names]
    for name in unknown:
        what = f"the network has no {key} {name!r}"
        yield fault("spec.unknown-tensor", what, hint=nearest(name, names))
    if whole and not unknown:
        for name in names:
            if name not in formats:
                yield fault("spec.missing-format", f"the {key} {name!r} has no type here")
