"""The road, from a spec to a proven build: which stops there are, and what each depends on.

Every stop has a key, the digest of all it depends on; a stop whose key and files are those of the
last run is not made again. Values that only a stale stop needs are made when it asks for them, so
that a warm run imports neither TensorFlow nor hls4ml.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fpgac import __version__
from fpgac.build.folder import claimed
from fpgac.build.lock import StopRecord
from fpgac.build.plan import Plan
from fpgac.build.road import Made, Note, Progress, Road, Started, Stopped, Tell
from fpgac.design.contract import Contract
from fpgac.design.design import Design, File
from fpgac.digest import digest_file, digest_files, digest_json
from fpgac.emulation.plan import CONTRACT, host_step
from fpgac.errors import Problem, SpecError, TargetError, nearest
from fpgac.network.network import DenseLayer, Network
from fpgac.numbers import FloatArray, IntArray
from fpgac.plugins import Plugins, Target, load_plugins
from fpgac.run.vectors import EXPECTED, INPUT_WORDS, INPUTS, make_vectors
from fpgac.spec.loader import SpecFile, load_spec

if TYPE_CHECKING:
    from fpgac.core.core import Core
    from fpgac.data.dataset import Dataset, Split
    from fpgac.network.training import Progress as TrainingProgress

__all__ = [
    "Build",
    "Request",
    "Trained",
    "check_spec",
    "compile_spec",
    "only_target",
    "train_network",
]

Mode = Literal["emulation", "hw_emu", "hw"]

# How many of the data's vectors a network's recording holds, beside the corners.
RECORDED = 1024


@dataclass(frozen=True)
class Request:
    """What to compile: a spec for one of its targets, into a folder."""

    file: SpecFile
    target: str
    folder: Path
    mode: Mode = "emulation"


@dataclass(frozen=True)
class Build:
    """A finished build folder and what was found out on the way."""

    folder: Path
    target: str
    engines: tuple[Mapping[str, Any], ...]
    unproven: tuple[str, ...]
    figures: tuple[str, ...]


def check_spec(path: Path, plugins: Plugins | None = None) -> SpecFile:
    """The spec at ``path``, checked also against what the plugins offer.

    Raises:
        SpecError, DataError, TargetError: with every problem of the stop that found it.
    """
    plugins = plugins or load_plugins()
    file = load_spec(path)
    _check_data(file, plugins)
    for name in file.spec.targets:
        _options(file, plugins, name)
    return file


def _check_data(file: SpecFile, plugins: Plugins) -> None:
    """The data set exists, and has the network's shape and task."""
    spec = file.spec
    if spec.data.source not in plugins.providers:
        raise SpecError(
            Problem(
                f"no plugin offers a data set {spec.data.source!r}",
                file.where("data", "source"),
                hint=nearest(spec.data.source, plugins.providers),
            )
        )
    provider = plugins.providers[spec.data.source]
    asked = {
        "inputs": (spec.topology.inputs, len(provider.feature_names), ("topology", "inputs")),
        "outputs": (spec.topology.outputs, len(provider.target_names), ("topology", "layers")),
    }
    problems = [
        Problem(
            f"the data set {provider.name!r} does not fit the network's {what}",
            file.where(*key),
            expected=f"{there} {what}, as the data have",
            got=str(here),
        )
        for what, (here, there, key) in asked.items()
        if here != there
    ]
    classes = spec.training.loss == "crossentropy"
    if classes != (provider.task == "classification"):
        problems.append(
            Problem(
                f"the loss does not fit the data set {provider.name!r}, a {provider.task}",
                file.where("training", "loss"),
                expected="'crossentropy'" if not classes else "a loss of regressions",
                got=repr(spec.training.loss),
            )
        )
    if problems:
        raise SpecError(*problems)


def _options(file: SpecFile, plugins: Plugins, name: str) -> Any:
    """The target's options, checked by the target itself."""
    if name not in plugins.targets:
        raise TargetError(
            Problem(
                f"no plugin offers a target {name!r}",
                file.where("targets", name),
                hint="; ".join([nearest(name, plugins.targets), *map(str, plugins.failures)]),
            )
        )
    target = plugins.targets[name]
    options = target.options(file.spec.targets[name], file.path, file.lines)
    target.check_clock(file.spec.hls.clock_mhz, file.where("hls", "clock_mhz"))
    return options


@dataclass(frozen=True)
class Trained:
    """A network that ``fpgac train`` made: how good it is, and where that is drawn."""

    network: Network
    figures: tuple[str, ...]
    plot: Path | None


def train_network(
    file: SpecFile,
    plugins: Plugins,
    progress: Callable[[TrainingProgress], None] = lambda _: None,
) -> Trained:
    """Train the spec's network, write its file, and judge it on the test part of the data.

    Raises:
        FpgacError: see :func:`fpgac.network.training.train`.
    """
    from fpgac.data.accuracy import judge
    from fpgac.network.arithmetic import outputs

    sources = _Sources(file, plugins)
    network = _train(sources, progress)
    test = sources.split.test
    words = file.spec.interface.input.raw(test.features)
    accuracy = judge(test, outputs(network, words))
    plot = file.path.with_name(f"{file.spec.name}.accuracy.png")
    drawn = accuracy.draw(plot)
    return Trained(network, accuracy.lines, plot if drawn else None)


def _train(sources: _Sources, progress: Callable[[TrainingProgress], None]) -> Network:
    from fpgac.network.file import write_network
    from fpgac.network.training import train

    to, parts = sources.spec.interface.input, sources.split
    network = train(
        sources.spec,
        to.on_grid(parts.train.features),
        parts.train.targets,
        to.on_grid(sources.vectors(RECORDED, 0)),
        data={"provider": sources.provider.name, "digest": sources.provider.digest},
        progress=progress,
    )
    write_network(network, sources.file.network_path)
    return network


class _Sources:
    """What a spec is made from, each thing made when it is first asked for."""

    def __init__(self, file: SpecFile, plugins: Plugins) -> None:
        self.file = file
        self.spec = file.spec
        self.plugins = plugins

    @cached_property
    def provider(self) -> Any:
        return self.plugins.provider(self.spec.data.source)

    @cached_property
    def split(self) -> Split:
        from fpgac.data.dataset import split

        data: Dataset = self.provider.load(self.spec.data.samples, self.spec.data.seed)
        return split(data, self.spec.data.test_fraction, self.spec.data.seed)

    @cached_property
    def network(self) -> Network:
        from fpgac.network.file import read_network
        from fpgac.network.topology import check

        network = read_network(self.file.network_path)
        check(network, self.spec, self.file.network_path)
        return network

    @cached_property
    def core(self) -> Core:
        from fpgac.core.lowering import lower

        layers = zip(self.spec.topology.names, self.spec.topology.layers, strict=True)
        output = self.spec.interface.output
        return lower(
            self.network,
            self.spec.hls,
            output=None if output == "auto" else output,
            reuse_factors={
                name: layer.reuse_factor for name, layer in layers if layer.reuse_factor
            },
        )

    def vectors(self, data: int, random: int) -> FloatArray:
        """Floats for every engine; see :func:`make_vectors`."""
        to, seed = self.spec.interface.input, self.spec.proof.seed
        return make_vectors(to, self.split.test.features[:data], random, seed)


def only_target(file: SpecFile, name: str | None) -> str:
    """``name``, which the spec must have a table for; or its only target where None is given.

    Raises:
        TargetError: the spec has no such target, or several to choose from.
    """
    names = list(file.spec.targets)
    if name is None and len(names) == 1:
        return names[0]
    if name is not None and name in names:
        return name
    raise TargetError(
        Problem(
            f"the spec has no target {name!r}" if name else "the spec has several targets",
            file.where("targets"),
            expected=f"--target with one of {', '.join(names)}",
            hint=nearest(name, names) if name else "name one with --target",
        )
    )


def compile_spec(request: Request, plugins: Plugins, tell: Tell = lambda _: None) -> Build:
    """Walk the whole road for one target; what did not change since the last run is kept.

    Raises:
        FpgacError: of the stop that failed; all that was finished before it is kept.
    """
    target = plugins.target(request.target)
    if target.notice:
        tell(Note(target.notice))
    with claimed(request.folder):
        journey = _Journey(request, plugins, Road(request.folder, tell))
        return journey.walk()


class _Journey:
    """One walk along the road: the stops in their order, with their keys."""

    def __init__(self, request: Request, plugins: Plugins, road: Road) -> None:
        self.request = request
        self.spec = request.file.spec
        self.plugins = plugins
        self.road = road
        self.sources = _Sources(request.file, plugins)
        self.target: Target[Any] = plugins.target(request.target)
        self.options = _options(request.file, plugins, request.target)
        self.compiler = _compiler_digest(type(self.target).__module__)

    def walk(self) -> Build:
        """Every stop; hardware is built only after the emulation's proof, which takes seconds."""
        road, mode = self.road, self.request.mode
        road.describe(target=self.target.name, mode=mode, versions=_versions())
        self.network()
        self.core()
        design = self.design()
        self.vectors()
        unproven = self.build(Plan.from_plain(design.facts["plan"]), design.facts["hosts"])
        proof = self.proof(unproven)
        report = self.report()
        self.describe()
        if mode != "emulation":
            self.hardware()
        return Build(
            self.request.folder,
            self.target.name,
            tuple(proof.facts["engines"]),
            tuple(f"{host}: {cause}" for host, cause in unproven.items()),
            tuple(report.facts["lines"]),
        )

    def key(self, stop: str, *parts: object) -> str:
        """A stop's key: what it is told, and the compiler that makes it."""
        return digest_json([stop, self.compiler, *parts])

    # -- the stops ------------------------------------------------------------------------------

    def network(self) -> None:
        path = self.request.file.network_path
        if not path.is_file():
            self.road.tell(Note(f"there is no {path} yet: training the network"))
            self.road.tell(Started("training"))
            started = time.monotonic()
            _train(self.sources, self._training_progress)
            self.road.tell(Stopped("training", "done", time.monotonic() - started, str(path)))
        self.network_key = self.key(
            "network", digest_file(path), self._section("topology", "quantisation", "interface")
        )
        self.road.stop("network", self.network_key, self._make_network)

    def _make_network(self) -> Made:
        network = self.sources.network
        dense = [layer for layer in network.layers if isinstance(layer, DenseLayer)]
        weights = sum(layer.weights.size for layer in dense)
        zeros = sum(int((layer.weights == 0).sum()) for layer in dense)
        shape = " → ".join(map(str, [network.input_size, *(len(layer.bias) for layer in dense)]))
        return Made(
            facts={"digest": network.digest},
            detail=f"{shape}, {weights:,} weights, {zeros / weights:.0%} of them zero",
        )

    def core(self) -> None:
        self.core_key = self.key(
            "core", self.network_key, self._section("hls", "interface", "topology"), _hls4ml()
        )
        self.road.stop("core", self.core_key, self._make_core)

    def _make_core(self) -> Made:
        core = self.sources.core
        detail = (
            f"{core.input.size} x {core.input.type} in, {core.output.size} x {core.output.type} "
            f"out, {core.io_type}, {len(core.files)} files"
        )
        return Made(facts={"digest": core.digest}, detail=detail)

    def design(self) -> StopRecord:
        options = json.loads(self.options.model_dump_json())
        key = self.key("design", self.core_key, self.spec.name, self.spec.description, options)
        return self.road.stop("design", key, self._make_design)

    def _make_design(self) -> Made:
        from fpgac.emulation.plan import CONTRACT, emulation_files, emulation_plan

        core = self.sources.core
        design = self.target.design(
            self.spec.name, core, self.options, description=self.spec.description
        )
        contract = Contract.from_json(design.files[CONTRACT].content)
        hosts = self.target.hosts(self.options)
        extra = emulation_files(core)
        files = {path: (file.content, file.executable) for path, file in design.files.items()}
        files |= {path: (file.content, file.executable) for path, file in extra.items()}
        return Made(
            files=files,
            facts={
                "digest": design.digest,
                "contract": contract.identity,
                "own": sorted(design.files),
                "hosts": list(hosts),
                "plan": emulation_plan(core, contract, design, hosts).plain(),
            },
            detail=f"{len(design.files)} files: kernel, {len(hosts)} hosts, scripts",
        )

    def vectors(self) -> None:
        said = self._section("data", "proof", "interface")
        key = self.key("vectors", self.sources.provider.digest, self.spec.topology.inputs, said)
        self.vectors_key = key
        self.road.stop("vectors", key, self._make_vectors)

    def _make_vectors(self) -> Made:
        proof = self.spec.proof
        numbers = self.sources.vectors(proof.data, proof.random)
        data = min(proof.data, len(self.sources.split.test))
        corners = len(numbers) - data - proof.random
        return Made(
            files={
                INPUTS: (_npy(numbers), False),
                INPUT_WORDS: (_npy(self.spec.interface.input.raw(numbers)), False),
            },
            facts={"data": data},
            detail=f"{data:,} of the data, {proof.random:,} random, {corners:,} corners",
        )

    def build(self, plan: Plan, hosts: list[str]) -> dict[str, str]:
        """Run the emulation's steps; returns the hosts that cannot be built here, and why."""
        from fpgac.emulation.card import missing

        lacking = {host: missing(host) for host in hosts}
        unproven = {
            host: "; ".join(f"{p.what} ({p.hint})" if p.hint else p.what for p in problems)
            for host, problems in lacking.items()
            if problems
        }
        self.road.run(plan.without(host_step(host) for host in unproven))
        return unproven

    def proof(self, unproven: Mapping[str, str]) -> StopRecord:
        from fpgac.network.keras_engine import keras_is_installed

        built = {name: step.outputs for name, step in self.road.lock.steps.items()}
        hosts = [h for h in self.road.lock.stops["design"].facts["hosts"] if h not in unproven]
        keras = keras_is_installed()
        key = self.key("proof", self.vectors_key, self.core_key, built, hosts, keras)
        return self.road.stop("proof", key, lambda: self._make_proof(hosts, keras))

    def _make_proof(self, hosts: list[str], keras: bool) -> Made:
        from fpgac.run.engines import prove

        folder = self.request.folder
        contract = Contract.from_json((folder / CONTRACT).read_bytes())
        proven = prove(
            folder,
            self.sources.core,
            self.sources.network,
            contract,
            hosts,
            with_keras=keras,
            tell=lambda engine: self.road.tell(Progress("proof", 0.0, engine)),
        )
        engines = [asdict(engine) for engine in proven.engines]
        return Made(
            files={EXPECTED: (_npy(proven.words), False)},
            facts={"engines": engines},
            detail=f"{len(engines)} engines agree on {len(proven.words):,} samples",
        )

    def report(self) -> StopRecord:
        proof = self.road.lock.stops["proof"]
        key = self.key("report", proof.key, _installed("matplotlib"))
        return self.road.stop("report", key, self._make_report)

    def _make_report(self) -> Made:
        from fpgac.data.accuracy import judge

        folder, data = self.request.folder, self.road.lock.stops["vectors"].facts["data"]
        contract = Contract.from_json((folder / CONTRACT).read_bytes())
        words = np.load(folder / EXPECTED)[:data]
        test = self.sources.split.test.take(np.arange(data))
        accuracy = judge(test, contract.output.type.number(words))
        files = {"reports/accuracy.json": (accuracy.json(), False)}
        if (picture := accuracy.png()) is not None:
            files["reports/accuracy.png"] = (picture, False)
        elif not _installed("matplotlib"):
            self.road.tell(Note("no plot without matplotlib: pip install 'fpgac[plots]'"))
        return Made(files, facts={"lines": list(accuracy.lines)}, detail=", ".join(files))

    def describe(self) -> None:
        """The lock's own digests, now that all is known."""
        stops = self.road.lock.stops
        self.road.describe(
            spec=digest_json(json.loads(self.spec.model_dump_json())),
            digests={name: stops[name].facts["digest"] for name in ("network", "core", "design")},
        )

    def hardware(self) -> None:
        """The vendor's steps, for the card or for the vendor's own emulation of it."""
        mode = self.request.mode
        if mode == "emulation":
            return
        toolchain = self.target.toolchain(os.environ)
        record = self.road.lock.stops["design"]
        files = {
            path: File((self.request.folder / path).read_bytes(), path.endswith(".sh"))
            for path in record.facts["own"]
        }
        design = Design(self.spec.name, self.target.name, files)
        self.road.run(self.target.plan(design, mode, toolchain))

    # -- helpers --------------------------------------------------------------------------------

    def _section(self, *names: str) -> object:
        return json.loads(self.spec.model_dump_json(include=set(names)))

    def _training_progress(self, news: TrainingProgress) -> None:
        done = news.step / news.steps if news.steps else 0.0
        text = f"loss {news.loss:.4g}" if news.loss is not None else "loading TensorFlow"
        self.road.tell(Progress("training", done, text))


def _npy(array: FloatArray | IntArray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array))
    return stream.getvalue()


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _hls4ml() -> str:
    return _version("hls4ml")


def _versions() -> dict[str, str]:
    names = ("hls4ml", "numpy", "pynq", "jinja2")
    python = ".".join(map(str, sys.version_info[:3]))
    return {"fpgac": __version__, "python": python} | {name: _version(name) for name in names}


@lru_cache
def _compiler_digest(plugin: str) -> str:
    """Digest of the sources that make builds: fpgac, its templates and the target's plugin."""
    packages = {"fpgac", "fpgac_templates", plugin.partition(".")[0]}
    files: dict[str, bytes] = {}
    for package in sorted(packages):
        spec = importlib.util.find_spec(package)
        for root in spec.submodule_search_locations or () if spec else ():
            for path in sorted(Path(root).rglob("*")):
                relative = path.relative_to(root)
                if path.is_file() and path.suffix != ".pyc" and relative.parts[0] != "cli":
                    files[f"{package}/{relative}"] = path.read_bytes()
    return digest_files(files)
