"""What every target does with a spec's table of options, and the clock and the tools it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.build.toolchains import Toolchain
from fpgac.errors import FpgacError, SpecError, TargetError, ToolchainError, Where
from fpgac.plugins import Target, TargetOptions, load_plugins
from fpgac.spec.lines import key_lines

AWS_F1 = load_plugins().target("aws-f1")


def told(error: type[FpgacError], table: dict[str, object]) -> list[str]:
    with pytest.raises(error) as caught:
        AWS_F1.options(table)
    return [str(problem) for problem in caught.value.problems]


def test_no_options_are_one_compute_unit_and_all_hosts() -> None:
    options = AWS_F1.options({})
    assert options.compute_units == 1
    assert AWS_F1.hosts(options) == ("pynq", "opencl", "xrt")


def test_hosts_are_written_in_one_order_whatever_the_spec_says() -> None:
    options = AWS_F1.options({"hosts": ["xrt", "pynq"]})
    assert AWS_F1.hosts(options) == ("pynq", "xrt")


@pytest.mark.parametrize(
    ("table", "key", "hint"),
    [
        ({"compute_unit": 2}, "targets.aws-f1.compute_unit", "did you mean 'compute_units'?"),
        ({"compute_units": "2"}, "targets.aws-f1.compute_units", "'2'"),
        ({"compute_units": True}, "targets.aws-f1.compute_units", "true"),
        ({"compute_units": 0}, "targets.aws-f1.compute_units", "at least 1"),
        ({"compute_units": float("nan")}, "targets.aws-f1.compute_units", ""),
        ({"banks": "DDR[0]"}, "targets.aws-f1.banks", "'DDR[0]'"),
        ({"banks": [0]}, "targets.aws-f1.banks[0]", ""),
        ({"hosts": []}, "targets.aws-f1.hosts", "name at least one"),
    ],
)
def test_what_cannot_be_is_refused_with_its_key(
    table: dict[str, object], key: str, hint: str
) -> None:
    (problem,) = told(SpecError, table)
    assert f"[{key}]" in problem
    assert hint in problem


def test_what_the_board_has_not_is_refused_with_the_nearest_that_it_has() -> None:
    problems = told(TargetError, {"hosts": ["opnecl"], "banks": ["DRR[1]"], "compute_units": 1})
    assert "[targets.aws-f1.hosts[0]]: aws-f1 offers no host 'opnecl'" in problems[0]
    assert "did you mean 'opencl'?" in problems[0]
    assert "[targets.aws-f1.banks[0]]: aws-f1 has no memory bank 'DRR[1]'" in problems[1]
    assert "did you mean 'DDR[1]'?" in problems[1]


def test_a_bank_that_no_compute_unit_would_use_is_refused() -> None:
    (problem,) = told(TargetError, {"banks": ["DDR[0]", "DDR[1]"]})
    assert "more banks than compute units" in problem


@pytest.mark.parametrize(
    ("error", "line"), [(SpecError, "compute_units = 0"), (TargetError, 'banks = ["DDR[4]"]')]
)
def test_errors_name_the_line_of_the_spec(error: type[FpgacError], line: str) -> None:
    text = f'name = "muon"\n\n[targets.aws-f1]\n{line}\n'
    table = {"compute_units": 0} if error is SpecError else {"banks": ["DDR[4]"]}
    with pytest.raises(error) as caught:
        AWS_F1.options(table, Path("muon.toml"), key_lines(text))
    assert str(caught.value).startswith("muon.toml:4 [targets.aws-f1.")


def test_a_clock_above_the_board_s_is_refused() -> None:
    AWS_F1.check_clock(250.0)
    with pytest.raises(TargetError, match="at most 250 MHz") as caught:
        AWS_F1.check_clock(250.5, Where(Path("muon.toml"), 7, "hls.clock_mhz"))
    assert "muon.toml:7 [hls.clock_mhz]" in str(caught.value)


def test_a_version_that_does_not_know_the_board_is_refused() -> None:
    AWS_F1.check_version(Toolchain("Vitis", Path("/v++"), (2020, 2)))
    with pytest.raises(ToolchainError, match=r"Vitis 2023\.1 does not know aws-f1") as caught:
        AWS_F1.check_version(Toolchain("Vitis", Path("/v++"), (2023, 1)))
    assert "Vitis 2020.2 to 2021.2" in str(caught.value)


def test_a_target_without_a_board_cannot_be_made() -> None:
    class Nowhere(type(AWS_F1)):  # type: ignore[misc]
        pass

    class Bare(Target[TargetOptions]):
        design = toolchain = plan = lambda *_: None  # type: ignore[assignment]

    assert Nowhere().board == AWS_F1.board
    with pytest.raises(TypeError, match="Bare does not set board and Options"):
        Bare()


def test_a_mistyped_key_hides_nothing_of_what_the_board_has_not() -> None:
    unknown, bank = told(SpecError, {"compute_unit": 2, "banks": ["DDR[0]", "DRR[1]"]})
    assert "did you mean 'compute_units'?" in unknown
    assert "did you mean 'DDR[1]'?" in bank
    (unknown,) = told(SpecError, {"compute_unit": 2, "banks": ["DDR[0]", "DDR[1]"]})
    assert "unknown key 'compute_unit'" in unknown, (
        "and makes nothing up: read as meant, it is good"
    )
    (value,) = told(SpecError, {"compute_units": "2", "banks": ["DDR[0]", "DDR[1]"]})
    assert "[targets.aws-f1.compute_units]" in value
