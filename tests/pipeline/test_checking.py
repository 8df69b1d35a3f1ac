"""A spec is checked against data, targets and hls4ml before anything is made: all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpgac.errors import FpgacError
from fpgac.pipeline.checking import check_spec
from fpgac.plugins import load_plugins


def refused(specs: Path, *changes: tuple[str, str]) -> list[tuple[int | None, str, str]]:
    spec = specs / "iris.toml"
    text = spec.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    spec.write_text(text)
    with pytest.raises(FpgacError) as caught:
        check_spec(spec)
    return [(p.where.line, p.where.key, p.what) for p in caught.value.problems if p.where]


def line_of(specs: Path, text: str) -> int:
    lines = (specs / "iris.toml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize(
    ("change", "key", "text"),
    [
        (("units = 16", 'name = "w2", units = 16'), "topology.layers[0]", "hls4ml's C++"),
        (('name = "iris"', 'name = "Config2"'), "name", "hls4ml's C++"),
        (("[hls]", "[hls]\nreuse_factor = 7000"), "hls.reuse_factor", "reuse factor"),
        (
            ("units = 3", "reuse_factor = 999, units = 3"),
            "topology.layers[1].reuse_factor",
            "reuse factor",
        ),
        (
            ('"quantized_bits(8, 1, alpha=1)"', '"quantized_bits(24, 16)"'),
            "topology.layers[0]",
            "too wide to be exact",
        ),
    ],
)
def test_what_would_stop_the_road_late_is_told_early_with_its_place(
    specs: Path, change: tuple[str, str], key: str, text: str
) -> None:
    changes = [change]
    if "exact" in text:
        changes.append(("ap_fixed<16,6,RND,SAT>", "ap_fixed<53,6,RND,SAT>"))
    line, place, what = refused(specs, *changes)[0]
    assert place == key
    assert text in what
    assert line is not None


@pytest.mark.parametrize(
    ("change", "key", "text"),
    [
        (("units = 16", "units = 4096 }, { kind = 'dense', units = 4096"), 1, "too many weights"),
        (("[data]", "[data]\nsamples = 2147483648"), "data.samples", "more samples"),
    ],
)
def test_what_no_memory_holds_is_told_before_it_is_made(
    specs: Path, change: tuple[str, str], key: str | int, text: str
) -> None:
    place = f"topology.layers[{key}]" if isinstance(key, int) else key
    [(line, found, _)] = [found for found in refused(specs, change) if text in found[2]]
    assert (found, line is not None) == (place, True)


LOSS = ('loss = "crossentropy"', 'loss = "huber"')


def test_a_loss_that_does_not_fit_is_refused_before_a_training(specs: Path) -> None:
    ((_, key, _),) = refused(specs, LOSS)
    assert key == "training.loss"


def test_a_network_that_is_only_read_needs_no_loss(specs: Path, tmp_path: Path) -> None:
    reader = tmp_path / "reader.py"
    reader.write_text(
        "from fpgac.plugins import NetworkSource, hookimpl\n"
        "class Other(NetworkSource):\n"
        "    name, description, suffixes = 'other', 'a file from elsewhere', ('.other',)\n"
        "    def read(self, path, spec): raise NotImplementedError\n"
        "@hookimpl\n"
        "def fpgac_network_sources(): return [Other]\n"
    )
    spec = specs / "iris.toml"
    text = spec.read_text().replace(*LOSS)
    spec.write_text(text.replace('name = "iris"', 'name = "iris"\nnetwork = "iris.other"'))
    assert check_spec(spec, load_plugins(files=[reader])).spec.training.loss == "huber"


def test_the_mistakes_of_all_checks_come_at_once(specs: Path) -> None:
    found = refused(
        specs,
        ("inputs = 4", "inputs = 5"),
        ("units = 16", 'name = "w2", units = 16'),
        ("clock_mhz = 250.0", "clock_mhz = 900.0"),
        ("[targets.aws-f1]", "[targets.aws-f9]\n[targets.aws-f1]\nbanks = ['DDR[7]']"),
    )
    keys = {key for _, key, _ in found}
    assert {"topology.inputs", "topology.layers[0]", "targets.aws-f9"} <= keys
    assert any(key.startswith("targets.aws-f1.banks") for key in keys)
    assert next(line for line, key, _ in found if key == "targets.aws-f9") == line_of(
        specs, "aws-f9"
    )


def test_a_spec_is_refused_as_often_as_it_is_asked_for(specs: Path) -> None:
    first = refused(specs, ('name = "iris"', 'name = "Config2"'))
    assert first == refused(specs)
