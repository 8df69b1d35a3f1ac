"""Things that plugins offer, each method behind the guard.

:func:`guarded` gives a thing a class of its own, a subclass of the plugin's, made from the base
class: whatever the base class declares runs under :func:`fpgac.plugins.guard.called`, and what it
gives is held against the base class's annotations.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from fpgac.build.launcher import StepEndedError
from fpgac.errors import Where
from fpgac.plugins.guard import called, defect
from fpgac.plugins.owner import Owner
from fpgac.plugins.results import hints_of, misfit
from fpgac.targets.delivery import DeliveryEngine
from fpgac.targets.target import Target

__all__ = ["calling", "guarded", "owner_of", "place_of"]

T = TypeVar("T")

_OWNER: Final = "__fpgac_owner__"

# What takes as long as data, networks and vendors' tools take.
_UNLIMITED: Final = frozenset(
    (
        *("load", "load_test", "read", "digest", "find", "toolchain", "platforms"),
        *("words", "run", "planned_there", "identity"),
    )
)
# What callers handle, as the documentation of the method says.
_PASSING: Final[Mapping[str, tuple[type[Exception], ...]]] = {
    "digest": (OSError,),
    "run": (StepEndedError,),
}


def owner_of(thing: object) -> Owner | None:
    """The plugin that offers ``thing``; None for fpgac's own."""
    owner: Owner | None = getattr(type(thing), _OWNER, None)
    return owner


def calling(thing: object, what: str) -> AbstractContextManager[None]:
    """Run code of ``thing``'s that is no method of it, such as that of its options."""
    owner = owner_of(thing)
    if owner is None:
        return nullcontext()
    name = f"{type(thing).__name__}.{what}"
    return called(owner, name, place=place_of(getattr(thing, what, None), type(thing)))


def guarded(thing: T, base: type[T], owner: Owner) -> T:
    """``thing``, which a plugin offers as a ``base``, behind the guard from now on.

    Raises:
        PluginError: what can be known of it without work is not what ``base`` declares.
    """
    if owner_of(thing) is None:
        thing.__class__ = _guarded_class(type(thing), base, owner)
    _check_values(thing, base, owner)
    return thing


def _guarded_class(kind: type[Any], base: type[Any], owner: Owner) -> type[Any]:
    """A subclass of ``kind`` in whose place it stands: of the same name and module."""
    members: dict[str, Any] = {
        _OWNER: owner,
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__doc__": kind.__doc__,
    }
    for name in _public(base):
        member = inspect.getattr_static(kind, name, None)
        if inspect.isroutine(member) or isinstance(member, classmethod | staticmethod):
            members[name] = _method(name, member, _result_of(base, name), owner)
        elif hasattr(member, "__get__") and not _is_own(member):
            members[name] = _property(name, member, _result_of(base, name), owner)
    made: type[Any] = types.new_class(kind.__name__, (kind,), {}, lambda body: body.update(members))
    return made


def _public(base: type[Any]) -> Iterator[str]:
    """What ``base`` declares: methods, properties, and attributes with a type."""
    declared = {**getattr(base, "__annotations__", {}), **vars(base)}
    return (name for name in declared if not name.startswith("_"))


def _result_of(base: Any, name: str) -> Any:
    """The type that ``base`` declares for what ``name`` gives; called or not."""
    member = inspect.getattr_static(base, name, None)
    function = member.fget if isinstance(member, property) else member
    if inspect.isfunction(function):
        return hints_of(function).get("return", Any)
    return hints_of(base).get(name, Any)


def _is_own(member: Any) -> bool:
    """Whether fpgac itself wrote a property, which then is known to be sound."""
    module = getattr(getattr(member, "fget", member), "__module__", None) or ""
    return module.partition(".")[0] in ("fpgac", "fpgac_targets")


def _method(name: str, member: Any, result: Any, owner: Owner) -> Any:
    function = inspect.unwrap(getattr(member, "__func__", member))

    @functools.wraps(function)
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        with _called(self, name, owner, function):
            given = member.__get__(self, type(self))(*arguments, **named)
        return _checked(self, name, given, result, owner, function)

    return call


def _property(name: str, member: Any, result: Any, owner: Owner) -> property:
    function = inspect.unwrap(getattr(member, "fget", None) or getattr(member, "func", member))

    def get(self: Any) -> Any:
        with _called(self, name, owner, function):
            given = member.__get__(self, type(self))
        return _checked(self, name, given, result, owner, function)

    return property(get)


def _called(self: Any, name: str, owner: Owner, function: Any) -> AbstractContextManager[None]:
    return called(
        owner,
        f"{type(self).__name__}.{name}",
        passing=_PASSING.get(name, ()),
        limited=name not in _UNLIMITED,
        place=place_of(function, type(self)),
    )


def _checked(self: Any, name: str, given: Any, result: Any, owner: Owner, function: Any) -> Any:
    """What a method or property gave, if it is a ``result``; a target that it gave is guarded.

    Raises:
        PluginError: it is something else.
    """
    what = f"{type(self).__name__}.{name}"
    if (wrong := misfit(given, result, name)) is not None:
        raise defect(owner, what, wrong, place_of(function, type(self)))
    return _guarded_target(given, owner) if isinstance(given, Target) else given


def _check_values(thing: Any, base: type[Any], owner: Owner) -> None:
    """Look at all that a user is shown of ``thing`` before anything is made with it."""
    kind = type(thing)
    for name in _public(base):
        member = inspect.getattr_static(base, name, None)
        if callable(member) or name in _UNLIMITED or not hasattr(thing, name):
            continue
        value, what = getattr(thing, name), f"{kind.__name__}.{name}"
        wrong = misfit(value, _result_of(base, name), name) or _unsound(value, name)
        if wrong is not None:
            raise defect(owner, what, wrong, place_of(None, kind))
    for flow in getattr(thing, "flows", {}).values():
        _guarded_target(flow, owner)
    for engine in getattr(thing, "engines", ()):
        _guarded_engine(engine, owner)


def _guarded_target(target: Target[Any], owner: Owner) -> Target[Any]:
    """A target that another one gives, such as one of its flows."""
    base: Any = Target
    return guarded(target, base, owner)


def _guarded_engine(engine: DeliveryEngine, owner: Owner) -> DeliveryEngine:
    """What runs a target's files."""
    base: Any = DeliveryEngine
    behind: DeliveryEngine = guarded(engine, base, owner)
    return behind


def _unsound(value: object, name: str) -> str | None:
    """What is wrong inside a model, whose copies are not validated as they are made."""
    if not isinstance(value, BaseModel):
        return None
    try:
        type(value).model_validate(value.model_dump(warnings=False))
    except ValueError as error:
        return f"{name}: {error}"
    return None


def place_of(function: Any, kind: type[Any] | None = None) -> Where | None:
    """Where ``function`` begins, or else ``kind``; the first of them may be a class as well."""
    if isinstance(function, type):
        function, kind = None, function
    code = getattr(function, "__code__", None)
    if code is not None and not _is_own(function):
        return Where(Path(code.co_filename), code.co_firstlineno)
    for base in kind.__mro__[:-1] if kind else ():
        try:
            return Where(Path(inspect.getfile(base)), inspect.getsourcelines(base)[1])
        except (OSError, TypeError):
            continue
    return None
