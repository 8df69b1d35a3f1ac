"""Simulated boosted jets: decay, shower, substructure observables, data set."""

from fpgac.data.jets.provider import JetsProvider

__all__ = ["JetsProvider"]
