"""What ``NAME.network.json`` holds, as models that check it while it is read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from fpgac.spec.formats import Format
from fpgac.spec.shapes import Padding

__all__ = [
    "AveragePooling1DTable",
    "AveragePooling2DTable",
    "Conv1DTable",
    "Conv2DTable",
    "DenseTable",
    "Document",
    "FlattenTable",
    "HardTable",
    "LayerTable",
    "MaxPooling1DTable",
    "MaxPooling2DTable",
    "RecordingTable",
    "ReluTable",
    "ShapedInputTable",
    "WeightedTable",
]


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True
    )


_Word = Annotated[int, Field(ge=-(2**53), le=2**53)]
_Rows = list[list[_Word]]
_Count = Annotated[int, Field(ge=1)]


class InputTable(_Table):
    """Samples that are a list of numbers."""

    size: int = Field(ge=1)
    type: Format


class ShapedInputTable(_Table):
    """Samples with axes, channels last."""

    shape: list[_Count] = Field(min_length=2, max_length=3)
    type: Format


class _Weighted(_Table):
    name: str
    weight_type: Format
    bias_type: Format
    bias: list[_Word]


class DenseTable(_Weighted):
    kind: Literal["dense"]
    weights: _Rows


class Conv1DTable(_Weighted):
    kind: Literal["conv1d"]
    strides: list[_Count] = Field(min_length=1, max_length=1)
    padding: Padding
    weights: list[_Rows]


class Conv2DTable(_Weighted):
    kind: Literal["conv2d"]
    strides: list[_Count] = Field(min_length=2, max_length=2)
    padding: Padding
    weights: list[list[_Rows]]


class ReluTable(_Table):
    kind: Literal["relu"]
    name: str
    type: Format


class HardTable(_Table):
    kind: Literal["sigmoid", "tanh"]
    name: str
    type: Format


class MaxPooling1DTable(_Table):
    kind: Literal["max_pooling1d"]
    name: str
    pool: list[_Count] = Field(min_length=1, max_length=1)


class MaxPooling2DTable(_Table):
    kind: Literal["max_pooling2d"]
    name: str
    pool: list[_Count] = Field(min_length=2, max_length=2)


class AveragePooling1DTable(_Table):
    kind: Literal["average_pooling1d"]
    name: str
    pool: list[_Count] = Field(min_length=1, max_length=1)


class AveragePooling2DTable(_Table):
    kind: Literal["average_pooling2d"]
    name: str
    pool: list[_Count] = Field(min_length=2, max_length=2)


class FlattenTable(_Table):
    kind: Literal["flatten"]
    name: str


WeightedTable = DenseTable | Conv1DTable | Conv2DTable
LayerTable = (
    WeightedTable
    | ReluTable
    | HardTable
    | MaxPooling1DTable
    | MaxPooling2DTable
    | AveragePooling1DTable
    | AveragePooling2DTable
    | FlattenTable
)


class RecordingTable(_Table):
    samples: int = Field(ge=0)
    inputs: list[str]
    outputs: list[str]


def _input_kind(table: object) -> str:
    return "shape" if isinstance(table, dict) and "shape" in table else "size"


class Document(_Table):
    """The file as a whole."""

    schema_version: int = Field(alias="fpgac_network")
    name: str
    digest: str
    input: Annotated[
        Annotated[InputTable, Tag("size")] | Annotated[ShapedInputTable, Tag("shape")],
        Discriminator(_input_kind),
    ]
    layers: list[Annotated[LayerTable, Field(discriminator="kind")]]
    provenance: dict[str, Any]
    recording: RecordingTable | None
    checksum: str
