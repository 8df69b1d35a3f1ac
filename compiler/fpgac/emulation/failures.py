"""What the end of a host says: which failure, of whom, and what can be done."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fpgac.build.processes import ending, last_lines
from fpgac.emulation.process import Outcome
from fpgac.errors import EmulationError, Problem

__all__ = ["read_events", "require_good_end"]

# What XRT's emulation library says when a device process has ended by a signal.
_CARD_ENDED: Final = "Software emulation of compute unit(s) exited unexpectedly"
# What can be done about a kernel's crash, by how its cause begins.
_KERNEL_HINTS: Final = {
    "SIGFPE": "the kernel's C++ divides an integer by zero: look at what it is called with",
    "SIGABRT": "an assertion or a library ended the kernel: it printed which",
    "SIGILL": "the kernel's library is for another processor, or a function ends without a return",
    "it threw": "hardware has no exceptions: the kernel's C++ must not throw any",
    "it called exit()": "a kernel ends a call by returning: exit() ends the whole card",
}
_NULL_PAGE: Final = 4096
_CRASHED: Final = "read what it said last; a debugger or -fsanitize=address shows the place"


def read_events(path: Path) -> tuple[dict[str, Any], ...]:
    """The failures that the device processes of a run reported, in order."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return ()
    return tuple(_event(line) for line in lines)


def _event(line: str) -> dict[str, Any]:
    # A device process that runs out of disk leaves half a line: that it failed is still sure.
    with contextlib.suppress(ValueError):
        event: dict[str, Any] = json.loads(line)
        return event
    return {"event": "card_defect", "cause": "the card failed, and could not say how"}


def require_good_end(
    command: Sequence[str],
    outcome: Outcome,
    events: Sequence[dict[str, Any]],
    timeout: float,
    output: str,
) -> None:
    """Nothing, if the host ended by itself and no card failed.

    Raises:
        EmulationError: with the failure, the last lines of ``output``, and a hint.
    """
    name = _name(command)
    if events:
        raise EmulationError(_event_problem(events[0], name, _tail(output)))
    if outcome.manner == "timeout":
        raise EmulationError(
            Problem(
                f"the host {name} did not end within {timeout:g} seconds",
                got=_tail(output),
                hint="give it more time, or look where kernel or host wait for each other",
                code="host.hang",
            )
        )
    if outcome.manner == "failed":
        raise EmulationError(
            Problem(
                f"the host {command[0]} cannot be started",
                got=os.strerror(outcome.number),
                code="host.cannot-start",
            )
        )
    if outcome.manner == "signalled" and _CARD_ENDED in output:
        raise EmulationError(_card_killed(f"the host {name} went with it", _tail(output)))
    if outcome.manner == "signalled":
        raise EmulationError(
            Problem(
                f"the host {name} crashed: {ending(-outcome.number)}",
                got=_tail(output),
                hint=_CRASHED,
                code="host.crash",
            )
        )


def _event_problem(event: dict[str, Any], host: str, said: str) -> Problem:
    """What a card reported, and what can be done."""
    what = _event_words(event, host)
    match event["event"]:
        case "kernel_crash":
            hint = _kernel_hint(event)
            problem = Problem(what, got=said, hint=hint, code="emulation.kernel-crash")
        case "card_killed":
            problem = _card_killed(what, said)
        case "host_crash":
            problem = Problem(what, got=said, hint=_CRASHED, code="host.crash")
        case "refused_program":
            hint = "compile the design again: its xclbin does not fit its kernel"
            problem = Problem(what, got=said, hint=hint, code="emulation.refused-program")
        case "wrong_bank":
            hint = "allocate the buffer in the memory of the compute unit that will use it"
            problem = Problem(what, got=said, hint=hint, code="emulation.wrong-bank")
        case "unallocated_argument":
            hint = "the buffer must live until the kernel is done with it"
            problem = Problem(what, got=said, hint=hint, code="emulation.unallocated-argument")
        case "bad_transfer":
            hint = "the buffer must live until its transfer is done"
            problem = Problem(what, got=said, hint=hint, code="emulation.bad-transfer")
        case "not_emulated":
            hint = "start the kernel for each call"
            problem = Problem(what, got=said, hint=hint, code="emulation.not-emulated")
        case "stalled":
            problem = Problem(what, got=said, code="emulation.stalled")
        case _:
            problem = Problem(what, got=said, code="emulation.card-fault")
    return problem


def _card_killed(cause: str, said: str) -> Problem:
    return Problem(
        f"the device process of the emulated card was ended from outside: {cause}",
        got=said,
        hint="the system may have run out of memory (see dmesg), or somebody killed it",
        code="emulation.card-killed",
    )


def _kernel_hint(event: dict[str, Any]) -> str:
    """What can be done, by what the kernel did."""
    if "outside" in event:
        return "the kernel's C++ reads or writes where it must not: look at its sizes"
    if event.get("stack"):
        return "the kernel's stack is used up: hardware has no recursion; make large arrays static"
    if event.get("address", _NULL_PAGE) < _NULL_PAGE:
        return "the kernel's C++ follows a null pointer of its own"
    cause = str(event.get("cause", ""))
    hints = (hint for start, hint in _KERNEL_HINTS.items() if start in cause)
    return next(hints, "the kernel's C++ follows a pointer of its own to where nothing is")


def _name(command: Sequence[str]) -> str:
    """What a user calls the host: the script rather than its interpreter."""
    script = next((part for part in command[1:2] if part.endswith(".py")), command[0])
    return Path(script).name


def _event_words(event: dict[str, Any], host: str) -> str:
    cause = str(event.get("cause", ""))
    if event["event"] == "host_crash":
        return f"the host {host} crashed: {cause}"
    if event["event"] != "kernel_crash" or "arguments" not in event:
        return cause
    words = f"kernel {event['kernel']} crashed in compute unit {event['compute_unit']}: {cause}"
    if "outside" in event:
        words += f" outside the buffer of argument {event['outside']}, at byte {event['offset']}"
    arguments = ", ".join(
        f"{a['name']} = {a['value']:#x} ({a['bytes']} bytes)" if "bytes" in a
        else f"{a['name']} = {a['value']}"
        for a in event["arguments"]
    )  # fmt: skip
    return f"{words} ({arguments})"


def _tail(output: str) -> str:
    """The last lines that the host wrote, without the card's own."""
    own = (line for line in output.splitlines() if "fpgac_card" not in line)
    return last_lines("\n".join(own))
