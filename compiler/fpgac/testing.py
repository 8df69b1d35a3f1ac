"""The conformance suite: what fpgac asks of any target, as tests for pytest.

A target's test module, whole::

    from fpgac.testing import TargetConformance
    from fpgac_kv260.target import Kv260


    class TestKv260(TargetConformance):
        target = Kv260()

Everything is real: hls4ml, g++, the shell, XRT and the target's own hosts on the emulated card.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from fpgac.core.core import Core
from fpgac.data.dataset import Dataset, Provider
from fpgac.design.contract import Contract
from fpgac.design.design import Design, File
from fpgac.errors import FpgacError, SpecError, TargetError
from fpgac.network.network import DenseLayer, Network, ReluLayer
from fpgac.numbers import FixedPoint
from fpgac.plugins import Plugins, Target, load_plugins
from fpgac.spec.models import HlsSection

__all__ = ["HOSTILE_NAMES", "HOSTILE_TEXT", "TargetConformance", "tiny_core", "tiny_network"]

# Each part would do something if the text left the quotes or the comment that it stands in.
HOSTILE_TEXT: Final = (
    "canary\ncanary \"canary' `touch canary` $(touch canary) ${canary[touch]} [exec touch canary] "
    '*/ #error canary\r\n"""; import canary; """ \\ {{ canary }} {% canary %} <canary/> ]]> é\\'
)
HOSTILE_NAMES: Final = (
    "",
    "a b",
    "a;touch canary",
    "$(touch canary)",
    'a"b',
    "a'b",
    "../a",
    "[exit]",
    "a\nb",
)

SYNTAX: Final = ("g++", "-std=c++17", "-fsyntax-only", "-w", "-isystem", "/usr/include/xrt")
PATIENCE_SECONDS: Final = 300


@cache
def tiny_network() -> Network:
    """Three inputs, four hidden units, two outputs; its weights are drawn from a fixed seed."""
    random = np.random.default_rng(7)
    weights = FixedPoint.parse("ap_fixed<6,1,RND_CONV,SAT>")

    def dense(name: str, inputs: int, outputs: int) -> DenseLayer:
        words = random.integers(-31, 32, (inputs, outputs), dtype=np.int64)
        bias = random.integers(-31, 32, outputs, dtype=np.int64)
        return DenseLayer(name, words, weights, bias, weights)

    relu = ReluLayer("dense_1_relu", FixedPoint.parse("ap_ufixed<6,2,RND_CONV,SAT>"))
    layers = (dense("dense_1", 3, 4), relu, dense("dense_2", 4, 2))
    return Network("tiny", 3, FixedPoint.parse("ap_fixed<12,4,RND,SAT>"), layers)


@cache
def tiny_core(clock_mhz: float) -> Core:
    """The tiny network as hls4ml lowers it, for a kernel at ``clock_mhz``."""
    from fpgac.core.lowering import lower

    return lower(tiny_network(), HlsSection(clock_mhz=clock_mhz))


class _Points(Provider):
    name, description, version = "conformance", "points for the conformance suite", "1"
    task = "regression"
    feature_names = ("a", "b", "c")
    target_names = ("p", "q")

    def load(self, samples: int | None, seed: int) -> Dataset:
        random = np.random.default_rng(seed)
        points = random.normal(0, 2, (samples or 200, 3))
        return Dataset(
            self.name, self.task, points, points[:, :2], self.feature_names, self.target_names
        )


class TargetConformance:
    """What any target must pass; a subclass sets ``target`` and may set ``options``.

    ``options`` are those that a spec would give in the target's table. Add tests of your own to
    the subclass as you like.
    """

    target: ClassVar[Target[Any]]
    options: ClassVar[Mapping[str, object]] = {}

    def design(self, name: str = "tiny", description: str = "", **options: object) -> Design:
        """The target's design of the tiny network."""
        clock = min(100.0, self.target.board.clock.maximum_mhz)
        asked = self.target.options({**self.options, **options})
        return self.target.design(name, tiny_core(clock), asked, description)

    def test_the_target_is_named_as_its_board(self) -> None:
        assert self.target.name == self.target.board.name
        assert self.target.hosts(self.target.options(self.options))

    def test_a_design_has_a_kernel_hosts_and_a_readme(self) -> None:
        design = self.design()
        assert (design.name, design.target) == ("tiny", self.target.name)
        folders = {path.partition("/")[0] for path in design.files}
        assert {"kernel", "hosts", "README.md"} <= folders

    def test_it_renders_deterministically(self) -> None:
        first, second = self.design(), type(self.target)().design(*self._arguments())
        assert list(first.files.items()) == list(second.files.items())

    def _arguments(self) -> tuple[str, Core, Any]:
        clock = min(100.0, self.target.board.clock.maximum_mhz)
        # A core of its own, so that nothing may hang on the identity of objects.
        core = dataclasses.replace(tiny_core(clock), files=dict(tiny_core(clock).files))
        return "tiny", core, self.target.options(self.options)

    def test_all_files_parse(self, tmp_path: Path) -> None:
        assert parse_errors(self.design(), tmp_path) == []

    def test_each_host_can_be_had_alone(self) -> None:
        for host in self.target.board.hosts:
            design = self.design(hosts=[host])
            assert any(path.startswith("hosts/") for path in design.files), host

    def test_unknown_options_are_refused(self) -> None:
        refused(SpecError, lambda: self.target.options({"no_such_option": 1}))
        refused(SpecError, lambda: self.target.options({"compute_units": "one"}))
        refused(TargetError, lambda: self.target.options({"hosts": ["no_such_host"]}))

    def test_a_clock_that_the_board_cannot_give_is_refused(self) -> None:
        fast = 2 * self.target.board.clock.maximum_mhz
        core = dataclasses.replace(tiny_core(100.0), clock_mhz=fast)
        options = self.target.options(self.options)
        refused(TargetError, lambda: self.target.design("tiny", core, options))

    def test_names_that_would_leave_their_quotes_are_refused(self) -> None:
        for name in HOSTILE_NAMES:
            refused(FpgacError, lambda name=name: self.design(name))  # type: ignore[misc]

    def test_text_that_would_leave_its_quotes_is_harmless(self, tmp_path: Path) -> None:
        hostile = self.design(description=HOSTILE_TEXT)
        assert parse_errors(hostile, tmp_path) == []
        plain = self.design(description="plain")
        assert list(plain.files) == list(hostile.files)
        assert [
            path
            for path, file in hostile.files.items()
            if code_of(path, file) != code_of(path, plain.files[path])
        ] == []

    def test_bits_agree_in_emulation(self, tmp_path: Path) -> None:
        from fpgac.network.file import write_network
        from fpgac.pipeline.checking import check_spec
        from fpgac.pipeline.compiling import Request, compile_spec

        spec = tmp_path / "tiny.toml"
        spec.write_text(self._spec())
        write_network(tiny_network(), tmp_path / "tiny.network.json")
        plugins = self._plugins()
        request = Request(check_spec(spec, plugins), self.target.name, tmp_path / "build")
        build = compile_spec(request, plugins)
        assert not build.unproven, "every host must run here"
        engines = {engine["engine"] for engine in build.engines}
        hosts = {f"{host} host" for host in self.target.hosts(self.target.options(self.options))}
        assert {"C simulation", "kernel"} | hosts <= engines

    def _plugins(self) -> Plugins:
        """All plugins, with this very target among them, be it installed or not."""
        plugins = load_plugins()
        return dataclasses.replace(
            plugins,
            targets={**plugins.targets, self.target.name: self.target},
            providers={**plugins.providers, _Points.name: _Points()},
        )

    def _spec(self) -> str:
        clock = min(100.0, self.target.board.clock.maximum_mhz)
        network = tiny_network()
        options = "\n".join(f"{key} = {json.dumps(said)}" for key, said in self.options.items())
        return f"""\
name = "tiny"
[topology]
inputs = 3
layers = [{{ kind = "dense", units = 4, activation = "relu" }}, {{ kind = "dense", units = 2 }}]
[quantisation]
weights = "quantized_bits(6, 0)"
biases = "quantized_bits(6, 0)"
activations = "quantized_relu(6, 2)"
[data]
source = "conformance"
[interface]
input = "{network.input_type}"
[hls]
clock_mhz = {clock}
[proof]
data = 32
random = 32
[targets.{self.target.name}]
{options}
"""


def refused(kind: type[FpgacError], call: Callable[[], object]) -> None:
    """Assert that ``call`` raises ``kind``."""
    try:
        call()
    except kind:
        return
    raise AssertionError(f"this must raise {kind.__name__}")


def code_of(path: str, file: File) -> object:
    """What a machine would do with ``file``: comments and texts for people left out."""
    text = file.content.decode(errors="replace")
    match Path(path).suffix:
        case ".md" | ".ipynb" | ".txt":
            return None
        case ".py":
            return _python_code(text)
        case ".cpp" | ".hpp" | ".h":
            strip = ["g++", "-fpreprocessed", "-dD", "-E", "-P", "-x", "c++", "-"]
            return _run(strip, input_=text)[1]
        case ".toml" | ".json" | ".hwh":
            return text.count("\n")
        case _:
            lines = (line.strip() for line in text.splitlines())
            return [line for line in lines if line and not line.startswith(("#", "//"))]


def _python_code(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return ast.dump(tree)


def parse_errors(design: Design, folder: Path) -> list[str]:
    """Write ``design`` below ``folder`` and parse each file as what it is; the complaints."""
    from fpgac.emulation.plan import CONTRACT, compiler_files

    said = design.files.get(CONTRACT)
    beside = compiler_files(Contract.from_json(said.content)) if said else {}
    for path, file in {**design.files, **beside}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(file.content)
    complaints = ((path, _complaint(path, folder)) for path in design.files)
    return [f"{path}: {complaint}" for path, complaint in complaints if complaint]


def _complaint(path: str, folder: Path) -> str:
    """What is wrong with a file, or nothing."""
    try:
        text = (folder / path).read_text(encoding="utf-8")
        match _language(path, text):
            case "cpp":
                own = ["-Iemulation/ap_types", "-Ikernel/firmware"]
                return _failure([*SYNTAX, *own, path], folder)
            case "sh":
                return _failure(["bash", "-n", path], folder) or _shellcheck(path, folder)
            case "make":
                return _make_syntax(path, folder)
            case "py":
                compile(text, path, "exec")
            case "toml":
                tomllib.loads(text)
            case "json":
                json.loads(text)
            case "tcl":
                return _tcl(text)
    except (ValueError, SyntaxError) as error:
        return str(error)
    return ""


def _language(path: str, text: str) -> str:
    suffix = Path(path).suffix
    if Path(path).name == "Makefile":
        return "make"
    if suffix == ".cpp":
        # What hls4ml brings is not the target's; the kernel includes all of it.
        return "" if path.startswith("kernel/firmware/") else "cpp"
    if suffix in (".ipynb", ".json"):
        return "json"
    first = text.partition("\n")[0]
    if not suffix and re.match(r"#!.*\b(ba)?sh\b", first):
        return "sh"
    return suffix.removeprefix(".")


def _shellcheck(path: str, folder: Path) -> str:
    return _failure(["shellcheck", path], folder) if shutil.which("shellcheck") else ""


def _make_syntax(path: str, folder: Path) -> str:
    """Parse only: what a Makefile says of tools that are not here is no mistake of the file."""
    _, _, told = _run(["make", "-pqr", "-f", path], folder)
    wrong = re.search(r"\*\*\* (missing|unterminated|commands commence|extraneous).*", told)
    return wrong[0] if wrong else ""


def _tcl(text: str) -> str:
    """Whether each word is closed, where there is a tclsh to ask."""
    if not shutil.which("tclsh"):
        return ""
    with tempfile.NamedTemporaryFile("w", suffix=".tcl") as script:
        script.write("puts [info complete [read stdin]]")
        script.flush()
        code, out, told = _run(["tclsh", script.name], input_=text)
    return "" if (code, out.strip()) == (0, "1") else f"a quote or a brace is not closed {told}"


def _failure(command: list[str], folder: Path) -> str:
    code, out, told = _run(command, folder)
    return (told or out or f"exit code {code}").strip() if code else ""


def _run(command: list[str], folder: Path | None = None, input_: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        command,
        cwd=folder,
        input=input_,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    return done.returncode, done.stdout, done.stderr
