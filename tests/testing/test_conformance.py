"""The conformance suite finds what it is there to find: targets wrong in one thing each."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpgac.errors import ProofError
from fpgac.plugins import Core, Design, File, Target
from fpgac.testing import HOSTILE_TEXT, TargetConformance, parse_errors, tiny_core
from fpgac_targets.aws_f1 import AwsF1

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


def suite_of(target: Target[Any]) -> TargetConformance:
    return type("Suite", (TargetConformance,), {"target": target})()  # type: ignore[no-any-return]


def test_a_design_that_is_another_each_time_is_found() -> None:
    counter = itertools.count()

    def change(files: dict[str, File], description: str) -> None:
        files["stamp.txt"] = File(str(next(counter)).encode())

    with pytest.raises(AssertionError):
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

    with pytest.raises((AssertionError, SyntaxError)):
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
