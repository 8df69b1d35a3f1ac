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
        for each in latest(reported, "interval", LOOP):
            if each.figure.value > self.interval:
                yield _broken(
                    folder, each, "a sample takes more cycles than it was asked to",
                    f"{self.interval} cycles", "build.slow-interval",
                    "HLS's log says why: a memory port, a recurrence, too few multipliers",
                )  # fmt: skip
        for each in reported:
            figure = each.figure
            if figure.name.endswith("slack") and figure.value < 0 and not self.scaled:
                yield _broken(
                    folder, each, "timing did not close", "a slack of 0 or more",
                    "build.negative-slack", "ask for a slower clock_mhz, or a greater reuse_factor",
                )  # fmt: skip
        yield from self._over_budget(folder, reported)

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
        for each in latest(reported, "latency", LOOP):
            latency_ns = 1000 * each.figure.value / self.clock_mhz
            if budget.max_latency_ns is not None and latency_ns > budget.max_latency_ns:
                expected = f"at most {budget.max_latency_ns:g} ns at {self.clock_mhz:g} MHz"
                yield _over(folder, each, expected, "max_latency_ns")
        for each in latest(reported, "interval", LOOP):
            rate = 1e6 * self.clock_mhz * self.units / each.figure.value
            if budget.min_rate is not None and rate < budget.min_rate:
                expected = f"at least {budget.min_rate:g} samples a second, not {rate:g}"
                yield _over(folder, each, expected, "min_rate")


def _over(folder: Path, each: Reported, expected: str, key: str) -> Problem:
    hint = f"the spec's budget says so ({key}); a greater reuse_factor makes a design smaller"
    what = "the build is beyond its budget"
    return _broken(folder, each, what, expected, "build.over-budget", hint)


def _broken(
    folder: Path, each: Reported, what: str, expected: str, code: str, hint: str
) -> Problem:
    where = Where(folder / each.file)
    return Problem(what, where, expected=expected, got=str(each.figure), hint=hint, code=code)
