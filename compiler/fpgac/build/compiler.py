"""g++ as fpgac calls it: one dialect, and results that are the same bytes in every folder."""

from __future__ import annotations

from typing import Final

__all__ = ["COMPILER", "CPP", "LIBRARY", "PROGRAM"]

COMPILER: Final = "g++"

# -O2 runs as fast as -O3 here; without debug information no path of this machine is in a result.
CPP: Final = (COMPILER, "-std=c++17", "-O2")

_NO_BUILD_ID: Final = "-Wl,--build-id=none"

# What links a program, and a shared library, from sources or objects.
PROGRAM: Final = (*CPP, _NO_BUILD_ID)
LIBRARY: Final = (*CPP, "-fPIC", "-shared", _NO_BUILD_ID)
