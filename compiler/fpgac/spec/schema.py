"""The language's JSON Schema, with which editors complete and check a spec."""

from __future__ import annotations

from typing import Any

from fpgac.spec.models import Spec

__all__ = ["json_schema"]


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a whole spec file."""
    schema = Spec.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "fpgac"}
