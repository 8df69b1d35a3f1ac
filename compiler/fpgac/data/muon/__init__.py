"""Simulated barrel muons: detector, trigger primitives, classical assignment, data set."""

from fpgac.data.muon.provider import MuonProvider

__all__ = ["MuonProvider"]
