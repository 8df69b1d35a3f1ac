"""The exact program as the body of the emulated kernel: the same words, for any hosts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fpgac.build.plan import Plan
from fpgac.build.runner import run_plan
from fpgac.core.lowering import lower
from fpgac.core.settings import HlsSettings
from fpgac.design.contract import Interface, contract
from fpgac.engines.emulator import Emulator
from fpgac.engines.kernel import run_kernel
from fpgac.network.network import Network
from fpgac.numbers import FixedPoint
from fpgac.steps.exact_kernel import exact_files, exact_step
from fpgac.steps.plan import kernel_library

Fpgac = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("interface", ["m_axi", "axis"])
@pytest.mark.parametrize("given", ["ap_fixed<7,3,RND,SAT>", "ap_ufixed<9,4,TRN,SAT>"])
def test_rows_with_padding_and_words_with_spare_bits(
    interface: Interface, given: str, pictures: Network, tmp_path: Path
) -> None:
    (entry,) = pictures.inputs
    network = Network.chain(
        "pictures",
        replace(entry, type=FixedPoint.parse(given)),
        [(node.name, node.operation) for node in pictures.nodes],
    )
    core = lower(network, HlsSettings())
    agreed = contract(core, name=network.name, compute_units=1, interface=interface)
    library = kernel_library(agreed.kernel, "exact")
    for path, file in exact_files(core, agreed).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(file.content)
    run_plan(Plan((exact_step(library),)), tmp_path, {})
    type_ = core.inputs[0].type
    generator = np.random.default_rng(1)
    words = generator.integers(type_.lowest, type_.highest + 1, (1500, core.inputs[0].size))
    expected = Emulator.of(core).words(type_.number(words))
    # Beyond its own bits a word in memory may hold anything.
    beyond = words + (generator.integers(0, 8, words.shape) << type_.width)
    for rows in (words, beyond):
        padded = rows.astype(f"u{type_.dtype.itemsize}").view(type_.dtype)
        got = run_kernel(tmp_path, agreed, padded, "exact")
        np.testing.assert_array_equal(got, expected)


def test_a_core_without_an_exact_program_has_no_such_body(pictures: Network) -> None:
    core = lower(pictures, HlsSettings())
    agreed = contract(core, name="pictures", compute_units=1)
    assert exact_files(replace(core, graph=None), agreed) == {}


@pytest.mark.parametrize("host", ["simulation", "all"])
def test_hosts_run_on_it_unchanged(fpgac: Fpgac, iris_build: Path, host: str) -> None:
    done = fpgac("run", iris_build, "--engine", "exact", "--host", host)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("equal to the proof's") == (1 if host == "simulation" else 3)


def test_a_build_without_it_says_what_there_is(
    fpgac: Fpgac, iris_build: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "build"
    subprocess.run(["cp", "-r", iris_build, folder], check=True)
    for path in (folder / "emulation" / "exact").iterdir():
        path.unlink()
    done = fpgac("run", folder, "--engine", "exact")
    assert done.returncode == 7
    assert "no exact kernel" in done.stderr
    assert "--engine hls" in done.stderr
