"""Faults planted in plugins: each is blamed on the plugin's line, and everything else works."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpgac.errors import PluginError
from fpgac.pipeline.hardware import read_reports
from fpgac.plugins import Failure, load_plugins
from fpgac.plugins.guard import TIMEOUT_VARIABLE
from fpgac.plugins.owner import Owner
from tests.plugins.faults import CLASSES, FAULTS, HEAD, HOOKS, Fault, source_of

Fpgac = Callable[..., subprocess.CompletedProcess[str]]

AT_LOAD = [fault for fault in FAULTS if fault.at_load]
AT_CALL = [fault for fault in FAULTS if not fault.at_load]

# The things of the planted plugins, by hook: the attribute of Plugins, and the name there.
PLACES = {
    "fpgac_targets": ("targets", "bad-card"),
    "fpgac_data_providers": ("providers", "bad-data"),
    "fpgac_network_sources": ("sources", ".bad"),
    "fpgac_toolchains": ("toolchains", "Bad tools"),
    "fpgac_launchers": ("launchers", "bad-launcher"),
    "fpgac_report_parsers": ("parsers", "bad-report"),
}


@pytest.fixture
def planted(tmp_path: Path) -> Callable[[str], Path]:
    """A plugin's file with this source, and a template beside it."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "README.md.j2").write_text("fine\n")

    def plant(source: str) -> Path:
        (tmp_path / "faulty.py").write_text(source)
        return tmp_path / "faulty.py"

    return plant


def line_of(file: Path, text: str) -> int:
    """The last line with ``text``: what is defined there holds."""
    lines = file.read_text().splitlines()
    return max(number for number, line in enumerate(lines, 1) if text in line)


def only_failure(file: Path) -> Failure:
    plugins = load_plugins(files=[file])
    assert "aws-f1" in plugins.targets, "the rest works"
    (failure,) = plugins.failures
    assert failure.file == file, "whoever named the file can be told"
    assert failure.problem.code == "plugin.unusable"
    return failure


def test_the_faults_are_many() -> None:
    assert len(FAULTS) + len(AT_IMPORT) + len(HOOKS) * len(OF_HOOKS) >= 80


@pytest.mark.parametrize("fault", AT_LOAD, ids=lambda fault: fault.title)
def test_a_fault_that_can_be_seen_at_once(fault: Fault, planted: Callable[[str], Path]) -> None:
    file = planted(source_of(fault))
    failure = only_failure(file)
    assert fault.said in str(failure)
    assert "faulty" in failure.what
    if fault.method != "pattern":
        assert failure.where is not None
        assert (failure.where.file, failure.where.line) == (file, line_of(file, fault.line))


@pytest.mark.parametrize("fault", AT_CALL, ids=lambda fault: fault.title)
def test_a_fault_of_a_method(
    fault: Fault,
    planted: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.2")
    file = planted(source_of(fault))
    plugins = load_plugins(files=[file])
    assert plugins.failures == ()
    with pytest.raises(PluginError) as caught:
        call(plugins, fault)
    (problem,) = caught.value.problems
    kind, method = CLASSES[fault.hook].split()[1][0], fault.method.partition("(")[0]
    assert caught.value.exit_code == 12
    assert problem.code == "plugin.defect"
    assert f"the plugin 'faulty' of {file} has a defect in {kind}.{method}: " in problem.what
    assert fault.said in problem.what
    assert problem.where is not None
    assert (problem.where.file, problem.where.line) == (file, line_of(file, fault.line))
    assert capfd.readouterr().out == ""


def call(plugins: Any, fault: Fault) -> object:
    """Call the method that has the fault, with as many arguments as it takes."""
    attribute, name = PLACES[fault.hook]
    thing = getattr(plugins, attribute)[name]
    method, _, signature = fault.method.partition("(")
    if fault.method.endswith("*"):
        return getattr(thing, method)
    arguments = [] if "*a" in signature else [None] * signature.count(",")
    return getattr(thing, method)(*arguments)


AT_IMPORT = {
    "raise KeyError('gone')": "KeyError: 'gone'",
    "sys.exit(3)": "SystemExit: 3",
    "raise KeyboardInterrupt('no key')": "KeyboardInterrupt: no key",
    "import pytest; pytest.skip('not today', allow_module_level=True)": "Skipped: not today",
    "time.sleep(60)": "it takes more than 0.2 s",
    "import no_such_module": "ModuleNotFoundError: No module named 'no_such_module'",
    "def broken(:": "SyntaxError: ",
    "fpgac_api = 'new'; 1 / 0": "ZeroDivisionError",
}


@pytest.mark.parametrize("body", AT_IMPORT)
def test_a_fault_while_the_plugin_is_imported(
    body: str, planted: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.2")
    file = planted(f"import sys, time\n{body}\n")
    failure = only_failure(file)
    assert AT_IMPORT[body] in failure.cause
    assert failure.where is not None
    assert (failure.where.file, failure.where.line) == (file, 2)


OF_HOOKS = {
    "raise KeyError('gone')": "KeyError: 'gone'",
    "sys.exit(3)": "SystemExit: 3",
    "raise KeyboardInterrupt('no key')": "KeyboardInterrupt: no key",
    "import pytest; pytest.skip('not today')": "Skipped: not today",
    "return 7": "must return a list of classes, not 7",
    "return [int]": "must return subclasses of",
}


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("body", OF_HOOKS)
def test_a_fault_of_a_hook(hook: str, body: str, planted: Callable[[str], Path]) -> None:
    file = planted(f"{HEAD}@hookimpl\ndef {hook}():\n    {body}\n")
    failure = only_failure(file)
    assert OF_HOOKS[body] in failure.cause
    assert hook in str(failure)
    assert failure.where is not None
    assert failure.where.file == file or body == "return [int]"


def test_one_bad_hook_or_class_leaves_the_others(planted: Callable[[str], Path]) -> None:
    source = source_of(Fault("fpgac_targets", "notice", "7", "", ""))
    good = f"{CLASSES['fpgac_toolchains']}@hookimpl\ndef fpgac_toolchains(): return [F]\n"
    misspelt = "@hookimpl\ndef fpgac_toolchain(): return [F]\n"
    plugins = load_plugins(files=[planted(source + good + misspelt)])
    assert "Bad tools" in plugins.toolchains
    notice, unknown = sorted(map(str, plugins.failures))
    assert "unknown hook 'fpgac_toolchain'; did you mean 'fpgac_toolchains'?" in notice
    assert "the target 'bad-card' of the plugin 'faulty'" in unknown
    with pytest.raises(PluginError, match="notice must be str or None, not 7"):
        plugins.target("bad-card")


def test_what_a_plugin_prints_goes_to_its_log(
    planted: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    body = (
        "print('by Python'); os.write(1, b'by a library\\n'); "
        "subprocess.run(['echo', 'by a child'], check=True); return ()"
    )
    fault = Fault("fpgac_targets", "hosts(self, options)", body, "", "")
    file = planted("print('at the import')\n" + source_of(fault))
    owner = Owner("faulty")
    owner.log.unlink(missing_ok=True)
    assert load_plugins(files=[file]).target("bad-card").hosts(None) == ()
    assert capfd.readouterr().out == ""
    lines = ["at the import", "by Python", "by a library", "by a child"]
    assert sorted(owner.log.read_text().splitlines()) == sorted(lines)


def test_an_error_for_users_passes_unchanged(planted: Callable[[str], Path]) -> None:
    body = "raise TargetError(Problem('no such host', code='target.unknown-host'))"
    fault = Fault("fpgac_targets", "hosts(self, options)", body, "", "")
    plugins = load_plugins(files=[planted(source_of(fault))])
    with pytest.raises(Exception, match="no such host") as caught:
        plugins.target("bad-card").hosts(None)
    assert type(caught.value).__name__ == "TargetError"


FLOWS = """
from typing import Literal
from fpgac_targets.vitis import VitisOptions, VitisTarget

class Options(VitisOptions):
    flow: Literal["one"] = "one"

class One(AwsF1):
    board = AwsF1.board.model_copy(update={"name": "bad-card"})
    Options = Options
    def plan(self, *a, **k): return 7

class Both(Flows):
    flows = {"one": One()}
    board = One.board

@hookimpl
def fpgac_targets(): return [Both]
"""


def test_the_flows_of_a_board_are_behind_the_guard_as_well(planted: Callable[[str], Path]) -> None:
    target = load_plugins(files=[planted(HEAD + FLOWS)]).target("bad-card")
    flow = target.flow(target.options({}))
    with pytest.raises(PluginError, match=r"One\.plan: plan must be Plan, not 7"):
        flow.plan(*[None] * 3, contract=None, clock_mhz=1.0)  # type: ignore[arg-type]


def test_a_plugin_for_another_interface_is_refused(planted: Callable[[str], Path]) -> None:
    later = only_failure(planted(f"fpgac_api = 2\n{HEAD}@hookimpl\ndef fpgac_targets(): return []"))
    assert "it is for version 2 of the plugin interface" in later.cause
    odd = only_failure(planted(f"fpgac_api = '1'\n{HEAD}@hookimpl\ndef fpgac_targets(): return []"))
    assert "fpgac_api must be a whole number, not '1'" in odd.cause


def test_plugins_are_disabled_by_name(
    planted: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FPGAC_DISABLED_PLUGINS", "other,faulty,builtin")
    file = planted("raise KeyError('gone')")
    plugins = load_plugins(files=[file])
    assert plugins.failures == ()
    assert plugins.disabled == (f"'faulty' of {file}",)
    assert "aws-f1" in plugins.targets, "fpgac's own are always there"


def test_a_parser_that_fails_does_not_fail_a_finished_build(
    planted: Callable[[str], Path], tmp_path: Path
) -> None:
    fault = Fault("fpgac_report_parsers", "read(self, path)", "raise KeyError('gone')", "", "")
    file = planted(source_of(fault))
    (tmp_path / "a.rpt").write_text("clock 7")
    notes: list[str] = []
    parsers = load_plugins(files=[file]).parsers
    assert read_reports(tmp_path, parsers, lambda news: notes.append(str(news))) == ()
    assert f"a.rpt was not read: {file}:{line_of(file, 'raise')}: the plugin 'faulty'" in notes[0]


# End to end: what a user sees.

PRINTS = Fault("fpgac_targets", "notice", "print('noise') or None", "", "")


def test_a_plugin_that_prints_leaves_json_whole(
    planted: Callable[[str], Path], fpgac: Fpgac
) -> None:
    file = planted(f"print('more noise')\n{source_of(PRINTS)}")
    schema = fpgac("schema", "--plugin", file)
    assert "bad-card" in json.loads(schema.stdout)["properties"]["targets"]["properties"]
    listed = fpgac("--json", "targets", "--plugin", file)
    assert "bad-card" in {row["target"] for row in json.loads(listed.stdout)["result"]}


UNSCHEMED = """
from collections.abc import Callable as Calls
from pydantic import ConfigDict, Field

class Odd(VitisOptions):
    model_config = ConfigDict(arbitrary_types_allowed=True, **VitisOptions.model_config)
    odd: Calls = Field(default=print)

class Card(AwsF1):
    board = AwsF1.board.model_copy(update={"name": "bad-card"})
    Options = Odd

@hookimpl
def fpgac_targets(): return [Card]
"""


def test_one_bad_plugin_leaves_the_schema_and_the_table_of_the_others(
    planted: Callable[[str], Path], fpgac: Fpgac, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = planted(f"{HEAD}from fpgac_targets.vitis import VitisOptions\n{UNSCHEMED}")
    monkeypatch.setenv("FPGAC_PLUGINS", str(file))
    schema = fpgac("schema")
    tables = json.loads(schema.stdout)["properties"]["targets"]["properties"]
    assert "aws-f1" in tables
    assert "bad-card" not in tables
    assert "the target 'bad-card' is left out" in schema.stderr
    file.write_text("import pytest; pytest.skip('not today', allow_module_level=True)")
    table = fpgac("targets")
    assert (table.returncode, "aws-f1" in table.stdout) == (0, True)
    assert f"{file}:1: its import: Skipped: not today" in table.stderr


def test_a_plugin_that_is_named_and_fails_ends_the_command(
    planted: Callable[[str], Path], fpgac: Fpgac, specs: Path
) -> None:
    file = planted("\n1 / 0\n")
    done = fpgac("--json", "validate", specs / "iris.toml", "--plugin", file)
    assert done.returncode == 12
    (problem,) = json.loads(done.stdout)["problems"]
    assert (problem["code"], problem["line"]) == ("plugin.unusable", 2)
