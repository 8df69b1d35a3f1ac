"""hls4ml's ``hls4ml_config.yml``: which model a project was made from."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from fpgac.errors import NetworkError, Problem, Where

__all__ = ["model_of"]

_KEYS = ("KerasModel", "KerasH5", "KerasJson", "OnnxModel")


def model_of(path: Path) -> Path:
    """The model that the project's configuration at ``path`` names.

    Nothing in it is executed: of YAML's tags, hls4ml's own for a Keras file counts as a text.

    Raises:
        NetworkError: it names none, or one that is not there.
    """
    named = _named(path)
    beside = path.parent / Path(named).name
    found = next((file for file in (Path(named), beside) if file.exists()), None)
    if found is None:
        raise _error(path, "the model that hls4ml's project was made from is not there", named)
    return found


def _named(path: Path) -> str:
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
    # Layers and weights apart: the layers' file finds its weights.
    for key in ("KerasJson", *_KEYS):
        if isinstance(config.get(key), str):
            return str(config[key])
    raise _error(path, "hls4ml's project names no model that fpgac imports", ", ".join(config))


def _error(path: Path, what: str, got: str) -> NetworkError:
    expected = f"one of {', '.join(_KEYS)}"
    return NetworkError(Problem(what, Where(path), expected, got, code="network.no-model"))
