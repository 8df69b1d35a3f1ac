"""The JSON Schema of specs, which editors use to complete and check them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fpgac.spec.models import FILE, Spec

__all__ = ["json_schema"]


def json_schema(
    targets: Mapping[str, Sequence[dict[str, Any]]] | None = None, sources: Iterable[str] = ()
) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a whole spec file.

    ``targets`` maps the names of targets to the schemas of their tables, of which one must match,
    and ``sources`` names the data sets; without them, any name is valid.
    """
    schema: dict[str, Any] = _without_null(Spec.model_json_schema())
    definitions = schema["$defs"]
    if targets:
        tables = {name: _table(models, definitions) for name, models in sorted(targets.items())}
        schema["properties"]["targets"] |= {"properties": tables, "additionalProperties": False}
    if names := sorted(sources):
        definitions["DataSection"]["properties"]["source"]["enum"] = [FILE, *names]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "fpgac"}


def _table(tables: Sequence[dict[str, Any]], definitions: dict[str, Any]) -> dict[str, Any]:
    choices = [_options(table, definitions) for table in tables]
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


def _options(table: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A target's table; the models that it refers to are added to the definitions."""
    schema: dict[str, Any] = _without_null(table)
    definitions |= schema.pop("$defs", {})
    return schema


def _without_null(schema: Any) -> Any:
    """TOML has no null: an optional key is simply not required."""
    if isinstance(schema, list):
        return [_without_null(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _without_null(value) for key, value in schema.items()}
    if "default" in plain and plain["default"] is None:
        del plain["default"]
    if {"type": "null"} in plain.get("anyOf", []):
        rest = [choice for choice in plain.pop("anyOf") if choice != {"type": "null"}]
        plain |= rest[0] if len(rest) == 1 else {"anyOf": rest}
    return plain
