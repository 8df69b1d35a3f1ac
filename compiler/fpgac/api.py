"""What a Python program calls: ``fpgac.emulate``, and ``fpgac.emulator`` to call more than once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy.typing as npt

if TYPE_CHECKING:
    from fpgac.engines.emulator import Emulator, Results

__all__ = ["emulate", "emulator", "load"]

File = str | os.PathLike[str]


def load(build: File, *, threads: int | None = None) -> Emulator:
    """The chip of a build folder as a function: ``predict`` gives numbers, ``raw`` raw words.

    Neither the spec nor hls4ml is needed: the folder holds the network's exact program.

    Args:
        build: the folder that ``fpgac compile`` made.
        threads: how many processors to use; all by default.

    Raises:
        FpgacError: the folder is no finished build; the text says what to do.
    """
    from fpgac.engines.built import Build
    from fpgac.engines.emulator import Emulator

    return Emulator.of_build(Build.open(Path(build)), threads)


def emulator(spec: File, *, threads: int | None = None, plugins: Iterable[File] = ()) -> Emulator:
    """The chip of a spec, or of a build folder (see :func:`load`), as a function.

    Args:
        spec: the TOML file, whose network must be trained; or a build folder.
        threads: how many processors to use; all by default.
        plugins: files of plugins, as with ``--plugin``.

    Raises:
        FpgacError: the spec, its network or the folder is at fault; the text says what to do.
    """
    if Path(spec).is_dir():
        return load(spec, threads=threads)
    from fpgac.pipeline.checking import check_spec
    from fpgac.pipeline.emulating import SpecEmulation
    from fpgac.plugins import load_plugins

    loaded = load_plugins(files=map(Path, plugins))
    return SpecEmulation(check_spec(Path(spec), loaded), loaded, threads=threads).emulator


def emulate(
    spec: File,
    samples: npt.ArrayLike | Mapping[str, npt.ArrayLike],
    *,
    raw: bool = False,
    threads: int | None = None,
) -> Results:
    """The answers that the chip of ``spec`` gives to ``samples``, to the last bit.

    Args:
        spec: the TOML file, whose network must be trained; or a build folder.
        samples: numbers of shape (n, \\*sample) or (n, numbers), floats or integers, which are put
            on the input's grid; of several inputs a mapping by name.
        raw: give raw words instead of numbers: result = word x the step of the output's type.
        threads: how many processors to use; all by default.

    Returns:
        Shape (n, \\*result), in the narrowest float that holds each result exactly, or raw words;
        of several outputs a mapping by name.

    Raises:
        FpgacError: the spec, its network or the samples are at fault; the text says what to do.
    """
    chip = emulator(spec, threads=threads)
    return chip.raw(samples) if raw else chip.predict(samples)
