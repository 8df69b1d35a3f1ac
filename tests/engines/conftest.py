"""Cores from hls4ml's own descriptions of layers, the C simulation of many, random networks."""

from tests.cores import core_from, simulate_all
from tests.network.conftest import make_network

__all__ = ["core_from", "make_network", "simulate_all"]
