"""What ``--on``, ``--on-option`` and ``--time-limit`` say: where the vendor's steps run."""

from __future__ import annotations

from collections.abc import Iterable

from fpgac.build.launcher import Launch, Launcher, Place
from fpgac.build.progress import read_duration
from fpgac.errors import Problem, ToolchainError, UsageError, shown
from fpgac.plugins import Plugins

__all__ = ["launch_of"]


def launch_of(
    plugins: Plugins,
    on: str = "local",
    options: Iterable[str] = (),
    time_limit: str | None = None,
) -> Launch:
    """The launcher that ``on`` names, ``NAME`` or ``NAME://ADDRESS``, with options ``KEY=VALUE``.

    Raises:
        ToolchainError: no plugin offers the launcher.
        UsageError: an option or a time that is none.
    """
    name, _, address = on.partition("://")
    place = Place(address, dict(map(_option, options)))
    return Launch(_launcher(plugins, name), place, _seconds(time_limit))


def _launcher(plugins: Plugins, name: str) -> Launcher:
    if name in plugins.launchers:
        return plugins.launchers[name]
    raise ToolchainError(
        Problem(
            f"no plugin offers a launcher {name!r}",
            hint=plugins.hint(name, plugins.launchers),
            code="toolchain.unknown-launcher",
        )
    )


def _option(text: str) -> tuple[str, str]:
    key, equals, said = text.partition("=")
    if not (key and equals) or not text.isprintable():
        raise UsageError(
            Problem(
                "--on-option needs a name and a value",
                expected="such as partition=fpga",
                got=shown(text),
                hint="see fpgac compile --help",
                code="cli.no-option",
            )
        )
    return key, said


def _seconds(text: str | None) -> int:
    try:
        return read_duration(text) if text is not None else 0
    except ValueError:
        raise UsageError(
            Problem(
                "--time-limit needs a time",
                expected="such as 6h, 90m or 1h30m",
                got=shown(text),
                hint="see fpgac compile --help",
                code="cli.no-time",
            )
        ) from None
