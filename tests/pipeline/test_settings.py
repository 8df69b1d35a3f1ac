"""What hls4ml is asked for: a target's table before the spec, a layer before all layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fpgac.core.settings import HlsSettings
from fpgac.errors import FpgacError
from fpgac.numbers import FixedPoint
from fpgac.pipeline.checking import check_spec, chosen_target
from fpgac.pipeline.settings import hls_settings, reuse_line
from fpgac.plugins import load_plugins
from fpgac.tensors import Tensor

SPECS = Path(__file__).parents[2] / "specs"
PLUGINS = load_plugins()
MUON = (SPECS / "muon.toml").read_text().partition("[targets.")[0]
NO_CLOCK = MUON.replace("clock_mhz = 250.0", "")


def settings(folder: Path, spec: str, target: str, outputs: tuple[Tensor, ...] = ()) -> HlsSettings:
    """What is asked for, for a target of the muon network."""
    (folder / "muon.toml").write_text(spec)
    file = check_spec(folder / "muon.toml", PLUGINS)
    chosen, options = chosen_target(file, PLUGINS, target)
    return hls_settings(file.spec, chosen, options, outputs)


@pytest.mark.parametrize(
    ("spec", "target", "clock_mhz"),
    [
        (f"{NO_CLOCK}[targets.pynq-z2]\n", "pynq-z2", 100.0),
        (f"{NO_CLOCK}[targets.aws-f1]\n", "aws-f1", 250.0),
        (f"{NO_CLOCK}[targets.alveo-u50]\n", "alveo-u50", 300.0),
        (f"{MUON}[targets.alveo-u50]\n", "alveo-u50", 250.0),
        (f"{MUON}[targets.pynq-z2]\nclock_mhz = 150.0\n", "pynq-z2", 150.0),
    ],
)
def test_the_clock_is_the_target_s_or_the_spec_s_or_the_board_s(
    tmp_path: Path, spec: str, target: str, clock_mhz: float
) -> None:
    assert settings(tmp_path, spec, target).clock_mhz == clock_mhz


def test_a_target_s_table_comes_before_the_spec_and_a_layer_before_all(tmp_path: Path) -> None:
    table = (
        "[targets.aws-f1]\nreuse_factor = 5\nstrategy = 'resource'\n"
        "layers.dense_2 = { reuse_factor = 7, strategy = 'latency' }\n"
    )
    asked = MUON.replace("[hls]", "[hls]\nreuse_factor = 2").replace(
        "units = 35,", "units = 35, reuse_factor = 3,"
    )
    found = settings(
        tmp_path, asked.replace("units = 1 }", "units = 1, reuse_factor = 15 }") + table, "aws-f1"
    )
    assert (found.reuse_factor, found.strategy) == (5, "resource")
    assert found.reuse_factors == {"dense_1": 3, "dense_2": 7, "dense_7": 15}
    assert found.strategy_of("dense_2") == "latency"
    assert found.strategy_of("dense_3") == "resource"


@pytest.mark.parametrize(("target", "cycles"), [("pynq-z2", 7), ("aws-f1", 1)])
def test_without_a_word_the_bus_says_how_much_reuse_is_free(
    tmp_path: Path, target: str, cycles: int
) -> None:
    found = settings(tmp_path, f"{NO_CLOCK}[targets.{target}]\n", target)
    assert (found.reuse_factor, found.free_cycles) == (None, cycles)
    line = reuse_line(found, {"dense_1": cycles})
    assert line == (
        f"reuse factor {cycles}, as the bus takes 7 cycles a sample" if cycles > 1 else ""
    )


def test_outputs_that_take_longer_count(tmp_path: Path) -> None:
    many = Tensor("y", (40,), FixedPoint.parse("ap_fixed<16,6>"))
    assert (
        settings(tmp_path, f"{NO_CLOCK}[targets.pynq-z2]\n", "pynq-z2", (many,)).free_cycles == 10
    )


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("clock_mhz = 151.0", "targets.pynq-z2.clock_mhz"),
        ("reuse_factor = 7000", "targets.pynq-z2.reuse_factor"),
        ("layers.dense_1.reuse_factor = 9000", "targets.pynq-z2.layers.dense_1.reuse_factor"),
        ("layers.dens_1.reuse_factor = 1", "targets.pynq-z2.layers.dens_1"),
    ],
)
def test_what_cannot_be_is_placed_in_the_target_s_table(
    tmp_path: Path, table: str, key: str
) -> None:
    with pytest.raises(FpgacError) as caught:
        settings(tmp_path, f"{NO_CLOCK}[targets.pynq-z2]\n{table}\n", "pynq-z2")
    places: set[Any] = {problem.where and problem.where.key for problem in caught.value.problems}
    assert places == {key}
