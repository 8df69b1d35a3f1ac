"""The language: what a spec may say, as frozen pydantic models that refuse unknown keys.

The descriptions below are the reference: ``fpgac schema`` prints them as JSON Schema, and the
documentation's table of keys is made from them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

from fpgac.numbers import WIDEST, FixedPoint, Overflow, Rounding
from fpgac.spec.names import check_identifier

__all__ = [
    "DataSection",
    "DenseSection",
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
    "relu_name",
]


# Integer bits of a format, or zeros behind its point, beyond which no sum makes sense.
FARTHEST = 64


class Section(BaseModel):
    """Base of every table in a spec: immutable, strict, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Identifier = Annotated[
    str,
    AfterValidator(check_identifier),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]*$"}),
]


def _parse_format(value: object) -> object:
    if isinstance(value, FixedPoint) or value == "auto":
        return value
    format_ = FixedPoint.parse(_string(value))
    if format_.width > WIDEST or abs(format_.integer) > FARTHEST:
        raise ValueError(
            f"{value!r} does not fit a host's numbers: at most {WIDEST} bits, so that a float64 "
            f"holds every word exactly, and at most {FARTHEST} of them before the point"
        )
    return format_


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a string, not {value!r}")
    return value


class Quantiser(Section):
    """A QKeras quantiser, as the fixed-point grid that it puts numbers on."""

    function: Literal["quantized_bits", "quantized_relu"]
    bits: int = Field(ge=1, le=24)
    integer: int = Field(ge=0, le=16)

    @model_validator(mode="after")
    def _has_a_grid(self) -> Quantiser:
        if self.function == "quantized_bits" and self.bits < 2:
            raise ValueError("quantized_bits needs 2 bits or more, the sign among them")
        return self

    @classmethod
    def parse(cls, text: str) -> Quantiser:
        """Read QKeras's own notation, such as ``quantized_bits(8, 0, alpha=1)``.

        Raises:
            ValueError: anything else, and an ``alpha`` other than 1 (it has no exact form).
        """
        match = re.fullmatch(
            r"\s*(quantized_bits|quantized_relu)\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?"
            r"(?:,\s*alpha\s*=\s*1(?:\.0*)?\s*)?\)\s*",
            text,
        )
        if match is None:
            raise ValueError(
                f"{text!r} is no quantiser that fpgac knows: quantized_bits(bits, integer) or "
                "quantized_relu(bits, integer), both with alpha=1"
            )
        function, bits, integer = match.groups()
        return cls.model_validate(
            {"function": function, "bits": int(bits), "integer": int(integer or 0)}
        )

    def __str__(self) -> str:
        alpha = ", alpha=1" if self.function == "quantized_bits" else ""
        return f"{self.function}({self.bits}, {self.integer}{alpha})"

    @property
    def format(self) -> FixedPoint:
        """The fixed-point type whose words the quantiser's values are; QKeras counts no sign."""
        signed = self.function == "quantized_bits"
        return FixedPoint(self.bits, self.integer + signed, signed, Rounding.RND_CONV, Overflow.SAT)


def _parse_quantiser(function: str) -> Any:
    def parse(value: object) -> object:
        quantiser = value if isinstance(value, Quantiser) else Quantiser.parse(_string(value))
        if quantiser.function != function:
            raise ValueError(f"expected {function}(bits, integer), got {value!r}")
        return quantiser

    return parse


_TEXT = PlainSerializer(str, return_type=str)
Format = Annotated[
    FixedPoint,
    BeforeValidator(_parse_format),
    _TEXT,
    WithJsonSchema({"type": "string", "pattern": r"^(ap_)?u?(fixed|int)<.*>$"}),
]
BitsQuantiser = Annotated[
    Quantiser,
    BeforeValidator(_parse_quantiser("quantized_bits")),
    _TEXT,
    WithJsonSchema({"type": "string", "pattern": r"^quantized_bits\(.*\)$"}),
]
ReluQuantiser = Annotated[
    Quantiser,
    BeforeValidator(_parse_quantiser("quantized_relu")),
    _TEXT,
    WithJsonSchema({"type": "string", "pattern": r"^quantized_relu\(.*\)$"}),
]


class DenseSection(Section):
    """One fully connected layer."""

    kind: Literal["dense"] = Field(description="The layer's kind.")
    units: int = Field(ge=1, le=4096, description="Outputs of the layer.")
    activation: Literal["relu", "linear"] = Field(
        default="linear", description="What follows the sum; the last layer is linear."
    )
    name: Identifier | None = Field(
        default=None, description="A C identifier; by default dense_1, dense_2, and so on."
    )
    weights: BitsQuantiser | None = Field(
        default=None, description="Overrides quantisation.weights for this layer."
    )
    biases: BitsQuantiser | None = Field(
        default=None, description="Overrides quantisation.biases for this layer."
    )
    activations: ReluQuantiser | None = Field(
        default=None, description="Overrides quantisation.activations for this layer."
    )
    reuse_factor: int | None = Field(
        default=None, ge=1, description="Overrides hls.reuse_factor for this layer."
    )


def relu_name(layer: str) -> str:
    """What the ReLU after the layer of this name is called."""
    return f"{layer}_relu"


class TopologySection(Section):
    """The network's shape: a chain of layers."""

    inputs: int = Field(ge=1, le=65536, description="Numbers in one sample.")
    layers: tuple[DenseSection, ...] = Field(min_length=1, description="The layers, in order.")

    @model_validator(mode="after")
    def _last_layer_is_linear(self) -> TopologySection:
        if self.layers[-1].activation != "linear":
            raise ValueError(
                "the last layer must have activation 'linear': its sums are the output"
            )
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> TopologySection:
        layers = zip(self.names, self.layers, strict=True)
        names = [
            *self.names,
            *(relu_name(name) for name, layer in layers if layer.activation == "relu"),
        ]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"two layers would be named {twice[0]!r}; a ReLU has its layer's name and '_relu'"
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Each layer's name, given or made from its place."""
        return tuple(
            layer.name or f"dense_{place}" for place, layer in enumerate(self.layers, start=1)
        )

    @property
    def outputs(self) -> int:
        """Numbers in one result."""
        return self.layers[-1].units


class QuantisationSection(Section):
    """The precision of every layer, as QKeras quantisers with alpha=1."""

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
        description="What a ReLU gives, such as 'quantized_relu(8, 2)'.",
    )


class DataSection(Section):
    """Where samples come from."""

    source: str = Field(description="A data set provider: 'muon', 'jets', 'iris', or a plugin's.")
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


class InterfaceSection(Section):
    """The number formats between host and kernel."""

    input: Format = Field(description="The samples' type, such as 'ap_fixed<16,6,RND,SAT>'.")
    output: Format | Literal["auto"] = Field(
        default="auto", description="The results' type; 'auto' keeps every bit of the last layer."
    )


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


class Spec(Section):
    """One network, its precision and its boards."""

    name: Identifier = Field(description="A C identifier: names the kernel and the build.")
    description: str = Field(default="", description="One line for people.")
    network: str | None = Field(
        default=None,
        description="The trained network's file, beside the spec; by default NAME.network.json.",
    )
    topology: TopologySection
    data: DataSection
    quantisation: QuantisationSection = Field(default_factory=QuantisationSection)
    training: TrainingSection = Field(default_factory=TrainingSection)
    interface: InterfaceSection
    hls: HlsSection = Field(default_factory=HlsSection)
    proof: ProofSection = Field(default_factory=ProofSection)
    targets: dict[str, dict[str, Any]] = Field(
        min_length=1, description="A table for each target, with the options of its plugin."
    )

    @property
    def network_file(self) -> str:
        """The trained network's file name, relative to the spec's folder."""
        return self.network or f"{self.name}.network.json"
