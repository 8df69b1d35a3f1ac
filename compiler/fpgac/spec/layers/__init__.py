"""The kinds of layer that a spec can ask for: one section class a kind, one module a family.

A module in this package is found by itself; its sections are the classes with a ``kind`` of their
own.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import get_args

from fpgac.spec.layers.base import ActivationName, LayerSection, WeightedSection, activation_name

__all__ = [
    "SECTIONS",
    "ActivationName",
    "LayerSection",
    "WeightedSection",
    "activation_name",
    "kinds_of",
]


def kinds_of(section: type[LayerSection]) -> tuple[str, ...]:
    """What a table's ``kind`` may be for this section; empty for what sections have in common."""
    field = section.model_fields.get("kind")
    return get_args(field.annotation) if field else ()


def _sections(base: type[LayerSection]) -> Iterator[type[LayerSection]]:
    for section in base.__subclasses__():
        if kinds_of(section):
            yield section
        yield from _sections(section)


for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

# Every section, in the order of their modules' names.
SECTIONS: tuple[type[LayerSection], ...] = tuple(_sections(LayerSection))  # type: ignore[type-abstract]
