"""A plan as a script for people's shells: the very commands that fpgac runs, rendered from them.

What a plan knows of a machine, such as a platform's path, stands in the plan for a script as a
shell's variable between ``@``: a target makes that plan with a toolchain of such words.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fpgac.build.plan import Plan, Step
from fpgac.design.design import File
from fpgac.design.render import render

if TYPE_CHECKING:
    from jinja2 import BaseLoader

__all__ = ["ShellPlan", "build_scripts", "command_lines", "shell_word"]

_VARIABLE: Final = re.compile(r"@([A-Z][A-Z0-9_]*)@")
_WIDTH: Final = 100


@dataclass(frozen=True)
class ShellPlan:
    """The plan of a mode, for versions of the toolchain from ``first`` on.

    Its tools are names on PATH; ``@NAME@`` in a word is the shell's variable ``NAME``.
    """

    mode: str
    plan: Plan
    first: tuple[int, ...] = ()

    @property
    def since(self) -> str:
        """The first version in words, or nothing where the plan is for all before others."""
        return ".".join(map(str, self.first))

    @property
    def tools(self) -> list[str]:
        """The programs that its steps call, each once."""
        return list(dict.fromkeys(step.command[0] for step in self.plan.steps))


def build_scripts(
    plans: Sequence[ShellPlan],
    context: Mapping[str, Any],
    loaders: Sequence[BaseLoader] = (),
    template: str = "build/build.sh.j2",
) -> dict[str, File]:
    """``scripts/build.sh``, which runs ``plans``, and ``scripts/Makefile``, which calls it.

    Args:
        plans: for each mode one plan, or one for each range of versions.
        context: what the templates know besides: ``board`` and ``contract`` at least.
        loaders: where templates are looked up first.
        template: a template that extends ``build/build.sh.j2``, or that one.
    """
    steps = [step for each in plans for step in each.plan.steps]
    known = {
        **context,
        "plans": _by_mode(plans),
        "failures": list(dict.fromkeys(sign for step in steps for sign in step.failure_patterns)),
        "remedies": {sign: hint for step in steps for sign, hint in step.remedies.items()},
        "words": _words,
        "command_lines": command_lines,
    }
    return {
        "scripts/build.sh": File(render(template, known, loaders), executable=True),
        "scripts/Makefile": File(render("build/Makefile.j2", known, loaders)),
    }


def _by_mode(plans: Iterable[ShellPlan]) -> dict[str, list[ShellPlan]]:
    """The plans of each mode, those of the newest versions first."""
    found: dict[str, list[ShellPlan]] = {}
    for each in plans:
        found.setdefault(each.mode, []).append(each)
    return {m: sorted(some, key=lambda each: each.first, reverse=True) for m, some in found.items()}


def shell_word(word: str) -> str:
    """A word of a plan as a shell reads it: one word, whatever its variables hold.

    >>> print(shell_word("--sysroot=@SYSROOT@/a b"))
    --sysroot="$SYSROOT"'/a b'
    """
    parts = _VARIABLE.split(word)
    quoted = [f'"${part}"' if place % 2 else _quoted(part) for place, part in enumerate(parts)]
    return "".join(quoted) or "''"


def _quoted(text: str) -> str:
    return shlex.quote(text) if text else ""


def command_lines(step: Step, indent: str = "") -> str:
    """The command of a step for a shell, on several lines; those after the first are indented."""
    given = [f"{name}={value}" for name, value in step.environment.items()]
    words = ["env", *given, *step.command] if given else step.command
    return f" \\\n{indent}".join(_lines(words))


def _words(words: Iterable[str], indent: str) -> str:
    """Words of a shell's array."""
    return f"\n{indent}".join(_lines(words))


def _lines(words: Iterable[str]) -> Iterator[str]:
    line = ""
    for word in map(shell_word, words):
        if line and len(line) + len(word) >= _WIDTH:
            yield line
            line = ""
        line = f"{line} {word}".lstrip()
    yield line
