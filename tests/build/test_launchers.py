"""Steps that run elsewhere: files go there, artifacts and logs come back, jobs are found again."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest

from fpgac.build.batch import _first_line
from fpgac.build.launcher import Launch, Launcher, Place
from fpgac.build.launchers import Container, HTCondor, Slurm, Ssh
from fpgac.build.lock import StepRecord
from fpgac.build.plan import Plan, Step
from fpgac.build.runner import StepEvent, run_plan
from fpgac.errors import BuildError, ToolchainError
from tests.build.fakes import FakeSite

POLL = {"poll": "0.05"}
WHERE: dict[str, tuple[Launcher, Place]] = {
    "ssh": (Ssh(), Place("me@farm:2222", POLL)),
    "slurm": (Slurm(), Place("", {**POLL, "partition": "fpga"})),
    "slurm behind ssh": (Slurm(), Place("", {**POLL, "host": "login"})),
    "htcondor": (HTCondor(), Place("", {**POLL, "request_memory": "64GB"})),
    "container": (Container(), Place("", {"image": "an/image", "engine": "podman"})),
}
# A container ends with fpgac; a job does not.
JOBS = [name for name in WHERE if name != "container"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSite:
    made = FakeSite(tmp_path / "site")
    monkeypatch.setenv("PATH", str(made.bin), prepend=":")
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "a 'build' $(folder)"
    (folder / "src").mkdir(parents=True)
    (folder / "src/a").write_text("xy")
    return folder


def launch(name: str, limit: int = 0, **options: str) -> Launch:
    launcher, place = WHERE[name]
    place = Place(place.address, {**place.options, **options})
    return Launch(launcher, place, limit, kept=("_x/**/*.rpt",))


def shell(name: str, script: str, inputs: str = "", outputs: str = "") -> Step:
    return Step(name, ("bash", "-c", script), tuple(inputs.split()), tuple(outputs.split()))


CHAIN = Plan(
    (
        shell("hw: double", "echo doubling; cat src/a src/a > out/b", "src/a", "out/b"),
        shell("hw: count", "wc -c < out/b > out/c; mkdir _x; echo 1 > _x/a.rpt", "out/b", "out/c"),
    )
)


@pytest.mark.parametrize("name", WHERE)
def test_artifacts_reports_and_logs_come_back(name: str, site: FakeSite, folder: Path) -> None:
    records = run_plan(CHAIN, folder, {}, launch=launch(name))
    assert (folder / "out/c").read_text().strip() == "4"
    assert (folder / "_x/a.rpt").is_file()
    assert (folder / records["hw: double"].log).read_text() == "doubling\n"

    events: list[StepEvent] = []
    run_plan(CHAIN, folder, records, events.append, launch=launch(name))
    assert {event.state for event in events} == {"cached"}


@pytest.mark.parametrize("name", ["ssh", "slurm behind ssh", "htcondor"])
def test_a_job_works_in_a_folder_of_its_own(name: str, site: FakeSite, folder: Path) -> None:
    step = shell("where", "pwd > out/where", "src/a", "out/where")
    run_plan(Plan((step,)), folder, {}, launch=launch(name))
    where = Path((folder / "out/where").read_text().strip())
    assert where.is_relative_to(site.root)
    assert (where / "src/a").read_text() == "xy"


@pytest.mark.parametrize("name", WHERE)
def test_no_word_of_a_step_reaches_a_shell(name: str, site: FakeSite, folder: Path) -> None:
    evil = "it's; $(touch broken) `touch broken` * \\"
    step = Step(
        "evil; touch broken",
        ("bash", "-c", 'printf %s "$0$EVIL" > out/said', evil),
        (),
        ("out/said",),
        environment={"EVIL": evil},
    )
    run_plan(Plan((step,)), folder, {}, launch=launch(name))
    assert (folder / "out/said").read_text() == evil * 2
    assert list(folder.parent.rglob("broken")) == []


@pytest.mark.parametrize("name", WHERE)
def test_what_fails_there_fails_here_with_its_log(name: str, site: FakeSite, folder: Path) -> None:
    step = shell("s", "echo 'ERROR: no licence'; echo half > out/o; exit 3", "", "out/o")
    with pytest.raises(BuildError, match="ERROR: no licence") as caught:
        run_plan(Plan((step,)), folder, {}, launch=launch(name))
    assert [problem.code for problem in caught.value.problems] == ["build.step-failed"]
    assert "exit code 3" in str(caught.value)
    assert not (folder / "out/o").exists()


@pytest.mark.parametrize("name", WHERE)
def test_a_step_has_its_limit_of_time(name: str, site: FakeSite, folder: Path) -> None:
    step = shell("slow", "sleep 600 & sleep 600", "", "out/o")
    with pytest.raises(BuildError) as caught:
        run_plan(Plan((step,)), folder, {}, launch=launch(name, limit=1))
    (problem,) = caught.value.problems
    assert (problem.code, problem.expected) == ("build.time-limit", "at most 1 s")


@pytest.mark.parametrize("name", ["ssh", "slurm behind ssh"])
def test_a_host_s_shell_may_be_bash(name: str, site: FakeSite, folder: Path) -> None:
    bash = shutil.which("bash")
    assert bash
    (site.tools / "sh").symlink_to(bash)
    slow = shell("slow", "sleep 0.5; echo x > out/x", "", "out/x")
    run_plan(Plan((*CHAIN.steps, slow)), folder, {}, launch=launch(name))
    assert (folder / "out/c").is_file()
    assert (folder / "out/x").is_file()


@pytest.mark.parametrize("name", ["slurm", "htcondor"])
def test_options_are_handed_on_to_the_batch_system(name: str, site: FakeSite, folder: Path) -> None:
    run_plan(CHAIN, folder, {}, launch=launch(name))
    if name == "slurm":
        (first, _) = site.calls
        assert "--job-name=fpgac-hw-double --output=/dev/null --partition=fpga" in first
        assert first.endswith(" jobs/hw-double.sh")
    else:
        assert "request_memory = 64GB\n" in (folder / "jobs/hw-count.sub").read_text()


@pytest.mark.parametrize("name", ["ssh", "container"])
def test_a_tool_need_be_there_alone(name: str, site: FakeSite, folder: Path) -> None:
    script = '#!/bin/sh\nif [ "$1" = --version ]; then echo v1; else echo "$1" > out/o; fi\n'
    site.install(site.tools / "there++", script)
    step = Step("s", ("there++", "made"), (), ("out/o",))
    first = run_plan(Plan((step,)), folder, {}, launch=launch(name))
    assert (folder / "out/o").read_text() == "made\n"

    site.install(site.tools / "there++", script.replace("v1", "v2"))
    _first_line.cache_clear()
    again = run_plan(Plan((step,)), folder, first, launch=launch(name))
    assert again["s"].key != first["s"].key, "another version makes it anew"


def test_a_site_s_script_makes_its_tools_known(site: FakeSite, folder: Path) -> None:
    settings = site.root / "the 'settings'.sh"
    settings.write_text("echo Vitis; export LICENCE='of the site'; false")
    step = shell("s", 'echo "$LICENCE" > out/o', "", "out/o")
    run_plan(Plan((step,)), folder, {}, launch=launch("ssh", setup=str(settings)))
    assert (folder / "out/o").read_text() == "of the site\n"


# A step that waits until a test lets it go on.
WAITING = Plan(
    (
        shell(
            "hw: link",
            'echo started >> "$STARTS"; while [ ! -e "$GO" ]; do sleep 0.05; done; echo x > out/x',
            "src/a",
            "out/x",
        ),
    )
)


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STARTS", str(tmp_path / "starts"))
    monkeypatch.setenv("GO", str(tmp_path / "go"))
    return tmp_path / "starts"


@pytest.mark.parametrize("when", ["while it runs", "after its end"])
@pytest.mark.parametrize("name", JOBS)
def test_a_job_goes_on_without_fpgac_and_is_found_again(
    name: str, when: str, site: FakeSite, folder: Path, starts: Path
) -> None:
    arguments = {"launch": launch(name)}
    run = get_context("fork").Process(target=run_plan, args=(WAITING, folder, {}), kwargs=arguments)
    run.start()
    until(lambda: starts.exists() and (folder / "jobs/hw-link.json").exists())
    run.kill()
    run.join()
    if when == "after its end":
        starts.with_name("go").touch()
        time.sleep(0.5)
    else:
        threading.Timer(0.3, starts.with_name("go").touch).start()
    records = run_plan(WAITING, folder, {}, launch=launch(name))
    assert starts.read_text() == "started\n", "the job was not handed over again"
    assert (folder / "out/x").read_text() == "x\n"
    assert set(records) == {"hw: link"}
    assert not (folder / "jobs/hw-link.json").exists()


def test_a_job_of_other_inputs_is_not_waited_for(
    site: FakeSite, folder: Path, starts: Path
) -> None:
    (folder / "jobs").mkdir()
    old = {"number": "1", "key": "another", "launcher": "slurm", "address": ""}
    (folder / "jobs/hw-link.json").write_text(json.dumps(old))
    starts.with_name("go").touch()
    run_plan(WAITING, folder, {}, launch=launch("slurm"))
    assert starts.read_text() == "started\n"


@pytest.mark.parametrize("name", WHERE)
def test_a_user_s_interrupt_ends_the_job(
    name: str, site: FakeSite, folder: Path, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    plan = Plan(
        (
            shell("slow", f"echo $$ > '{pid}'; sleep 600", "", "out/o"),
            shell("bad", f"while [ ! -s '{pid}' ]; do sleep 0.02; done; exit 1"),
        )
    )
    with pytest.raises(BuildError, match="'bad' failed"):
        run_plan(plan, folder, {}, launch=launch(name), workers=2)

    def gone() -> bool:
        try:
            state = Path(f"/proc/{int(pid.read_text())}/stat").read_text()
        except FileNotFoundError:
            return True
        return state.rpartition(")")[2].split()[0] == "Z"

    until(gone)
    assert not (folder / "jobs/slow.json").exists()


def test_a_lost_connection_is_waited_out(site: FakeSite, folder: Path, starts: Path) -> None:
    cut = site.root / "unreachable"
    said: list[str] = []

    def hear(event: StepEvent) -> None:
        said.append(event.text)
        if event.state == "running" and not cut.exists() and "out of reach" not in event.text:
            cut.touch()
        elif "out of reach" in event.text:
            cut.unlink(missing_ok=True)
            starts.with_name("go").touch()

    run_plan(WAITING, folder, {}, hear, launch=launch("ssh"))
    assert (folder / "out/x").is_file()
    assert any("farm is out of reach" in text for text in said)


def test_a_host_that_was_never_reached_is_an_error(site: FakeSite, folder: Path) -> None:
    (site.root / "unreachable").touch()
    with pytest.raises(BuildError) as caught:
        run_plan(CHAIN, folder, {}, launch=launch("ssh"))
    (problem,) = caught.value.problems
    assert problem.code == "build.site-unreachable"
    assert "No route to host" in problem.got


@pytest.mark.parametrize("name", ["slurm", "htcondor"])
def test_a_job_that_the_batch_system_ended_says_why(
    name: str, site: FakeSite, folder: Path, starts: Path
) -> None:
    (site.root / "ending").write_text("OUT_OF_MEMORY\n")

    def end(event: StepEvent) -> None:
        if event.state == "started":
            threading.Thread(target=kill).start()

    def kill() -> None:
        until(starts.exists)
        for pid in site.root.glob("*.pid"):
            os.killpg(int(pid.read_text()), 9)

    with pytest.raises(BuildError, match="OUT_OF_MEMORY") as caught:
        run_plan(WAITING, folder, {}, end, launch=launch(name))
    assert [problem.code for problem in caught.value.problems] == ["build.job-lost"]
    assert not (folder / "jobs/hw-link.json").exists()


def test_who_waits_hears_that_the_job_is_queued(site: FakeSite, folder: Path, starts: Path) -> None:
    (site.root / "queued").touch()

    def hear(event: StepEvent) -> None:
        if event.text.startswith("queued, "):
            starts.with_name("go").touch()

    run_plan(WAITING, folder, {}, hear, launch=launch("slurm"))


@pytest.mark.parametrize(
    ("launcher", "place", "code"),
    [
        (Ssh(), Place(), "toolchain.launcher-address"),
        (Slurm(), Place("host"), "toolchain.launcher-address"),
        (Ssh(), Place("host", {"partition": "x"}), "toolchain.launcher-option"),
        (Slurm(), Place("", {"par tition": "x"}), "toolchain.launcher-option"),
        (HTCondor(), Place("", {"a\nb": "x"}), "toolchain.launcher-option"),
        (Container(), Place(), "toolchain.launcher-option"),
        (Container(), Place("", {"image": "i", "engine": "gone"}), "toolchain.no-tool"),
    ],
)
def test_a_launcher_refuses_what_it_cannot_do(
    launcher: Launcher, place: Place, code: str, site: FakeSite
) -> None:
    with pytest.raises(ToolchainError) as caught:
        launcher.check(place)
    assert [problem.code for problem in caught.value.problems] == [code]


@pytest.mark.parametrize("address", ["-oProxyCommand=x", "a b", "host:port", "$(x)", "h/a;b"])
def test_an_address_is_no_option_and_no_command(address: str, folder: Path) -> None:
    with pytest.raises(ToolchainError) as caught:
        Ssh().site(Place(address), folder)
    assert [problem.code for problem in caught.value.problems] == ["toolchain.launcher-address"]


def test_without_a_batch_system_its_command_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="sbatch was not found on PATH"):
        Slurm().check(Place())


def test_records_of_a_local_run_hold_for_another_launcher_of_the_same_tools(
    site: FakeSite, folder: Path
) -> None:
    records: dict[str, StepRecord] = run_plan(CHAIN, folder, {})
    events: list[StepEvent] = []
    run_plan(CHAIN, folder, records, events.append, launch=launch("slurm"))
    assert {event.state for event in events} == {"cached"}
