"""What can be said of a tool while it runs, read from logs as tools write them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fpgac.build.plan import Plan, Step
from fpgac.build.progress import Sight, duration_text, read_duration, seen_in
from fpgac.build.runner import StepEvent, run_plan
from fpgac_targets.vitis import PHASES
from fpgac_targets.vivado import PHASES as OF_VIVADO

# Recorded of Vitis's v++, for a U280 and for a KV260, and of Vivado, by public build logs.
V_PLUS_PLUS = """\
[16:17:32] Run vpl: Step create_bd: Started
[16:18:06] Run vpl: Step create_bd: Completed
[16:19:22] Run vpl: Step synth: Started
[16:24:24] Block-level synthesis in progress, 41 of 67 jobs complete, 5 jobs running.
"""
VIVADO = """\
opt_design completed successfully
# place_design
Command: place_design
Attempting to get a license for feature 'Implementation' and/or device 'xc7k160t'
"""


@pytest.mark.parametrize(
    ("log", "phases", "expected"),
    [
        (V_PLUS_PLUS, PHASES, Sight("synth", V_PLUS_PLUS.splitlines()[3][:72])),
        (
            "[21:34:00] Run vpl: Step impl: Started\n[01:44:18] Starting logic routing..\n",
            PHASES,
            Sight("logic routing", "[01:44:18] Starting logic routing.."),
        ),
        (VIVADO, OF_VIVADO, Sight("place_design", VIVADO.splitlines()[3][:72])),
        ("", PHASES, Sight("as before", "")),
        ("nothing known\n\n", PHASES, Sight("as before", "nothing known")),
    ],
)
def test_phase_and_last_line_of_a_log(
    log: str, phases: tuple[str, ...], expected: Sight, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text(log)
    assert seen_in(tmp_path / "log", phases, Sight("as before")) == expected


def test_a_log_that_is_not_there_yet_says_nothing(tmp_path: Path) -> None:
    assert seen_in(tmp_path / "log", PHASES, Sight("as before", "line")) == Sight(
        "as before", "line"
    )


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    text = V_PLUS_PLUS + "INFO: another line\n" * 10_000
    (tmp_path / "log").write_text(text)
    assert seen_in(tmp_path / "log", PHASES, Sight()) == Sight("", "INFO: another line")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("90m", 5400), ("1h30m", 5400), ("2d", 172_800)]
)
def test_times_are_read(text: str, seconds: int) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "6", "h", "6 h", "-1h", "0m", "1w", "1.5h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        read_duration(text)


def test_times_are_written_as_people_do() -> None:
    assert [duration_text(each) for each in (5.4, 125, 7320)] == ["5 s", "2 min", "2 h 02 min"]


def test_who_listens_hears_phase_time_and_last_line(tmp_path: Path) -> None:
    script = f"printf '%s' '{V_PLUS_PLUS}'; while [ ! -e heard ]; do sleep 0.05; done"
    step = Step("hw: link", ("bash", "-c", script), (), (), phases=PHASES)
    heard: list[StepEvent] = []

    def hear(event: StepEvent) -> None:
        if event.state == "running":
            heard.append(event)
            (tmp_path / "heard").touch()

    run_plan(Plan((step,)), tmp_path, {}, hear)
    assert heard[0].phase == "synth"
    assert heard[0].text.startswith("synth, ")
    assert " s, [16:24:24] Block-level synthesis in progress" in heard[0].text
