"""What any target must pass."""

from __future__ import annotations

import atexit
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from fpgac.build.stage import Values
from fpgac.build.store import Store
from fpgac.build.toolchains import Toolchain, Toolchains
from fpgac.core.core import Core
from fpgac.core.settings import HlsSettings
from fpgac.data.dataset import Dataset, Provider
from fpgac.design.contract import Contract
from fpgac.design.design import Design, File
from fpgac.design.render import overridden
from fpgac.design.templates import Templates, override_loader
from fpgac.errors import (
    FpgacError,
    PluginError,
    SpecError,
    TargetError,
    ToolchainError,
    nearest,
)
from fpgac.network.network import Network
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.relu import Relu
from fpgac.numbers import FixedPoint
from fpgac.plugins import Plugins, Target, load_plugins
from fpgac.plugins.guarded import guarded
from fpgac.plugins.owner import Owner
from fpgac.steps.plan import CONTRACT
from fpgac.targets.board import version_text
from fpgac.tensors import Tensor
from fpgac.testing.parsing import code_of, parse_errors
from fpgac.testing.plans import plan_errors, vendor_environment

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


@cache
def tiny_network() -> Network:
    """Three inputs, four hidden units, two outputs; its weights are drawn from a fixed seed."""
    random = np.random.default_rng(7)
    weights = FixedPoint.parse("ap_fixed<6,1,RND_CONV,SAT>")

    def dense(inputs: int, outputs: int) -> Dense:
        words = random.integers(-31, 32, (inputs, outputs), dtype=np.int64)
        bias = random.integers(-31, 32, outputs, dtype=np.int64)
        return Dense(words, weights, bias, weights)

    relu = Relu(FixedPoint.parse("ap_ufixed<6,2,RND_CONV,SAT>"))
    operations = [("dense_1", dense(3, 4)), ("dense_1_relu", relu), ("dense_2", dense(4, 2))]
    entry = Tensor("x", (3,), FixedPoint.parse("ap_fixed<12,4,RND,SAT>"))
    return Network.chain("tiny", entry, operations)


@cache
def tiny_core(clock_mhz: float) -> Core:
    """The tiny network as hls4ml lowers it, for a kernel at ``clock_mhz``."""
    from fpgac.core.lowering import lower

    return lower(tiny_network(), HlsSettings(clock_mhz=clock_mhz))


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


@cache
def _values() -> Values:
    """What the suites of one run share: cores, Keras's answers, and what g++ made."""
    folder = tempfile.TemporaryDirectory(prefix="fpgac-conformance-")
    atexit.register(folder.cleanup)
    return Values(Store(Path(folder.name, "store")))


class TargetConformance:
    """What any target must pass; a subclass sets ``target`` and may set the others.

    ``options`` are those that a spec would give in the target's table, and ``templates`` the
    classes of templates that the plugin brings for the target. ``environment`` are variables that
    its toolchain needs beside those of AMD's tools, which are played. ``tcl_more`` is a Tcl file
    with IP and commands of Vivado that the design's scripts use and fpgac's recorder does not
    know; ``vivado_shim.tcl`` in this package says how. Add tests of your own as you like.
    """

    target: ClassVar[Target[Any]]
    options: ClassVar[Mapping[str, object]] = {}
    templates: ClassVar[Sequence[type[Templates]]] = ()
    environment: ClassVar[Mapping[str, str]] = {}
    tcl_more: ClassVar[Path | None] = None

    @property
    def guarded(self) -> Target[Any]:
        """The target behind fpgac's guard, as a build has it: wrong results are named."""
        base: Any = Target
        kind = type(self.target)
        file = getattr(sys.modules.get(kind.__module__), "__file__", None)
        owner = Owner(kind.__module__.partition(".")[0], "", Path(file) if file else None)
        target: Target[Any] = guarded(self.target, base, owner)
        return target

    @property
    def asked(self) -> Any:
        """The options that the target makes of :attr:`options`."""
        return self.guarded.options(self.options)

    @property
    def flow(self) -> Target[Any]:
        """The target that does the work for ``options``."""
        return self.guarded.flow(self.asked)

    @property
    def clock_mhz(self) -> float:
        """A clock that the board can give."""
        return min(100.0, self.flow.board.clock.maximum_mhz)

    def design(self, name: str = "tiny", description: str = "", **options: object) -> Design:
        """The target's design of the tiny network, with the plugin's templates in their places."""
        asked = self.guarded.options({**self.options, **options})
        with overridden([override_loader(self._templates())]):
            return self.guarded.design(name, tiny_core(self.clock_mhz), asked, description)

    def _templates(self) -> dict[str, Path]:
        """The files of :attr:`templates` that are for this target, by what they replace."""
        made = [kind() for kind in self.templates]
        fitting = [
            each for each in made if self.target.name in (each.targets or [self.target.name])
        ]
        return {path: file for each in fitting for path, file in each.files().items()}

    def contract(self, design: Design) -> Contract:
        """What kernel and hosts of ``design`` agree on."""
        _require(CONTRACT in design.files, f"the design has no {CONTRACT}: see Contract.to_json")
        return Contract.from_json(design.files[CONTRACT].content)

    def test_the_target_is_named_as_its_board(self) -> None:
        names = (self.target.name, self.target.board.name, self.flow.board.name)
        _require(len(set(names)) == 1, f"target, board and flow have different names: {names}")

    def test_it_writes_a_host(self) -> None:
        hosts = self.guarded.hosts(self.asked)
        offered = self.flow.board.hosts
        _require(
            bool(hosts) == bool(offered),
            f"hosts() gives {list(hosts)} for {dict(self.options)}, of the board's {list(offered)}",
        )

    def test_a_design_has_a_kernel_hosts_and_a_readme(self) -> None:
        design = self.design()
        _require(
            (design.name, design.target) == ("tiny", self.target.name),
            f"the design must be called 'tiny', for {self.target.name!r}, not {design.name!r}, "
            f"for {design.target!r}",
        )
        folders = {path.partition("/")[0] for path in design.files}
        wanted = {"kernel", "README.md"} | ({"hosts"} if self.flow.board.hosts else set())
        missing = sorted(wanted - folders)
        _require(not missing, f"the design lacks {' and '.join(missing)}: it has {sorted(folders)}")

    def test_it_renders_deterministically(self) -> None:
        first = self.guarded.design(*self._arguments())
        second = type(self.target)().design(*self._arguments())
        _require(
            list(first.files) == list(second.files),
            "two designs of the same core have other files, or in another order: "
            f"{sorted(set(first.files) ^ set(second.files)) or 'the order'}",
        )
        others = [path for path, file in first.files.items() if file != second.files[path]]
        _require(not others, f"two designs of the same core differ in {', '.join(others)}")

    def _arguments(self) -> tuple[str, Core, Any]:
        core = tiny_core(self.clock_mhz)
        # A core of its own, so that nothing may hang on the identity of objects.
        core = dataclasses.replace(core, files=dict(core.files))
        return "tiny", core, self.asked

    def test_all_files_parse(self, tmp_path: Path) -> None:
        _require_none(parse_errors(self.design(), tmp_path, self.tcl_more))

    def test_each_template_replaces_one(self) -> None:
        used: set[str] = set()
        files = self._templates()
        with overridden([override_loader(files, used)]):
            design = self.guarded.design(*self._arguments())
        known = sorted(path for path in used if not path.startswith(("target/", "fpgac/")))
        _require(bool(design.files), "the design is empty")
        _require_none(
            f"{files[path]} replaces nothing of {self.target.name}: {nearest(path, known)}"
            for path in files
            if path not in used
        )

    def test_each_host_can_be_had_alone(self) -> None:
        for host in self.flow.board.hosts:
            design = self.design(hosts=[host])
            own = any(path.startswith("hosts/") for path in design.files)
            _require(own, f"with hosts = [{host!r}] the design has no hosts/")

    def test_unknown_options_are_refused(self) -> None:
        for wrong in ({"no_such_option": 1}, {"compute_units": "one"}):
            _refused(SpecError, f"the options {wrong}", partial(self.design, **wrong))
        _refused(TargetError, "an unknown host", partial(self.design, hosts=["no_such_host"]))

    def test_a_mode_that_the_board_has_not_is_refused(self) -> None:
        for mode in sorted({"hw_emu", "hw"} - set(self.flow.board.modes)):
            _refused(TargetError, f"check_mode({mode!r})", partial(self.flow.check_mode, mode))  # type: ignore[arg-type]

    def test_a_clock_that_the_board_cannot_give_is_refused(self) -> None:
        fast = 2 * self.flow.board.clock.maximum_mhz
        core = dataclasses.replace(tiny_core(self.clock_mhz), clock_mhz=fast)
        call = partial(self.guarded.design, "tiny", core, self.asked)
        _refused(TargetError, f"a design at {fast:g} MHz, twice the board's maximum,", call)

    def test_names_that_would_leave_their_quotes_are_refused(self) -> None:
        for name in HOSTILE_NAMES:
            _refused(FpgacError, f"the name {name!r}", partial(self.design, name))

    def test_text_that_would_leave_its_quotes_is_harmless(self, tmp_path: Path) -> None:
        hostile = self.design(description=HOSTILE_TEXT)
        # C++ whose code is the plain one's, as is shown below, need not be compiled again.
        _require_none(parse_errors(hostile, tmp_path, self.tcl_more, compiled=False))
        ran = list(tmp_path.rglob("canary"))
        _require(not ran, "a script ran a command of the spec's description: quote it by a filter")
        plain = self.design(description="plain")
        _require(
            list(plain.files) == list(hostile.files),
            "the description changes which files there are",
        )
        _require_none(
            f"{path}: the spec's description becomes code: pass it through the filter of the "
            "file's language, or through comment"
            for path, file in hostile.files.items()
            if file != plain.files[path] and not _is_same_code(path, file, plain.files[path])
        )

    def test_the_toolchain_is_found_where_it_is(self, tmp_path: Path) -> None:
        known = self.flow.board.toolchain
        for version in dict.fromkeys((known.first, known.last)):
            found = self._toolchain(tmp_path / version_text(version), version)
            _require(
                found.version in known,
                f"toolchain() gives version {version_text(found.version)}, and the board's are "
                f"{known}",
            )

    def test_a_toolchain_that_does_not_know_the_board_is_refused(self, tmp_path: Path) -> None:
        year, *rest = self.flow.board.toolchain.last
        later = (year + 9, *rest)
        call = partial(self._toolchain, tmp_path / "later", later)
        _refused(ToolchainError, f"toolchain() with version {version_text(later)}", call)

    def test_a_missing_toolchain_is_an_error_for_users(self, tmp_path: Path) -> None:
        tools = Toolchains({"PATH": str(tmp_path)}, load_plugins().toolchains)
        call = partial(self.flow.toolchain, tools)
        _refused(ToolchainError, "toolchain() on a machine without tools", call)

    def _toolchain(self, folder: Path, version: tuple[int, ...]) -> Toolchain:
        """What the target takes of a machine with AMD's tools of ``version``, which are played."""
        played = vendor_environment(folder, self.flow.board, version)
        path = os.pathsep.join([played["PATH"], os.environ.get("PATH", "")])
        environment = {**played, "PATH": path, **self.environment}
        return self.flow.toolchain(Toolchains(environment, load_plugins().toolchains))

    def test_plans_lead_from_the_design_to_what_the_board_loads(self, tmp_path: Path) -> None:
        design, flow = self.design(), self.flow
        contract = self.contract(design)
        for mode in flow.board.modes:
            tools = self._toolchain(tmp_path, flow.board.toolchain.last)
            make = partial(flow.plan, contract=contract, clock_mhz=self.clock_mhz)
            plan = make(design, mode, tools)
            _require(plan == make(design, mode, tools), f"two plans for --mode {mode} differ")
            _require_none(
                f"--mode {mode}: {wrong}" for wrong in plan_errors(plan, design, contract)
            )

    def test_bits_agree_in_emulation(self, tmp_path: Path) -> None:
        from fpgac.network.file import write_network
        from fpgac.pipeline.checking import check_spec
        from fpgac.pipeline.compiling import Request, compile_spec

        spec = tmp_path / "tiny.toml"
        spec.write_text(self._spec())
        write_network(tiny_network(), tmp_path / "tiny.network.json")
        plugins = self._plugins()
        request = Request(check_spec(spec, plugins), self.target.name, tmp_path / "build")
        report = compile_spec(request, plugins, values=_values())
        _require(not report.lacking_hosts, f"these hosts cannot run here: {report.lacking_hosts}")
        engines = {agreement.engine for agreement in report.proof.agreements}
        hosts = {f"{host} host" for host in self.guarded.hosts(self.asked)}
        missing = sorted(({"C simulation", "kernel"} | hosts) - engines)
        _require(not missing, f"the proof lacks {' and '.join(missing)}")

    def _plugins(self) -> Plugins:
        """All plugins, with this very target among them, be it installed or not."""
        plugins = load_plugins()
        return dataclasses.replace(
            plugins,
            targets={**plugins.targets, self.target.name: self.target},
            providers={**plugins.providers, _Points.name: _Points()},
        )

    def _spec(self) -> str:
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
input = "{network.inputs[0].type}"
[hls]
clock_mhz = {self.clock_mhz}
[proof]
data = 32
random = 32
[targets.{self.target.name}]
{options}
"""


def _is_same_code(path: str, one: File, other: File) -> bool:
    """Whether a machine would do the same with both; what it cannot read is other code."""
    try:
        return code_of(path, one) == code_of(path, other)
    except (SyntaxError, ValueError):
        return False


def _require(holds: bool, message: str) -> None:
    """Fail with ``message`` unless something ``holds``: asserts of a library explain nothing."""
    if not holds:
        raise AssertionError(message)


def _require_none(complaints: Iterable[str]) -> None:
    """Fail with all ``complaints``, if there are any."""
    said = list(complaints)
    _require(not said, "\n".join(said))


def _refused(kind: type[FpgacError], what: str, call: Callable[[], object]) -> None:
    """Fail unless ``call`` raises ``kind``, and no defect: ``what`` is to be refused."""
    try:
        call()
    except PluginError as defect:
        raise AssertionError(f"{what} is to be refused by {kind.__name__}: {defect}") from defect
    except kind:
        return
    raise AssertionError(f"{what} must raise {kind.__name__}, and does not")
