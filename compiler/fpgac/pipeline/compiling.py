"""The stops of the road, in their order, and what each depends on.

Every stop has a key, the digest of all it depends on; a stop whose key and files are those of the
last run is not made again. Values that only a stale stop needs are made when it asks for them, so
that a warm run imports neither TensorFlow nor hls4ml.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fpgac.build.folder import claimed, npy_bytes
from fpgac.build.lock import StopRecord
from fpgac.build.plan import Plan
from fpgac.build.road import Made, Note, Progress, Road, Started, Stopped, Tell
from fpgac.build.toolchains import Toolchain, finding_with
from fpgac.data.dataset import Dataset
from fpgac.data.vectors import ANSWERS, EXPECTED, INPUT_WORDS, INPUTS
from fpgac.design.contract import Contract
from fpgac.design.design import Design, File
from fpgac.design.render import overridden
from fpgac.digest import digest_file, digest_json
from fpgac.errors import BuildError, FpgacError
from fpgac.network.topology import training_digest
from fpgac.network.training import Progress as TrainingProgress
from fpgac.numbers import FloatArray
from fpgac.pipeline.checking import chosen_target
from fpgac.pipeline.identity import compiler_digest, is_installed, modules_of, versions
from fpgac.pipeline.packaging import (
    Archive,
    archive_path,
    current_program,
    made_package,
    made_program,
)
from fpgac.pipeline.sources import Sources
from fpgac.pipeline.training import train_from
from fpgac.plugins import Plugins
from fpgac.plugins.blame import blamed
from fpgac.reports.parser import Figure, ReportParser
from fpgac.spec.loader import SpecFile
from fpgac.steps.plan import CONTRACT, host_step

__all__ = ["Build", "Mode", "Request", "compile_spec", "is_warm"]

Mode = Literal["emulation", "hw_emu", "hw"]


@dataclass(frozen=True)
class Request:
    """What to compile: a spec for one of its targets, into a folder."""

    file: SpecFile
    target: str
    folder: Path
    mode: Mode = "emulation"


@dataclass(frozen=True)
class Build:
    """A finished build folder and what was found out on the way.

    ``archive`` is there where the build has a Python host.
    """

    folder: Path
    target: str
    engines: tuple[Mapping[str, Any], ...]
    unproven: tuple[str, ...]
    figures: tuple[str, ...]
    notice: str | None = None
    archive: Archive | None = None


def compile_spec(
    request: Request,
    plugins: Plugins,
    tell: Tell = lambda _: None,
    sources: Sources | None = None,
    lenders: Iterable[Path] = (),
) -> Build:
    """Walk the whole road for one target; what did not change since the last run is kept.

    Several targets of a spec may share ``sources``, and ``lenders``: finished builds, from which
    is copied what would only be made again.

    Raises:
        FpgacError: of the stop that failed; all that was finished before it is kept.
    """
    target, _ = chosen_target(request.file, plugins, request.target)
    if request.mode != "emulation":
        target.check_mode(request.mode)
    if target.notice:
        tell(Note(target.notice))
    sources = sources or Sources(request.file, plugins)
    with claimed(request.folder):
        journey = _Journey(request, plugins, Road(request.folder, tell), sources)
        return journey.walk(tuple(lenders))


def is_warm(request: Request, plugins: Plugins, sources: Sources) -> bool:
    """Whether the folder's design and vectors are those of the spec, so that nothing is lowered."""
    try:
        road = Road(request.folder, lambda _: None)
    except BuildError:
        return False
    journey = _Journey(request, plugins, road, sources)
    keys = {
        "core": journey.core_key,
        "design": journey.design_key,
        "vectors": journey.vectors_key,
    }
    return all(road.is_made(name, key) for name, key in keys.items())


class _Journey:
    """One walk along the road: the stops in their order, with their keys."""

    def __init__(self, request: Request, plugins: Plugins, road: Road, sources: Sources) -> None:
        self.request = request
        self.spec = request.file.spec
        self.plugins = plugins
        self.road = road
        self.sources = sources
        self.target, self.options = chosen_target(request.file, plugins, request.target)
        self.versions = versions()
        self.compiler = compiler_digest(
            frozenset({*modules_of(self.target), *modules_of(self.sources.source)})
        )

    def walk(self, lenders: tuple[Path, ...] = ()) -> Build:
        """Every stop; hardware is built only after the emulation's proof, which takes seconds."""
        road, mode = self.road, self.request.mode
        road.describe(target=self.target.name, mode=mode, versions=self.versions)
        self.network()
        road.stop("core", self.core_key, self._make_core)
        design = road.stop("design", self.design_key, self._make_design)
        road.stop("vectors", self.vectors_key, self._make_vectors)
        unproven = self._lacking(design.facts["hosts"])
        plan = Plan.from_plain(design.facts["plan"]).without(map(host_step, unproven))
        road.run(plan, lenders)
        proof = self.proof(plan, [host for host in design.facts["hosts"] if host not in unproven])
        report = self.report(proof)
        self.describe()
        try:
            figures = self.hardware(mode) if mode != "emulation" else ()
        except FpgacError:  # such as: no vendor's tools; the package lacks only what they make
            self.package(proof)
            raise
        archive = self.package(proof)
        return Build(
            self.request.folder,
            self.target.name,
            tuple(proof.facts["engines"]),
            tuple(f"{host}: {cause}" for host, cause in unproven.items()),
            (*report.facts["lines"], *figures),
            self.target.notice,
            archive,
        )

    def key(self, stop: str, *parts: object) -> str:
        """A stop's key: what it is told, and the compiler that makes it."""
        return digest_json([stop, self.compiler, *parts])

    @cached_property
    def network_key(self) -> str:
        said = self._said("topology", "quantisation", "interface")
        return self.key("network", digest_file(self.request.file.network_path), said)

    @cached_property
    def core_key(self) -> str:
        said = self._said("hls", "interface", "topology")
        return self.key("core", self.network_key, said, self.versions["hls4ml"])

    @cached_property
    def design_key(self) -> str:
        options = json.loads(self.options.model_dump_json())
        templates = self.plugins.templates_digest(self.target.name)
        said = self._said("name", "description")
        return self.key("design", self.core_key, said, options, templates)

    @cached_property
    def vectors_key(self) -> str:
        said = self._said("data", "proof", "interface")
        return self.key(
            "vectors", self.sources.provider.digest, self.spec.topology.input_size, said
        )

    def network(self) -> None:
        """The trained network: the spec's file, or a training that makes it."""
        path = self.request.file.network_path
        if not path.is_file():
            self.road.tell(Note(f"there is no {path} yet: training the network"))
            self.road.tell(Started("training"))
            started = time.monotonic()
            train_from(self.sources, self._training_progress)
            self.road.tell(Stopped("training", "done", time.monotonic() - started, str(path)))
        record = self.road.stop("network", self.network_key, self._make_network)
        if record.facts["training"] not in (None, training_digest(self.spec)):
            self.road.tell(
                Note(
                    f"{path.name} was trained from other [data] or [training] than the spec has "
                    f"now: fpgac train {self.request.file.path} makes it again"
                )
            )

    def _make_network(self) -> Made:
        network = self.sources.network
        weights = network.weights.size
        sparsity = (network.weights == 0).sum() / max(weights, 1)
        return Made(
            facts={
                "digest": network.digest,
                "training": network.provenance.get("training_digest"),
            },
            detail=f"{self.spec.topology}, {weights:,} weights, {sparsity:.0%} of them zero",
        )

    def _make_core(self) -> Made:
        core = self.sources.core
        detail = (
            f"{core.input.size} x {core.input.type} in, {core.output.size} x {core.output.type} "
            f"out, {core.io_type}, {len(core.files)} files"
        )
        return Made(facts={"digest": core.digest}, detail=detail)

    def _make_design(self) -> Made:
        from fpgac.steps.plan import emulation_files, emulation_plan

        core = self.sources.core
        loaders = self.plugins.loaders(self.target.name)
        with blamed(self.target), overridden(loaders):
            design = self.target.design(
                self.spec.name, core, self.options, description=self.spec.description
            )
            if not isinstance(design, Design):
                raise TypeError(f"design must give a Design, not {design!r}")
            contract = Contract.from_json(design.files[CONTRACT].content)
        hosts = self.target.hosts(self.options)
        files = {**design.files, **emulation_files(core, contract, design)}
        return Made(
            files={path: (file.content, file.executable) for path, file in files.items()},
            facts={
                "digest": design.digest,
                "contract": contract.identity,
                "own": sorted(design.files),
                "hosts": list(hosts),
                "plan": emulation_plan(core, contract, files, hosts).plain(),
            },
            detail=f"{len(design.files)} files: kernel, {len(hosts)} hosts, scripts",
        )

    def _make_vectors(self) -> Made:
        proof = self.spec.proof
        numbers = self.sources.proof_vectors
        data = min(proof.data, len(self.sources.split.test))
        corners = len(numbers) - data - proof.random
        return Made(
            files={
                INPUTS: (npy_bytes(numbers), False),
                INPUT_WORDS: (npy_bytes(self.spec.inputs.raw(numbers)), False),
                ANSWERS: (npy_bytes(self.sources.split.test.targets[:data]), False),
            },
            facts={"data": data, "answers": self.sources.split.test.about_answers},
            detail=f"{data:,} of the data, {proof.random:,} random, {corners:,} corners",
        )

    def proof(self, plan: Plan, hosts: list[str]) -> StopRecord:
        """All engines on the vectors; what ``plan`` built decides whether it must be done again."""
        from fpgac.engines.keras import keras_is_installed

        built = {step.name: self.road.lock.steps[step.name].outputs for step in plan.steps}
        keras = keras_is_installed()
        key = self.key("proof", self.vectors_key, self.core_key, built, hosts, keras)
        return self.road.stop("proof", key, lambda: self._make_proof(hosts, keras))

    def _make_proof(self, hosts: list[str], keras: bool) -> Made:
        from fpgac.engines.proving import prove

        folder = self.request.folder
        contract = Contract.from_json((folder / CONTRACT).read_bytes())
        proven = prove(
            folder,
            self.sources.core,
            self.sources.network,
            contract,
            hosts,
            exact=self.sources.exact,
            keras=(lambda: self.sources.keras_outputs[0]) if keras else None,
            tell=lambda engine, done: self.road.tell(Progress("proof", done, engine)),
        )
        whole = self.sources.test_data_agreements
        engines = [asdict(engine) for engine in (*proven.engines, *whole)]
        return Made(
            files={EXPECTED: (npy_bytes(proven.words), False)},
            facts={"engines": engines},
            detail=f"{len(proven.engines)} engines agree on {len(proven.words):,} samples"
            + (f", {len(whole)} on all {whole[0].samples:,} of the test data" if whole else ""),
        )

    def report(self, proof: StopRecord) -> StopRecord:
        """How well the chip answers the data."""
        key = self.key("report", proof.key, is_installed("matplotlib"))
        return self.road.stop("report", key, self._make_report)

    def _make_report(self) -> Made:
        from fpgac.data.accuracy import judge

        accuracy = judge(*self._answers())
        files = {"reports/accuracy.json": (accuracy.json(), False)}
        if (picture := accuracy.png()) is not None:
            files["reports/accuracy.png"] = (picture, False)
        elif not is_installed("matplotlib"):
            self.road.tell(Note("no plot without matplotlib: pip install 'fpgac[plots]'"))
        return Made(files, facts={"lines": list(accuracy.lines)}, detail=", ".join(files))

    def _answers(self) -> tuple[Dataset, FloatArray]:
        """The test data and the chip's numbers for it; only the vectors' part of it where there is
        no exact program to compute them all."""
        test, exact = self.sources.split.test, self.sources.exact
        type_ = self.sources.core.output.type
        if exact is not None:
            return test, type_.number(exact.numbers(test.features))
        data = self.road.lock.stops["vectors"].facts["data"]
        words = np.load(self.request.folder / EXPECTED)[:data]
        return test.take(np.arange(data)), type_.number(words)

    def describe(self) -> None:
        """The lock's own digests, now that all is known."""
        stops = self.road.lock.stops
        self.road.describe(
            spec=digest_json(json.loads(self.spec.model_dump_json())),
            digests={name: stops[name].facts["digest"] for name in ("network", "core", "design")},
        )

    def hardware(self, mode: Literal["hw_emu", "hw"]) -> tuple[str, ...]:
        """The vendor's steps, for the card or for the vendor's own emulation of it.

        Returns:
            What plugins read out of the reports that the steps left.
        """
        with blamed(self.target), finding_with(self.plugins.toolchains):
            toolchain = self.target.toolchain(os.environ)
            if not isinstance(toolchain, Toolchain):
                raise TypeError(f"toolchain must give a Toolchain, not {toolchain!r}")
        record = self.road.lock.stops["design"]
        files = {
            path: File((self.request.folder / path).read_bytes(), path.endswith(".sh"))
            for path in record.facts["own"]
        }
        design = Design(self.spec.name, self.target.name, files)
        with blamed(self.target):
            plan = self.target.plan(design, mode, toolchain)
            if not isinstance(plan, Plan):
                raise TypeError(f"plan must give a Plan, not {plan!r}")
        self.road.run(plan)
        if mode == "hw":
            self.program(plan)
        return tuple(
            f"{name}: {figure}"
            for name, parser in self.plugins.parsers.items()
            for path in sorted(self.request.folder.glob(parser.pattern))
            for figure in _figures(parser, path)
        )

    def program(self, plan: Plan) -> None:
        """What ``plan`` has built for the board to load."""
        outputs = [self.road.lock.steps[step.name].outputs for step in plan.steps]
        key = self.key("program", self.design_key, outputs)
        self.road.stop("program", key, lambda: made_program(self.road, plan, self.design_key))

    def package(self, proof: StopRecord) -> Archive | None:
        """The Python host for pip, if there is one, with what the board loads, if that is built."""
        if "pynq" not in self.road.lock.stops["design"].facts["hosts"]:
            return None
        program = current_program(self.road, self.design_key)
        key = self.key("package", self.design_key, proof.key, program)
        record = self.road.stop("package", key, self._make_package)
        board = self.target.board
        path = self.request.folder / archive_path(self.spec, board)
        return Archive(path, tuple(record.facts["lacks"]), "hw" in board.modes)

    def _make_package(self) -> Made:
        with overridden(self.plugins.loaders(self.target.name)):
            return made_package(self.road, self.spec, self.target.board)

    def _lacking(self, hosts: list[str]) -> dict[str, str]:
        """The hosts that cannot be built and run on this machine, and why."""
        from fpgac.emulation.card import missing

        contract = Contract.from_json((self.request.folder / CONTRACT).read_bytes())
        problems = {host: missing(host, contract.interface) for host in hosts}
        return {
            host: "; ".join(f"{p.what} ({p.hint})" if p.hint else p.what for p in found)
            for host, found in problems.items()
            if found
        }

    def _said(self, *names: str) -> object:
        return json.loads(self.spec.model_dump_json(include=set(names)))

    def _training_progress(self, news: TrainingProgress) -> None:
        done = news.step / news.steps if news.steps else 0.0
        text = f"loss {news.loss:.4g}" if news.loss is not None else "loading TensorFlow"
        self.road.tell(Progress("training", done, text))


def _figures(parser: ReportParser, path: Path) -> Sequence[Figure]:
    """What ``parser`` reads in the report at ``path``, each a figure.

    Raises:
        PluginError: the parser gave something else.
    """
    with blamed(parser):
        figures = parser.read(path)
        if not all(isinstance(figure, Figure) for figure in figures):
            raise TypeError(f"read must give figures, not {figures!r}")
    return figures
