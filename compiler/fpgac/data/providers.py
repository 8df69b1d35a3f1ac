"""The built-in data set providers, and finding one by its name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fpgac.data.dataset import Provider
from fpgac.data.digits import DigitsProvider
from fpgac.data.iris import IrisProvider
from fpgac.data.jets import JetsProvider
from fpgac.data.muon import MuonProvider
from fpgac.errors import DataError, Problem, nearest

__all__ = ["BUILT_IN", "provider"]

BUILT_IN: Mapping[str, type[Provider]] = MappingProxyType(
    {
        provider.name: provider
        for provider in (MuonProvider, JetsProvider, DigitsProvider, IrisProvider)
    }
)


def provider(name: str, known: Mapping[str, type[Provider]] = BUILT_IN) -> Provider:
    """The provider called ``name``; ``known`` maps names to classes, plugins' ones included.

    Raises:
        DataError: there is none of that name; the nearest one is named.
    """
    if name not in known:
        raise DataError(
            Problem(
                f"there is no data set {name!r}",
                expected=f"one of: {', '.join(sorted(known))}",
                got=repr(name),
                hint=nearest(name, known),
            )
        )
    return known[name]()
