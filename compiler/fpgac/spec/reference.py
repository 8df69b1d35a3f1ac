"""The reference page of the spec, made from the models: ``python -m fpgac.spec.reference``."""

from __future__ import annotations

import sys

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fpgac.spec.kinds import field_text
from fpgac.spec.models import (
    DataSection,
    HlsSection,
    InterfaceSection,
    ProofSection,
    PruningSection,
    QuantisationSection,
    Quantiser,
    Spec,
    TrainingSection,
)
from fpgac.spec.topology import (
    AveragePooling1DSection,
    AveragePooling2DSection,
    Conv1DSection,
    Conv2DSection,
    DenseSection,
    FlattenSection,
    LayerSection,
    MaxPooling1DSection,
    MaxPooling2DSection,
    TopologySection,
    WeightedSection,
)

__all__ = ["reference"]

_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("## top level", Spec),
    ("## [data]", DataSection),
    ("## [topology]", TopologySection),
    ("## topology.layers", LayerSection),
    ("### Layers with weights", WeightedSection),
    ("### dense", DenseSection),
    ("### conv1d", Conv1DSection),
    ("### conv2d", Conv2DSection),
    ("### max_pooling1d", MaxPooling1DSection),
    ("### max_pooling2d", MaxPooling2DSection),
    ("### average_pooling1d", AveragePooling1DSection),
    ("### average_pooling2d", AveragePooling2DSection),
    ("### flatten", FlattenSection),
    ("## [quantisation]", QuantisationSection),
    ("## [training]", TrainingSection),
    ("## [training.pruning]", PruningSection),
    ("## [interface]", InterfaceSection),
    ("## [hls]", HlsSection),
    ("## [proof]", ProofSection),
)
_HEAD = """\
# The spec

A spec is one TOML file. Unknown keys are refused, and all mistakes in a file are reported at once,
with their lines. `fpgac init` writes a commented spec to start from, `fpgac validate` checks one,
and `fpgac schema` prints the JSON Schema of this page for editors.

This page is generated from the models that read specs (`python -m fpgac.spec.reference`).
"""

_TAIL = """\
## [targets.NAME]

A table for each board, under the target's name; `fpgac targets` lists them. Each target has its
own options (`fpgac targets show NAME`). All have `compute_units` (copies of the kernel on the card,
default 1) and `hosts` (the host programs to write, by default all that the board supports).

## Fixed-point types

`ap_fixed<W, I, Q, O>` has W bits, I of them integer bits including the sign, as in Vitis HLS;
`ap_ufixed` has no sign. Q says how numbers are rounded, and O what happens to those out of range:

| Q | a number between two steps is rounded |
| --- | --- |
| `TRN` | down (the default) |
| `TRN_ZERO` | towards zero |
| `RND` | to the nearest, ties up |
| `RND_ZERO` | to the nearest, ties towards zero |
| `RND_INF` | to the nearest, ties away from zero |
| `RND_MIN_INF` | to the nearest, ties down |
| `RND_CONV` | to the nearest, ties to even |

| O | a number out of range becomes |
| --- | --- |
| `WRAP` | its lowest W bits (the default) |
| `SAT` | the nearest number in range |
| `SAT_SYM` | the same, in a range symmetric about zero |
| `SAT_ZERO` | zero |

Infinities and NaN saturate according to their sign, or become zero with `WRAP` and `SAT_ZERO`. All
hosts use the same rule for every float, so that they agree to the last bit.

## QKeras quantisers

`quantized_bits(bits, integer)` is signed, and `integer` does not include the sign:
`quantized_bits(8, 0)` is `ap_fixed<8,1>`. `quantized_relu(bits, integer)` is unsigned:
`quantized_relu(8, 2)` is `ap_ufixed<8,2,RND_CONV,SAT>`. Both imply `alpha=1`; other scales have no
exact form.
"""


def reference() -> str:
    """The page, as Markdown."""
    lines = [_HEAD]
    for title, model in _SECTIONS:
        text = (model.__doc__ or "").strip()
        lines += [
            title,
            "",
            text,
            "",
            "| key | value | default | |",
            "| --- | --- | --- | --- |",
        ]
        lines += [_row(key, field) for key, field in _own_fields(model)]
        lines.append("")
    return "\n".join(lines) + "\n" + _TAIL


def _own_fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """The model's fields, except those that another section of the page already has."""
    listed = {
        key
        for _, base in _SECTIONS
        if issubclass(model, base) and model is not base
        for key in base.model_fields
    }
    own = [(key, field) for key, field in model.model_fields.items() if key not in listed]
    return sorted(own, key=lambda row: row[0] != "kind")


def _row(key: str, field: FieldInfo) -> str:
    default = "required" if field.is_required() else _default(field)
    return f"| `{key}` | {field_text(field)} | {default} | {field.description or ''} |"


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=False)
    if value is None or value == "":
        return ""
    if field.default_factory is not None:
        return "see below"
    return f"`{value}`" if isinstance(value, int | float | str | Quantiser) else ""


if __name__ == "__main__":
    sys.stdout.write(reference())
