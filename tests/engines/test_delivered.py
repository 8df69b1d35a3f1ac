"""What a target delivers is run by the target's own engine, and what nobody runs is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.design.contract import Contract
from fpgac.engines.delivered import Delivered, not_run
from fpgac.engines.engine import Vectors
from fpgac.engines.hosts import Host
from fpgac.engines.kernel import Kernel
from fpgac.errors import EmulationError, PluginError, ProofError
from fpgac.plugins import Core, DeliveryEngine, Design, File, Target, hookimpl, load_plugins
from fpgac.steps.plan import CONTRACT
from fpgac.testing import TargetConformance, tiny_core
from fpgac_targets.aws_f1 import AwsF1
from tests.problems import coded

F1 = AwsF1()
DESIGN = F1.design("tiny", tiny_core(100.0), F1.options({}))
CONTRACT_OF_TINY = Contract.from_json(DESIGN.files[CONTRACT].content)
VECTORS = Vectors("vectors", CONTRACT_OF_TINY.input_layout, np.zeros((4, 3)))


class Simulation(DeliveryEngine):
    """Gives ``answers`` to whatever it is asked, or what they make of its words."""

    name = "RTL simulation"
    covers = ("rtl/", "scripts/link.cfg")

    def __init__(self, answers: Any) -> None:
        self.answers = answers

    def words(self, folder: Path, contract: Contract, words: npt.NDArray[Any]) -> npt.NDArray[Any]:
        given: npt.NDArray[Any] = self.answers(words) if callable(self.answers) else self.answers
        return given


def engine(answers: Any) -> Delivered:
    return Delivered(Path(), CONTRACT_OF_TINY, Simulation(answers))


def test_its_words_are_those_of_the_target_s_engine() -> None:
    words = np.arange(8, dtype=np.int16).reshape(4, 2)
    np.testing.assert_array_equal(engine(words).words(VECTORS), words)
    assert engine(words).name == "RTL simulation"
    assert engine(words).missing() is None


@pytest.mark.parametrize(
    "answers", [np.zeros((4, 3), np.int64), np.zeros((4, 2)), np.zeros(8, int)]
)
def test_what_are_no_raw_words_is_refused(answers: npt.NDArray[Any]) -> None:
    with pytest.raises(EmulationError, check=coded("emulation.no-words")):
        engine(answers).words(VECTORS)


def test_of_vitis_s_files_scripts_alone_are_not_run() -> None:
    folder, hosts = Path(), F1.board.hosts
    asked = [Host(folder, CONTRACT_OF_TINY, host) for host in hosts]
    kernel = Kernel(folder, CONTRACT_OF_TINY)
    scripts = tuple(sorted(path for path in DESIGN.files if path.startswith("scripts/")))
    assert not_run(DESIGN.files, [kernel, *asked]) == scripts
    assert "scripts/link.cfg" in scripts
    exact = Kernel(folder, CONTRACT_OF_TINY, "exact")
    assert any(path.startswith("kernel/") for path in not_run(DESIGN.files, [exact, *asked]))
    assert any(
        path.startswith("hosts/xrt/") for path in not_run(DESIGN.files, [kernel, *asked[:1]])
    )


def test_what_a_target_s_engine_covers_is_run() -> None:
    paths = ["rtl/top.v", "rtl/rom/a.hex", "rtl.v", "scripts/link.cfg", "README.md"]
    assert not_run(paths, [engine(None)]) == ("rtl.v",)
    assert not_run(paths, []) == ("rtl.v", "rtl/rom/a.hex", "rtl/top.v", "scripts/link.cfg")


def with_engine(answers: Any) -> Target[Any]:
    """F1 with RTL beside the kernel, which this engine runs; from a plugin."""

    class Card(AwsF1):
        board = AwsF1.board.model_copy(update={"name": "rtl-card"})
        engines = (Simulation(answers),)

        def design(self, name: str, core: Core, options: Any, description: str = "") -> Design:
            made = super().design(name, core, options, description)
            return Design(name, self.name, {**made.files, "rtl/top.v": File(b"nonsense")})

    class Plugin:
        @hookimpl
        def fpgac_targets(self) -> list[type[Target[Any]]]:
            return [Card]

    return load_plugins([Plugin()]).target("rtl-card")


def test_an_engine_of_a_plugin_is_behind_the_guard() -> None:
    (simulation,) = with_engine(7).engines
    with pytest.raises(PluginError, match=r"Simulation\.words: words must be ndarray"):
        simulation.words(Path(), CONTRACT_OF_TINY, VECTORS.words)


@pytest.mark.heavy
def test_nonsense_that_a_target_delivers_fails_the_proof(tmp_path: Path) -> None:
    """Each engine that knows the kernel agrees, and the one that runs the RTL does not."""
    target = with_engine(lambda words: words[:, :2] * 0)
    suite = type("Suite", (TargetConformance,), {"target": target})()
    with pytest.raises(ProofError, match="RTL simulation"):
        suite.test_bits_agree_in_emulation(tmp_path)
