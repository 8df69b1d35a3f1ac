"""What a build must be like: its interval, its slack, and the budget that a spec sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fpgac.errors import Problem, Where
from fpgac.reports.hardware import Reported, latest
from fpgac.targets.target import Budget

__all__ = ["Gates"]

# The loop over the samples, whose interval and latency are the kernel's.
LOOP = "compute_samples"


@dataclass(frozen=True)
class Gates:
    """What was asked for: an ``interval`` in cycles at ``clock_mhz``, and a ``budget``.

    ``scaled`` is whether XRT lowers a clock that timing does not allow: a slack is no error then.
    ``units`` is the number of compute units.
    """

    interval: int
    clock_mhz: float
    units: int
    scaled: bool
    budget: Budget

    def broken(self, folder: Path, reported: Sequence[Reported]) -> Iterator[Problem]:
        """What of the figures reported of the build in ``folder`` is not as it was asked for."""
        yield from self._slow(folder, reported)
        if not self.scaled:
            yield from _late(folder, reported)
        yield from self._over_budget(folder, reported)

    def _slow(self, folder: Path, reported: Sequence[Reported]) -> Iterator[Problem]:
        for each in latest(reported, "interval", LOOP):
            if each.figure.value > self.interval:
                yield Problem(
                    "a sample takes more cycles than was asked for",
                    Where(folder / each.file),
                    expected=f"{self.interval} cycles",
                    got=str(each.figure),
                    hint="HLS's log says why: a memory port, a recurrence, too few multipliers",
                    code="build.slow-interval",
                )

    def _over_budget(self, folder: Path, reported: Sequence[Reported]) -> Iterator[Problem]:
        budget = self.budget
        most = {
            "LUT": budget.max_lut,
            "FF": budget.max_ff,
            "DSP": budget.max_dsp,
            "BRAM_18K": budget.max_bram_18k,
        }
        # Of a card's device, a part is the platform's own.
        kernels = any(each.figure.part == "kernels" for each in reported)
        for name, limit in most.items():
            for each in latest(reported, name, "kernels" if kernels else None):
                if limit is not None and each.figure.value > limit:
                    yield _over(folder, each, f"at most {limit} {name}", f"max_{name.lower()}")
        yield from self._too_slow(folder, reported)

    def _too_slow(self, folder: Path, reported: Sequence[Reported]) -> Iterator[Problem]:
        most, least = self.budget.max_latency_ns, self.budget.min_rate
        for each in latest(reported, "latency", LOOP):
            if most is not None and 1000 * each.figure.value / self.clock_mhz > most:
                expected = f"at most {most:g} ns at {self.clock_mhz:g} MHz"
                yield _over(folder, each, expected, "max_latency_ns")
        for each in latest(reported, "interval", LOOP):
            rate = 1e6 * self.clock_mhz * self.units / each.figure.value
            if least is not None and rate < least:
                expected = f"at least {least:g} samples a second, not {rate:g}"
                yield _over(folder, each, expected, "min_rate")


def _late(folder: Path, reported: Sequence[Reported]) -> Iterator[Problem]:
    for each in reported:
        if each.figure.name.endswith("slack") and each.figure.value < 0:
            yield Problem(
                "timing did not close",
                Where(folder / each.file),
                expected="a slack of 0 or more",
                got=str(each.figure),
                hint="ask for a slower clock_mhz, or a greater reuse_factor",
                code="build.negative-slack",
            )


def _over(folder: Path, each: Reported, expected: str, key: str) -> Problem:
    return Problem(
        "the build is beyond its budget",
        Where(folder / each.file),
        expected=expected,
        got=str(each.figure),
        hint=f"the spec's budget says so ({key}); a greater reuse_factor makes a design smaller",
        code="build.over-budget",
    )
