"""The reference page of the spec, made from the models: ``python -m fpgac.spec.reference``."""

from __future__ import annotations

import sys
from inspect import cleandoc

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fpgac.spec.kinds import field_text, keys_of
from fpgac.spec.layers import SECTIONS, LayerSection, WeightedSection, kinds_of
from fpgac.spec.models import (
    BudgetSection,
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
from fpgac.spec.topology import TopologySection

__all__ = ["reference"]

_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("## top level", Spec),
    ("## [data]", DataSection),
    ("## [topology]", TopologySection),
    ("## topology.layers", LayerSection),
    ("### Layers with weights", WeightedSection),
    *((f"### {', '.join(kinds_of(section))}", section) for section in SECTIONS),
    ("## [quantisation]", QuantisationSection),
    ("## [training]", TrainingSection),
    ("## [training.pruning]", PruningSection),
    ("## [interface]", InterfaceSection),
    ("## [hls]", HlsSection),
    ("## [budget]", BudgetSection),
    ("## [proof]", ProofSection),
)
# The section after which graphs are explained.
_BEFORE_GRAPHS = f"### {', '.join(kinds_of(SECTIONS[-1]))}"

_HEAD = """\
# The spec

A spec is one TOML file. Unknown keys are refused, and all mistakes in a file are reported at once,
with their lines. `fpgac init` writes a commented spec to start from, `fpgac validate` checks one,
and `fpgac schema` prints the JSON Schema of this page for editors.

This page is generated from the models that read specs (`python -m fpgac.spec.reference`).
"""

_GRAPHS = """\
## Graphs

A layer reads the layer before it. One that names its `inputs` reads those: inputs of the network
and layers above it, each by its name. Where a layer has an activation, its name stands for the
result of that. A residual block:

```toml
[topology]
inputs = 16
layers = [
    { kind = "dense", name = "first", units = 32, activation = "relu" },
    { kind = "dense", name = "second", units = 32 },
    { kind = "add", name = "both", inputs = ["first", "second"] },
    { kind = "relu" },
    { kind = "dense", units = 5 },
    { kind = "softmax" },
]
```

A network may have several inputs and several outputs. Each input has a shape, and a type under
`[interface]`; a data set's features are laid out in the inputs' order. Hosts take and return
arrays by these names.

```toml
[topology]
inputs = { image = [8, 8, 1], weather = 4 }
outputs = ["energy", "angle"]
layers = [
    { kind = "conv2d", inputs = ["image"], filters = 4, kernel_size = 3, activation = "relu" },
    { kind = "flatten", name = "seen" },
    { kind = "dense", name = "around", inputs = ["weather"], units = 8, activation = "relu" },
    { kind = "concatenate", name = "all", inputs = ["seen", "around"] },
    { kind = "dense", name = "energy", units = 1 },
    { kind = "dense", name = "angle", inputs = ["all"], units = 2 },
]

[interface]
input = { image = "ap_ufixed<6,1,RND,SAT>", weather = "ap_fixed<12,4,RND,SAT>" }
```

Every result must be read by a layer or be an output. `add`, `multiply`, `maximum`, `minimum` and
`concatenate` take two inputs or more, and merge the first two, then the next one.

### What is exact, and what is not

Sums, merges, poolings and whatever only moves numbers keep every bit; activations put their
results on a grid of their own. So Keras and the chip give the same words, for every input. A
`softmax` is the exception: the chip takes exponentials and inverses from tables, as hls4ml does.
All engines but Keras agree on it to the last bit, and the proof reports by how much Keras
differs. `argmax` is exact.

### What the exact engine knows, and a spec does not offer

- ELU, SELU, softplus, softsign, and the sigmoid and tanh by tables: Keras would train another
  function than the chip computes. The piecewise linear `sigmoid` and `tanh` are exact.
- Binary and ternary tanh: QKeras's own have other thresholds than hls4ml's C++.
- Batch normalisation as a layer: `batch_normalisation = true` folds it into the weights before
  it.
- Recurrent layers, layer normalisation, attention, dot products, broadcasting: networks that were
  made elsewhere may have them; training them here, bit for bit, is not done yet.

"""

_TAIL = """\
## [targets.NAME]

A table for each board, under the target's name; `fpgac targets` lists them. Each target has its
own options (`fpgac targets show NAME`). All have `compute_units` (copies of the kernel on the card,
default 1), `hosts` (the host programs to write, by default all that the board supports), and what
hls4ml is asked for on this board in place of `[hls]`:

| key | value | where nothing is said |
| --- | --- | --- |
| `clock_mhz` | the kernel's clock, at most the board's | that of `[hls]`, or the board's own |
| `reuse_factor` | multiplications that share one multiplier | that of `[hls]`, or as below |
| `strategy` | `"latency"` or `"resource"` | that of `[hls]` |
| `layers.NAME` | a table with one layer's `reuse_factor` and `strategy` | the above |
| `budget` | keys of `[budget]` that are others here | those of `[budget]` |
| `clock_tolerance` | the part of the clock that a build may lose to timing | 0.05 |

A layer's own reuse factor counts for more than a common one, and a target's for more than the
spec's. Where timing does not close, v++ lowers a clock and goes on: a build that loses more than
`clock_tolerance` of it fails.

```toml
[targets.pynq-z2]
clock_mhz = 100.0
reuse_factor = 4
layers.dense_1 = { reuse_factor = 9, strategy = "resource" }
```

Where nobody says a reuse factor, a layer has the greatest that costs no rate: the bus of a PYNQ-Z2
brings 64 bits a cycle, so that a sample of 27 numbers of 16 bits takes 7 cycles, and each
multiplier may do 7 multiplications.

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
        text = cleandoc(model.__doc__ or "")
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
        if title == _BEFORE_GRAPHS:
            lines.append(_GRAPHS)
    return "\n".join(lines) + "\n" + _TAIL


def _own_fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """The model's fields, except those that another section of the page already has."""
    listed = {
        key
        for _, base in _SECTIONS
        if issubclass(model, base) and model is not base
        for key in base.model_fields
    }
    own = [(key, field) for key, field in keys_of(model).items() if key not in listed]
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
