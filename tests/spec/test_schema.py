"""The schema accepts and refuses what fpgac does."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fpgac.plugins import load_plugins
from fpgac.spec.models import Spec
from fpgac.spec.schema import json_schema

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    plugins = load_plugins()
    tables = {
        name: [model.model_json_schema() for model in target.tables]
        for name, target in plugins.targets.items()
    }
    return json_schema(tables, plugins.providers)


@pytest.mark.parametrize("name", ["muon", "jets", "digits", "iris"])
def test_the_specs_that_come_with_fpgac_satisfy_it(schema: dict[str, Any], name: str) -> None:
    jsonschema.validate(tomllib.loads((SPECS / f"{name}.toml").read_text()), schema)


@pytest.mark.parametrize(
    "change",
    [
        ('source = "iris"', 'source = "iriss"'),
        ("[targets.aws-f1]", "[targets.aws-f9]"),
        ("[targets.aws-f1]", "[targets.aws-f1]\nbankz = 1"),
        ("[targets.aws-f1]", "[targets.aws-f1]\ncompute_units = 0"),
        ("[targets.zcu102]", '[targets.zcu102]\nflow = "vitsi"'),
        ("[targets.zcu102]", '[targets.zcu102]\nflow = "vivado"\nbanks = ["HP0"]'),
        ("[interface]", "[interfaces]"),
        ("units = 16", 'units = "16"'),
        ('"quantized_bits(8, 1, alpha=1)"', '"8 bits"'),
    ],
)
def test_what_fpgac_refuses_it_refuses(schema: dict[str, Any], change: tuple[str, str]) -> None:
    text = (SPECS / "iris.toml").read_text()
    assert change[0] in text
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text.replace(*change)), schema)


def test_it_speaks_of_no_null_which_toml_has_not(schema: dict[str, Any]) -> None:
    assert "null" not in str(schema)
    assert "None" not in str(schema)


def test_the_schema_refuses_unknown_keys_and_knows_every_section() -> None:
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(Spec.model_fields)


def test_every_key_of_the_language_is_described() -> None:
    for definition in json_schema()["$defs"].values():
        for key, field in definition.get("properties", {}).items():
            assert "description" in field or "$ref" in str(field), f"{definition['title']}.{key}"
