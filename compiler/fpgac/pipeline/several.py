"""A spec for several of its targets: what they share is made once, what fails fails alone."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fpgac.build.road import Event, Tell
from fpgac.build.stopping import stop_if_told, stopping_with
from fpgac.errors import FpgacError
from fpgac.pipeline.compiling import Build, Request, compile_spec, is_warm
from fpgac.pipeline.sources import Sources
from fpgac.plugins import Plugins

__all__ = ["Outcome", "compile_targets"]


@dataclass(frozen=True)
class Outcome:
    """How one of several targets ended: with a build, or with an error."""

    request: Request
    build: Build | None = None
    error: FpgacError | None = None

    @property
    def folder(self) -> Path:
        return self.request.folder


def compile_targets(
    requests: Sequence[Request], plugins: Plugins, teller: Callable[[str], Tell]
) -> list[Outcome]:
    """Compile one spec for each request's target, in the requests' order; all are of one spec.

    One goes ahead; when it has gone to its end, the others go side by side, and take from its
    folder what they would only make again. If it fails the next one goes ahead. Vendors' tools
    are never run side by side: each wants the whole machine, and a licence.

    ``teller`` gives a target's listener; it may be called from several threads.
    """
    sources = Sources(requests[0].file, plugins)
    stopped = threading.Event()

    def listener(target: str) -> Tell:
        tell = teller(target)

        def heard(event: Event) -> None:
            stop_if_told()  # ends this target's road where it is
            tell(event)

        return heard

    def compile_one(request: Request, lenders: Sequence[Path]) -> Outcome:
        try:
            tell = listener(request.target)
            with stopping_with(stopped):
                return Outcome(request, compile_spec(request, plugins, tell, sources, lenders))
        except FpgacError as error:
            return Outcome(request, error=error)

    outcomes: list[Outcome] = []
    waiting = list(requests)
    while waiting and (requests[0].mode != "emulation" or not any(o.build for o in outcomes)):
        done = [outcome.folder for outcome in outcomes if outcome.build]
        outcomes.append(compile_one(waiting.pop(0), done))
    if not all(is_warm(request, plugins, sources) for request in waiting):
        # hls4ml's prints are caught for the whole process: not beside others. What fails here is
        # told by each target.
        with contextlib.suppress(FpgacError):
            _ = sources.core
    lenders = [outcome.folder for outcome in outcomes if outcome.build]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            futures = [pool.submit(compile_one, request, lenders) for request in waiting]
            return outcomes + [future.result() for future in futures]
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
