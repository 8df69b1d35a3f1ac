"""Network files of schema 1, as fpgac wrote them when networks were chains of layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fpgac.digest import digest_json

__all__ = ["as_chain"]


def as_chain(document: Mapping[str, Any]) -> dict[str, Any]:
    """A file of schema 2 that holds a chain, as schema 1 says it."""
    (entry,) = document["inputs"]
    shape = entry["shape"]
    size = {"size": shape[0]} if len(shape) == 1 else {"shape": shape}
    chain = {
        "name": document["name"],
        "input": {**size, "type": entry["type"]},
        "layers": [_without(node, "inputs") for node in document["nodes"]],
    }
    rest = {key: document[key] for key in ("provenance", "recording")}
    said = {"fpgac_network": 1, "digest": digest_json(chain), **chain, **rest}
    return {**said, "checksum": digest_json(said)}


def _without(table: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != key}
