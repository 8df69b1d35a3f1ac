"""The guard that every call into a plugin goes through.

A plugin may raise anything, end the program, hang, print, or give what its base class does not
promise. The guard makes a :class:`fpgac.errors.PluginError` of it, with the plugin's name, its file
and line, and the hook or method; errors that the plugin raises for users pass unchanged. What is
printed goes to the plugin's log: standard output is fpgac's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Final

from fpgac.errors import FpgacError, PluginError, Problem, Where
from fpgac.plugins.owner import Owner

__all__ = ["TIMEOUT_VARIABLE", "called", "defect"]

# How long a call may take that neither reads data nor looks for tools, in seconds.
TIMEOUT_VARIABLE: Final = "FPGAC_PLUGIN_TIMEOUT"
_TIMEOUT_SECONDS: Final = 120.0


class _Late(BaseException):
    """The call takes too long."""


@contextlib.contextmanager
def called(
    owner: Owner,
    what: str,
    *,
    passing: tuple[type[Exception], ...] = (),
    limited: bool = True,
    place: Where | None = None,
) -> Iterator[None]:
    """Run code of ``owner``; ``what`` is its hook or method, which begins at ``place``.

    Errors of the kinds ``passing`` are no defect, as the method's documentation says. A call that
    is ``limited`` has :data:`TIMEOUT_VARIABLE` seconds, or 120: on the main thread, where alone
    Python can interrupt it.

    Raises:
        PluginError: it raised anything but an FpgacError, or took too long.
    """
    watch = _Watch()
    allowed: tuple[type[BaseException], ...] = (FpgacError, MemoryError, *passing)
    try:
        with _printing(owner), watch.over(_limit() if limited else 0.0):
            yield
    except allowed:
        raise
    except _Late as late:
        said = f"it takes more than {_limit():g} s"
        hint = f"{TIMEOUT_VARIABLE}=SECONDS in the environment gives it longer"
        raise defect(owner, what, said, owner.place_of(late) or place, hint) from late
    except BaseException as error:
        if watch.asked:
            raise
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise defect(owner, what, said, owner.place_of(error) or place) from error


def defect(
    owner: Owner, what: str, said: str, place: Where | None = None, hint: str = ""
) -> PluginError:
    """The error for users of a plugin that has a defect, in its hook or method ``what``."""
    return PluginError(
        Problem(
            f"the plugin {owner.label} has a defect in {what}: {said}",
            place or (Where(owner.root) if owner.root else None),
            hint=hint or "`fpgac --debug ...` shows the traceback, for the plugin's author",
            code="plugin.defect",
        )
    )


def _limit() -> float:
    try:
        return max(0.0, float(os.environ.get(TIMEOUT_VARIABLE, _TIMEOUT_SECONDS)))
    except ValueError:
        return _TIMEOUT_SECONDS


@dataclass
class _Watch:
    """Whether the user asked for an end (Ctrl-C, or SIGTERM) while the plugin's code ran."""

    asked: bool = False

    @contextlib.contextmanager
    def over(self, seconds: float) -> Iterator[None]:
        """Note such signals, and interrupt what takes more than ``seconds``, unless that is 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        outermost = seconds and signal.getitimer(signal.ITIMER_REAL)[0] == 0
        with contextlib.ExitStack() as restored:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._note(number, restored)
            if outermost:
                restored.callback(signal.signal, signal.SIGALRM, _alarm())
                # Again and again: a plugin's `except:` may take the first.
                signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
                restored.callback(signal.setitimer, signal.ITIMER_REAL, 0)
            yield

    def _note(self, number: int, restored: contextlib.ExitStack) -> None:
        usual = signal.getsignal(number)
        if callable(usual):
            signal.signal(number, self._noting(usual))
            restored.callback(signal.signal, number, usual)

    def _noting(self, usual: Callable[[int, FrameType | None], Any]) -> Callable[..., Any]:
        def handler(number: int, frame: FrameType | None) -> Any:
            self.asked = True
            return usual(number, frame)

        return handler


def _alarm() -> Any:
    """Have an alarm raise; gives what happened before."""

    def late(number: int, frame: FrameType | None) -> None:
        raise _Late

    return signal.signal(signal.SIGALRM, late)


@dataclass
class _Outputs:
    """Standard output while plugins run: of the calls at a time, the first one takes it away."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    calls: int = 0
    ended: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def begin(self, owner: Owner) -> None:
        with self.lock:
            self.calls += 1
            if self.calls == 1:
                self.ended.enter_context(_captured(owner))

    def end(self) -> None:
        with self.lock:
            self.calls -= 1
            if not self.calls:
                self.ended.close()


_OUTPUTS: Final = _Outputs()


@contextlib.contextmanager
def _printing(owner: Owner) -> Iterator[None]:
    """What the plugin prints goes to its log."""
    _OUTPUTS.begin(owner)
    try:
        yield
    finally:
        _OUTPUTS.end()


@contextlib.contextmanager
def _captured(owner: Owner) -> Iterator[None]:
    """Add to the log of ``owner`` what Python, libraries and children write to standard output."""
    with tempfile.TemporaryFile() as taken, contextlib.ExitStack() as ended:
        # Where standard output is closed, or no descriptor, only Python's own is taken.
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            usual = os.dup(1)
            ended.callback(os.close, usual)
            os.dup2(taken.fileno(), 1)
            ended.callback(os.dup2, usual, 1)
        with open(taken.fileno(), "w", encoding="utf-8", errors="replace", closefd=False) as text:
            with contextlib.redirect_stdout(text):
                yield
            text.flush()
        taken.seek(0)
        if printed := taken.read():
            owner.keep(printed)
