"""The conformance suite finds what it is there to find: targets wrong in one thing each."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from fpgac.errors import FpgacError, PluginError, ProofError
from fpgac.plugins import Core, Design, File, Plan, Target, Templates, Toolchain
from fpgac.testing import HOSTILE_TEXT, TargetConformance, parse_errors, tiny_core
from fpgac_targets.aws_f1 import AwsF1
from fpgac_targets.pynq_z2 import PynqZ2

Change = Callable[[dict[str, File], str], None]


def suite(change: Change) -> TargetConformance:
    """The suite for F1, whose designs have been changed; ``change`` sees files and description."""

    class Changed(AwsF1):
        def design(self, name: str, core: Core, options: Any, description: str = "") -> Design:
            made = super().design(name, core, options, description)
            files = dict(made.files)
            change(files, description)
            return Design(made.name, made.target, files)

    return suite_of(Changed())


def suite_of(target: Target[Any], **more: object) -> TargetConformance:
    made: TargetConformance = type("Suite", (TargetConformance,), {"target": target, **more})()
    return made


def test_a_design_that_is_another_each_time_is_found() -> None:
    counter = itertools.count()

    def change(files: dict[str, File], description: str) -> None:
        files["stamp.txt"] = File(str(next(counter)).encode())

    with pytest.raises(AssertionError, match=r"two designs of the same core differ in stamp\.txt"):
        suite(change).test_it_renders_deterministically()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("kernel/src/tiny_kernel.cpp", "int x = ;"),
        ("hosts/more/host.py", "def f(:"),
        ("hosts/more/host.cpp", '#include "gone.hpp"'),
        ("scripts/more.sh", "#!/bin/bash\nif true; then\n"),
        ("scripts/more", "#!/bin/bash\nif true; then\n"),
        ("scripts/Makefile", "all:\n  no tab\n"),
        ("scripts/more.tcl", "set a {\n"),
        ("scripts/more.tcl", "create_projekt p f -part c\n"),
        ("scripts/more.tcl", "create_project p f -parts c\n"),
        ("scripts/hls.tcl", "open_project p\nset_top f\ncsynth_design\nexit\n"),
        ("scripts/more.toml", "a = "),
        ("scripts/more.json", "{"),
    ],
)
def test_a_file_that_does_not_parse_is_found(path: str, text: str, tmp_path: Path) -> None:
    design = Design("tiny", "any", {path: File(text.encode())})
    assert [error.partition(":")[0] for error in parse_errors(design, tmp_path)] == [path]


def test_a_word_that_the_shell_would_split_is_found(tmp_path: Path) -> None:
    script = b"#!/bin/sh\nrm $1\n"
    (error,) = parse_errors(Design("tiny", "any", {"a.sh": File(script)}), tmp_path)
    assert "SC2086" in error


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("hosts/pynq/tiny_host.py", "# {}\n"),
        ("hosts/pynq/tiny_host.py", "NAME = '{}'\n"),
        ("scripts/build.sh", "echo '{}'\n"),
        ("scripts/link.cfg", "# {}\n"),
        ("hosts/xrt/host.cpp", "/* {} */\n"),
        ("hosts/xrt/host.cpp", "// {}\n"),
    ],
)
def test_text_that_leaves_its_quotes_is_found(path: str, line: str, tmp_path: Path) -> None:
    def change(files: dict[str, File], description: str) -> None:
        files[path] = File(files[path].content + line.format(description).encode())

    with pytest.raises(AssertionError, match=re.escape(path)):
        suite(change).test_text_that_would_leave_its_quotes_is_harmless(tmp_path)


def test_names_that_are_not_checked_are_found() -> None:
    class Careless(AwsF1):
        def design(self, name: str, core: Core, options: Any, description: str = "") -> Design:
            return super().design("tiny", core, options, description)

    with pytest.raises(AssertionError, match="must raise FpgacError"):
        suite_of(Careless()).test_names_that_would_leave_their_quotes_are_refused()


def test_options_that_nobody_knows_are_found() -> None:
    class Careless(AwsF1):
        def options(self, table: Any, file: Any = None, lines: Any = None) -> Any:
            known = {key: said for key, said in table.items() if key in self.Options.model_fields}
            return super().options(known, file, lines)

    with pytest.raises(AssertionError, match="must raise SpecError"):
        suite_of(Careless()).test_unknown_options_are_refused()


def test_a_clock_that_is_not_checked_is_found() -> None:
    class Careless(AwsF1):
        def check_clock(self, clock_mhz: float, where: Any = None) -> None:
            return

    with pytest.raises(AssertionError, match="must raise TargetError"):
        suite_of(Careless()).test_a_clock_that_the_board_cannot_give_is_refused()


class Planned(AwsF1):
    """F1 with another plan: ``change`` is what is wrong with it."""

    change: ClassVar[Callable[[Plan], object]]

    def plan(self, *arguments: Any, **named: Any) -> Any:
        return type(self).change(super().plan(*arguments, **named))


def last(plan: Plan, **changes: Any) -> Plan:
    """``plan`` with another last step."""
    *steps, step = plan.steps
    return Plan((*steps, replace(step, **changes)))


COUNTER: Final = itertools.count()
NOTHING: Final[dict[str, Any]] = {}

# What is wrong with a plan, and what is said of it.
PLANS: Final[dict[str, tuple[Callable[[Plan], object], str]]] = {
    "it raises": (lambda plan: NOTHING["gone"], "has a defect in Planned.plan: KeyError: 'gone'"),
    "it is none": (lambda plan: None, "plan must be Plan, not None"),
    "it is empty": (lambda plan: Plan(()), "no step makes tiny.xclbin, which the host loads"),
    "it differs": (
        lambda plan: last(plan, command=("v++", str(next(COUNTER)))),
        "two plans for --mode",
    ),
    "a path is absolute": (
        lambda plan: last(plan, outputs=("/tmp/tiny.xclbin",)),
        "names '/tmp/tiny.xclbin': a path is relative to the build",
    ),
    "an input is nowhere": (
        lambda plan: last(plan, inputs=("kernel/gone.cpp",)),
        "needs 'kernel/gone.cpp', which nothing before it makes",
    ),
    "the order is wrong": (
        lambda plan: Plan(plan.steps[::-1]),
        "which nothing before it makes",
    ),
    "two steps make one file": (
        lambda plan: last(plan, outputs=("README.md",)),
        "makes 'README.md', which the design has made",
    ),
    "two steps have one name": (
        lambda plan: last(plan, name=plan.steps[0].name),
        "two steps are called",
    ),
    "a step has no command": (lambda plan: last(plan, command=()), "has no command"),
    "a step makes nothing": (lambda plan: last(plan, outputs=()), "makes nothing"),
    "every log is a failure": (
        lambda plan: last(plan, failure_patterns=("time|",)),
        "fails whenever its log has the line ''",
    ),
}


@pytest.mark.parametrize("what", PLANS)
def test_a_wrong_plan_is_found(what: str, tmp_path: Path) -> None:
    change, said = PLANS[what]
    target = type("Planned", (Planned,), {"change": staticmethod(change)})()
    with pytest.raises((AssertionError, PluginError), match=re.escape(said)):
        suite_of(target).test_plans_lead_from_the_design_to_what_the_board_loads(tmp_path)


# What is wrong with how a toolchain is looked for, the test that finds it, and what it says.
TOOLCHAINS: Final[dict[str, tuple[Callable[..., object], str, str]]] = {
    "it raises": (
        lambda target, tools: NOTHING["gone"],
        "test_the_toolchain_is_found_where_it_is",
        "KeyError: 'gone'",
    ),
    "it is a path": (
        lambda target, tools: "/opt/bin/v++",
        "test_the_toolchain_is_found_where_it_is",
        "toolchain must be Toolchain, not '/opt/bin/v++'",
    ),
    "any version will do": (
        lambda target, tools: tools.find("Vitis"),
        "test_a_toolchain_that_does_not_know_the_board_is_refused",
        "must raise ToolchainError, and does not",
    ),
    "one is made up": (
        lambda target, tools: Toolchain("Vitis", Path("/opt/v++"), target.board.toolchain.last),
        "test_a_missing_toolchain_is_an_error_for_users",
        "toolchain() on a machine without tools must raise ToolchainError",
    ),
    "another version is made up": (
        lambda target, tools: Toolchain("Vitis", Path("/opt/v++"), (1999, 1)),
        "test_the_toolchain_is_found_where_it_is",
        "toolchain() gives version 1999.1",
    ),
    "a missing one is a defect": (
        lambda target, tools: next(iter(())),
        "test_a_missing_toolchain_is_an_error_for_users",
        "is to be refused by ToolchainError",
    ),
}


@pytest.mark.parametrize("what", TOOLCHAINS)
def test_a_wrong_toolchain_is_found(what: str, tmp_path: Path) -> None:
    look, test, said = TOOLCHAINS[what]
    target = type("Equipped", (AwsF1,), {"toolchain": look})()
    with pytest.raises((AssertionError, PluginError), match=re.escape(said)):
        getattr(suite_of(target), test)(tmp_path)


# Templates of a plugin's that are wrong: their path, their text, the test that finds it, its words.
TEMPLATES: Final = {
    "its Tcl is broken": (
        "vivado/vivado.tcl.j2",
        "create_projekt {{ contract.name }}\n",
        "test_all_files_parse",
        "there is no command create_projekt",
    ),
    "its shell is broken": (
        "vivado/build.sh.j2",
        "#!/bin/bash\nif true; then\n",
        "test_all_files_parse",
        "scripts/build.sh",
    ),
    "a name is unknown": (
        "vivado/README.md.j2",
        "{{ nobody }}\n",
        "test_all_files_parse",
        "'nobody' is undefined",
    ),
    "it does not quote": (
        "vivado/build.sh.j2",
        "#!/bin/bash\n# {{ description }}\n",
        "test_text_that_would_leave_its_quotes_is_harmless",
        "scripts/build.sh",
    ),
    "its path is misspelt": (
        "vivado/README.j2",
        "fine\n",
        "test_each_template_replaces_one",
        "replaces nothing of pynq-z2: did you mean 'vivado/README.md.j2'?",
    ),
}


@pytest.mark.parametrize("what", TEMPLATES)
def test_a_wrong_template_of_the_plugin_is_found(what: str, tmp_path: Path) -> None:
    path, text, test, said = TEMPLATES[what]
    (tmp_path / "templates" / path).parent.mkdir(parents=True)
    (tmp_path / "templates" / path).write_text(text)
    (tmp_path / "design").mkdir()
    own = type("Own", (Templates,), {"folder": tmp_path / "templates", "targets": ("pynq-z2",)})
    found = getattr(suite_of(PynqZ2(), templates=[own]), test)
    with pytest.raises((AssertionError, FpgacError), match=re.escape(said)):
        found(*([] if "replaces" in test else [tmp_path / "design"]))


# Targets that are wrong in one thing each, the test that finds it, and what it says.
WRONG: Final[dict[str, tuple[dict[str, Any], str, str]]] = {
    "another name": (
        {"name": "f1"},
        "test_the_target_is_named_as_its_board",
        "have different names: ('f1', 'aws-f1', 'aws-f1')",
    ),
    "no host": (
        {"hosts": lambda self, options: ()},
        "test_it_writes_a_host",
        "hosts() gives [] for {}",
    ),
    "no kernel": (
        {"design": lambda self, name, *a, **k: Design(name, "aws-f1", {"a": File(b"")})},
        "test_a_design_has_a_kernel_hosts_and_a_readme",
        "the design lacks README.md and hosts and kernel: it has ['a']",
    ),
    "another design": (
        {"design": lambda self, *a, **k: Design("other", "aws-f1", {})},
        "test_a_design_has_a_kernel_hosts_and_a_readme",
        "the design must be called 'tiny', for 'aws-f1', not 'other', for 'aws-f1'",
    ),
    "a defect where a name is refused": (
        {"design": lambda self, name, *a, **k: NOTHING[name]},
        "test_names_that_would_leave_their_quotes_are_refused",
        "the name '' is to be refused by FpgacError",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_target_that_is_wrong_in_one_thing_is_found(what: str) -> None:
    body, test, said = WRONG[what]
    with pytest.raises(AssertionError, match=re.escape(said)):
        getattr(suite_of(type("Wrong", (AwsF1,), body)()), test)()


@pytest.mark.heavy
def test_a_host_that_gives_other_bits_is_found_after_one_that_does_not(tmp_path: Path) -> None:
    def change(files: dict[str, File], description: str) -> None:
        path = "hosts/pynq/tiny_host.py"
        text = files[path].content.replace(b"np.rint", b"np.floor").replace(b"0.5", b"0.25")
        assert text != files[path].content
        files[path] = File(text, executable=True)

    for name in ("right", "wrong"):
        (tmp_path / name).mkdir()
    suite_of(AwsF1()).test_bits_agree_in_emulation(tmp_path / "right")
    with pytest.raises(ProofError):
        suite(change).test_bits_agree_in_emulation(tmp_path / "wrong")


def test_the_text_tries_every_language() -> None:
    for end in ("\n", '"', "'", "`", "$(", "${", "[", "*/", '"""', "{{", "{%", "<", "]]>", "\\"):
        assert end in HOSTILE_TEXT


def test_the_tiny_core_is_the_tiny_network() -> None:
    core = tiny_core(100.0)
    assert (core.inputs[0].shape, core.outputs[0].shape, core.clock_mhz) == ((3,), (2,), 100.0)
    assert "tiny.cpp" in core.files
