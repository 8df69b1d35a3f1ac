"""Cores from hls4ml's own descriptions of layers, and the C simulation of many at once."""

from tests.cores import core_from, simulate_all

__all__ = ["core_from", "simulate_all"]
