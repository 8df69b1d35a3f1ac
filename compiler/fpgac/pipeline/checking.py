"""A spec checked against what the plugins offer, before anything is made from it."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fpgac.build.store import Entry, Store
from fpgac.core.settings import HlsSettings
from fpgac.data.columns import matches
from fpgac.data.dataset import Provider
from fpgac.data.memory import BYTES_OF_A_NUMBER, memory_bytes
from fpgac.digest import digest_file, digest_json
from fpgac.errors import FpgacError, PluginError, Problem, SpecError, TargetError, Where, nearest
from fpgac.network.imports.files import identifier, is_model
from fpgac.network.imports.source import ImportedFile
from fpgac.network.source import NetworkFile
from fpgac.pipeline.identity import compiler_digest
from fpgac.pipeline.settings import clock_key, hls_settings
from fpgac.pipeline.sources import provider_of
from fpgac.plain import to_plain
from fpgac.plugins import Plugins, Target, load_plugins
from fpgac.plugins.guarded import calling
from fpgac.spec.loader import SpecFile, load_spec
from fpgac.spec.models import (
    FILE,
    DataSection,
    TopologySection,
)
from fpgac.spec.schema import json_schema

if TYPE_CHECKING:
    from fpgac.network.network import Network

# The loss that a task needs; others are for regressions.
_LOSSES: Final = {
    "classification": "crossentropy",
    "binary": "binary_crossentropy",
    "multi-label": "binary_crossentropy",
}

__all__ = ["check_spec", "chosen_target", "only_target", "schema_of"]


def check_spec(path: Path, plugins: Plugins | None = None) -> SpecFile:
    """The spec at ``path``, checked also against what the plugins offer.

    Raises:
        FpgacError: every problem at once, with the exit code of the first.
    """
    plugins = plugins or load_plugins()
    if is_model(path):
        raise SpecError(_no_spec(path))
    file = load_spec(path)
    known = Store.of_user()
    targets = (partial(_check_target, file, plugins, known, name) for name in file.spec.targets)
    refusals: list[FpgacError] = []
    checks: tuple[Callable[[], object], ...] = (
        partial(_check_file, file, plugins),
        partial(_check_data, file, plugins),
        partial(_once, known, file, partial(_check_network, file)),
        *targets,
    )
    for check in checks:
        try:
            check()
        except FpgacError as refused:
            refusals.append(refused)
    if refusals:
        problems = dict.fromkeys(problem for refused in refusals for problem in refused.problems)
        raise type(refusals[0])(*problems)
    _check_cost(file, plugins, known)
    return file


def _check_cost(file: SpecFile, plugins: Plugins, known: Store) -> None:
    """Nothing is estimated to break the budget or to fit no board.

    Of a network whose layers come from its own file, ``fpgac estimate`` tells: reading it is slow.
    """
    if file.spec.topology is None:
        return
    boards = [
        chosen_target(file, plugins, name)[0].board.model_dump_json() for name in file.spec.targets
    ]
    trained = None
    with contextlib.suppress(OSError):  # there is none, or whoever reads it says what is wrong
        trained = digest_file(file.network_path)
    _once(known, file, partial(_refuse_costs, file, plugins), "cost", boards, trained)


def _refuse_costs(file: SpecFile, plugins: Plugins) -> None:
    from fpgac.pipeline.estimating import Estimates, budget_problems, fit_problems

    estimates, names = Estimates(file, plugins, own_format=True), file.spec.targets
    broken = [problem for name in names for problem in budget_problems(estimates, name)]
    small = [problem for name in names for problem in fit_problems(estimates, name)]
    if broken:
        raise SpecError(*broken, *small)
    if small:
        raise TargetError(*small)


def _no_spec(path: Path) -> Problem:
    """A network stands where a spec belongs."""
    quoted = shlex.quote(str(path))
    spec = shlex.quote(str(path.with_name(f"{identifier(path)}.toml")))
    return Problem(
        "this is a network, and no spec",
        Where(path),
        expected="a TOML file that names the network and its boards",
        hint=f"'fpgac import {quoted}' writes one: then 'fpgac compile {spec}'",
        code="spec.is-network",
    )


def _check_network(file: SpecFile) -> None:
    """What would fail later, after a training perhaps: size, names, precision."""
    if file.spec.topology is None:
        return
    from fpgac.core.checks import check_names
    from fpgac.network.topology import check_size, untrained
    from fpgac.network.training import check_precision

    network = untrained(file.spec)
    try:
        check_size(network)
        check_names(network)
        check_precision(network)
    except FpgacError as refused:
        raise type(refused)(*(_placed(problem, file) for problem in refused.problems)) from None


def _check_target(file: SpecFile, plugins: Plugins, known: Store, name: str) -> None:
    """The target can be had, and its layers can have their reuse factors."""
    target, options = chosen_target(file, plugins, name)
    hls = hls_settings(file.spec, target, options)
    check = partial(_check_reuse, file, plugins, name, options, hls)
    if file.spec.topology is not None:
        _once(known, file, check, to_plain(hls, []))
    elif hls.asks_for_reuse:  # else the network's file need not be read
        check()


def _check_reuse(
    file: SpecFile, plugins: Plugins, name: str, options: Any, hls: HlsSettings
) -> None:
    from fpgac.core.reuse import reuse_factors

    network = _outline(file, plugins)
    if network is None:
        return  # whoever reads it says what is wrong
    try:
        reuse_factors(network, hls)
    except FpgacError as refused:
        problems = (_placed_for(problem, file, name, options) for problem in refused.problems)
        raise type(refused)(*problems) from None


def _outline(file: SpecFile, plugins: Plugins) -> Network | None:
    """The network's layers and their shapes; None where its file cannot be read."""
    from fpgac.network.topology import untrained

    if file.spec.topology is not None:
        return untrained(file.spec)
    source = plugins.source(file.network_path.name, file.where("network"))
    try:
        if isinstance(source, ImportedFile):
            return source.outline(file.network_path, file.spec.name)
        return source.read(file.network_path, file.spec)
    except FpgacError:
        return None


def _once(known: Store, file: SpecFile, check: Callable[[], None], *more: object) -> None:
    """Check the spec, unless ``known`` says that it was found sound."""
    key = digest_json([compiler_digest(), json.loads(file.spec.model_dump_json()), *more])
    if known.get("sound", key) is None:
        check()
        known.put("sound", key, Entry({}))


def _placed_for(problem: Problem, file: SpecFile, name: str, options: Any) -> Problem:
    """A problem with a target's settings at its place: its table, or else the spec's own."""
    first, *rest = problem.where.key.split(".") if problem.where else [""]
    if first == "hls" and options.reuse_factor:
        return replace(problem, where=file.where("targets", name, *rest))
    if first == "layers" and rest[0] in options.layers:
        return replace(problem, where=file.where("targets", name, first, *rest))
    return _placed(problem, file)


def _placed(problem: Problem, file: SpecFile) -> Problem:
    """A network's problem with its place in the spec: ``layers.NAME.KEY`` is a layer's key."""
    first, *rest = problem.where.key.split(".") if problem.where else [""]
    if first != "layers" or file.spec.topology is None:
        return replace(problem, where=file.where(first, *rest))
    named = [name for name in file.spec.topology.names if rest and rest[0].startswith(name)]
    layer = max(named, key=len, default=None)  # dense_10, not dense_1
    place: tuple[str | int, ...] = ()
    if layer:
        place = (file.spec.topology.names.index(layer), *rest[1:])
    return replace(problem, where=file.where("topology", "layers", *place))


def _check_file(file: SpecFile, plugins: Plugins) -> None:
    """The network's file can be read, where the network comes from one alone."""
    source = plugins.source(file.network_path.name, file.where("network"))
    if not isinstance(source, ImportedFile):
        return
    if file.spec.topology is None:
        source.check(file.network_path, file.spec)


def _check_data(file: SpecFile, plugins: Plugins) -> None:
    """The data set exists, and has the network's shape and task."""
    spec = file.spec
    if spec.data is None:
        return
    if spec.data.source != FILE and spec.data.source not in plugins.providers:
        plugins.blame("data set", spec.data.source)
        raise SpecError(
            Problem(
                f"no plugin offers a data set {spec.data.source!r}",
                file.where("data", "source"),
                hint=plugins.hint(spec.data.source, [FILE, *plugins.providers]),
                code="spec.unknown-data-set",
            )
        )
    provider = provider_of(file, plugins)
    problems = [
        *_misfits(file, plugins, provider),
        *_target_scaling_problems(file, provider),
        *_unit_problems(file, provider),
    ]
    if spec.topology is None:
        if problems:
            raise SpecError(*problems)
        _check_scaling(file, spec.data, provider)
        return
    problems += _too_many_rows(file, spec.topology, spec.data)
    trains = isinstance(plugins.source(spec.network_file, file.where("network")), NetworkFile)
    wanted = _LOSSES.get(provider.task)
    given = spec.training.loss if spec.training.loss in _LOSSES.values() else None
    if trains and wanted != given:
        problems.append(
            Problem(
                f"the loss does not fit the data set {provider.name!r}, a {provider.task}",
                file.where("training", "loss"),
                expected=repr(wanted) if wanted else "a loss of regressions",
                got=repr(spec.training.loss),
                code="spec.loss-misfit",
            )
        )
    if wanted == "binary_crossentropy":
        problems += _sigmoid_problems(file)
    if problems:
        raise SpecError(*problems)
    _check_scaling(file, spec.data, provider)


def _misfits(file: SpecFile, plugins: Plugins, provider: Provider) -> Iterator[Problem]:
    """Where samples and results have other numbers than the network takes and gives."""
    sizes = _sizes(file, plugins)
    there = {"inputs": len(provider.feature_names), "outputs": len(provider.target_names)}
    keys = {"inputs": ("topology", "inputs"), "outputs": ("topology", "layers")}
    for what, here in sizes.items():
        if here != there[what]:
            yield Problem(
                f"the data set {provider.name!r} does not fit the network's {what}",
                file.where(*(keys[what] if file.spec.topology else ("network",))),
                expected=f"{there[what]} {what}, as the data have",
                got=str(here),
                code="spec.data-misfit",
            )


def _sizes(file: SpecFile, plugins: Plugins) -> Mapping[str, int]:
    """How many numbers a sample and a result have, as far as the spec or a file says it."""
    topology, path = file.spec.topology, file.network_path
    if topology is not None:
        return {"inputs": topology.input_size, "outputs": topology.output_size}
    source = plugins.source(path.name, file.where("network"))
    if isinstance(source, ImportedFile):
        return source.sizes(path)
    if not path.is_file():
        return {}
    network = source.read(path, file.spec)
    return {"inputs": network.input_layout.size, "outputs": network.output_size}


def _sigmoid_problems(file: SpecFile) -> Iterator[Problem]:
    """Outputs are logits: the loss has a sigmoid of its own."""
    topology = file.spec.layered
    for name in topology.output_names:
        place = topology.names.index(name)
        layer = topology.layers[place]
        if layer.kind == "sigmoid" or getattr(layer, "activation", "") == "sigmoid":
            yield Problem(
                "binary_crossentropy takes logits, and the network ends with a sigmoid",
                file.where("topology", "layers", place),
                expected="a last layer without it",
                hint="decode = 'sigmoid' under [interface] gives probabilities",
                code="spec.sigmoid-of-logits",
            )


def _check_scaling(file: SpecFile, data: DataSection, provider: Provider) -> None:
    """A table of scalings names columns of the data."""
    from fpgac.data.scaling import check_table

    sides = (
        ("scaling", data.scaling, provider.feature_names),
        ("target_scaling", data.target_scaling, provider.target_names),
    )
    for key, said, names in sides:
        if said is not None and not isinstance(said, str):
            check_table(said, names, file.where("data", key))


def _unit_problems(file: SpecFile, provider: Provider) -> Iterator[Problem]:
    """Units are those of columns that the data have."""
    names = (*provider.feature_names, *provider.target_names)
    for pattern in (file.spec.data and file.spec.data.units) or {}:
        if not any(matches(name, pattern) for name in names):
            yield Problem(
                f"the data have no column {pattern!r} whose unit could be told",
                file.where("data", "units"),
                expected=", ".join(names[:8]),
                hint=nearest(pattern, names),
                code="spec.unit-of-nothing",
            )


def _target_scaling_problems(file: SpecFile, provider: Provider) -> Iterator[Problem]:
    """Only numbers are scaled, and what hosts make of them is said once."""
    spec = file.spec
    if spec.data is None or spec.data.target_scaling is None:
        return
    if provider.task != "regression":
        yield Problem(
            f"the targets of a {provider.task} are no numbers to be scaled",
            file.where("data", "target_scaling"),
            hint="leave it out",
            code="spec.target-scaling-misfit",
        )
    if spec.interface.decode is not None:
        yield Problem(
            "hosts already undo the scaling of the targets",
            file.where("interface", "decode"),
            expected="'target_scaling' under [data], or 'decode'",
            hint="leave one of them out",
            code="spec.decoded-twice",
        )


def _too_many_rows(
    file: SpecFile, topology: TopologySection, data: DataSection
) -> Iterator[Problem]:
    """What of the data, and of the proof's vectors, this machine's memory cannot hold."""
    row = BYTES_OF_A_NUMBER * (topology.input_size + topology.output_size)
    most = memory_bytes() // row
    asked = {("data", "samples"): data.samples, ("proof", "random"): file.spec.proof.random}
    for key, samples in asked.items():
        if samples is not None and samples > most:
            yield Problem(
                "more samples than the memory of this machine holds",
                file.where(*key),
                expected=f"at most {most:,}, of {row:,} bytes each while they are made",
                got=f"{samples:,}",
                code="spec.too-many-samples",
            )


def chosen_target(file: SpecFile, plugins: Plugins, name: str) -> tuple[Target[Any], Any]:
    """The target called ``name``, or that of its flows which the spec chooses, and its options.

    Raises:
        TargetError: no plugin offers the target, or it does not offer what is asked for.
        SpecError: unknown keys or wrong types in its table.
    """
    named = plugins.target(name, file.where("targets", name))
    options = named.options(file.spec.targets[name], file.path, file.lines)
    target = named.flow(options)
    clock_mhz = hls_settings(file.spec, target, options).clock_mhz
    target.check_clock(clock_mhz, file.where(*clock_key(target, options)))
    return target, options


def schema_of(plugins: Plugins, note: Callable[[str], None]) -> dict[str, Any]:
    """The JSON Schema of specs, with the tables of all targets and the names of the data sets.

    A target whose options have no schema is left out, and ``note`` hears why.
    """
    tables: dict[str, Sequence[dict[str, Any]]] = {}
    for name, target in plugins.targets.items():
        try:
            with calling(target, "Options"):
                tables[name] = [model.model_json_schema() for model in target.tables]
        except PluginError as error:
            problem, *_ = error.problems
            note(f"the target {name!r} is left out: {problem.where}: {problem.what}")
    return json_schema(tables, plugins.providers)


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
            expected=f"--target with one of {', '.join(names)}, or with all",
            hint=nearest(name, names) if name else "name one with --target, or --target all",
            code="target.not-chosen",
        )
    )
