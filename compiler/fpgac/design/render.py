"""Templates to files, and text quoted for the language that it goes into.

A template is looked up by its path (``build/README.md.j2``), first through the loaders that a
plugin puts in front, then among fpgac's own. fpgac's own are also found below ``fpgac/``, so that a
plugin's template of the same path can start with ``{% extends "fpgac/build/README.md.j2" %}`` and
override one block of it. What :func:`overridden` puts in front of all that extends
``target/PATH``: whatever the target itself has at that path. Files without ``.j2`` are looked up in
the same way, and are not rendered: whoever puts one in front replaces it whole.

Nothing is escaped on its own. Text that comes from people goes through a filter that quotes it for
the language at hand: ``cpp_string``, ``py_string``, ``sh_word``, ``tcl_word``, ``toml_string``,
``comment``.
"""

from __future__ import annotations

import json
import re
import shlex
import traceback
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fpgac.design.design import File
from fpgac.errors import FpgacError, PluginError, Problem, TargetError, Where, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jinja2 import BaseLoader, Environment, TemplateNotFound

__all__ = [
    "comment",
    "cpp_string",
    "file_of",
    "overridden",
    "py_string",
    "render",
    "sh_word",
    "tcl_word",
    "text_of",
    "toml_string",
]

# The packages whose templates are fpgac's own.
_OWN_PACKAGES: Final = frozenset({"fpgac_templates", "fpgac_targets"})

_OVERRIDES: Final[ContextVar[tuple[BaseLoader, ...]]] = ContextVar("overrides", default=())


@contextmanager
def overridden(loaders: Iterable[BaseLoader]) -> Iterator[None]:
    """Look up every template in ``loaders`` first, whichever target renders it."""
    token = _OVERRIDES.set(tuple(loaders))
    try:
        yield
    finally:
        _OVERRIDES.reset(token)


def render(template: str, context: Mapping[str, Any], loaders: Sequence[BaseLoader] = ()) -> bytes:
    """The text of ``template`` with the names of ``context``, as UTF-8; ``loaders`` come first.

    Raises:
        TargetError: no such template, a mistake in it, or a name that ``context`` does not hold.
        PluginError: the mistake is in a template of a plugin.
    """
    import jinja2

    try:
        environment = _environment(loaders)
        if _OVERRIDES.get():
            _check_blocks(environment, template)
        return environment.get_template(template).render(context).encode()
    except jinja2.TemplateNotFound as error:
        raise TargetError(_missing(error)) from error
    except FpgacError:
        raise
    except Exception as error:  # an expression of a template may raise anything
        file, line = _place(error)
        if file is None and not isinstance(error, jinja2.TemplateError):
            raise
        raise _mistake(template, error, Where(Path(file), line) if file else None) from error


def text_of(path: str, loaders: Sequence[BaseLoader] = ()) -> bytes:
    """The text of a file that is not rendered, as UTF-8, looked up as templates are.

    Raises:
        TargetError: there is no such file.
    """
    import jinja2

    environment = _environment(loaders)
    assert environment.loader is not None
    try:
        return environment.loader.get_source(environment, path)[0].encode()
    except jinja2.TemplateNotFound as error:
        raise TargetError(_missing(error)) from error


def file_of(path: str, context: Mapping[str, Any], loaders: Sequence[BaseLoader] = ()) -> File:
    """A design's file from ``path``: rendered where that ends in .j2, else as it is.

    A script, which begins with ``#!``, is executable.

    Raises:
        TargetError: as :func:`render`.
    """
    content = render(path, context, loaders) if path.endswith(".j2") else text_of(path, loaders)
    return File(content, executable=content.startswith(b"#!"))


def cpp_string(text: str) -> str:
    """``text`` as a C++ string literal of its UTF-8 bytes."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')
    body = "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text.encode())
    return f'"{body}"'


def py_string(text: str) -> str:
    """``text`` as a Python string literal, in ASCII and double quotes where possible."""
    literal = ascii(text)
    if literal.startswith("'") and '"' not in text and "\\'" not in literal:
        return f'"{literal[1:-1]}"'
    return literal


def sh_word(text: str) -> str:
    """``text`` as one word of a POSIX shell."""
    return shlex.quote(text)


def tcl_word(text: str) -> str:
    r"""``text`` as one word of Tcl: quoted, with ``$``, ``[``, ``]``, ``"`` and ``\`` escaped."""
    escaped = re.sub(r'([\\$\[\]"{}])', r"\\\1", text)
    return '"' + re.sub(r"[\0-\x1f]", lambda control: f"\\u{ord(control[0]):04x}", escaped) + '"'


def toml_string(text: str) -> str:
    """``text`` as a basic string of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def comment(text: str) -> str:
    """``text`` on one line, without what could end or continue a comment of any language."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.replace("\\", "/").replace("*/", "* /").split())


def _environment(loaders: Sequence[BaseLoader]) -> Environment:
    from jinja2 import (
        ChoiceLoader,
        Environment,
        PackageLoader,
        PrefixLoader,
        StrictUndefined,
    )

    own = PackageLoader("fpgac_templates", "")
    target = ChoiceLoader([*loaders, own])
    environment = Environment(
        loader=ChoiceLoader(
            [*_OVERRIDES.get(), *loaders, own, PrefixLoader({"fpgac": own, "target": target})]
        ),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for quote in (cpp_string, py_string, sh_word, tcl_word, toml_string, comment):
        environment.filters[quote.__name__] = quote
    return environment


def _check_blocks(environment: Environment, path: str) -> None:
    """Refuse a block of an override that what it extends does not have: it would be nowhere.

    Raises:
        TargetError, PluginError: there is one; with the nearest name.
    """
    from jinja2 import nodes

    assert environment.loader is not None
    source, file, _ = environment.loader.get_source(environment, path)
    tree = environment.parse(source, path, file)
    parent = tree.find(nodes.Extends)
    if parent is None or not isinstance(parent.template, nodes.Const):
        return
    known = _blocks(environment, parent.template.value)
    for block in tree.body:
        if isinstance(block, nodes.Block) and block.name not in known:
            what = f"{parent.template.value} has no block {block.name!r}"
            where = Where(Path(file), block.lineno) if file else None
            raise _error(what, where, nearest(block.name, known))


def _blocks(environment: Environment, path: str) -> set[str]:
    """The blocks of the template at ``path``, and of those that it extends."""
    from jinja2 import nodes

    assert environment.loader is not None
    source, file, _ = environment.loader.get_source(environment, path)
    tree = environment.parse(source, path, file)
    own = {block.name for block in tree.find_all(nodes.Block)}
    parent = tree.find(nodes.Extends)
    if parent is None or not isinstance(parent.template, nodes.Const):
        return own
    return own | _blocks(environment, parent.template.value)


def _missing(error: TemplateNotFound) -> Problem:
    what = f"there is no template {error.message!r}"
    hint = "a plugin finds its own through the loaders, fpgac's own below 'fpgac/'"
    return Problem(what, hint=hint, code="target.no-template")


def _mistake(template: str, error: Exception, where: Where | None) -> FpgacError:
    """The error for a template with a mistake: the plugin's whose file it is, or fpgac's own."""
    what = f"the template {template!r} cannot be rendered: {' '.join(str(error).split())}"
    hint = "a template may only use what its caller hands it; look for a mistyped name"
    return _error(what, where, hint)


def _error(what: str, where: Where | None, hint: str) -> FpgacError:
    if where and where.file and _OWN_PACKAGES.isdisjoint(where.file.parts):
        return PluginError(Problem(what, where, hint=hint, code="plugin.unrendered-template"))
    return TargetError(Problem(what, where, hint=hint, code="target.bad-template"))


def _place(error: Exception) -> tuple[str | None, int | None]:
    """Where in a template an error rose: Jinja2 puts its lines into the traceback."""
    from jinja2 import TemplateSyntaxError

    if isinstance(error, TemplateSyntaxError):
        return error.filename, error.lineno
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.endswith(".j2"):
            return frame.filename, frame.lineno
    return None, None
