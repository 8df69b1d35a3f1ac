"""``fpgac compile`` and ``fpgac run``."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpgac.cli.console import complain, deliver, errors, results, show_table
from fpgac.cli.plugins import PluginFiles, Trust, plugins_with
from fpgac.cli.specs import SpecPath
from fpgac.errors import Problem, UsageError, shown

if TYPE_CHECKING:
    from fpgac.build.launcher import Launch
    from fpgac.engines.hosts import HostResult
    from fpgac.engines.proving import Proof
    from fpgac.errors import FpgacError
    from fpgac.pipeline.compiling import Report
    from fpgac.pipeline.several import Outcome
    from fpgac.plugins import Plugins
    from fpgac.spec.loader import SpecFile

__all__ = ["register"]

# Instead of a target's name: every target of the spec.
ALL = "all"


class Mode(StrEnum):
    """How far a build goes."""

    emulation = "emulation"
    hw_emu = "hw_emu"
    hw = "hw"


class Engine(StrEnum):
    """What computes in the emulated card."""

    hls = "hls"
    exact = "exact"


class Host(StrEnum):
    """The host programs of a build, and its kernel without any."""

    pynq = "pynq"
    opencl = "opencl"
    xrt = "xrt"
    simulation = "simulation"
    all = "all"


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("compile")(compile_)
    app.command()(run)


def compile_(
    spec: SpecPath,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            help="One of the spec's targets, or all; needed if it has several.",
        ),
    ] = None,
    mode: Annotated[
        Mode,
        typer.Option(
            help="emulation builds and proves everything here; hw_emu and hw go on with the "
            "vendor's tools."
        ),
    ] = Mode.emulation,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder to write; by default build/NAME-TARGET. With --target all, the folder "
            "of those folders.",
            show_default=False,
        ),
    ] = None,
    on: Annotated[
        str,
        typer.Option(
            metavar="WHERE",
            envvar="FPGAC_ON",
            help="Where the vendor's tools run: local, ssh://HOST, slurm, htcondor, container, or "
            "a plugin's launcher.",
        ),
    ] = "local",
    on_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            envvar="FPGAC_ON_OPTIONS",
            help="An option for it, such as partition=fpga or setup=/tools/settings64.sh. May be "
            "repeated.",
            show_default=False,
        ),
    ] = None,
    time_limit: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="End a step of the vendor's tools that takes longer: 6h, 90m, 1h30m.",
            show_default=False,
        ),
    ] = None,
    trust: Trust = False,
    plugin: PluginFiles = None,
) -> None:
    """Build a spec for a target: kernel, hosts, scripts, and the proof that all engines agree.

    A second run does only what changed. Whatever fails leaves finished files alone and resumes
    where it was. With --target all, what fails for one target does not stop the others.
    """
    from fpgac.cli.progress import pipeline_printer
    from fpgac.pipeline.checking import check_spec, only_target
    from fpgac.pipeline.compiling import Request, compile_spec, default_folder
    from fpgac.pipeline.launching import launch_of

    plugins = plugins_with(plugin, trust=trust)
    launch = launch_of(plugins, on, on_option or (), time_limit)
    file = check_spec(spec, plugins)
    if target == ALL:
        _compile_all(file, plugins, mode, out or Path("build"), launch)
        return
    name = only_target(file, target)
    folder = out or default_folder(file, name)
    errors().print(f"{file.spec.name} for {name} into {folder}/", markup=False, soft_wrap=True)
    with pipeline_printer() as notify:
        request = Request(file, name, folder, mode.value, launch)
        report = compile_spec(request, plugins, notify)
    deliver(_plain(report), lambda: _summarise(report))


def _plain(report: Report) -> dict[str, object]:
    """The report as plain data."""
    from fpgac.plain import to_plain

    archive = report.archive
    return {
        "folder": report.folder,
        "target": report.target,
        "mode": report.mode,
        "accuracy": report.accuracy and report.accuracy.figures,
        "proof": to_plain(report.proof),
        "figures": [each.plain() for each in report.figures],
        "lacking_hosts": report.lacking_hosts,
        "notice": report.notice,
        "archive": archive and {"path": archive.path, "lacks": archive.lacks},
    }


def _compile_all(file: SpecFile, plugins: Plugins, mode: Mode, root: Path, launch: Launch) -> None:
    """Every target of the spec; ends with a table, and with the exit code of the first failure."""
    from fpgac.cli.progress import labelled, pipeline_printer
    from fpgac.pipeline.compiling import Request
    from fpgac.pipeline.several import compile_targets

    name, targets = file.spec.name, list(file.spec.targets)
    requests = [
        Request(file, each, root / f"{name}-{each}", mode.value, launch) for each in targets
    ]
    errors().print(f"[bold]{name}[/] for {', '.join(targets)} into {root}/", soft_wrap=True)
    width = max(map(len, targets))
    with pipeline_printer(width + 18) as notify:
        outcomes = compile_targets(
            requests, plugins, lambda target: labelled(notify, f"{target:<{width}}")
        )
    failed = [problem for each in outcomes if each.error for problem in each.error.problems]
    plain = [_plain_outcome(outcome) for outcome in outcomes]
    deliver(plain, lambda: _print_all(outcomes), failed)
    if failures := [outcome.error for outcome in outcomes if outcome.error]:
        raise typer.Exit(failures[0].exit_code)


def _plain_outcome(outcome: Outcome) -> dict[str, object]:
    if outcome.report:
        return _plain(outcome.report)
    codes = [problem.code for problem in outcome.error.problems] if outcome.error else []
    return {"target": outcome.request.target, "folder": outcome.request.folder, "failed": codes}


def _print_all(outcomes: list[Outcome]) -> None:
    _print_failures(outcomes)
    _print_outcomes(outcomes)


def _print_failures(outcomes: list[Outcome]) -> None:
    """Each error once, with the targets that met it."""
    failures: dict[str, tuple[FpgacError, list[str]]] = {}
    for outcome in outcomes:
        if outcome.error:
            _, targets = failures.setdefault(str(outcome.error), (outcome.error, []))
            targets.append(outcome.request.target)
    for error, targets in failures.values():
        errors().print(f"\n[bold]{', '.join(targets)}[/] failed:", soft_wrap=True)
        complain(error)


def _print_outcomes(outcomes: list[Outcome]) -> None:
    from rich.text import Text

    rows = []
    for outcome in outcomes:
        engines, notices = "[red]failed[/]", [str(outcome.error).splitlines()[0]]
        if report := outcome.report:
            # An original in floats is asked the data alone, which its formats were chosen for.
            proven = report.proof.agreements
            names = [each.engine for each in proven if {"vectors", "data"} & each.samples.keys()]
            engines = f"[green]{len(names)}[/]: {', '.join(names)}"
            notices = [*filter(None, [report.notice]), *_unproven(report.proof)]
        request = outcome.request
        rows.append((request.target, str(request.folder), engines, Text("\n".join(notices))))
    results().print()
    titles = ("target", "folder", "engines that agree", "notices")
    show_table(titles, rows, fold=titles[2:])


def _print_agreements(proof: Proof, data: str, title: str) -> None:
    """The engines that agree on the samples of ``data``; ``title`` says how many they are."""
    out, some = results(), [each for each in proof.agreements if data in each.samples]
    most = max((each.samples[data] for each in some), default=0)
    if some:
        out.print(f"\n  On {title.format(most)}, the same raw words from", soft_wrap=True)
    for each in some:
        apart = [measured for measured in each.approximations if measured.vectors == data]
        mark = "[yellow]≈[/]" if apart else "[green]✓[/]"
        differences = (
            f", but for {measured.output}: {measured.differ:,} samples differ, by "
            f"{measured.greatest:.3g} at most"
            for measured in apart
        )
        out.print(f"    {mark} {each.engine}{''.join(differences)}", soft_wrap=True)


def _unproven(proof: Proof) -> list[str]:
    return [f"not proven: {each.engine}: {each.reason}" for each in proof.unavailable]


def _summarise(report: Report) -> None:
    from rich.text import Text

    out = results()
    out.print()
    for line in report.accuracy.lines if report.accuracy else ():
        out.print(Text(f"  {line}"), soft_wrap=True)
    if report.figures:
        from fpgac.cli.report import figures_table

        out.print(figures_table(report.figures))
    _print_agreements(report.proof, "vectors", "{:,} samples")
    _print_agreements(report.proof, "data", "the {:,} samples of the data")
    _print_agreements(report.proof, "recording", "the {:,} samples recorded in the training")
    _print_agreements(report.proof, "test data", "all {:,} samples of the test data")
    for line in _unproven(report.proof):
        out.print(Text(f"    - {line}", style="yellow"), soft_wrap=True)
    if unseen := report.proof.not_run:
        out.print(Text(f"\n  No engine runs {', '.join(unseen)}"), soft_wrap=True)
    # Where something is not proven, its host does not run here either.
    host = " --host simulation" if report.lacking_hosts else ""
    command = f"fpgac run {shlex.quote(str(report.folder))}{host}"
    out.print(f"\n  next: {command}", markup=False, soft_wrap=True)
    if report.archive:
        text = f"\n  for the board: {report.archive.path}"
        if lacks := " and ".join(report.archive.lacks):
            how = ", which --mode hw makes" if report.archive.can_be_whole else ""
            text += f"  (without {lacks}{how})"
        out.print(text, markup=False, soft_wrap=True)


def run(
    build: Annotated[
        Path, typer.Argument(metavar="BUILD", help="A build folder, such as build/muon-aws-f1.")
    ],
    host: Annotated[
        Host,
        typer.Option(help="Which host program; all compares them; simulation needs no XRT."),
    ] = Host.all,
    input_: Annotated[
        Path | None,
        typer.Option("--input", help="Samples, .npy or .npz; by default the build's own vectors."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Where to write the results as .npy floats; of several hosts as NAME-HOST.npy."
        ),
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Samples in one kernel call.")] = None,
    compute_units: Annotated[
        int | None, typer.Option(min=1, help="How many of the compute units to use.")
    ] = None,
    devices: Annotated[int, typer.Option(min=1, help="How many cards to emulate.")] = 1,
    device: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBER[,NUMBER...]",
            help="Which card to use; several share the work, as 0,1 or given several times.",
            show_default="0",
        ),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            help="Write the seconds of injection, inference and extraction per call as CSV."
        ),
    ] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds before a host is ended.")] = 600.0,
    engine: Annotated[
        Engine,
        typer.Option(
            help="What computes in the emulated card: the kernel's own C++, or its exact program, "
            "which gives the same words far sooner."
        ),
    ] = Engine.hls,
) -> None:
    """Run a build's hosts, unchanged, on the emulated card, and compare what they give.

    Without --input, the build's vectors are run and the raw words must be those of the proof.
    """
    from fpgac.cli.progress import activity
    from fpgac.engines.hosts import RunRequest, run_hosts

    request = RunRequest(
        *(build, input_, output, batch, compute_units),
        devices=devices,
        device=_cards(device or ["0"]),
        profile=profile,
        timeout=timeout,
        engine=engine.value,
    )
    with activity() as notify:
        outcomes = run_hosts(request, host.value, notify)
    deliver([_plain_result(outcome) for outcome in outcomes], lambda: _print_table(outcomes))
    for outcome in outcomes:
        for path in outcome.written:
            errors().print(f"  wrote {path}", markup=False, soft_wrap=True)


def _cards(texts: Iterable[str]) -> tuple[int, ...]:
    """The numbers in ``0,1``, each once, as the hosts themselves take them."""
    numbers = [number for text in texts for number in text.split(",")]
    if wrong := [number for number in numbers if not (number.isascii() and number.isdigit())]:
        raise UsageError(
            Problem(
                "--device needs the numbers of cards",
                expected="such as 0, or 0,1",
                got=shown(wrong[0]),
                hint="see fpgac run --help",
                code="cli.no-card-number",
            )
        )
    return tuple(dict.fromkeys(map(int, numbers)))


def _plain_result(result: HostResult) -> dict[str, object]:
    phases = ("injection", "inference", "extraction")
    return {
        "host": result.host,
        "samples": result.samples,
        "seconds": result.seconds,
        "phases": result.phases and dict(zip(phases, result.phases, strict=True)),
        "verdict": result.verdict,
        "written": result.written,
    }


def _print_table(outcomes: list[HostResult]) -> None:
    times = ("injection", "inference", "extraction", "overlapped", "samples/s")
    rows = []
    for outcome in outcomes:
        phases = map(_milliseconds, (*(outcome.phases or (None,) * 3), outcome.seconds))
        rate = f"{outcome.samples / outcome.seconds:,.0f}" if outcome.seconds else ""
        rows.append((outcome.host, *phases, rate, outcome.verdict))
    results().print(f"{outcomes[0].samples:,} samples", soft_wrap=True)
    show_table(("host", *times, "raw words"), rows, right=times)


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{1e3 * seconds:,.1f} ms"
