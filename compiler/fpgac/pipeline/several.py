"""A spec for several of its targets: what they share is made once, what fails fails alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fpgac.build.cancelling import Cancellation
from fpgac.build.events import Event, Notify
from fpgac.build.stage import Values
from fpgac.build.store import Store
from fpgac.errors import FpgacError
from fpgac.pipeline.checking import chosen_target
from fpgac.pipeline.compiling import Report, Request, compile_spec, is_warm
from fpgac.pipeline.sources import Sources
from fpgac.pipeline.stages import TargetStages
from fpgac.plugins import Plugins

__all__ = ["Outcome", "compile_targets"]


@dataclass(frozen=True)
class Outcome:
    """How one of several targets ended: with a report, or with an error."""

    request: Request
    report: Report | None = None
    error: FpgacError | None = None


def compile_targets(
    requests: Sequence[Request],
    plugins: Plugins,
    listener: Callable[[str], Notify],
    values: Values | None = None,
) -> list[Outcome]:
    """Compile one spec for each request's target, in the requests' order; all are of one spec.

    One goes ahead; when it is done, the others go side by side, and share what it has made. If it
    fails the next one goes ahead. Vendors' tools are never run side by side: each wants the whole
    machine, and a licence.

    ``listener`` gives what hears of a target's events, perhaps from several threads.
    """
    values, cancellation = values or Values(Store.of_user()), Cancellation()

    def compile_one(request: Request) -> Outcome:
        heard = listener(request.target)

        def notify(event: Event) -> None:
            cancellation.check()  # ends this target's pipeline where it is
            heard(event)

        try:
            report = compile_spec(request, plugins, notify, values, cancellation)
        except FpgacError as error:
            return Outcome(request, error=error)
        return Outcome(request, report)

    outcomes: list[Outcome] = []
    waiting = list(requests)
    while waiting and (requests[0].mode != "emulation" or not any(o.report for o in outcomes)):
        outcomes.append(compile_one(waiting.pop(0)))
    if not all(is_warm(request, plugins, values) for request in waiting):
        # hls4ml's prints are caught for the whole process: not beside others. What fails here is
        # reported by each target.
        with contextlib.suppress(FpgacError, OSError):
            for request in waiting:
                values.get(_stages(request, plugins, values).core)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            futures = [pool.submit(compile_one, request) for request in waiting]
            return outcomes + [future.result() for future in futures]
        except BaseException:
            cancellation.cancel()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _stages(request: Request, plugins: Plugins, values: Values) -> TargetStages:
    target, options = chosen_target(request.file, plugins, request.target)
    return TargetStages(Sources(request.file, plugins), values.get, target, options)
