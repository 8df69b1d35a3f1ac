"""What the end of a host says: which failure, of whom, and what can be done."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fpgac.emulation.process import Outcome
from fpgac.errors import EmulationError, Problem

__all__ = ["read_events", "require_good_end", "signal_name"]

_TAIL_LINES: Final = 15

_HINTS: Final = {
    "kernel_crash": "the kernel's C++ reads or writes where it must not: look at its sizes",
    "host_crash": "read what it said last; a debugger or -fsanitize=address shows the place",
    "refused_program": "compile the design again: its xclbin does not fit its kernel",
    "wrong_bank": "allocate the buffer in the memory of the compute unit that will use it",
    "unallocated_argument": "the buffer must live until the kernel is done with it",
    "bad_transfer": "the buffer must live until its transfer is done",
}


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


def signal_name(number: int) -> str:
    """``SIGSEGV`` for 11; a real-time signal has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


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
        event = events[0]
        raise _error(_event_words(event, name), output, _HINTS.get(event["event"], ""))
    if outcome.manner == "timeout":
        hint = "give it more time, or look where kernel or host wait for each other"
        raise _error(f"the host {name} did not end within {timeout:g} seconds", output, hint)
    if outcome.manner == "failed":
        words = os.strerror(outcome.number)
        raise EmulationError(
            Problem(
                f"the host {command[0]} cannot be started",
                got=words,
                code="emulation.host-not-started",
            )
        )
    if outcome.manner == "signalled":
        cause = signal_name(outcome.number)
        raise _error(f"the host {name} crashed: {cause}", output, _HINTS["host_crash"])


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


def _error(what: str, output: str, hint: str) -> EmulationError:
    lines = [line for line in output.splitlines() if line and "fpgac_card" not in line]
    return EmulationError(
        Problem(what, got="\n".join(lines[-_TAIL_LINES:]), hint=hint, code="emulation.bad-end")
    )
