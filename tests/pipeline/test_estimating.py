"""Estimates of specs: trained or not, against budgets and boards."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.errors import FpgacError, Problem, SpecError, TargetError
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.estimating import Estimates
from fpgac.plugins import load_plugins
from fpgac.spec.loader import load_spec

LARGE = "{ kind = 'dense', units = 2048, activation = 'relu' }"


def changed(spec: Path, *changes: tuple[str, str]) -> Path:
    text = spec.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    spec.write_text(text)
    return spec


def estimates(spec: Path) -> Estimates:
    return Estimates(load_spec(spec), load_plugins())


def refused(spec: Path) -> tuple[FpgacError, tuple[Problem, ...]]:
    with pytest.raises(FpgacError) as caught:
        check_spec(spec)
    return caught.value, caught.value.problems


def budget(specs: Path, line: str) -> Path:
    return changed(specs / "iris.toml", ("[hls]", f"[budget]\n{line}\n\n[hls]"))


def large(specs: Path) -> Path:
    """4 -> 2048 -> 2048 -> 3, untrained."""
    first = '{ kind = "dense", units = 16, activation = "relu" }'
    (specs / "iris.network.json").unlink()
    return changed(specs / "iris.toml", (first, f"{LARGE},\n    {LARGE}"))


def test_trained_weights_count_as_they_are(specs: Path) -> None:
    muon = estimates(specs / "muon.toml").of("pynq-z2")
    weights = [cost.layer.constants for cost in muon.core.costs if cost.layer.constants]
    assert muon.trained
    assert sum(each.nonzero for each in weights) == 2130
    assert sum(each.products for each in weights) == 4260


def test_without_a_trained_network_weights_are_assumed_as_dense_as_the_pruning(
    specs: Path,
) -> None:
    (specs / "muon.network.json").unlink()
    muon = estimates(specs / "muon.toml").of("pynq-z2")
    weights = [cost.layer.constants for cost in muon.core.costs if cost.layer.constants]
    assert not muon.trained
    assert sum(each.nonzero for each in weights) == pytest.approx(2130, rel=0.1)


def test_the_muon_network_at_reuse_1_is_too_much_for_a_pynq_z2_but_not_hopeless(
    specs: Path,
) -> None:
    spec = changed(
        specs / "muon.toml", ("[targets.pynq-z2]", "[targets.pynq-z2]\nreuse_factor = 1")
    )
    muon = estimates(spec).of("pynq-z2")
    assert not muon.fits
    assert list(muon.misfits()) == []


def test_the_reuse_that_its_stream_leaves_free_makes_it_fit(specs: Path) -> None:
    muon = estimates(specs / "muon.toml").of("pynq-z2")
    assert {cost.layer.reuse for cost in muon.core.costs if cost.layer.constants} == {7}
    assert muon.fits


def test_a_stream_brings_a_sample_as_its_bus_does(specs: Path) -> None:
    """27 numbers of 16 bits on 64 bits are 7 bus words; on 512 bits they are one."""
    muon = estimates(specs / "muon.toml")
    zynq, f1 = muon.of("pynq-z2"), muon.of("aws-f1")
    assert zynq.kernel.interval(zynq.core) == 7
    assert f1.kernel.interval(f1.core) == 1
    assert zynq.rate == pytest.approx(100e6 / 7)
    assert f1.rate == 2 * 250e6  # two compute units
    assert zynq.transfer_ns(1000) == 7000 * 10


def test_a_dataflow_core_answers_one_sample_at_a_time(specs: Path) -> None:
    digits = estimates(specs / "digits.toml").of("aws-f1")
    assert digits.kernel.interval(digits.core) == digits.core.timing.latency


def test_plain_data_tell_every_layer_and_the_whole(specs: Path) -> None:
    plain = estimates(specs / "iris.toml").of("pynq-z2").plain(1000)
    layers = {layer["name"]: layer for layer in plain["layers"]}
    assert layers["dense_1"]["multiplications"] == 4 * 16
    assert plain["board"]["lut"] == 53_200
    assert plain["share"]["lut"] == pytest.approx(plain["total"]["lut"] / 53_200, rel=1e-3)
    assert plain["batch"]["samples"] == 1000


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("max_dsp = 5", "reuse_factor to"),
        ("max_lut = 900", "fewer bits"),
        ("max_ff = 10", "fewer bits"),
        ("max_latency_ns = 1.0", "clock_mhz"),
        ("min_rate = 1e10", "compute_units"),
    ],
)
def test_a_broken_budget_is_refused_with_its_key_and_a_remedy(
    specs: Path, line: str, hint: str
) -> None:
    spec = budget(specs, line)
    place = spec.read_text().splitlines().index(line) + 1
    error, problems = refused(spec)
    assert isinstance(error, SpecError)
    assert {problem.code for problem in problems} == {"spec.over-budget"}
    for problem in problems:
        assert problem.where is not None
        assert problem.where.key == f"budget.{line.partition(' ')[0]}"
        assert problem.where.line == place
        assert problem.expected.startswith("at ")
        assert "probably" in problem.got
        assert hint in problem.hint


def test_the_remedy_for_dsps_is_one(specs: Path) -> None:
    spec = budget(specs, "max_dsp = 5")
    hint = refused(spec)[1][0].hint
    factor = hint.removeprefix("set reuse_factor to ").partition(",")[0]
    changed(spec, ("[hls]", f"[hls]\nreuse_factor = {factor}"))
    assert check_spec(spec).spec.hls.reuse_factor == int(factor)


def test_a_target_may_have_a_budget_of_its_own(specs: Path) -> None:
    own = ("[targets.pynq-z2]", "[targets.pynq-z2]\nbudget.max_lut = 100")
    _, problems = refused(changed(budget(specs, "max_lut = 53200"), own))
    places = {problem.where.key for problem in problems if problem.where}
    assert places == {"targets.pynq-z2.budget.max_lut"}


def test_a_budget_that_holds_is_accepted(specs: Path) -> None:
    check_spec(budget(specs, "max_dsp = 220\nmax_lut = 53200\nmin_rate = 1e6"))


def test_an_unknown_budget_is_refused_as_any_key(specs: Path) -> None:
    _, problems = refused(budget(specs, "max_luts = 1"))
    assert [problem.code for problem in problems] == ["spec.unknown-key"]


def test_what_no_board_can_hold_is_refused(specs: Path) -> None:
    error, problems = refused(large(specs))
    assert isinstance(error, TargetError)
    assert {problem.code for problem in problems} == {"target.too-small"}
    places = {problem.where.key for problem in problems if problem.where}
    assert "targets.pynq-z2" in places


def test_a_verdict_is_remembered_until_network_or_spec_change(specs: Path) -> None:
    spec = specs / "iris.toml"
    check_spec(spec)
    budget(specs, "max_lut = 10")
    assert refused(spec)[1][0].code == "spec.over-budget"
