"""Templates: quoting, errors that name their place, plugins that override, and readable hosts."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader

from fpgac.design.contract import Interface, contract
from fpgac.design.hosts import HOSTS, host_files
from fpgac.design.kernel import kernel_files
from fpgac.design.render import (
    comment,
    cpp_string,
    file_of,
    py_string,
    render,
    sh_word,
    tcl_word,
    text_of,
)
from fpgac.errors import TargetError

from .cores import SEVERAL, handmade_core

if TYPE_CHECKING:
    from pathlib import Path

    from fpgac.core.core import Core

AGREED = contract(handmade_core(), name="jet_tagger", compute_units=2)
NASTY = [
    "",
    "plain",
    "a b",
    '"; rm -rf /',
    "it's",
    "$(id) `id`",
    "[exit]",
    "back\\slash",
    "}{\n\t\0",
    "π ≈ 3",
    "a\\\nb",
]


@given(st.text())
def test_python_reads_back_what_was_quoted(text: str) -> None:
    assert eval(py_string(text)) == text


@pytest.mark.parametrize("text", [t for t in NASTY if "\0" not in t], ids=repr)
def test_a_shell_reads_back_what_was_quoted(text: str) -> None:
    ran = subprocess.run(
        ["sh", "-c", f"printf %s {sh_word(text)}"], capture_output=True, check=True
    )
    assert ran.stdout.decode() == text


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", '""'),
        ("a b", '"a b"'),
        ("it's {so}", '"it\'s \\{so\\}"'),
        ('$a [exit] "b"', r'"\$a \[exit\] \"b\""'),
        ("back\\slash", r'"back\\slash"'),
        ("a\nb\0", r'"a\u000ab\u0000"'),
    ],
)
def test_tcl_takes_what_was_quoted_as_one_plain_word(text: str, word: str) -> None:
    assert tcl_word(text) == word


def test_cpp_reads_back_what_was_quoted(tmp_path: Path) -> None:
    prints = "".join(f"std::fwrite({w}, 1, sizeof {w}, stdout);" for w in map(cpp_string, NASTY))
    source = f"#include <cstdio>\nint main() {{ {prints} }}\n"
    (tmp_path / "quote.cpp").write_text(source)
    subprocess.run(["g++", "quote.cpp", "-o", "quote"], cwd=tmp_path, check=True)
    got = subprocess.run([str(tmp_path / "quote")], capture_output=True, check=True).stdout
    assert got == b"".join(text.encode() + b"\0" for text in NASTY)


@given(st.text())
def test_a_comment_stays_one_line_and_ends_nowhere_else(text: str) -> None:
    quoted = comment(text)
    assert quoted.isprintable()
    assert "\\" not in quoted
    assert "*/" not in quoted


def test_a_template_that_is_not_there() -> None:
    with pytest.raises(TargetError, match=r"no template 'hosts/nothing\.j2'"):
        render("hosts/nothing.j2", {})


def test_a_name_that_was_not_handed_over_is_an_error_with_its_line() -> None:
    with pytest.raises(TargetError, match="'core' is undefined") as caught:
        render("kernel/kernel.cpp.j2", {})
    where = caught.value.problems[0].where
    assert where is not None
    assert where.file is not None
    assert where.file.name == "kernel.cpp.j2"
    assert where.line


def test_a_mistake_in_a_template_is_an_error() -> None:
    with pytest.raises(TargetError, match=r"'broken\.j2' cannot be rendered"):
        render("broken.j2", {}, [DictLoader({"broken.j2": "{% if %}"})])


def changed_host(own: dict[str, str], host: str) -> dict[str, bytes]:
    """The files of a host that are others once a plugin's own lie in front of fpgac's."""
    plain = host_files(AGREED, [host])
    files = host_files(AGREED, [host], loaders=[DictLoader(own)])
    assert list(files) == list(plain)
    return {path: file.content for path, file in files.items() if file != plain[path]}


def test_a_plugin_overrides_one_block_of_what_is_rendered() -> None:
    own = '{% extends "fpgac/hosts/pynq/host.py.j2" %}{% block chip %}{{ super() }}'
    own += "\n    laboratory = 7\n{% endblock %}"
    changed = changed_host({"hosts/pynq/host.py.j2": own}, "pynq")
    text = changed.pop("hosts/pynq/jet_tagger_host.py").decode()
    assert changed == {}
    assert "class JetTagger(Chip):" in text
    assert "laboratory = 7" in text


def test_a_plugin_replaces_a_static_file() -> None:
    changed = changed_host({"hosts/xrt/host.cpp": "// {{ mine }}\n"}, "xrt")
    assert changed == {"hosts/xrt/host.cpp": b"// {{ mine }}\n"}, "it is not rendered"


def test_a_plugin_s_file_can_begin_with_fpgac_s_own() -> None:
    """A template cannot extend what is no template, but can hold it."""
    own = {
        "hosts/cpp/contract.hpp.j2": '{% include "fpgac/hosts/cpp/contract.hpp.j2" %}\n// more\n'
    }
    changed = changed_host(own, "opencl")
    assert changed["hosts/opencl/contract.hpp"].endswith(b"} // namespace fpga\n// more\n")


def test_a_static_file_that_is_not_there() -> None:
    with pytest.raises(TargetError) as caught:
        text_of("hosts/nothing.hpp")
    assert caught.value.problems[0].code == "target.no-template"


def test_scripts_are_executable() -> None:
    own = [DictLoader({"run": "#!/bin/sh\n", "notes": "plain\n"})]
    assert file_of("run", {}, own).executable
    assert not file_of("notes", {}, own).executable


def test_an_unknown_host() -> None:
    with pytest.raises(TargetError) as caught:
        host_files(AGREED, ["openc"])
    (problem,) = caught.value.problems
    assert (problem.code, problem.hint) == ("target.unknown-host", "did you mean 'opencl'?")


def test_the_same_contract_gives_the_same_bytes_and_no_path_of_this_machine() -> None:
    core = handmade_core()

    def files() -> dict[str, bytes]:
        made = kernel_files(AGREED, core) | host_files(AGREED, HOSTS)
        return {path: file.content for path, file in made.items()}

    assert files() == files()
    rendered = {p: c for p, c in files().items() if not p.startswith("kernel/firmware/")}
    for path, content in rendered.items():
        text = content.decode()
        assert sys.prefix not in text
        assert "\t" not in text or path.endswith(("Makefile", ".mk"))
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert all(line == line.rstrip() for line in text.splitlines()), path


def test_what_the_card_refuses_is_explained_in_every_host() -> None:
    hint = 'load the "aws" one\\'
    files = host_files(AGREED, HOSTS, load_hint=hint)
    assert py_string(hint).encode() in files["hosts/pynq/jet_tagger_host.py"].content
    assert cpp_string(hint).encode() in files["hosts/xrt/contract.hpp"].content
    for header in ("contract.hpp", "fpga_io.hpp", "arrays.hpp"):
        assert files[f"hosts/xrt/{header}"] == files[f"hosts/opencl/{header}"]


CORES = {"one": handmade_core(), "two and two": SEVERAL["two and two"]}


@pytest.mark.parametrize("interface", ["m_axi", "axis"])
@pytest.mark.parametrize("core", CORES.values(), ids=CORES)
def test_the_python_host_is_a_clean_program(
    interface: Interface, core: Core, tmp_path: Path
) -> None:
    """What is rendered of it; the rest is checked where it lies."""
    agreed = contract(core, name="jet_tagger", compute_units=1, interface=interface)
    files = host_files(agreed, ["pynq"])
    for path, file in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(file.content)
    file = files["hosts/pynq/jet_tagger_host.py"]
    assert file.executable
    program = tmp_path / "hosts/pynq/jet_tagger_host.py"
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length=100"]
    ruff += ["--target-version=py38", "--select=E,F,W,I,B,N,PT,RET,SIM,C4,RUF100"]
    subprocess.run([*ruff, str(program)], check=True)
    helped = subprocess.run(
        [sys.executable, str(program), "--help"], capture_output=True, text=True, check=True
    )
    assert "exit codes: 0 done" in helped.stdout
    shown = "".join(helped.stdout.split())
    assert all(str(buffer.type) in shown for buffer in agreed.buffers)
    assert "class JetTagger(Chip):" in file.content.decode()


@pytest.mark.parametrize(
    ("host", "flags"), [("opencl", ["-lOpenCL"]), ("xrt", ["-lxrt_coreutil", "-luuid", "-pthread"])]
)
@pytest.mark.parametrize("core", CORES.values(), ids=CORES)
def test_a_cpp_host_compiles_without_a_warning(
    host: str, flags: list[str], core: Core, tmp_path: Path
) -> None:
    agreed = contract(core, name="jet_tagger", compute_units=2)
    for path, file in host_files(agreed, [host]).items():
        (tmp_path / path.rpartition("/")[2]).write_bytes(file.content)
    command = ["g++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-I/usr/include/xrt"]
    subprocess.run([*command, "host.cpp", "-o", "host", *flags], cwd=tmp_path, check=True)
    helped = subprocess.run(
        [str(tmp_path / "host"), "--help"], capture_output=True, text=True, check=True
    )
    assert "exit codes: 0 done" in helped.stdout
