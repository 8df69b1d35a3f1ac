"""From a spec to a proven build: stages and steps in their order, each made when it is due.

Every stage has a key, the digest of all it depends on; a stage whose key and files are those of the
last run is not made again. Values that only a stale stage needs are made, or taken from the store,
when it asks for them, so that a warm run imports neither TensorFlow nor hls4ml.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fpgac.build.cancelling import NEVER, Cancellation
from fpgac.build.events import Ended, Note, Notify, Progress, Started
from fpgac.build.folder import Files, locked
from fpgac.build.launcher import LOCAL, Launch
from fpgac.build.lock import set_strange_aside
from fpgac.build.plan import Plan
from fpgac.build.stage import Stage, Values
from fpgac.build.store import Store
from fpgac.build.workspace import Workspace
from fpgac.design.package import program_names
from fpgac.digest import digest_json
from fpgac.engines.delivered import Delivered
from fpgac.engines.hosts import Host
from fpgac.engines.kernel import Kernel
from fpgac.engines.proving import Proof
from fpgac.errors import FpgacError
from fpgac.network.provenance import training_digest
from fpgac.pipeline.checking import chosen_target
from fpgac.pipeline.packaging import Archive, archive_path
from fpgac.pipeline.sources import Sources
from fpgac.pipeline.stages import LINKED, TargetStages
from fpgac.pipeline.values import AccuracyReport, Answers
from fpgac.plugins import Plugins
from fpgac.reports.html import facts_html, table_html
from fpgac.spec.loader import SpecFile
from fpgac.steps.plan import ENGINES, host_step, kernel_library, simulation_library

if TYPE_CHECKING:
    from fpgac.network.training import Progress as TrainingProgress
    from fpgac.reports.hardware import Reported
    from fpgac.targets.target import Target

__all__ = ["Mode", "Report", "Request", "compile_spec", "default_folder", "is_warm"]

Mode = Literal["emulation", "hw_emu", "hw"]


@dataclass(frozen=True)
class Request:
    """What to compile: a spec for one of its targets, into a folder.

    ``launch`` says where the vendor's steps run, and for how long.
    """

    file: SpecFile
    target: str
    folder: Path
    mode: Mode = "emulation"
    launch: Launch = LOCAL


@dataclass(frozen=True)
class Report:
    """What was found out about the build in ``folder``.

    ``accuracy`` says how well the chip answers the data, if the spec names any, ``proof`` which
    engines agree, and ``figures`` what the vendor's tools reported. ``lacking_hosts`` cannot run on
    this machine. ``archive`` is there where the build has a Python host.
    """

    folder: Path
    target: str
    mode: Mode
    accuracy: AccuracyReport | None
    proof: Proof
    figures: tuple[Reported, ...] = ()
    lacking_hosts: tuple[str, ...] = ()
    notice: str | None = None
    archive: Archive | None = None

    def _repr_html_(self) -> str:
        facts = [
            ("folder", self.folder),
            ("target", self.target),
            *(("accuracy", line) for line in (self.accuracy.lines if self.accuracy else ())),
            *(("hardware", str(each.figure)) for each in self.figures),
        ]
        rows = [
            (each.engine, ", ".join(f"{n:,} of the {title}" for title, n in each.samples.items()))
            for each in self.proof.agreements
        ]
        unproven = [(each.engine, f"not proven: {each.reason}") for each in self.proof.unavailable]
        unseen = [("no engine", f"has run {path}") for path in self.proof.not_run]
        table = table_html(("engine", "the same raw words"), rows + unproven + unseen)
        return facts_html(facts) + table


def default_folder(file: SpecFile, target: str) -> Path:
    """Where a spec is built for a target, if nothing else is said."""
    return Path("build") / f"{file.spec.name}-{target}"


def compile_spec(
    request: Request,
    plugins: Plugins,
    notify: Notify = lambda _: None,
    values: Values | None = None,
    cancellation: Cancellation = NEVER,
) -> Report:
    """Run the whole pipeline for one target; what did not change since the last run is kept.

    Several targets of a spec may share ``values``; by default, those of the user's store are used.

    Raises:
        ToolchainError: a vendor's tool or platform that the mode needs is missing; nothing is
            started.
        FpgacError: of the stage or step that failed; all that was finished before it is kept.
    """
    target, options = chosen_target(request.file, plugins, request.target)
    if request.mode != "emulation":
        _check_hardware(target, request.mode, plugins, request.launch)
    if target.notice:
        notify(Note(target.notice))
    values = values or Values(Store.of_user())
    with locked(request.folder):
        if found := set_strange_aside(request.folder):
            notify(Note(found))
        workspace = Workspace(request.folder, notify, values, cancellation)
        stages = TargetStages(Sources(request.file, plugins), workspace.value, target, options)
        return _Pipeline(request, workspace, stages).run()


def _check_hardware(
    target: Target[Any], mode: Literal["hw_emu", "hw"], plugins: Plugins, launch: Launch
) -> None:
    """Refuse what would fail after the emulation, which takes minutes.

    Raises:
        TargetError: the board lacks the mode.
        ToolchainError: the vendor's tools or the platform are not on this machine.
    """
    from fpgac.pipeline.hardware import toolchain_of

    target.check_mode(mode)
    launch.launcher.check(launch.place)
    if not launch.launcher.is_elsewhere(launch.place):
        toolchain_of(target, plugins)


def is_warm(request: Request, plugins: Plugins, values: Values) -> bool:
    """Whether the folder's design and vectors are those of the spec, so that nothing is lowered."""
    try:
        target, options = chosen_target(request.file, plugins, request.target)
        workspace = Workspace(request.folder, lambda _: None, values)
        stages = TargetStages(Sources(request.file, plugins), workspace.value, target, options)
        needed: tuple[Stage[Any], ...] = (stages.core, stages.design, stages.vectors)
        return all(map(workspace.is_current, needed))
    except (FpgacError, OSError):
        return False  # the compile says what is wrong


class _Pipeline:
    """One run: the stages and steps in their order."""

    def __init__(self, request: Request, workspace: Workspace, stages: TargetStages) -> None:
        self.request, self.workspace, self.stages = request, workspace, stages
        self.spec, self.target, self.folder = stages.spec, stages.target, request.folder

    def run(self) -> Report:
        """All of it; hardware is built only after the emulation's proof, which takes seconds."""
        workspace, stages, mode = self.workspace, self.stages, self.request.mode
        spec = digest_json(json.loads(self.spec.model_dump_json()))
        versions = stages.versions
        workspace.describe(spec=spec, target=self.target.name, mode=mode, versions=versions)
        self._train()
        self._choose_formats()
        workspace.update(stages.network)
        workspace.update(stages.copies)
        workspace.update(stages.vectors)
        if stages.original is not None:
            workspace.update(stages.original)
        for stage in (stages.program, stages.core, stages.design, stages.card):
            workspace.update(stage)
        plan = self._built()
        answers, proof = self._proven(plan)
        accuracy = self._judged(answers)
        try:
            figures = self._hardware(mode) if mode != "emulation" else ()
        except FpgacError:  # the package lacks only what the vendor's tools make
            self._package(answers, proof)
            raise
        return Report(
            self.folder,
            self.target.name,
            mode,
            accuracy,
            workspace.value(answers).proof + workspace.value(proof),
            figures,
            self._lacking_hosts,
            self.target.notice,
            self._package(answers, proof),
        )

    def _judged(self, answers: Stage[Answers]) -> AccuracyReport | None:
        """How well the chip answers the data; None where the spec names none."""
        if not self.stages.sources.has_data:
            return None
        report = self.stages.report(answers)
        self.workspace.update(report)
        made = self.workspace.value(report)
        for warning in made.warnings:
            self.workspace.notify(Note(warning))
        return made

    def _train(self) -> None:
        """Make the network's file by a training if there is none; see that it is not too old."""
        path, notify = self.request.file.network_path, self.workspace.notify
        sources = self.stages.sources
        if not path.is_file():
            from fpgac.pipeline.training import train_from

            notify(Note(f"there is no {path} yet: training the network"))
            notify(Started("training"))
            started = time.monotonic()
            train_from(sources, self._training_progress)
            notify(Ended("training", "done", time.monotonic() - started, str(path)))
        if self.spec.topology is None:
            return  # the spec asks for no training
        trained = sources.training_digest
        if trained is not None and trained != training_digest(self.spec):
            notify(
                Note(
                    f"{path.name} was trained from other [data] or [training] than the spec has "
                    f"now: fpgac train {self.request.file.path} makes it again"
                )
            )
        elif sources.is_of_other_data:
            notify(
                Note(
                    f"{path.name} was trained on other samples than the data file holds now: "
                    f"fpgac train {self.request.file.path} makes it again"
                )
            )

    def _choose_formats(self) -> None:
        """Choose formats for the floats of an imported network, and write them down."""
        if not self.stages.sources.is_imported:
            return
        from fpgac.pipeline.importing import choose_formats, unheeded

        if said := unheeded(self.request.file):
            self.workspace.notify(Note(said))
        chosen = choose_formats(self.stages.sources)
        for line in chosen.lines if chosen else ():
            self.workspace.notify(Note(line))

    def _training_progress(self, news: TrainingProgress) -> None:
        done = news.step / news.steps if news.steps else 0.0
        text = f"loss {news.loss:.4g}" if news.loss is not None else "loading TensorFlow"
        self.workspace.notify(Progress("training", done, text))

    def _built(self) -> Plan:
        """The card's side of the design, but for hosts that lack something on this machine."""
        whole = self.workspace.value(self.stages.card).card.plan
        plan = whole.without(map(host_step, self._lacking_hosts))
        self.workspace.run(plan, shared=True)
        return plan

    @cached_property
    def _hosts(self) -> tuple[Host, ...]:
        contract, cancellation = self.stages.contract, self.workspace.cancellation
        card = self.workspace.value(self.stages.card).card
        return tuple(Host(self.folder, contract, host, cancellation) for host in card.hosts)

    @cached_property
    def _lacking_hosts(self) -> tuple[str, ...]:
        return tuple(host.host for host in self._hosts if host.missing() is not None)

    def _proven(self, plan: Plan) -> tuple[Stage[Answers], Stage[Proof]]:
        """The stages in which all engines agree."""
        workspace, stages, contract = self.workspace, self.stages, self.stages.contract
        library = simulation_library(contract.name)
        steps = {step.name: workspace.lock.steps[step.name].outputs for step in plan.steps}
        built = {path: digest for outputs in steps.values() for path, digest in outputs.items()}
        answers = stages.answers(
            self.folder / library, built[library], partial(self._progress, "answers")
        )
        workspace.update(answers)
        bodies = [body for body in ENGINES if kernel_library(contract.kernel, body) in built]
        kernels = [Kernel(self.folder, contract, body, workspace.cancellation) for body in bodies]
        progress = partial(self._progress, "proof")
        own = [Delivered(self.folder, contract, engine) for engine in self.target.engines]
        proof = stages.proof(answers, (*kernels, *own, *self._hosts), built, progress)
        workspace.update(proof)
        return answers, proof

    def _progress(self, stage: str, engine: str, fraction: float) -> None:
        self.workspace.notify(Progress(stage, fraction, engine))

    def _hardware(self, mode: Literal["hw_emu", "hw"]) -> tuple[Reported, ...]:
        from fpgac.pipeline.hardware import build_hardware

        return build_hardware(self.workspace, self.stages, mode, self.request.launch)

    @property
    def _program(self) -> Files:
        """What the board loads, if that was built from this design.

        Where another makes it of what v++ linked, that may be there by now.
        """
        stages, workspace = self.stages, self.workspace
        linked = workspace.registered(LINKED, stages.linked_key)
        if linked and not workspace.registered("hardware", stages.hardware_key):
            from fpgac.pipeline.hardware import register_image

            register_image(workspace, stages, linked)
        return workspace.registered("hardware", stages.hardware_key)

    def _package(self, answers: Stage[Answers], proof: Stage[Proof]) -> Archive | None:
        """The Python host for pip, if there is one, with what the board loads, if that is built."""
        stages, board = self.stages, self.target.board
        if "pynq" not in self.workspace.value(stages.card).card.hosts:
            return None
        program = self._program
        self.workspace.update(stages.package(answers, proof, program))
        return Archive(
            self.folder / archive_path(self.spec, board),
            () if program else program_names(stages.contract, board.program),
            "hw" in board.modes and board.program is None,
        )
