"""What every Python host shares: it sends samples through a kernel, by pynq.

The contract with the kernel is in the host's own module, beside this package.
"""

from . import decoding
from .chip import Chip, Profile, Slot, Timing
from .contract import Contract, Decoding, Input, Output
from .errors import HostError
from .program import main

__all__ = [
    "Chip",
    "Contract",
    "Decoding",
    "HostError",
    "Input",
    "Output",
    "Profile",
    "Slot",
    "Timing",
    "decoding",
    "main",
]
