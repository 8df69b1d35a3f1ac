"""Find plugins by their entry points or in files, and register what they offer."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
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
from fpgac.design.templates import Templates, override_loader
from fpgac.digest import digest_bytes, digest_files
from fpgac.errors import DataError, FpgacError, NetworkError, Problem, TargetError, Where, nearest
from fpgac.network.source import NetworkSource, source_of
from fpgac.plugins import hookspecs
from fpgac.plugins.hookspecs import PROJECT
from fpgac.plugins.quiet import without_library_logs
from fpgac.reports.parser import ReportParser
from fpgac.targets.target import Target

if TYPE_CHECKING:
    from jinja2 import BaseLoader

__all__ = ["Failure", "Loaded", "Plugins", "load_plugins"]

# Also found in a clone that was never installed.
BUILTIN_PLUGIN: Final = EntryPoint(name="builtin", value="fpgac_targets", group=PROJECT)


@dataclass(frozen=True)
class Failure:
    """A plugin, or something that it offers, that cannot be used, and why, in one line."""

    what: str
    cause: str

    def __str__(self) -> str:
        return f"{self.what} is not used: {self.cause}"


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
    that each replaces, or by ``TARGET:PATH`` if they are for one target only.
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

    def target(self, name: str) -> Target[Any]:
        """The target called ``name``.

        Raises:
            TargetError: no plugin offers it.
        """
        if name in self.targets:
            return self.targets[name]
        raise TargetError(
            Problem(
                f"no plugin offers a target {name!r}",
                hint=self.hint(name, self.targets),
                code="target.unknown",
            )
        )

    def provider(self, name: str) -> Provider:
        """The data set provider called ``name``.

        Raises:
            DataError: no plugin offers it.
        """
        if name in self.providers:
            return self.providers[name]
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
        """
        if (source := source_of(file, self.sources)) is not None:
            return source
        raise NetworkError(
            Problem(
                f"no plugin reads a network from a file like {file!r}",
                where,
                expected=f"a file that ends in {' or '.join(self.sources)}",
                hint="; ".join(map(str, self.failures)),
                code="network.unknown-format",
            )
        )

    def overrides(self, target: str) -> dict[str, Path]:
        """The templates that replace those of ``target``; its own precede general ones."""
        general = {path: file for path, file in self.templates.items() if ":" not in path}
        own = {
            path.removeprefix(f"{target}:"): file
            for path, file in self.templates.items()
            if path.startswith(f"{target}:")
        }
        return general | own

    def loaders(self, target: str) -> list[BaseLoader]:
        """What :func:`fpgac.design.render.overridden` takes for ``target``."""
        overrides = self.overrides(target)
        return [override_loader(overrides)] if overrides else []

    def templates_digest(self, target: str) -> str:
        """What a design's key contains of :meth:`overrides`."""
        return digest_files({p: file.read_bytes() for p, file in self.overrides(target).items()})

    def hint(self, name: str, known: Iterable[str]) -> str:
        """The known name nearest to ``name``, and failed plugins, which might have offered it."""
        return "; ".join(filter(None, [nearest(name, known), *map(str, self.failures)]))


@dataclass(frozen=True)
class _Plugin:
    """A plugin that was found: its name, where it comes from, and how to import it."""

    name: str
    origin: str
    load: Callable[[], object]
    built_in: bool = False

    @property
    def label(self) -> str:
        return f"{self.name!r} of {self.origin}" if self.origin else repr(self.name)


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
    _require_tuple(source, "suffixes")
    return dict.fromkeys(source.suffixes, source)


def _require_tuple(thing: object, attribute: str) -> None:
    """Refuse a string, which would be taken as a sequence of letters."""
    value = getattr(thing, attribute)
    if not isinstance(value, tuple) or not value or not all(isinstance(v, str) for v in value):
        title = f"{type(thing).__name__}.{attribute}"
        raise TypeError(f"{title} must be a tuple of strings, not {value!r}")


def _by_path(templates: Templates) -> dict[str, Any]:
    only = templates.targets
    if only is not None:
        _require_tuple(templates, "targets")
    prefixes = [""] if only is None else [f"{target}:" for target in only]
    return {prefix + path: file for path, file in templates.files().items() for prefix in prefixes}


_KINDS: Final = (
    _Kind("target", "fpgac_targets", Target, _by_name),
    _Kind("data set", "fpgac_data_providers", Provider, _by_name),
    _Kind("network source", "fpgac_network_sources", NetworkSource, _by_suffix),
    _Kind("template", "fpgac_templates", Templates, _by_path),
    _Kind("toolchain", "fpgac_toolchains", ToolchainFinder, _by_name),
    _Kind("report parser", "fpgac_report_parsers", ReportParser, _by_name),
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

    ``extra`` are modules or objects, ``files`` Python files of plugins that are not installed. A
    plugin that cannot be used is among the failures, and the others work without it.
    """
    failures: list[Failure] = []
    registries = [_Registry(kind) for kind in _KINDS]
    offers: list[tuple[_Plugin, list[dict[str, Any]]]] = []
    for plugin in [_own(), *_installed(), *map(_file, files), *map(_given, extra)]:
        try:
            with nullcontext() if plugin.built_in else without_library_logs():
                offered = _offered(plugin.load())
        except (Exception, SystemExit) as error:  # a plugin may raise anything
            failures.append(Failure(f"the plugin {plugin.label}", _cause(error)))
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
    )


def _loaded(
    plugin: _Plugin, offered: list[dict[str, Any]], settled: list[Mapping[str, Any]]
) -> Loaded:
    """``plugin`` with what of ``offered`` is in use after names have been settled."""
    used = {
        kind.title: tuple(name for name, thing in things.items() if chosen.get(name) is thing)
        for kind, things, chosen in zip(_KINDS, offered, settled, strict=True)
    }
    return Loaded(plugin.name, plugin.origin, {title: n for title, n in used.items() if n})


def _own() -> _Plugin:
    from fpgac import __version__
    from fpgac.plugins import builtin

    return _Plugin(PROJECT, f"fpgac {__version__}", lambda: builtin, built_in=True)


def _installed() -> list[_Plugin]:
    """The plugins of installed distributions, the built-in targets first."""
    found = {point.value: point for point in entry_points(group=PROJECT)}
    points = {BUILTIN_PLUGIN.value: BUILTIN_PLUGIN} | {
        point.value: point for point in sorted(found.values(), key=lambda p: (p.name, p.value))
    }
    return [_of_entry_point(point) for point in points.values()]


def _of_entry_point(point: EntryPoint) -> _Plugin:
    dist = point.dist
    origin = f"{dist.name} {dist.version}" if dist else ""
    return _Plugin(point.name, origin, point.load, point.value == BUILTIN_PLUGIN.value)


def _given(plugin: object) -> _Plugin:
    return _Plugin(getattr(plugin, "__name__", type(plugin).__name__), "", lambda: plugin)


def _file(path: Path) -> _Plugin:
    return _Plugin(path.stem, str(path), partial(_import_file, path.absolute()))


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


def _offered(module: object) -> list[dict[str, Any]]:
    """What a plugin offers of each kind; each plugin is called separately, and fails separately."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    for hook in manager.get_hookcallers(module) or ():
        if not hook.has_spec():
            known = [kind.hook for kind in _KINDS]
            raise TypeError(f"unknown hook {hook.name!r}; {nearest(hook.name, known)}")
    if not manager.get_hookcallers(module):
        raise TypeError("it implements no hook; are its functions marked with @hookimpl?")
    return [_registered(kind, getattr(manager.hook, kind.hook)()) for kind in _KINDS]


def _registered(kind: _Kind, answers: list[object]) -> dict[str, Any]:
    """What is registered for the classes that a hook returned, by name."""
    things: dict[str, Any] = {}
    for thing in _made(answers, kind.base, kind.hook):
        for name, value in kind.names(thing).items():
            if name in things:
                raise TypeError(f"{kind.hook} returns two with the name {name!r}")
            things[name] = value
    return things


def _made(answers: list[object], base: type[Any], hook: str) -> list[Any]:
    """An instance of each class that a hook returned."""
    made: list[Any] = []
    for answer in answers:
        if not isinstance(answer, (list, tuple)):
            raise TypeError(f"{hook} must return a list of classes, not {answer!r}")
        for item in answer:
            if not (isinstance(item, type) and issubclass(item, base)):
                raise TypeError(f"{hook} must return subclasses of {base.__name__}, not {item!r}")
            if isabstract(item):
                missing = ", ".join(sorted(getattr(item, "__abstractmethods__", ())))
                raise TypeError(f"{item.__name__} does not define {missing}")
            if unset := [name for name in base.__annotations__ if not hasattr(item, name)]:
                raise TypeError(f"{item.__name__} does not set {' and '.join(unset)}")
            made.append(item())
    return made


def _cause(error: BaseException) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, FpgacError) and text else f"{type(error).__name__}: {text}"
