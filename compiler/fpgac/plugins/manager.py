"""Finds plugins by their entry points and registers what they offer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract
from types import MappingProxyType
from typing import Any, Final

import pluggy

from fpgac.data.dataset import Provider
from fpgac.data.providers import BUILT_IN
from fpgac.errors import DataError, FpgacError, PluginError, Problem, TargetError, nearest
from fpgac.plugins import hookspecs
from fpgac.plugins.hookspecs import PROJECT
from fpgac.targets.target import Target

__all__ = ["Failure", "Plugins", "load_plugins"]

# Also found in a checkout that was never installed.
BUILTIN_PLUGIN: Final = EntryPoint(name="builtin", value="fpgac_targets", group=PROJECT)


@dataclass(frozen=True)
class Failure:
    """A plugin that cannot be used, and why, in one line."""

    plugin: str
    cause: str

    def __str__(self) -> str:
        return f"the plugin {self.plugin} is left out: {self.cause}"


@dataclass(frozen=True)
class Plugins:
    """What all plugins offer together, by name, and the plugins that could not be used."""

    targets: Mapping[str, Target[Any]]
    providers: Mapping[str, Provider]
    failures: tuple[Failure, ...] = ()

    def target(self, name: str) -> Target[Any]:
        """The target called ``name``.

        Raises:
            TargetError: no plugin offers it.
        """
        if name in self.targets:
            return self.targets[name]
        raise TargetError(
            Problem(f"no plugin offers a target {name!r}", hint=self._hint(name, self.targets))
        )

    def provider(self, name: str) -> Provider:
        """The data set provider called ``name``.

        Raises:
            DataError: no plugin offers it.
        """
        if name in self.providers:
            return self.providers[name]
        raise DataError(
            Problem(f"no plugin offers a data set {name!r}", hint=self._hint(name, self.providers))
        )

    def _hint(self, name: str, known: Iterable[str]) -> str:
        return "; ".join(filter(None, [nearest(name, known), *map(str, self.failures)]))


@dataclass(frozen=True)
class _Plugin:
    """A loaded plugin: ``label`` names it and its distribution."""

    label: str
    module: object


_Named = tuple[str, Any]


@dataclass
class _Offers:
    """What has been collected so far, and who offers it."""

    things: dict[str, Any] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, name: str, thing: object, owner: str) -> None:
        if name in self.owners:
            raise PluginError(
                Problem(
                    f"two plugins offer a {kind} {name!r}",
                    got=f"{self.owners[name]} and {owner}",
                    hint="uninstall one of them",
                )
            )
        self.things[name], self.owners[name] = thing, owner


def load_plugins(extra: Iterable[object] = ()) -> Plugins:
    """Import all plugins: the built-in one, the installed ones, and ``extra`` modules or objects.

    One that cannot be used is among the failures, and the others work without it.

    Raises:
        PluginError: two plugins offer a target, or a data set, of the same name.
    """
    failures: list[Failure] = []
    plugins = [*_import(_entry_points(), failures), *map(_given, extra)]
    targets, providers = _Offers(), _Offers()
    for name, own in BUILT_IN.items():
        providers.add("data set", name, own(), PROJECT)
    for plugin in plugins:
        try:
            offered = _offered(plugin)
        except Exception as error:  # a plugin may raise anything
            failures.append(Failure(plugin.label, _cause(error)))
            continue
        for name, target in offered[0]:
            targets.add("target", name, target, plugin.label)
        for name, provider in offered[1]:
            providers.add("data set", name, provider, plugin.label)
    return Plugins(
        MappingProxyType(dict(sorted(targets.things.items()))),
        MappingProxyType(dict(sorted(providers.things.items()))),
        tuple(failures),
    )


def _entry_points() -> list[EntryPoint]:
    found = sorted(entry_points(group=PROJECT), key=lambda point: (point.name, point.value))
    installed = any(point.value == BUILTIN_PLUGIN.value for point in found)
    return found if installed else [BUILTIN_PLUGIN, *found]


def _import(points: Iterable[EntryPoint], failures: list[Failure]) -> Iterator[_Plugin]:
    for point in points:
        label = _label(point)
        try:
            yield _Plugin(label, point.load())
        except (Exception, SystemExit) as error:
            failures.append(Failure(label, _cause(error)))


def _label(point: EntryPoint) -> str:
    dist = point.dist
    return f"{point.name!r} of {dist.name} {dist.version}" if dist else repr(point.name)


def _given(plugin: object) -> _Plugin:
    return _Plugin(repr(getattr(plugin, "__name__", type(plugin).__name__)), plugin)


def _offered(plugin: _Plugin) -> tuple[list[_Named], list[_Named]]:
    """The plugin's targets and providers; each plugin is asked alone, so that one fails alone."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin.module)
    manager.check_pending()
    if not manager.get_hookcallers(plugin.module):
        raise TypeError("it answers no hook; are its functions marked with @hookimpl?")
    return (
        _made(manager.hook.fpgac_targets(), Target, "fpgac_targets"),
        _made(manager.hook.fpgac_data_providers(), Provider, "fpgac_data_providers"),
    )


def _made(answers: list[object], base: type[Any], hook: str) -> list[_Named]:
    """One of each class that a hook returned, with its name."""
    made: list[_Named] = []
    for answer in answers:
        if not isinstance(answer, (list, tuple)):
            raise TypeError(f"{hook} must return a list of classes, not {answer!r}")
        for item in answer:
            if not (isinstance(item, type) and issubclass(item, base)):
                raise TypeError(f"{hook} must return subclasses of {base.__name__}, not {item!r}")
            if isabstract(item):
                missing = ", ".join(sorted(getattr(item, "__abstractmethods__", ())))
                raise TypeError(f"{item.__name__} does not say {missing}")
            thing = item()
            made.append((thing.name, thing))
    return made


def _cause(error: BaseException) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, FpgacError) and text else f"{type(error).__name__}: {text}"
