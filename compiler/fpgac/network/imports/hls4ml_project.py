"""hls4ml's ``hls4ml_config.yml``: which model a project was made from, and what it asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Final, get_args

from fpgac.errors import NetworkError, Problem, Where
from fpgac.numbers import FixedPoint
from fpgac.spec.models import IoType, Strategy

__all__ = ["PROJECTS", "Project", "is_project", "model_of", "read_project"]

PROJECTS: Final = (".yml", ".yaml")

_KEYS = ("KerasModel", "KerasH5", "KerasJson", "OnnxModel")
# A precision that hls4ml finds for itself.
_AUTO = "auto"


@dataclass(frozen=True)
class Project:
    """What stands in the configuration at ``path``.

    ``hls`` is its ``HLSConfig``: tables for the ``Model``, for each ``LayerType`` and each
    ``LayerName``.
    """

    path: Path
    table: Mapping[str, Any] = field(repr=False)

    @cached_property
    def hls(self) -> Mapping[str, Any]:
        found = self.table.get("HLSConfig")
        return found if isinstance(found, dict) else {}

    @property
    def has_precisions(self) -> bool:
        """Whether it says any number's format."""
        tables = (*self._tables("Model"), *self._tables("LayerType"), *self._tables("LayerName"))
        return any("Precision" in table for table in tables)

    def _tables(self, section: str) -> Iterator[Mapping[str, Any]]:
        found = self.hls.get(section)
        if isinstance(found, dict):
            tables = [found] if section == "Model" else found.values()
            yield from (table for table in tables if isinstance(table, dict))

    def precision(self, layer: str, kind: str, variable: str) -> FixedPoint | None:
        """The type of a layer's ``variable``, such as ``weight`` or ``result``.

        The layer's own counts for more than that of its class, ``kind``, and that for more than
        the model's. None where hls4ml finds it for itself.

        Raises:
            NetworkError: it says none, or something that is no fixed-point type.
        """
        for text in self._precisions(layer, kind, variable):
            return None if text == _AUTO else self._parsed(layer, variable, text)
        raise self._missing(layer, variable)

    def usual_precision(self) -> FixedPoint:
        """The type of what has none of its own.

        Raises:
            NetworkError: it says none.
        """
        found = self.precision("", "", "default")
        if found is None:
            raise self._missing("Model", "default")
        return found

    def _missing(self, layer: str, variable: str) -> NetworkError:
        return NetworkError(
            Problem(
                f"hls4ml's project gives no precision for {variable!r} of {layer!r}",
                Where(self.path),
                expected="HLSConfig.Model.Precision with a default such as 'fixed<16,6>'",
                code="network.no-precision",
            )
        )

    def _parsed(self, layer: str, variable: str, text: str) -> FixedPoint:
        try:
            return FixedPoint.parse(text)
        except ValueError as error:
            raise NetworkError(
                Problem(
                    f"the precision of {variable!r} of {layer!r} is not understood",
                    Where(self.path),
                    expected="a type such as 'fixed<16,6>', or 'auto'",
                    got=str(error),
                    code="network.bad-precision",
                )
            ) from None

    def _precisions(self, layer: str, kind: str, variable: str) -> Iterator[str]:
        """What the layer, its class and the model say, the nearest first."""
        for table in self._of_layer(layer, kind):
            said = table.get("Precision")
            if isinstance(said, dict):
                yield from (str(said[key]) for key in (variable, "default") if key in said)
            elif said is not None:
                yield str(said)

    def _of_layer(self, layer: str, kind: str) -> Iterator[Mapping[str, Any]]:
        for section, name in (("LayerName", layer), ("LayerType", kind)):
            tables = self.hls.get(section)
            named = tables if isinstance(tables, dict) else {}
            yield from (
                table
                for key, table in named.items()
                if str(key).lower() == name.lower() and isinstance(table, dict)
            )
        yield from self._tables("Model")

    @cached_property
    def wishes(self) -> dict[str, Any]:
        """What it asks of hls4ml, by the keys of a spec's ``[hls]``."""
        model = next(self._tables("Model"), {})
        strategy = str(model.get("Strategy", "")).lower()
        io_type = self.table.get("IOType")
        wishes = {
            "strategy": strategy if strategy in get_args(Strategy) else None,
            "reuse_factor": _count(model.get("ReuseFactor")),
            "io_type": io_type if io_type in get_args(IoType) else None,
        }
        return {key: value for key, value in wishes.items() if value is not None}

    @cached_property
    def layer_wishes(self) -> dict[str, dict[str, Any]]:
        """Reuse factors and strategies of single layers that differ from the model's."""
        tables = self.hls.get("LayerName")
        named = tables.items() if isinstance(tables, dict) else ()
        own = {str(name): self._own(table) for name, table in named if isinstance(table, dict)}
        return {name: wishes for name, wishes in own.items() if wishes}

    def _own(self, table: Mapping[str, Any]) -> dict[str, Any]:
        strategy = str(table.get("Strategy", "")).lower()
        known = strategy if strategy in get_args(Strategy) else None
        wishes = {"reuse_factor": _count(table.get("ReuseFactor")), "strategy": known}
        return {
            key: value for key, value in wishes.items() if value and value != self.wishes.get(key)
        }


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def is_project(path: Path) -> bool:
    """Whether ``path`` is, by its name, a project of hls4ml."""
    return path.suffix.lower() in PROJECTS


def read_project(path: Path) -> Project:
    """The configuration at ``path``.

    Nothing in it is executed: of YAML's tags, hls4ml's own for a Keras file counts as a text.

    Raises:
        NetworkError: it cannot be read.
    """
    yaml: Any = import_module("yaml")
    loader: Any = type("Loader", (yaml.SafeLoader,), {})
    loader.add_constructor("!keras_model", lambda loader, node: loader.construct_scalar(node))
    # Whatever else hls4ml writes down is of no interest.
    loader.add_multi_constructor("", lambda loader, suffix, node: None)
    try:
        config: Any = yaml.load(path.read_text(encoding="utf-8"), loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _error(path, "the file is no configuration of hls4ml", str(error)) from None
    if not isinstance(config, dict):
        raise _error(path, "the file is no configuration of hls4ml", str(config)[:80])
    return Project(path, config)


def model_of(path: Path) -> Path:
    """The model that the project's configuration at ``path`` names.

    Raises:
        NetworkError: it names none, or one that is not there.
    """
    named = _named(read_project(path))
    beside = path.parent / Path(named).name
    found = next((file for file in (Path(named), beside) if file.exists()), None)
    if found is None:
        raise _error(path, "the model that hls4ml's project was made from is not there", named)
    return found


def _named(project: Project) -> str:
    # Layers and weights apart: the layers' file finds its weights.
    for key in ("KerasJson", *_KEYS):
        if isinstance(project.table.get(key), str):
            return str(project.table[key])
    what = "hls4ml's project names no model that fpgac imports"
    raise _error(project.path, what, ", ".join(project.table))


def _error(path: Path, what: str, got: str) -> NetworkError:
    expected = f"one of {', '.join(_KEYS)}"
    return NetworkError(Problem(what, Where(path), expected, got, code="network.no-model"))
