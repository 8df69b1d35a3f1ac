"""What a Python program calls: ``fpgac.emulate``, and ``fpgac.emulator`` to call more than once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy.typing as npt

from fpgac.numbers import FloatArray, IntArray

if TYPE_CHECKING:
    from fpgac.engines.emulator import Emulator

__all__ = ["emulate", "emulator"]

File = str | os.PathLike[str]


def emulator(spec: File, *, threads: int | None = None, plugins: Iterable[File] = ()) -> Emulator:
    """The chip of ``spec`` as a function: its ``predict`` gives numbers, its ``raw`` raw words.

    Args:
        spec: the TOML file; its network must be trained.
        threads: how many processors to use; all by default.
        plugins: files of plugins, as with ``--plugin``.

    Raises:
        FpgacError: the spec or its network is at fault; the text says how to mend it.
    """
    from fpgac.engines.emulator import Emulator
    from fpgac.pipeline.checking import check_spec
    from fpgac.pipeline.sources import Sources
    from fpgac.plugins import load_plugins

    loaded = load_plugins(files=map(Path, plugins))
    return Emulator.of(Sources(check_spec(Path(spec), loaded), loaded).core, threads)


def emulate(
    spec: File, samples: npt.ArrayLike, *, raw: bool = False, threads: int | None = None
) -> FloatArray | IntArray:
    """The answers that the chip of ``spec`` gives to ``samples``, to the last bit.

    Args:
        spec: the TOML file; its network must be trained.
        samples: numbers of shape (n, \\*sample) or (n, numbers), floats or integers; they are put
            on the input's grid.
        raw: give raw words instead of numbers: result = word x the step of the output's type.
        threads: how many processors to use; all by default.

    Returns:
        Shape (n, \\*result), in the narrowest float that holds each result exactly, or raw words.

    Raises:
        FpgacError: the spec, its network or the samples are at fault; the text says how to mend it.
    """
    chip = emulator(spec, threads=threads)
    return chip.raw(samples) if raw else chip.predict(samples)
