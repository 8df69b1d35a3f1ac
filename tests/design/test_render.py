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
from fpgac.design.render import (
    HOSTS,
    comment,
    cpp_string,
    host_files,
    kernel_files,
    py_string,
    render,
    sh_word,
    tcl_word,
)
from fpgac.errors import TargetError

from .cores import handmade_core

if TYPE_CHECKING:
    from pathlib import Path

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


def test_a_plugin_overrides_one_block() -> None:
    own = DictLoader(
        {
            "hosts/cpp/fpga_io.hpp.j2": '{% extends "fpgac/hosts/cpp/fpga_io.hpp.j2" %}'
            '{% block help %}constexpr const char* HELP = "mine";\n{% endblock %}'
        }
    )
    plain = host_files(AGREED, ["xrt"])["hosts/xrt/fpga_io.hpp"].content
    changed = host_files(AGREED, ["xrt"], loaders=[own])["hosts/xrt/fpga_io.hpp"].content
    assert b'HELP = "mine"' in changed
    assert b"usage: host" not in changed
    assert (
        changed.split(b"constexpr const char* HELP")[0]
        == plain.split(b"constexpr const char* HELP")[0]
    )


def test_an_unknown_host() -> None:
    with pytest.raises(TargetError, match="did you mean 'opencl'"):
        host_files(AGREED, ["openc"])


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
        assert "\t" not in text or path.endswith("Makefile")
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        assert all(line == line.rstrip() for line in text.splitlines()), path


def test_what_the_card_refuses_is_explained_in_every_host() -> None:
    hint = 'load the "aws" one\\'
    files = host_files(AGREED, HOSTS, load_hint=hint)
    assert py_string(hint).encode() in files["hosts/pynq/jet_tagger_host.py"].content
    assert cpp_string(hint).encode() in files["hosts/xrt/fpga_io.hpp"].content
    assert files["hosts/xrt/fpga_io.hpp"] == files["hosts/opencl/fpga_io.hpp"]


@pytest.mark.parametrize("interface", ["m_axi", "axis"])
def test_the_python_host_is_a_clean_program(interface: Interface, tmp_path: Path) -> None:
    agreed = contract(handmade_core(), name="jet_tagger", compute_units=1, interface=interface)
    file = host_files(agreed, ["pynq"])["hosts/pynq/jet_tagger_host.py"]
    assert file.executable
    program = tmp_path / "jet_tagger_host.py"
    program.write_bytes(file.content)
    program.chmod(0o755)
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length=100"]
    ruff += ["--target-version=py38", "--select=E,F,W,I,B,N,PT,RET,SIM,C4,RUF100"]
    subprocess.run([*ruff, str(program)], check=True)
    helped = subprocess.run(
        [sys.executable, str(program), "--help"], capture_output=True, text=True, check=True
    )
    assert "exit codes: 0 done" in helped.stdout
    assert "ap_fixed<16,6,RND,SAT>" in helped.stdout
    assert "class JetTagger:" in file.content.decode()


@pytest.mark.parametrize(
    ("host", "flags"), [("opencl", ["-lOpenCL"]), ("xrt", ["-lxrt_coreutil", "-luuid", "-pthread"])]
)
def test_a_cpp_host_compiles_without_a_warning(host: str, flags: list[str], tmp_path: Path) -> None:
    for path, file in host_files(AGREED, [host]).items():
        (tmp_path / path.rpartition("/")[2]).write_bytes(file.content)
    command = ["g++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-I/usr/include/xrt"]
    subprocess.run([*command, "host.cpp", "-o", "host", *flags], cwd=tmp_path, check=True)
    helped = subprocess.run(
        [str(tmp_path / "host"), "--help"], capture_output=True, text=True, check=True
    )
    assert "exit codes: 0 done" in helped.stdout
