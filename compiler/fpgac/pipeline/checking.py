"""A spec checked against what the plugins offer, before anything is made from it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fpgac.build.store import Entry, Store
from fpgac.digest import digest_json
from fpgac.errors import FpgacError, Problem, SpecError, TargetError, Where, nearest
from fpgac.network.imports.files import identifier, is_model
from fpgac.network.imports.source import ImportedFile
from fpgac.pipeline.identity import compiler_digest
from fpgac.plugins import Plugins, Target, load_plugins
from fpgac.spec.layers import WeightedSection
from fpgac.spec.loader import SpecFile, load_spec
from fpgac.spec.models import Spec

__all__ = ["check_spec", "chosen_target", "only_target", "own_reuse_factors"]


def check_spec(path: Path, plugins: Plugins | None = None) -> SpecFile:
    """The spec at ``path``, checked also against what the plugins offer.

    Raises:
        FpgacError: every problem at once, with the exit code of the first.
    """
    plugins = plugins or load_plugins()
    if is_model(path):
        raise SpecError(_no_spec(path))
    file = load_spec(path)
    targets = (partial(chosen_target, file, plugins, name) for name in file.spec.targets)
    refusals: list[FpgacError] = []
    checks: tuple[Callable[[], object], ...] = (
        partial(_check_file, file, plugins),
        partial(_check_data, file, plugins),
        partial(_check_network, file, Store.of_user()),
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
    return file


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


def _check_network(file: SpecFile, known: Store) -> None:
    """What would fail later, after a training perhaps; ``known`` says which specs were sound."""
    if file.spec.topology is None:
        return
    key = digest_json([compiler_digest(), json.loads(file.spec.model_dump_json())])
    if known.get("sound", key) is None:
        _check_untrained(file)
        known.put("sound", key, Entry({}))


def _check_untrained(file: SpecFile) -> None:
    """Names, precision and reuse factors of the network that the spec asks for."""
    from fpgac.core.checks import check_names
    from fpgac.core.reuse import reuse_factors
    from fpgac.network.topology import untrained
    from fpgac.network.training import check_precision

    network = untrained(file.spec)
    try:
        check_names(network)
        check_precision(network)
        reuse_factors(network, file.spec.hls, own_reuse_factors(file.spec))
    except FpgacError as refused:
        raise type(refused)(*(_placed(problem, file) for problem in refused.problems)) from None


def own_reuse_factors(spec: Spec) -> dict[str, int]:
    """The reuse factors that layers have of their own, by the layer's name."""
    if spec.topology is None:
        return {}
    layers = zip(spec.topology.names, spec.topology.layers, strict=True)
    return {
        name: layer.reuse_factor
        for name, layer in layers
        if isinstance(layer, WeightedSection) and layer.reuse_factor
    }


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
    if file.spec.topology is None and isinstance(source, ImportedFile):
        source.check(file.network_path, file.spec)


def _check_data(file: SpecFile, plugins: Plugins) -> None:
    """The data set exists, and has the network's shape and task."""
    spec = file.spec
    if spec.data is None:
        return
    if spec.data.source not in plugins.providers:
        raise SpecError(
            Problem(
                f"no plugin offers a data set {spec.data.source!r}",
                file.where("data", "source"),
                hint=plugins.hint(spec.data.source, plugins.providers),
                code="spec.unknown-data-set",
            )
        )
    provider = plugins.providers[spec.data.source]
    if spec.topology is None:
        return
    asked = {
        "inputs": (spec.topology.input_size, len(provider.feature_names), ("topology", "inputs")),
        "outputs": (spec.topology.output_size, len(provider.target_names), ("topology", "layers")),
    }
    problems = [
        Problem(
            f"the data set {provider.name!r} does not fit the network's {what}",
            file.where(*key),
            expected=f"{there} {what}, as the data have",
            got=str(here),
            code="spec.data-misfit",
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
                code="spec.loss-misfit",
            )
        )
    if problems:
        raise SpecError(*problems)


def chosen_target(file: SpecFile, plugins: Plugins, name: str) -> tuple[Target[Any], Any]:
    """The target called ``name``, or that of its flows which the spec chooses, and its options.

    Raises:
        TargetError: no plugin offers the target, or it does not offer what is asked for.
        SpecError: unknown keys or wrong types in its table.
    """
    if name not in plugins.targets:
        raise TargetError(
            Problem(
                f"no plugin offers a target {name!r}",
                file.where("targets", name),
                hint=plugins.hint(name, plugins.targets),
                code="target.unknown",
            )
        )
    named = plugins.targets[name]
    options = named.options(file.spec.targets[name], file.path, file.lines)
    target = named.flow(options)
    target.check_clock(file.spec.hls.clock_mhz, file.where("hls", "clock_mhz"))
    return target, options


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
