"""What a Python program calls: the same as the commands, with values instead of text.

Each function does exactly what the command of its name does: it reads and writes the same files,
and raises as :class:`fpgac.errors.FpgacError` what the command prints. Nothing is printed; who
wants to know how far a function has come gives it a listener. In a notebook, what they return shows
itself as tables.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy.typing as npt

if TYPE_CHECKING:
    from fpgac.build.events import Event
    from fpgac.engines.emulator import Emulator, Results
    from fpgac.network.network import Network
    from fpgac.network.training import Progress
    from fpgac.pipeline.compiling import Report
    from fpgac.pipeline.inspecting import Inspection
    from fpgac.pipeline.training import Trained
    from fpgac.plugins import Plugins
    from fpgac.reports.precision import Trace
    from fpgac.spec.loader import SpecFile

__all__ = ["check", "compile", "emulate", "emulator", "inspect", "load", "trace", "train"]

File = str | os.PathLike[str]


def compile(  # noqa: A001 - it is the command's name, and is called fpgac.compile
    spec: File,
    target: str | None = None,
    *,
    mode: Literal["emulation", "hw_emu", "hw"] = "emulation",
    out: File | None = None,
    on: str = "local",
    on_options: Mapping[str, str] | None = None,
    time_limit: str | None = None,
    plugins: Iterable[File] = (),
    trust: bool = False,
    listener: Callable[[Event], None] | None = None,
) -> Report:
    """Build ``spec`` for a target, and prove that all engines agree: ``fpgac compile``.

    Args:
        spec: the TOML file. Its network is trained if that is not there yet.
        target: one of the spec's targets; needed if it has several.
        mode: how far to go: "emulation" needs no vendor's tools.
        out: the folder to write; by default build/NAME-TARGET.
        on: where the vendor's tools run, as after ``--on``, with its ``on_options``.
        time_limit: how long a step of the vendor's tools may take, such as "6h".
        plugins: files of plugins, as with ``--plugin``.
        trust: run program code in the network's file, as with ``--trust``.
        listener: hears of each stage as it begins and ends.

    Returns:
        The build's folder, its accuracy, which engines agree, and what the vendor's tools reported.

    Raises:
        FpgacError: of whatever failed; what was finished before it is kept.
    """
    from fpgac.pipeline.checking import only_target
    from fpgac.pipeline.compiling import Request, compile_spec, default_folder
    from fpgac.pipeline.launching import launch_of

    file, loaded = _checked(spec, plugins, trust=trust)
    name = only_target(file, target)
    folder = Path(out) if out is not None else default_folder(file, name)
    options = [f"{key}={said}" for key, said in (on_options or {}).items()]
    launch = launch_of(loaded, on, options, time_limit)
    return compile_spec(Request(file, name, folder, mode, launch), loaded, listener or _ignored)


def train(
    spec: File,
    *,
    force: bool = False,
    baseline: bool = True,
    plugins: Iterable[File] = (),
    listener: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train the network of ``spec`` and write it beside the spec: ``fpgac train``.

    Args:
        spec: the TOML file.
        force: replace a network that is there, and is another one.
        baseline: also train the network in floats, neither quantised nor pruned, to compare.
        plugins: files of plugins, as with ``--plugin``.
        listener: hears of steps and epochs; what it raises ends the training, and the next call
            goes on after the last epoch.

    Returns:
        The network, how accurate it is, and the report of the training.

    Raises:
        FpgacError: the training is not possible or failed; the text says what to do.
    """
    from fpgac.pipeline.training import train_network

    file, loaded = _checked(spec, plugins)
    return train_network(file, loaded, listener or _ignored, force=force, baseline=baseline)


def check(
    spec: File,
    *,
    plugins: Iterable[File] = (),
    listener: Callable[[Progress], None] | None = None,
) -> Network:
    """Train the network of ``spec`` anew and compare it with the file: ``fpgac train --check``.

    Returns:
        The network in the file, which is the one that comes out; nothing was written.

    Raises:
        NetworkError: another one comes out, or there is none.
    """
    from fpgac.pipeline.training import check_network

    file, loaded = _checked(spec, plugins)
    return check_network(file, loaded, listener or _ignored)


def inspect(file: File, *, plugins: Iterable[File] = (), trust: bool = False) -> Inspection:
    """What is in ``file``: layers, shapes, formats, and what stands in the way: ``fpgac inspect``.

    Args:
        file: a model of another framework's, a .network.json, a spec or a build folder.
        plugins: files of plugins, as with ``--plugin``.
        trust: run program code in the network's file, as with ``--trust``.

    Returns:
        Inputs, outputs and layers in figures; ``problems`` stand in the way of a compile.

    Raises:
        FpgacError: there is no such file, or it is none of these.
    """
    from fpgac.pipeline.inspecting import inspect as inspected

    return inspected(Path(file), _loaded(plugins, trust=trust))


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


def emulator(
    spec: File, *, threads: int | None = None, plugins: Iterable[File] = (), trust: bool = False
) -> Emulator:
    """The chip of a spec, or of a build folder (see :func:`load`), as a function.

    Args:
        spec: the TOML file, whose network must be trained; or a build folder.
        threads: how many processors to use; all by default.
        plugins: files of plugins, as with ``--plugin``.
        trust: run program code in the network's file, as with ``--trust``.

    Raises:
        FpgacError: the spec, its network or the folder is at fault; the text says what to do.
    """
    if Path(spec).is_dir():
        return load(spec, threads=threads)
    from fpgac.pipeline.emulating import SpecEmulation

    file, loaded = _checked(spec, plugins, trust=trust)
    return SpecEmulation(file, loaded, threads=threads).emulator


def emulate(
    spec: File,
    samples: npt.ArrayLike | Mapping[str, npt.ArrayLike],
    *,
    raw: bool = False,
    threads: int | None = None,
    plugins: Iterable[File] = (),
    trust: bool = False,
) -> Results:
    """The answers of ``spec``'s chip to ``samples``, to the last bit: ``fpgac emulate``.

    Args:
        spec: the TOML file, whose network must be trained; or a build folder.
        samples: numbers of shape (n, \\*sample) or (n, numbers), floats or integers, which are put
            on the input's grid; of several inputs a mapping by name.
        raw: give raw words instead of numbers: result = word x the step of the output's type.
        threads: how many processors to use; all by default.
        plugins: files of plugins, as with ``--plugin``.
        trust: run program code in the network's file, as with ``--trust``.

    Returns:
        Shape (n, \\*result), in the narrowest float that holds each result exactly, or raw words;
        of several outputs a mapping by name.

    Raises:
        FpgacError: the spec, its network or the samples are at fault; the text says what to do.
    """
    chip = emulator(spec, threads=threads, plugins=plugins, trust=trust)
    return chip.raw(samples) if raw else chip.predict(samples)


def trace(
    spec: File, data: File | None = None, *, plugins: Iterable[File] = (), trust: bool = False
) -> Trace:
    """Where the bits of ``spec``'s network go, layer by layer: ``fpgac trace``.

    Args:
        spec: the TOML file, whose network must be trained.
        data: an .npy or .npz file of samples; by default the test part of the spec's own data.
        plugins: files of plugins, as with ``--plugin``.
        trust: run program code in the network's file, as with ``--trust``.

    Raises:
        FpgacError: the spec, its network or the samples are at fault; the text says what to do.
    """
    from fpgac.pipeline.emulating import SpecEmulation
    from fpgac.reports.precision import Trace

    file, loaded = _checked(spec, plugins, trust=trust)
    return Trace(SpecEmulation(file, loaded, None if data is None else Path(data)).trace())


def _checked(
    spec: File, plugins: Iterable[File], *, trust: bool = False
) -> tuple[SpecFile, Plugins]:
    from fpgac.pipeline.checking import check_spec

    loaded = _loaded(plugins, trust=trust)
    return check_spec(Path(spec), loaded), loaded


def _loaded(files: Iterable[File], *, trust: bool) -> Plugins:
    from fpgac.plugins import load_plugins

    plugins = load_plugins(files=map(Path, files))
    return plugins.trusting() if trust else plugins


def _ignored(news: object) -> None:
    """What nobody listens to."""
