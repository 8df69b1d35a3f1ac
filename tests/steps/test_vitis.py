"""Kernels of other people on the emulated card: what is read of them, and that they run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fpgac.emulation import CardDescription, HostKind, run_host, write_xclbin
from fpgac.errors import FpgacError
from fpgac.steps.vitis import Source, build_card, read_linking

PROGRAMS = Path(__file__).parents[1] / "emulation" / "programs" / "card"

Linked = Callable[[str], Path]


@pytest.fixture
def linked(tmp_path: Path) -> Linked:
    """A linking file with these lines under [connectivity]."""

    def write(lines: str) -> Path:
        path = tmp_path / "link.cfg"
        path.write_text(f"platform=some_card\n[connectivity]\n{lines}\n[vivado]\nprop=x\n")
        return path

    return write


def written(folder: Path, text: str, name: str = "kernel.cpp") -> Path:
    path = folder / name
    path.write_text(text)
    return path


class TestLinking:
    def test_units_memories_and_streams(self, linked: Linked) -> None:
        lines = "nk=add:2:left.right # two\nnk=sub:1\nsp=left.a:HBM[0:2]\nsp=left.b:DDR[1]"
        linking = read_linking(linked(f"{lines}\nsc=left.out:sub_1.in:32\nslr=left:SLR1"))
        assert linking.units == {"add": ("left", "right"), "sub": ("sub_1",)}
        assert linking.memories == {
            ("left", "a"): ("HBM[0]", "HBM[1]", "HBM[2]"),
            ("left", "b"): ("DDR[1]",),
        }
        assert [(each.source, each.sink) for each in linking.streams] == [
            (("left", "out"), ("sub_1", "in"))
        ]

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("nk=add:none", "1 to 128 compute units"),
            ("nk=add:2:one", "as many names"),
            ("sp=add_1.a:HBM[32]", "there are 32 of HBM"),
            ("sp=add_1.a:SRAM[0]", "did you mean 'PLRAM'?"),
            ("sc=ai_engine_0.out:add_1.in", "AI engines are not emulated"),
            ("sc=host:add_1.in", "no streams between host and kernels"),
            ("nk", "no setting"),
            ("ns=add:1", "this key is unknown"),
        ],
    )
    def test_a_bad_line_is_named(self, linked: Linked, line: str, said: str) -> None:
        with pytest.raises(FpgacError, match=r"link\.cfg:3") as caught:
            read_linking(linked(line))
        assert said in str(caught.value)
        assert caught.value.problems[0].code == "card.bad-linking"


class TestSources:
    def test_functions_with_c_linkage_that_are_defined(self, tmp_path: Path) -> None:
        text = """
        void cpp_only(int *a) {}
        extern "C" void declared(int *a);  // void commented(int *a) {}
        extern "C" void one(int *a) { /* void never(int *a) {} */ }
        extern "C" {
        static void helper(int *a) {}
        void two(const int *a, int (&b)[4]) { if (a) { b[0] = "void quoted(int) {"[0]; } }
        }
        void after(int *a) {}
        """
        assert Source.read(written(tmp_path, text)).functions() == ("one", "two")

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("int main() {}", "card.no-kernel"),
            ('extern "C" { void a(int *x) {} void b(int *x) {} }', "card.no-kernel"),
            ('extern "C" void a(int *x) { y = 1; }', "card.kernel-not-compiled"),
            ('struct s { int v[5]; }; extern "C" void a(int *x, s y) {}', "card.bad-parameter"),
            (
                '#include "hls_stream.h"\nextern "C" void a(hls::stream<int> x[2]) {}',
                "card.bad-parameter",
            ),
            ('extern "C" void a(int &x) {}', "card.bad-parameter"),
        ],
    )
    def test_what_is_no_kernel(self, tmp_path: Path, text: str, code: str) -> None:
        with pytest.raises(FpgacError) as caught:
            build_card([written(tmp_path, text)], read_linking(None))
        assert [problem.code for problem in caught.value.problems] == [code]

    @pytest.mark.parametrize("name", ["kernel.xo", "kernel.v", "kernel.cl"])
    def test_other_than_cpp_is_refused_by_name(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(FpgacError) as caught:
            Source.read(written(tmp_path, "", name))
        assert caught.value.problems[0].code == "card.no-cpp"

    @pytest.mark.parametrize(
        ("header", "name"), [("<systemc.h>", "SystemC"), ('"adf.h"', "a graph for AI engines")]
    )
    def test_what_else_is_not_emulated(self, tmp_path: Path, header: str, name: str) -> None:
        with pytest.raises(FpgacError) as caught:
            Source.read(written(tmp_path, f"#include {header}\n"))
        assert caught.value.problems[0].got == name

    def test_a_kernel_that_is_named_may_be_declared_elsewhere(
        self, tmp_path: Path, linked: Linked
    ) -> None:
        """Its linkage stands in a header; the memory is given to its port."""
        written(tmp_path, 'extern "C" { void add(int *numbers, int n); }', "add.h")
        text = """#include "add.h"
        void add(int *numbers, int n) {
        #pragma HLS interface m_axi bundle=one port=numbers
          numbers[0] = n;
        }"""
        linking = read_linking(linked("nk=add:1\nsp=add_1.m_axi_one:DDR[2]"))
        card, _ = build_card([written(tmp_path, text)], linking)
        ((index,),) = card.kernels[0].instances[0].memories.values()
        assert card.memories[index].tag == "DDR[2]"

    def test_a_memory_for_no_argument(self, tmp_path: Path, linked: Linked) -> None:
        source = written(tmp_path, 'extern "C" void add(int *numbers, int n) { numbers[0] = n; }')
        with pytest.raises(FpgacError, match=r"did you mean 'add_1\.numbers'"):
            build_card([source], read_linking(linked("nk=add:1\nsp=add_1.number:DDR[0]")))


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> tuple[CardDescription, Path]:
    """The card of three kernels with streams between them, and its program's folder."""
    folder = tmp_path_factory.mktemp("streams")
    card, library = build_card(
        [PROGRAMS / "streams.cpp"], read_linking(PROGRAMS / "streams.cfg"), ["-DUNUSED=1"]
    )
    (folder / "streams.xclbin").write_bytes(write_xclbin(card, library))
    return card, folder


class TestStreams:
    def test_what_is_read_of_the_kernels(self, streams: tuple[CardDescription, Path]) -> None:
        reader, adder, writer = streams[0].kernels
        assert [(each.name, each.c_type) for each in writer.arguments] == [
            ("in", "hls::stream<word> &"),
            ("sums", "int*"),
            ("shift", "unsigned char"),
            ("less", "short"),
            ("times", "int"),
        ]
        assert (reader.free_running, adder.free_running) == (False, True)
        assert reader.arguments[0].bundle == "gmem7"
        assert streams[0].memories[reader.instances[0].memories["numbers"][0]].tag == "DDR[1]"

    def test_the_description_survives_its_json(self, streams: tuple[CardDescription, Path]) -> None:
        assert CardDescription.from_json(json.dumps(streams[0].to_data()).encode()) == streams[0]

    @pytest.mark.parametrize(
        ("kind", "options"),
        [
            ("xrt", ["-isystem", "/usr/include/xrt", "-lxrt_coreutil", "-luuid", "-pthread"]),
            ("opencl", ["-lOpenCL"]),
        ],
    )
    def test_a_host_of_xrt_s(
        self, streams: tuple[CardDescription, Path], kind: HostKind, options: list[str]
    ) -> None:
        card, folder = streams
        source = PROGRAMS / f"streams_{'native' if kind == 'xrt' else kind}.cpp"
        command = ["g++", "-std=c++17", "-w", str(source), "-o", str(folder / kind), *options]
        subprocess.run(command, check=True, timeout=300)
        run = run_host(
            [str(folder / kind), "streams.xclbin"], kind=kind, card=card, cwd=folder, timeout=60
        )
        assert set(run.stdout.splitlines()) == {"right 1000"}, run.stdout + run.stderr

    def test_a_host_of_pynq_s(self, streams: tuple[CardDescription, Path]) -> None:
        card, folder = streams
        command = [sys.executable, str(PROGRAMS / "streams_pynq.py"), "streams.xclbin"]
        run = run_host(command, kind="pynq", card=card, cwd=folder, timeout=60)
        assert run.stdout.splitlines() == [
            "['reader_1', 'writer_1'] ['dc_0', 'dc_1'] "
            "(sums: 'int*', shift: 'unsigned char', less: 'short', times: 'int')",
            "right 1000",
        ], run.stderr


def test_a_stream_that_is_connected_to_nothing(linked: Linked) -> None:
    linking = read_linking(linked("nk=reader:1\nnk=adder:1\nsc=reader_1.out:adder_1.in"))
    with pytest.raises(FpgacError, match=r"adder_1\.out is connected 0 times"):
        build_card([PROGRAMS / "streams.cpp"], linking)
