"""What ``NAME.network.json`` holds, as models that check it while it is read.

Each operation brings the model of its own table.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from fpgac.spec.formats import Format

__all__ = ["ChainDocument", "Document", "OutputTable", "RecordingTable", "TensorTable"]


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True
    )


_Count = Annotated[int, Field(ge=1)]


class ScalingTable(_Table):
    """What an input's numbers are scaled by before they are put on its grid, or targets were."""

    offset: list[float]
    scale: list[float]


class TensorTable(_Table):
    """An input: a list of numbers, or a tensor with its channels last."""

    name: str
    shape: list[_Count] = Field(min_length=1, max_length=3)
    type: Format
    scaling: ScalingTable | None = None


class OutputTable(_Table):
    """A result, and the node that gives it."""

    name: str
    node: str
    scaling: ScalingTable | None = None


class RecordingTable(_Table):
    """What Keras answered, compressed."""

    samples: int = Field(ge=0)
    inputs: list[str]
    outputs: list[str]


class Document(_Table):
    """The file as a whole, but for its checksum."""

    schema_version: int = Field(alias="fpgac_network")
    name: str
    digest: str
    inputs: list[TensorTable] = Field(min_length=1)
    nodes: list[dict[str, Any]] = Field(min_length=1)
    outputs: list[OutputTable] = Field(min_length=1)
    provenance: dict[str, Any]
    recording: RecordingTable | None


class _ChainInput(_Table):
    size: _Count | None = None
    shape: list[_Count] | None = None
    type: str


class _ChainLayer(_Table):
    """A node that reads the one before it; its kind has a model of its own."""

    model_config = ConfigDict(extra="allow")

    name: str


class ChainDocument(_Table):
    """A file of schema 1 as a whole: a chain of layers with one input."""

    schema_version: int = Field(alias="fpgac_network")
    name: str
    digest: str
    input: _ChainInput
    layers: list[_ChainLayer] = Field(min_length=1)
    provenance: dict[str, Any]
    recording: RecordingTable | None
