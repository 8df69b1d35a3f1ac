"""The scripts of every target are its plan: the same commands, inputs and outputs, in its order."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fpgac.build.plan import Plan, Step
from fpgac.design.scripts import command_lines, shell_word
from fpgac.plugins import Board, Target, load_plugins
from tests.fpgac_targets.conftest import FakeVitis
from tests.fpgac_targets.test_vivado import FakeVivado
from tests.fpgac_targets.tools import planned

if TYPE_CHECKING:
    from tests.fpgac_targets.conftest import MakeDesign, WriteDesign


def targets() -> Iterator[Target[Any]]:
    """Every built-in target, flow by flow."""
    for target in load_plugins().targets.values():
        yield from target.flows.values() or [target]


def versions(board: Board) -> set[str]:
    """The first and the last version that know the board."""
    return {".".join(map(str, each)) for each in (board.toolchain.first, board.toolchain.last)}


CASES = [
    pytest.param(target, mode, version, id=f"{target.name} {mode} {version}")
    for target in targets()
    for mode in target.board.modes
    for version in sorted(versions(target.board))
]


def environment_with(board: Board, version: str, folder: Path) -> dict[str, str]:
    """Pretended tools of ``version``, the board's platform, and a common image."""
    image = folder / "common image"
    (image / "sysroots" / "cortexa72-cortexa53-xilinx-linux" / "usr").mkdir(parents=True)
    (image / "rootfs.ext4").touch()
    (image / "Image").touch()
    variable = {board.platform_variable: board.platforms[0]} if board.platform_variable else {}
    more = {"EDGE_COMMON_SW": str(image), **variable}
    if board.toolchain.name == "Vivado":
        return FakeVivado(folder, version).install().environment(**more)
    return FakeVitis(folder, version).install().environment(**more)


def said_by(words: tuple[str, ...], folder: Path, environment: dict[str, str]) -> list[str]:
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def commands(lines: list[str]) -> list[list[str]]:
    return [words for line in lines if (words := shlex.split(line))]


def by_name(command: tuple[str, ...]) -> list[str]:
    """A command with its tool as PATH knows it."""
    return [Path(command[0]).name, *command[1:]]


@pytest.mark.parametrize(("target", "mode", "version"), CASES)
def test_build_sh_runs_the_plan(
    target: Target[Any],
    mode: Any,
    version: str,
    design: MakeDesign,
    write: WriteDesign,
    tmp_path: Path,
) -> None:
    options = {"flow": target.Options.model_fields["flow"].default} if is_flow(target) else {}
    made = design(target=target, clock_mhz=100.0, **options)
    environment = environment_with(target.board, version, tmp_path / "tools")
    plan = planned(target, made, mode, environment, 100.0)
    folder = write(made, tmp_path / "a build folder")
    expected = [by_name(step.command) for step in plan.steps]

    assert commands(said_by(("scripts/build.sh", "--dry-run", mode), folder, environment)) == (
        expected
    )
    by_make = said_by(("make", "-ns", "-C", "scripts", f"MODE={mode}"), folder, environment)
    shown = [words for words in commands(by_make) if words[0] in {tool for tool, *_ in expected}]
    assert shown == expected
    assert files_of(made.files["scripts/build.sh"].content.decode(), plan)


def is_flow(target: Target[Any]) -> bool:
    return "flow" in target.Options.model_fields


def files_of(script: str, plan: Plan) -> bool:
    """Whether the script gives each step of the plan its inputs and outputs."""
    steps = re.findall(r"inputs=\(([^)]*)\)\n\s+outputs=\(([^)]*)\)\n\s+step (\S+)", script)
    found = {
        (label, tuple(inputs.split()), tuple(outputs.split())) for inputs, outputs, label in steps
    }
    return {(step.label, step.inputs, step.outputs) for step in plan.steps} <= found


@pytest.mark.parametrize(
    "word", ["", "plain", "a b", "it's", "$(reboot)", "`x`", "a\nb", "*", "\\", "--x=@y@"]
)
def test_a_word_stays_one_word_in_a_shell(word: str) -> None:
    assert said_by(("bash", "-c", f"printf '%s\\n' {shell_word(word)}"), Path(), {}) == (
        word.splitlines() or [""]
    )


def test_a_variable_is_one_part_of_a_word_whatever_it_holds() -> None:
    word, held = shell_word("--root=@ROOT@/a b"), "it's $(reboot) *"
    script = f"printf '%s|' {word}"
    assert said_by(("bash", "-c", script), Path(), {"ROOT": held}) == [f"--root={held}/a b|"]


def test_a_step_s_environment_reaches_its_command() -> None:
    step = Step("s", ("printenv", "A"), (), (), environment={"A": "it's; b"})
    said = said_by(("bash", "-c", command_lines(step)), Path(), {"PATH": "/usr/bin:/bin"})
    assert said == ["it's; b"]
