"""What any target must pass."""

from __future__ import annotations

import atexit
import dataclasses
import json
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from fpgac.build.stage import Values
from fpgac.build.store import Store
from fpgac.core.core import Core
from fpgac.core.settings import HlsSettings
from fpgac.data.dataset import Dataset, Provider
from fpgac.design.design import Design
from fpgac.errors import FpgacError, SpecError, TargetError
from fpgac.network.network import Network
from fpgac.network.ops.dense import Dense
from fpgac.network.ops.relu import Relu
from fpgac.numbers import FixedPoint
from fpgac.plugins import Plugins, Target, load_plugins
from fpgac.tensors import Tensor
from fpgac.testing.parsing import code_of, parse_errors

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

    ``options`` are those that a spec would give in the target's table. ``tcl_more`` is a Tcl file
    with IP and commands of Vivado that the design's scripts use and fpgac's recorder does not
    know; ``vivado_shim.tcl`` in this package says how. Add tests of your own as you like.
    """

    target: ClassVar[Target[Any]]
    options: ClassVar[Mapping[str, object]] = {}
    tcl_more: ClassVar[Path | None] = None

    @property
    def flow(self) -> Target[Any]:
        """The target that does the work for ``options``."""
        return self.target.flow(self.target.options(self.options))

    @property
    def clock_mhz(self) -> float:
        """A clock that the board can give."""
        return min(100.0, self.flow.board.clock.maximum_mhz)

    def design(self, name: str = "tiny", description: str = "", **options: object) -> Design:
        """The target's design of the tiny network."""
        asked = self.target.options({**self.options, **options})
        return self.target.design(name, tiny_core(self.clock_mhz), asked, description)

    def test_the_target_is_named_as_its_board(self) -> None:
        assert self.target.name == self.target.board.name == self.flow.board.name
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
        core = tiny_core(self.clock_mhz)
        # A core of its own, so that nothing may hang on the identity of objects.
        core = dataclasses.replace(core, files=dict(core.files))
        return "tiny", core, self.target.options(self.options)

    def test_all_files_parse(self, tmp_path: Path) -> None:
        assert parse_errors(self.design(), tmp_path, self.tcl_more) == []

    def test_each_host_can_be_had_alone(self) -> None:
        for host in self.flow.board.hosts:
            design = self.design(hosts=[host])
            assert any(path.startswith("hosts/") for path in design.files), host

    def test_unknown_options_are_refused(self) -> None:
        for wrong in ({"no_such_option": 1}, {"compute_units": "one"}):
            refused(SpecError, lambda wrong=wrong: self.design(**wrong))  # type: ignore[misc]
        refused(TargetError, lambda: self.design(hosts=["no_such_host"]))

    def test_a_mode_that_the_board_has_not_is_refused(self) -> None:
        for mode in {"hw_emu", "hw"} - set(self.flow.board.modes):
            refused(TargetError, lambda mode=mode: self.flow.check_mode(mode))  # type: ignore[misc]

    def test_a_clock_that_the_board_cannot_give_is_refused(self) -> None:
        fast = 2 * self.flow.board.clock.maximum_mhz
        core = dataclasses.replace(tiny_core(self.clock_mhz), clock_mhz=fast)
        options = self.target.options(self.options)
        refused(TargetError, lambda: self.target.design("tiny", core, options))

    def test_names_that_would_leave_their_quotes_are_refused(self) -> None:
        for name in HOSTILE_NAMES:
            refused(FpgacError, lambda name=name: self.design(name))  # type: ignore[misc]

    def test_text_that_would_leave_its_quotes_is_harmless(self, tmp_path: Path) -> None:
        hostile = self.design(description=HOSTILE_TEXT)
        # C++ whose code is the plain one's, as is shown below, need not be compiled again.
        assert parse_errors(hostile, tmp_path, self.tcl_more, compiled=False) == []
        assert not list(tmp_path.rglob("canary")), "a script ran a command of the text"
        plain = self.design(description="plain")
        assert list(plain.files) == list(hostile.files)
        assert [
            path
            for path, file in hostile.files.items()
            if file != plain.files[path] and code_of(path, file) != code_of(path, plain.files[path])
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
        report = compile_spec(request, plugins, values=_values())
        assert not report.lacking_hosts, "every host must run here"
        engines = {agreement.engine for agreement in report.proof.agreements}
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


def refused(kind: type[FpgacError], call: Callable[[], object]) -> None:
    """Assert that ``call`` raises ``kind``."""
    try:
        call()
    except kind:
        return
    raise AssertionError(f"this must raise {kind.__name__}")
