"""Find plugins by their entry points or in files, and register what they offer."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Final

import pluggy

from fpgac.build.launcher import Launcher
from fpgac.build.toolchains import ToolchainFinder
from fpgac.data.dataset import Provider
from fpgac.design.templates import Templates, is_own, override_loader
from fpgac.digest import digest_bytes, digest_files
from fpgac.errors import (
    DataError,
    FpgacError,
    NetworkError,
    PluginError,
    Problem,
    TargetError,
    Where,
    nearest,
)
from fpgac.network.source import NetworkSource, source_of
from fpgac.plugins.guard import called
from fpgac.plugins.guarded import guarded, place_of
from fpgac.plugins.hookspecs import PROJECT
from fpgac.plugins.own import BUILTIN_PLUGIN, OWN_PACKAGES, import_own_targets
from fpgac.plugins.owner import Owner
from fpgac.plugins.quiet import without_library_logs
from fpgac.reports.parser import ReportParser
from fpgac.targets.target import Target

if TYPE_CHECKING:
    from jinja2 import BaseLoader

__all__ = ["API_VERSION", "DISABLED_VARIABLE", "Failure", "Loaded", "Plugins", "load_plugins"]

# Of the interface for plugins: it grows when a plugin that worked may no longer do so.
API_VERSION: Final = 1
# Names of plugins that are not to be used, separated by commas.
DISABLED_VARIABLE: Final = "FPGAC_DISABLED_PLUGINS"


@dataclass(frozen=True)
class Failure:
    """A plugin, or something that it offers, that cannot be used, and why, in one line.

    ``where`` is the line of the plugin that is at fault, ``names`` what things of a ``kind`` would
    be called that cannot be used, as far as it is known, and ``file`` that of a plugin which was
    given as one.
    """

    what: str
    cause: str
    where: Where | None = None
    kind: str = ""
    names: tuple[str, ...] = ()
    file: Path | None = None

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{self.what} is not used: {place}{self.cause}"

    @property
    def problem(self) -> Problem:
        """What is wrong, for whoever asked for this very thing."""
        what = f"{self.what} is not used: {self.cause}"
        return Problem(what, self.where, code="plugin.unusable")


@dataclass(frozen=True)
class Loaded:
    """A plugin that is in use.

    ``origin`` is its distribution and version, or its file; ``offers`` maps kinds of things to the
    names of those that are in use.
    """

    name: str
    origin: str
    offers: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Plugins:
    """What all plugins offer together, by name, and the plugins that could not be used.

    ``sources`` are network sources by suffix; ``templates`` are files by the path of the template
    that each replaces, or by ``TARGET:PATH`` if they are for one target only. ``trust`` is the
    user's word that program code in networks' files may run.
    """

    targets: Mapping[str, Target[Any]]
    providers: Mapping[str, Provider]
    sources: Mapping[str, NetworkSource]
    templates: Mapping[str, Path]
    toolchains: Mapping[str, ToolchainFinder]
    parsers: Mapping[str, ReportParser]
    launchers: Mapping[str, Launcher]
    loaded: tuple[Loaded, ...] = ()
    failures: tuple[Failure, ...] = ()
    trust: bool = False
    disabled: tuple[str, ...] = ()

    def target(self, name: str, where: Where | None = None) -> Target[Any]:
        """The target called ``name``; ``where`` is the place that names it.

        Raises:
            TargetError: no plugin offers it.
            PluginError: the plugin that does has a defect.
        """
        if name in self.targets:
            return self.targets[name]
        self.blame("target", name)
        raise TargetError(
            Problem(
                f"no plugin offers a target {name!r}",
                where,
                hint=self.hint(name, self.targets),
                code="target.unknown",
            )
        )

    def provider(self, name: str) -> Provider:
        """The data set provider called ``name``.

        Raises:
            DataError: no plugin offers it.
            PluginError: the plugin that does has a defect.
        """
        if name in self.providers:
            return self.providers[name]
        self.blame("data set", name)
        raise DataError(
            Problem(
                f"no plugin offers a data set {name!r}",
                hint=self.hint(name, self.providers),
                code="data.unknown-provider",
            )
        )

    def source(self, file: str, where: Where | None = None) -> NetworkSource:
        """The network source for ``file``, by its suffix; ``where`` is the place that names it.

        Raises:
            NetworkError: no plugin reads such files.
            PluginError: the plugin that does has a defect.
        """
        if (source := source_of(file, self.sources)) is not None:
            return source
        for suffix in {name for failure in self.failures for name in failure.names}:
            if file.endswith(suffix):
                self.blame("network source", suffix)
        raise NetworkError(
            Problem(
                f"no plugin reads a network from a file like {file!r}",
                where,
                expected=f"a file that ends in {' or '.join(self.sources)}",
                hint="; ".join(map(str, self.failures)),
                code="network.unknown-format",
            )
        )

    def trusting(self) -> Plugins:
        """The same plugins, whose network sources may run the program code that files hold."""
        sources = {suffix: source.trusting() for suffix, source in self.sources.items()}
        return replace(self, sources=MappingProxyType(sources), trust=True)

    def overrides(self, target: str) -> dict[str, Path]:
        """The templates that replace those of ``target``; its own precede general ones."""
        general = {path: file for path, file in self.templates.items() if ":" not in path}
        own = {
            path.removeprefix(f"{target}:"): file
            for path, file in self.templates.items()
            if path.startswith(f"{target}:")
        }
        return general | own

    def loaders(self, target: str, asked: set[str] | None = None) -> list[BaseLoader]:
        """What :func:`fpgac.design.render.overridden` takes for ``target``.

        The paths of templates that were looked up go into ``asked``.
        """
        overrides = self.overrides(target)
        return [override_loader(overrides, asked)] if overrides else []

    def require_used(self, target: str, asked: set[str]) -> None:
        """See that each template for ``target`` alone replaces one, of those that were ``asked``.

        Raises:
            PluginError: one is at a path where nothing is looked up.
        """
        known = sorted({path for path in asked if not path.startswith(("target/", "fpgac/"))})
        unused = [
            Problem(
                f"this template replaces nothing of {target}: {path!r}",
                Where(file),
                hint=nearest(path, known),
                code="plugin.unused-template",
            )
            for path, file in self.overrides(target).items()
            if f"{target}:{path}" in self.templates and path not in asked and not is_own(path)
        ]
        if unused:
            raise PluginError(*unused)

    def templates_digest(self, target: str) -> str:
        """What a design's key contains of :meth:`overrides`."""
        return digest_files({p: file.read_bytes() for p, file in self.overrides(target).items()})

    def blame(self, kind: str, name: str) -> None:
        """Nothing, unless a plugin offers a ``kind`` called ``name`` that cannot be used.

        Raises:
            PluginError: there is such a plugin.
        """
        mine = (each for each in self.failures if each.kind == kind and name in each.names)
        failed = [failure.problem for failure in mine]
        if failed:
            raise PluginError(*failed)

    def hint(self, name: str, known: Iterable[str]) -> str:
        """The known name nearest to ``name``, and failed plugins, which might have offered it."""
        return "; ".join(filter(None, [nearest(name, known), *map(str, self.failures)]))


@dataclass(frozen=True)
class _Plugin:
    """A plugin that was found: whose it is, how to import it, and its file if it was given."""

    owner: Owner
    load: Callable[[], object]
    built_in: bool = False
    file: Path | None = None

    @property
    def label(self) -> str:
        return self.owner.label

    def called(self, what: str, code: object = None) -> AbstractContextManager[None]:
        """Run ``code`` of this plugin, its hook or class ``what``; fpgac's own has no guard."""
        if self.built_in:
            return nullcontext()
        return called(self.owner, what, place=place_of(code))

    def failure(
        self, what: str, error: FpgacError, kind: str = "", names: tuple[str, ...] = ()
    ) -> Failure:
        """``what`` of this plugin cannot be used because of ``error``."""
        first, *_ = error.problems
        cause, where = " ".join(str(error).split()), None
        if first.code == "plugin.defect":  # whose it is is said already
            cause, where = first.what.partition(" has a defect in ")[2], first.where
        return Failure(what, cause, where, kind, names, self.file)


@dataclass(frozen=True)
class _Kind:
    """A kind of thing that plugins offer; ``names`` gives what is registered for one, by name."""

    title: str
    hook: str
    base: type[Any]
    names: Callable[[Any], Mapping[str, Any]]


def _by_name(thing: Any) -> dict[str, Any]:
    return {thing.name: thing}


def _by_suffix(source: NetworkSource) -> dict[str, Any]:
    return dict.fromkeys(source.suffixes, source)


def _by_pattern(parser: ReportParser) -> dict[str, Any]:
    next(Path(os.devnull).glob(parser.pattern), None)  # raises where it is no relative pattern
    return _by_name(parser)


def _by_path(templates: Templates) -> dict[str, Any]:
    only = templates.targets
    prefixes = [""] if only is None else [f"{target}:" for target in only]
    return {prefix + path: file for path, file in templates.files().items() for prefix in prefixes}


_KINDS: Final = (
    _Kind("target", "fpgac_targets", Target, _by_name),
    _Kind("data set", "fpgac_data_providers", Provider, _by_name),
    _Kind("network source", "fpgac_network_sources", NetworkSource, _by_suffix),
    _Kind("template", "fpgac_templates", Templates, _by_path),
    _Kind("toolchain", "fpgac_toolchains", ToolchainFinder, _by_name),
    _Kind("report parser", "fpgac_report_parsers", ReportParser, _by_pattern),
    _Kind("launcher", "fpgac_launchers", Launcher, _by_name),
)


@dataclass
class _Registry:
    """Everything that was offered of one kind, by name, with the plugins that offer it."""

    kind: _Kind
    offers: dict[str, list[tuple[_Plugin, Any]]] = field(default_factory=dict)

    def add(self, plugin: _Plugin, things: Mapping[str, Any]) -> None:
        for name, thing in things.items():
            self.offers.setdefault(name, []).append((plugin, thing))

    def settled(self, failures: list[Failure]) -> Mapping[str, Any]:
        """One thing for each name: a built-in one stays, but of two others neither is used."""
        chosen: dict[str, Any] = {}
        for name, offers in sorted(self.offers.items()):
            built_in = [offer for offer in offers if offer[0].built_in]
            if len(offers) == 1 or built_in:
                chosen[name] = (built_in or offers)[0][1]
            if len(offers) > 1:
                failures.append(self._clash(name, [plugin for plugin, _ in offers]))
        return MappingProxyType(chosen)

    def _clash(self, name: str, owners: list[_Plugin]) -> Failure:
        strangers = [owner.label for owner in owners if not owner.built_in]
        if len(strangers) < len(owners):
            what = f"the {self.kind.title} {name!r} of {' and '.join(strangers)}"
            return Failure(what, "the name is taken by a built-in one: choose another")
        cause = f"it is offered by {' and by '.join(strangers)}: uninstall one of them"
        return Failure(f"the {self.kind.title} {name!r}", cause)


def load_plugins(extra: Iterable[object] = (), files: Iterable[Path] = ()) -> Plugins:
    """Import all plugins: the built-in ones, the installed ones, and those given here.

    ``extra`` are modules or objects, ``files`` Python files of plugins that are not installed. What
    cannot be used, a plugin or a thing that it offers, is among the failures, and the others work
    without it. Plugins that :data:`DISABLED_VARIABLE` names are not imported.
    """
    failures: list[Failure] = []
    registries = [_Registry(kind) for kind in _KINDS]
    offers: list[tuple[_Plugin, list[dict[str, Any]]]] = []
    found = [_own(), *_installed(), *map(_file, files), *map(_given, extra)]
    disabled = [plugin for plugin in found if _is_disabled(plugin)]
    for plugin in found:
        if plugin in disabled:
            continue
        if (offered := _offered(plugin, failures)) is None:
            continue
        offers.append((plugin, offered))
        for registry, things in zip(registries, offered, strict=True):
            registry.add(plugin, things)
    settled = [registry.settled(failures) for registry in registries]
    targets, providers, sources, templates, toolchains, parsers, launchers = settled
    return Plugins(
        targets,
        providers,
        sources,
        templates,
        toolchains,
        parsers,
        launchers,
        tuple(_loaded(plugin, offered, settled) for plugin, offered in offers),
        tuple(failures),
        disabled=tuple(plugin.label for plugin in disabled),
    )


def _is_disabled(plugin: _Plugin) -> bool:
    names = os.environ.get(DISABLED_VARIABLE, "").replace(",", " ").split()
    return plugin.owner.name in names and not plugin.built_in


def _loaded(
    plugin: _Plugin, offered: list[dict[str, Any]], settled: list[Mapping[str, Any]]
) -> Loaded:
    """``plugin`` with what of ``offered`` is in use after names have been settled."""
    used = {
        kind.title: tuple(name for name, thing in things.items() if chosen.get(name) is thing)
        for kind, things, chosen in zip(_KINDS, offered, settled, strict=True)
    }
    offers = {title: names for title, names in used.items() if names}
    return Loaded(plugin.owner.name, plugin.owner.origin, offers)


def _own() -> _Plugin:
    from fpgac import __version__
    from fpgac.plugins import builtin

    return _Plugin(Owner(PROJECT, f"fpgac {__version__}"), lambda: builtin, built_in=True)


def _installed() -> list[_Plugin]:
    """The plugins of installed distributions, the built-in targets first."""
    found = sorted(entry_points(group=PROJECT), key=lambda point: (point.name, point.value))
    own = [point for point in found if point.value == BUILTIN_PLUGIN.value and _is_ours(point)]
    others = {point.value: point for point in found if not _is_ours(point)}
    return [_of_targets(*own[:1]), *map(_of_entry_point, others.values())]


def _is_ours(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == PROJECT


def _of_targets(point: EntryPoint = BUILTIN_PLUGIN) -> _Plugin:
    """The built-in targets, which a clone that was never installed has as well."""
    return _Plugin(Owner(point.name, _origin(point)), import_own_targets, built_in=True)


def _of_entry_point(point: EntryPoint) -> _Plugin:
    package = point.module.partition(".")[0]
    if package in OWN_PACKAGES:
        return _Plugin(Owner(point.name, _origin(point)), partial(_refuse_package, package))
    return _Plugin(Owner(point.name, _origin(point), _root_of(package)), point.load)


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else ""


def _refuse_package(package: str) -> None:
    raise PluginError(
        Problem(
            f"its package is called {package}, as one of fpgac's own",
            hint="rename the package",
            code="plugin.reserved-package",
        )
    )


def _root_of(package: str) -> Path | None:
    """The folder of a package, or the file of a module, which is not imported."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    place = folders[0] if folders else spec.origin
    return Path(place) if place else None


def _given(plugin: object) -> _Plugin:
    module = sys.modules.get(type(plugin).__module__)
    file = getattr(plugin, "__file__", None) or getattr(module, "__file__", None)
    name = getattr(plugin, "__name__", type(plugin).__name__)
    return _Plugin(Owner(name, "", Path(file) if file else None), lambda: plugin)


def _file(path: Path) -> _Plugin:
    owner = Owner(path.stem, str(path), path.absolute())
    return _Plugin(owner, partial(_import_file, path.absolute()), file=path)


def _import_file(path: Path) -> ModuleType:
    """The module in a file, under a name that is unique to its path."""
    name = f"fpgac_plugin_{path.stem}_{digest_bytes(str(path).encode())[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("a plugin is a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _offered(plugin: _Plugin, failures: list[Failure]) -> list[dict[str, Any]] | None:
    """What a plugin offers of each kind; whatever of it cannot be used is a failure by itself.

    None where that is all of it.
    """
    offered: dict[str, dict[str, Any]] = {kind.hook: {} for kind in _KINDS}
    try:
        hooks = _hooks(plugin)
    except FpgacError as error:
        failures.append(plugin.failure(f"the plugin {plugin.label}", error))
        return None
    for name, function in hooks:
        try:
            kind, answers = _answers(plugin, name, function)
        except FpgacError as error:
            failures.append(plugin.failure(f"the hook {name} of the plugin {plugin.label}", error))
            continue
        offered[name] |= _registered(plugin, kind, answers, failures)
    return list(offered.values())


def _hooks(plugin: _Plugin) -> list[tuple[str, Callable[[], object]]]:
    """The functions of a plugin that implement hooks, by the hook's name; imports the plugin.

    Raises:
        PluginError: it cannot be imported, implements no hook, or is for another version.
    """
    manager = pluggy.PluginManager(PROJECT)
    quiet = nullcontext() if plugin.built_in else without_library_logs()
    with quiet, plugin.called("its import"):
        module = plugin.load()
        _check_version(module)
        marked = {name: manager.parse_hookimpl_opts(module, name) for name in dir(module)}
        hooks = [
            (options.get("specname") or name, getattr(module, name))
            for name, options in marked.items()
            if options is not None
        ]
        if not hooks:
            raise TypeError("it implements no hook; are its functions marked with @hookimpl?")
    return hooks


def _check_version(module: object) -> None:
    """Refuse a plugin that was written for another interface than this one."""
    wanted = getattr(module, "fpgac_api", API_VERSION)
    if not isinstance(wanted, int):
        raise TypeError(f"fpgac_api must be a whole number, not {wanted!r}")
    if wanted != API_VERSION:
        raise PluginError(
            Problem(
                f"it is for version {wanted} of the plugin interface, and this fpgac has "
                f"{API_VERSION}",
                hint=f"install {'a newer fpgac' if wanted > API_VERSION else 'a newer plugin'}",
                code="plugin.other-api",
            )
        )


def _answers(
    plugin: _Plugin, name: str, function: Callable[[], object]
) -> tuple[_Kind, Sequence[object]]:
    """The kind of things that a hook is about, and the classes that the plugin has of it."""
    kinds = {kind.hook: kind for kind in _KINDS}
    with plugin.called(name, function):
        if name not in kinds:
            raise TypeError(f"unknown hook {name!r}; {nearest(name, kinds)}")
        answers = function()
        if not isinstance(answers, list | tuple):
            raise TypeError(f"{name} must return a list of classes, not {answers!r}")
    return kinds[name], answers


def _registered(
    plugin: _Plugin, kind: _Kind, answers: Sequence[object], failures: list[Failure]
) -> dict[str, Any]:
    """What is registered for the classes that a hook returned, by name."""
    things: dict[str, Any] = {}
    for answer in answers:
        try:
            named = _named(plugin, kind, answer, things)
        except FpgacError as error:
            names = _names_of(answer)
            called = repr(names[0]) if names else getattr(answer, "__name__", repr(answer))
            what = f"the {kind.title} {called} of the plugin {plugin.label}"
            failures.append(plugin.failure(what, error, kind.title, names))
        else:
            things |= named
    return things


def _named(
    plugin: _Plugin, kind: _Kind, answer: object, others: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What is registered for one class, by name.

    Raises:
        PluginError: it is no such class, cannot be made, or has a name of one of the ``others``.
    """
    with plugin.called(kind.hook, answer):
        made = _class_of(answer, kind)()
    if not plugin.built_in:
        made = guarded(made, kind.base, plugin.owner)
    with plugin.called(kind.hook, answer):
        named = kind.names(made)
        if twice := others.keys() & named:
            raise TypeError(f"{kind.hook} returns two with the name {min(twice)!r}")
    return named


def _class_of(answer: object, kind: _Kind) -> type[Any]:
    """The class that a hook returned."""
    base = kind.base
    if not (isinstance(answer, type) and issubclass(answer, base)):
        raise TypeError(f"{kind.hook} must return subclasses of {base.__name__}, not {answer!r}")
    if isabstract(answer):
        missing = ", ".join(sorted(getattr(answer, "__abstractmethods__", ())))
        raise TypeError(f"{answer.__name__} does not define {missing}")
    if unset := [name for name in base.__annotations__ if not hasattr(answer, name)]:
        raise TypeError(f"{answer.__name__} does not set {' and '.join(unset)}")
    return answer


def _names_of(answer: object) -> tuple[str, ...]:
    """What a class that cannot be used would be registered as, as far as it says."""
    with suppress(Exception):  # it is a stranger's, and broken
        said = [
            getattr(answer, "name", None),
            getattr(getattr(answer, "board", None), "name", None),
        ]
        names = (*said, *getattr(answer, "suffixes", ()))
        return tuple(name for name in names if isinstance(name, str))
    return ()
