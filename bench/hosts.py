"""What a call of the kernel costs in each host: PYNQ against C++, by the samples in a batch.

The hosts of muon's build run unchanged on the emulated card, whose kernel is the exact program, for
any processor; their own ``--profile`` times each phase of each call on its own. A call is the sum
of them: injection (samples to raw words, onto the card), inference, and extraction (back from the
card). Conversions are injection and extraction alone, which are the host's own work; a card would
take less time for the rest, and transfer over PCIe.
"""

from __future__ import annotations

import csv
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from _figures import Figure, number, print_table, process, show

from fpgac.engines.built import Build
from fpgac.engines.hosts import run_host_once

SPEC = Path(__file__).parents[1] / "specs" / "muon.toml"

PHASES = ("injection", "inference", "extraction")

# How many samples there are in a call, and how many calls are timed in a round.
CALLS = {1: 100, 16: 100, 256: 100, 4096: 20, 65536: 5}
ROUNDS = 3

Times = dict[str, float]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fpgac-bench-") as scratch:
        folder = Path(scratch, "muon")
        process(
            *(sys.executable, "-m", "fpgac", "compile", SPEC),
            *("--target", "aws-f1", "--out", folder),
        )
        build = Build.open(folder)
        times = {
            batch: quietest(
                [
                    {host: timed(build, host, batch, calls) for host in build.hosts}
                    for _ in range(ROUNDS)
                ]
            )
            for batch, calls in CALLS.items()
        }
    print("\nmilliseconds of a call on the emulated card")
    print_table([TITLES, *rows(times)])
    few, many = min(times), max(times)
    show(
        "calls on the emulated card",
        [
            *compared("one_sample", times[few], PHASES),
            *compared(f"{many}_samples", times[many], PHASES),
            *compared(f"{many}_conversions", times[many], ("injection", "extraction")),
        ],
    )


def compared(name: str, times: dict[str, Times], phases: Sequence[str]) -> list[Figure]:
    """The milliseconds of some phases of a call, against those of the OpenCL host."""
    spent = {host: 1e3 * sum(each[phase] for phase in phases) for host, each in times.items()}
    return [
        Figure(f"hosts.{name}.{host}", spent[host], "ms", "opencl host", spent["opencl"])
        for host in ("pynq", "xrt")
    ]


def timed(build: Build, host: str, batch: int, calls: int) -> Times:
    """The seconds of each phase in the median call, the first two left out."""
    folder, contract = build.folder, build.contract
    samples, profile = folder / "samples.npy", folder / "profile.csv"
    shape = (batch * (calls + 2), *contract.inputs[0].shape)
    np.save(samples, np.random.default_rng(1).normal(0, 4, shape).astype(np.float32))
    run_host_once(
        folder,
        contract,
        host,
        [
            *("--input", str(samples), "--output", str(folder / "results.npy"), "--raw"),
            *("--batch", str(batch), "--compute-units", "1", "--profile", str(profile)),
        ],
        engine="exact",
    )
    with profile.open(newline="") as stream:
        timings = list(csv.DictReader(stream))[2:]
    return {
        phase: statistics.median(float(timing[f"{phase}_s"]) for timing in timings)
        for phase in PHASES
    }


def quietest(rounds: list[dict[str, Times]]) -> dict[str, Times]:
    """Each host's times in the round in which it was quickest."""
    return {
        host: min((each[host] for each in rounds), key=lambda times: sum(times.values()))
        for host in rounds[0]
    }


TITLES = ("batch", "host", *PHASES, "call", "us a sample", "x opencl")


def rows(times: dict[int, dict[str, Times]]) -> Iterator[tuple[str, ...]]:
    """A line for each batch and host."""
    for batch, hosts in times.items():
        for host, phases in hosts.items():
            call = sum(phases.values())
            yield (
                f"{batch:,}",
                host,
                *(number(1e3 * seconds) for seconds in phases.values()),
                number(1e3 * call),
                number(1e6 * call / batch),
                number(call / sum(hosts["opencl"].values())),
            )


if __name__ == "__main__":
    main()
