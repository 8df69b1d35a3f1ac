"""The commented spec that ``fpgac init`` writes, made from the models so that it is up to date."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from fpgac.spec.kinds import inner_models, keys_of
from fpgac.spec.models import PruningSection, Spec

__all__ = ["starter_spec"]

# The values of a starter: for keys without a default, and where its data set, small and with
# numbers up to 8, needs another.
_EXAMPLES: dict[str, Any] = {
    "source": "iris",
    "inputs": 4,
    "layers": [
        {"kind": "dense", "units": 16, "activation": "relu"},
        {"kind": "dense", "units": 3},
    ],
    "weights": "quantized_bits(8, 1, alpha=1)",
    "biases": "quantized_bits(8, 1, alpha=1)",
    "activations": "quantized_relu(8, 3)",
    "learning_rate": 0.01,
    "epochs": 80,
    "batch_size": 16,
    "input": "ap_fixed<16,6,RND,SAT>",
    "loss": "crossentropy",
    "pruning": None,
    "sparsity": 0.5,
}


def starter_spec(name: str, targets: Iterable[str]) -> str:
    """A spec called ``name`` for ``targets`` that is valid as it is and explains its keys.

    Keys with a default are comments that show it.
    """
    lines = [
        "# A network, its precision and its boards. `fpgac validate` checks this file, and",
        "# `fpgac compile` builds it. Keys in comments show their defaults.",
        "",
        f"name = {json.dumps(name)}",
        'description = ""',
    ]
    for key, field in Spec.model_fields.items():
        if _is_table(field):
            (model,) = inner_models(field.annotation)[:1]
            lines += ["", f"[{key}]", *_table(model)]
            if key == "training":
                lines += ["", *_commented(["[training.pruning]", *_table(PruningSection)])]
    for target in targets:
        lines += ["", f"[targets.{_key(target)}]", "# compute_units = 1"]
    return "\n".join(lines) + "\n"


def _table(model: type[BaseModel]) -> Iterator[str]:
    for key, field in keys_of(model).items():
        if key in _EXAMPLES and _EXAMPLES[key] is None:
            continue
        yield from (f"# {line}" for line in textwrap.wrap(field.description or "", 90))
        yield from _entry(key, field)


def _is_table(field: FieldInfo) -> bool:
    """Whether a key's value is a table, of keys that are known."""
    choices = set(get_args(field.annotation)) or {field.annotation}
    return all(
        isinstance(choice, type) and issubclass(choice, BaseModel)
        for choice in choices - {type(None)}
    )


def _entry(key: str, field: FieldInfo) -> Iterator[str]:
    if key in _EXAMPLES:
        yield from _assignment(key, _EXAMPLES[key])
    elif field.get_default() is None:
        yield f"# {key} ="
    else:
        yield f"# {key} = {_toml(field.get_default())}"


def _assignment(key: str, value: Any) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{key} = {_toml(value)}"
        return
    yield f"{key} = ["
    for item in value:
        yield "    { " + ", ".join(f"{name} = {_toml(v)}" for name, v in item.items()) + " },"
    yield "]"


def _commented(lines: Iterable[str]) -> Iterator[str]:
    return (line if line.startswith("#") else f"# {line}" for line in lines)


def _toml(value: Any) -> str:
    return json.dumps(value if isinstance(value, int | float | str) else str(value))


def _key(name: str) -> str:
    bare = name.replace("-", "").replace("_", "").isalnum() and name.isascii()
    return name if bare else json.dumps(name)
