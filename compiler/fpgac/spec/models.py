"""The language: what a spec may say, as frozen pydantic models that refuse unknown keys.

The descriptions below are the reference: ``fpgac schema`` prints them as JSON Schema, and the
documentation's table of keys is made from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, ValidationError, field_serializer, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from fpgac.decoding import Decoding
from fpgac.errors import nearest
from fpgac.numbers import FixedPoint
from fpgac.spec.faults import fault
from fpgac.spec.formats import (
    BitsQuantiser,
    DecodingText,
    Format,
    Identifier,
    Quantiser,
    ReluQuantiser,
    Section,
)
from fpgac.spec.topology import TopologySection
from fpgac.tensors import Layout, Tensor

__all__ = [
    "FILE",
    "BudgetSection",
    "DataSection",
    "FeatureScaling",
    "Format",
    "HlsSection",
    "InterfaceSection",
    "IoType",
    "ProofSection",
    "PruningSection",
    "QuantisationSection",
    "Quantiser",
    "ScalingKind",
    "Section",
    "Spec",
    "Strategy",
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


# What a spec calls the source of data in files.
FILE: Final = "file"

_Names = str | Annotated[tuple[str, ...], Field(min_length=1)]
_OF_FILES = ("path", "test_path", "features", "labels", "classes", "tree", "task")


ScalingKind = Literal["standard", "minmax", "power-of-two"]


TargetScalingKind = Literal["standard", "minmax"]


class FeatureScaling(Section):
    """What a feature or a target is scaled by: it becomes (x - offset) * scale."""

    offset: float = Field(default=0.0, description="What is taken away.")
    scale: float = Field(default=1.0, gt=0, description="What the rest is multiplied by.")


class DataSection(Section):
    """Where samples come from."""

    source: str = Field(
        default=FILE,
        description="A data set provider: 'muon', 'jets', 'digits', 'iris', 'wine', "
        "'breast_cancer', 'diabetes', a plugin's; or 'file', which a path alone says too.",
    )
    path: _Names | None = Field(
        default=None,
        description="Where source is 'file': a .csv, .tsv, .npy, .npz, .parquet, .h5 or .root "
        "file, relative to the spec; or several .npy files, side by side.",
    )
    test_path: _Names | None = Field(
        default=None,
        description="The same for tests alone; by default test_fraction of 'path' is.",
    )
    features: _Names | None = Field(
        default=None,
        description="Columns or arrays of a file that go into the network, by names or patterns "
        "such as 'jet_*', in order; by default all that are no labels.",
    )
    labels: _Names | None = Field(
        default=None, description="Those that the network is to answer, likewise."
    )
    classes: tuple[str, ...] | None = Field(
        default=None,
        min_length=2,
        description="What stands in a classification's only column of labels, in the order of the "
        "outputs; by default all that the file holds, sorted.",
    )
    tree: str | None = Field(
        default=None, description="The tree in a ROOT file; by default its only one."
    )
    task: Literal["regression", "classification", "binary", "multi-label"] | None = Field(
        default=None, description="What the labels of a file are; by default what the loss is for."
    )
    scaling: ScalingKind | dict[str, FeatureScaling] | None = Field(
        default=None,
        description="What features are scaled by before they reach the input's type, in the "
        "training and by every host: 'standard', 'minmax' (to 0 ... 1) or 'power-of-two' (to -1 "
        "... 1), found in the training part and kept with the network; or a table by feature.",
    )
    units: dict[str, Annotated[str, Field(min_length=1, max_length=32)]] | None = Field(
        default=None,
        description="The units of features and targets by their names or patterns, such as "
        "{ 'pt*' = 'GeV', eta = 'rad' }, for all that a build says of them.",
    )
    target_scaling: TargetScalingKind | dict[str, FeatureScaling] | None = Field(
        default=None,
        description="What the targets of a regression are scaled by in the training: 'standard' or "
        "'minmax', found in the training part and kept with the network; or a table by target. "
        "Hosts and reports undo it.",
    )
    samples: int | None = Field(
        default=None,
        ge=10,
        description="How many to make or to take; of a file, all by default, else as many at "
        "random.",
    )
    test_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="The part kept away from training."
    )
    seed: int = Field(default=1, ge=0, lt=2**32, description="Seed of the data set and its split.")

    @model_validator(mode="after")
    def _keys_are_those_of_the_source(self) -> DataSection:
        if self.source == FILE:
            missing = [key for key in ("path", "labels") if getattr(self, key) is None]
            if missing:
                what = f"data from a file need {' and '.join(missing)}"
                raise fault("spec.incomplete-data", what, hint="or name another source")
            return self
        for key in _OF_FILES:
            if getattr(self, key) is not None:
                what = f"{key} is for data from a file, and the source is {self.source!r}"
                raise fault("spec.not-a-file", what, hint='leave it out, or source = "file"')
        return self


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
    loss: Literal[
        "mean_squared_error", "mean_absolute_error", "huber", "crossentropy", "binary_crossentropy"
    ] = Field(
        default="mean_squared_error",
        description="The loss; crossentropy takes the outputs as logits of the classes, and "
        "binary_crossentropy each output as the logit of a label, of which there may be one.",
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

    decode: DecodingText | Annotated[dict[Identifier, DecodingText], Field(min_length=1)] | None = (
        Field(
            default=None,
            description="What hosts, 'predict' and 'fpgac emulate' make of the results, for all "
            "outputs or for each by its name: 'exponential(base=2, factor=16)', "
            "'linear(factor=2, offset=1)', 'sigmoid', 'softmax' or 'argmax'.",
        )
    )

    @field_serializer("decode")
    def _as_calls(self, decode: object) -> str | dict[str, str] | None:
        return None if decode is None else self._as_text(decode)

    @field_serializer("input", "output")
    def _as_text(self, formats: object) -> str | dict[str, str]:
        if isinstance(formats, dict):
            return {name: str(format_) for name, format_ in formats.items()}
        return str(formats)


Strategy = Literal["latency", "resource"]
IoType = Literal["io_parallel", "io_stream"]


class HlsSection(Section):
    """What hls4ml is asked for, where a target's table does not say otherwise."""

    strategy: Strategy = Field(default="latency", description="hls4ml's strategy.")
    reuse_factor: int | None = Field(
        default=None,
        ge=1,
        description="Multiplications that share one multiplier; by default as many as cost no "
        "rate, since a target's bus takes so many cycles for a sample.",
    )
    io_type: IoType = Field(
        default="io_parallel",
        description="How tensors pass between layers: all numbers at once, or one after the other.",
    )
    clock_mhz: float | None = Field(
        default=None, ge=1, le=1000, description="The kernel's clock; by default each board's own."
    )


class BudgetSection(Section):
    """What each target may take and must give: in `fpgac estimate` before anything is built, and
    in the tools' reports of a hardware build.
    """

    max_dsp: int | None = Field(default=None, ge=0, description="DSPs.")
    max_lut: int | None = Field(default=None, ge=0, description="LUTs, after logic synthesis.")
    max_ff: int | None = Field(default=None, ge=0, description="Flip-flops, likewise.")
    max_bram: int | None = Field(default=None, ge=0, description="Block RAMs of 18 Kb.")
    max_latency_ns: float | None = Field(
        default=None, gt=0, description="The core's latency, from a sample to its result, in ns."
    )
    min_rate: float | None = Field(
        default=None, gt=0, description="Samples a second of all compute units together."
    )

    def with_own(self, own: BudgetSection) -> BudgetSection:
        """This budget of all targets with what one of them has of its ``own``."""
        return self.model_copy(update=own.model_dump(exclude_none=True))


class ProofSection(Section):
    """The vectors on which all engines must agree."""

    data: int = Field(default=8192, ge=1, description="Samples from the data set's test part.")
    random: int = Field(
        default=4096, ge=0, le=1_000_000, description="Random samples over the input's range."
    )
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
    budget: BudgetSection = Field(default_factory=BudgetSection)
    proof: ProofSection = Field(default_factory=ProofSection)
    targets: dict[str, dict[str, Any]] = Field(
        min_length=1,
        max_length=256,
        description="A table for each target, with the options of its plugin.",
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
            ("decode", self.interface.decode, self.topology.output_names, False),
        )
        wrong = [
            InitErrorDetails(type=error, loc=("interface", key), input=sorted(formats))
            for key, formats, names, whole in checks
            if isinstance(formats, dict)
            for error in _name_errors(key, formats, names, whole)
        ]
        wrong += [
            InitErrorDetails(type=error, loc=("interface", "decode"), input=str(decoding))
            for name, decoding in self.decodings(self.topology.output_names).items()
            for error in _decoding_errors(decoding, self.topology.shapes.get(name, ()))
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

    def decodings(self, names: Iterable[str]) -> dict[str, Decoding]:
        """What 'decode' makes of the results, by the ``names`` of the outputs, where anything."""
        asked = self.interface.decode
        if asked is None or isinstance(asked, dict):
            return asked or {}
        return dict.fromkeys(names, asked)

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


def _decoding_errors(decoding: Decoding, shape: tuple[int, ...]) -> Iterator[PydanticCustomError]:
    if decoding.of_several and shape and shape[-1] < 2:
        what = f"{decoding.kind!r} is for an output of several classes"
        expected = "'sigmoid' for a single number"
        yield fault("spec.decoding-misfit", what, expected=expected)
    size = prod(shape)
    if shape and not decoding.sizes <= {size}:
        what = "a list of the decoding does not have a number for each of the output's"
        yield fault("spec.decoding-list", what, expected=f"{size} numbers")


def _name_errors(
    key: str, formats: Mapping[str, object], names: Sequence[str], whole: bool
) -> Iterator[PydanticCustomError]:
    unknown = [name for name in formats if name not in names]
    for name in unknown:
        what = f"the network has no {'output' if key == 'decode' else key} {name!r}"
        yield fault("spec.unknown-tensor", what, hint=nearest(name, names))
    if whole and not unknown:
        for name in names:
            if name not in formats:
                yield fault("spec.missing-format", f"the {key} {name!r} has no type here")
