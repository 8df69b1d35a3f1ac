"""The built-in data set providers, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fpgac.data.dataset import Provider
from fpgac.data.digits import DigitsProvider
from fpgac.data.iris import IrisProvider
from fpgac.data.jets import JetsProvider
from fpgac.data.muon import MuonProvider
from fpgac.data.tabular import BreastCancerProvider, DiabetesProvider, WineProvider

__all__ = ["BUILT_IN"]

BUILT_IN: Mapping[str, type[Provider]] = MappingProxyType(
    {
        provider.name: provider
        for provider in (
            *(MuonProvider, JetsProvider, DigitsProvider, IrisProvider),
            *(WineProvider, BreastCancerProvider, DiabetesProvider),
        )
    }
)
