"""A build's own host programs, unchanged, on the emulated card; or its kernel without any."""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np

from fpgac.build.cancelling import NEVER, Cancellation
from fpgac.build.processes import last_lines
from fpgac.data.rows import read_rows, rows_bytes, rows_name
from fpgac.data.samples import SamplesFile, results_file
from fpgac.design.contract import Contract
from fpgac.engines import engine as engines
from fpgac.engines.built import Build
from fpgac.engines.kernel import run_kernel
from fpgac.engines.proof import compared
from fpgac.errors import (
    BuildError,
    EmulationError,
    Problem,
    ProofError,
    TargetError,
    ToolchainError,
    Where,
    nearest,
)
from fpgac.numbers import FloatArray, IntArray
from fpgac.steps.plan import Engine, host_program, kernel_library, program_file
from fpgac.targets.card import CARD
from fpgac.tensors import Layout

__all__ = ["Host", "HostResult", "RunRequest", "require_meaning", "run_host_once", "run_hosts"]


# What runs the kernel without XRT, beside a build's hosts.
SIMULATION = "simulation"

Phases = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Host(engines.Engine):
    """A host program of the build in ``folder``, on the emulated card: floats in, words out."""

    folder: Path
    contract: Contract
    host: str
    cancellation: Cancellation = NEVER

    @property
    def name(self) -> str:
        """See :attr:`Engine.name`."""
        return f"{self.host} host"

    @property
    def covers(self) -> tuple[str, ...]:
        """See :attr:`Engine.covers`."""
        return (f"hosts/{self.host}/",)

    def missing(self) -> str | None:
        """See :meth:`Engine.missing`."""
        from fpgac.emulation import missing

        problems = missing(self.host, self.contract.interface)
        text = "; ".join(f"{p.what} ({p.hint})" if p.hint else p.what for p in problems)
        return text or None

    def words(
        self, vectors: engines.Vectors, progress: engines.Fraction = engines.ignored
    ) -> IntArray:
        """See :meth:`Engine.words`."""
        inputs, outputs = self.contract.input_layout, self.contract.output_layout
        with tempfile.TemporaryDirectory(prefix="fpgac-") as scratch:
            read, written = (
                Path(scratch, rows_name(name, layout))
                for name, layout in (("x", inputs), ("y", outputs))
            )
            read.write_bytes(rows_bytes(vectors.numbers, inputs))
            files = ["--input", str(read), "--output", str(written), "--raw"]
            run_host_once(
                self.folder, self.contract, self.host, files, cancellation=self.cancellation
            )
            return read_rows(written.read_bytes(), outputs)


@dataclass(frozen=True)
class RunRequest:
    """What to run of the build in ``folder``.

    Without ``input`` the build's own vectors are run, and compared with the proof's words.
    ``output`` and ``profile`` are files to write, for one host each as ``NAME-HOST.EXT`` where
    several run. ``devices`` cards are emulated, and those in ``device`` share the work. ``engine``
    computes in them.
    """

    folder: Path
    input: Path | None = None
    output: Path | None = None
    batch: int | None = None
    compute_units: int | None = None
    devices: int = 1
    device: tuple[int, ...] = (0,)
    profile: Path | None = None
    timeout: float = 600.0
    engine: Engine = "hls"


@dataclass(frozen=True)
class HostResult:
    """How one host did: the raw words, shape (samples, outputs), and where the time went.

    ``seconds`` is what the host took with transfer and compute overlapped; ``phases`` are the
    seconds of injection, inference and extraction, each on its own, if they were measured.
    ``written`` are the files of results and of the profile that were asked for.
    """

    host: str
    words: IntArray
    seconds: float
    phases: Phases | None = None
    verdict: str = ""
    written: tuple[Path, ...] = ()

    @property
    def samples(self) -> int:
        """How many samples went through."""
        return len(self.words)


def run_hosts(
    request: RunRequest, host: str, notify: Callable[[str], None] = lambda _: None
) -> list[HostResult]:
    """Run ``host``, or every host of the build for ``all``; each result has a verdict.

    ``simulation`` is no host: it calls the kernel's C++ here, where XRT is not installed, and it
    stands for the hosts of a target that has none.

    Raises:
        BuildError: the folder is no build, was not built to the end, or is being written.
        TargetError: the build has no such host.
        EmulationError, ToolchainError: the card or the host did not run.
        ProofError: a host gave other raw words than the proof, or than the host before.
    """
    build = Build.open(request.folder)
    contract, names = build.contract, build.hosts
    if host not in ("all", SIMULATION, *names):
        raise TargetError(
            Problem(
                f"this build has no {host} host",
                Where(request.folder),
                expected=f"one of {', '.join([*names, SIMULATION])}",
                hint=nearest(host, names),
                code="target.no-host",
            )
        )
    _check_request(request, contract, host)
    chosen = (names or (SIMULATION,)) if host == "all" else (host,)
    results: list[HostResult] = []
    for name in chosen:
        own = replace(
            request,
            output=_of_host(request.output, name, len(chosen)),
            profile=_of_host(request.profile, name, len(chosen)),
        )
        notify(name if name == SIMULATION else f"{name} host on the emulated card")
        run = _simulated if name == SIMULATION else partial(_on_card, host=name)
        judged = _judged(run(own, build), results, request, build)
        results.append(replace(judged, written=tuple(filter(None, (own.output, own.profile)))))
    return results


def _check_request(request: RunRequest, contract: Contract, host: str) -> None:
    """Refuse what no host can do, before any is started."""
    problems = []
    library = request.folder / kernel_library(contract.kernel, request.engine)
    if request.engine != "hls" and not library.is_file():
        problems.append(
            Problem(
                f"the build has no {request.engine} kernel",
                Where(library),
                hint="--engine hls runs the kernel's own C++; fpgac emulate SPEC says why there is "
                "no exact program",
                code="target.no-kernel",
            )
        )
    if (highest := max(request.device)) >= request.devices:
        problems.append(
            Problem(
                f"there is no card number {highest}",
                expected=f"0 to {request.devices - 1}, of --devices {request.devices}",
                hint=f"--devices {highest + 1} emulates as many",
                code="target.no-device",
            )
        )
    units = len(contract.instances)
    if (request.compute_units or 0) > units:
        problems.append(
            Problem(
                f"the build has no {request.compute_units} compute units",
                Where(request.folder),
                expected=f"at most {units}",
                hint="compute_units in the spec's table of the target says how many there are",
                code="target.compute-units",
            )
        )
    if (request.batch or 0) > contract.most_samples:
        problems.append(
            Problem(
                f"no call takes {request.batch} samples",
                expected=f"at most {contract.most_samples}",
                code="target.batch-too-large",
            )
        )
    if host == SIMULATION and (request.batch or request.compute_units or request.profile):
        problems.append(
            Problem(
                "the simulation is one call of the kernel",
                expected="no --batch, --compute-units or --profile with --host simulation",
                code="target.not-for-simulation",
            )
        )
    if problems:
        raise TargetError(*problems)


def run_host_once(
    folder: Path,
    contract: Contract,
    host: str,
    options: Iterable[str],
    *,
    devices: int = 1,
    timeout: float = 600.0,
    engine: Engine = "hls",
    cancellation: Cancellation = NEVER,
) -> str:
    """Run a host program with ``options`` beside ``--xclbin``; returns what it printed.

    Raises:
        EmulationError: it ended badly, or the card did.
        ToolchainError: XRT, or what the host needs of Python, is not installed.
    """
    from fpgac.emulation import HostKind, missing, read_card, run_host

    if problems := missing(host, contract.interface):
        instead = Problem(
            f"so the {host} host cannot run here",
            hint="--host simulation calls the kernel's C++ without XRT",
            code="toolchain.no-host",
        )
        raise ToolchainError(*problems, instead)
    program = (folder / host_program(host, contract.name)).resolve()
    loaded = (folder / program_file(contract, engine)).resolve()
    for path in (program, loaded):
        if not path.is_file():
            raise BuildError(
                Problem(
                    f"the build lacks {path.name}",
                    Where(path),
                    hint="run fpgac compile again; it says what is missing",
                    code="build.unfinished",
                )
            )
    start = [sys.executable, str(program)] if host == "pynq" else [str(program)]
    done = run_host(
        [*start, "--xclbin", str(loaded), *options],
        kind=cast(HostKind, host),
        card=read_card(folder / CARD),
        devices=devices,
        cwd=Path.cwd(),
        timeout=timeout,
        cancellation=cancellation,
    )
    if done.exit_code != 0:
        raise EmulationError(
            Problem(
                f"the {host} host ended with exit code {done.exit_code}",
                got=last_lines(done.stderr, 6) or last_lines(done.stdout, 6),
                code="host.failed",
            )
        )
    return done.stdout


def _simulated(request: RunRequest, build: Build) -> HostResult:
    """The kernel's C++ between the same conversions as the hosts'."""
    vectors = _vectors(request, build)
    outputs = build.output_layout
    times = [time.perf_counter()]
    words = vectors.words
    times.append(time.perf_counter())
    results = run_kernel(request.folder, build.contract, words, request.engine)
    times.append(time.perf_counter())
    numbers = outputs.number(results)
    times.append(time.perf_counter())
    if request.output:
        with results_file(request.output, outputs, len(results), raw=False) as write:
            write(numbers)
    injection, inference, extraction = (after - before for before, after in pairwise(times))
    phases = (injection, inference, extraction)
    return HostResult(SIMULATION, results, sum(phases), phases)


def _vectors(request: RunRequest, build: Build) -> engines.Vectors:
    """What goes in: the build's own vectors, or samples of a file."""
    if request.input is None:
        return build.vectors
    samples = SamplesFile.of(request.input, build.input_layout)
    batches = [*samples.batches(max(samples.count, 1)), np.empty((0, build.input_layout.size))]
    return engines.Vectors("samples", build.input_layout, np.concatenate(batches))


def _on_card(request: RunRequest, build: Build, host: str) -> HostResult:
    """Once as users run it, with floats out; and, where phases are wanted or the floats are
    decoded, once timed phase by phase, with raw words out."""
    outputs, devices = build.output_layout, ",".join(map(str, request.device))
    common = ["--device", devices]
    if request.batch:
        common += ["--batch", str(request.batch)]
    if request.compute_units:
        common += ["--compute-units", str(request.compute_units)]

    def run(source: Path, *options: str) -> str:
        return run_host_once(
            request.folder,
            build.contract,
            host,
            ["--input", str(source.resolve()), *common, *options],
            devices=request.devices,
            timeout=request.timeout,
            engine=request.engine,
        )

    with tempfile.TemporaryDirectory(prefix="fpgac-") as scratch:
        floats, raw = (Path(scratch, rows_name(name, outputs)) for name in ("floats", "raw"))
        source = _host_input(request, build, Path(scratch))
        floats = request.output.resolve() if request.output else floats
        timed = request.profile.resolve() if request.profile else Path(scratch, "profile.csv")
        printed = run(source, "--output", str(floats))
        seconds = float(printed.partition(" samples in ")[2].partition(" s ")[0])
        if not outputs.is_decoded and request.input is not None and request.profile is None:
            words = _as_words(read_rows(floats.read_bytes(), outputs), outputs)
            return HostResult(host, words, seconds)
        run(source, "--output", str(raw), "--raw", "--profile", str(timed))
        got, phases = read_rows(raw.read_bytes(), outputs), _phases(timed)
        require_meaning(host, floats, got, outputs)
    return HostResult(host, got, seconds, phases)


def _host_input(request: RunRequest, build: Build, scratch: Path) -> Path:
    """The samples as every host reads them: floats, whatever numbers the user's file holds."""
    if request.input is None:
        return build.inputs
    layout, numbers = build.input_layout, _vectors(request, build).numbers
    if numbers.dtype not in (np.float32, np.float64):
        numbers = numbers.astype(np.float64)
    source = scratch / rows_name("x", layout)
    source.write_bytes(rows_bytes(numbers, layout))
    return source


def require_meaning(host: str, path: Path, words: IntArray, outputs: Layout) -> None:
    """Refuse a file of results that are not, to the last bit, what raw words mean.

    Raises:
        ProofError: the first output whose numbers are others.
    """
    written = np.load(path)
    for name, expected in outputs.meant(words).items():
        got = written if isinstance(written, np.ndarray) else written[name]
        if got.shape != expected.shape or not np.array_equal(got, expected):
            raise ProofError(
                Problem(
                    f"the numbers that the {host} host writes for {name!r} are not those that its "
                    "raw words mean",
                    expected=np.array2string(expected, threshold=12),
                    got=np.array2string(got, threshold=12),
                    code="proof.wrong-meaning",
                )
            )


def _as_words(numbers: FloatArray, layout: Layout) -> IntArray:
    """The raw words that a host's numbers stand for, in range or not."""
    words = np.empty(numbers.shape, layout.dtype)
    for tensor, columns in layout.places:
        words[:, columns] = np.rint(numbers[:, columns].astype(np.float64) / tensor.type.step)
    return words


def _phases(profile: Path) -> Phases:
    with profile.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    injection, inference, extraction = (
        sum(float(row[f"{phase}_s"]) for row in rows)
        for phase in ("injection", "inference", "extraction")
    )
    return injection, inference, extraction


def _judged(
    result: HostResult, before: list[HostResult], request: RunRequest, build: Build
) -> HostResult:
    """The result with its verdict; words that differ are an error."""
    if request.input is None:
        expected, reference = build.expected, "the proof's"
    elif before:
        expected, reference = before[0].words, f"{before[0].host}'s"
    else:
        return replace(result, verdict="not compared")
    vectors, outputs = _vectors(request, build), build.output_layout
    compared(result.host, result.words, reference, expected, vectors, outputs)
    return replace(result, verdict=f"equal to {reference}")


def _of_host(path: Path | None, host: str, hosts: int) -> Path | None:
    if path is None or hosts == 1:
        return path
    return path.with_name(f"{path.stem}-{host}{path.suffix}")
