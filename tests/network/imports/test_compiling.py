"""Real files of every kind, whole: specs of at most ten lines, for a card or for a Zynq."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fpgac.engines.proving import Agreement
from fpgac.pipeline.checking import check_spec
from fpgac.pipeline.compiling import Request, compile_spec
from fpgac.plugins import load_plugins

CARD, ZYNQ = "aws-f1", "pynq-z2"
INPUT = ("[interface]", 'input = "ap_fixed<12,4,RND,SAT>"')
CHOSEN = (*INPUT, "[quantisation]", 'from = "data"')


def proven(spec: Path, target: str, engine: str) -> Agreement:
    """How well the original agrees with the build for ``target``."""
    plugins = load_plugins()
    request = Request(check_spec(spec, plugins), target, spec.parent / "build")
    proof = compile_spec(request, plugins).proof
    assert proof.unavailable == ()
    (found,) = (each for each in proof.agreements if each.engine == engine)
    return found


def spec_of(network: str, target: str, folder: Path, *lines: str) -> Path:
    """A spec that leaves all it can to the file."""
    text = ['name = "net"', f'network = "{network}"', *lines, f"[targets.{target}]"]
    assert len(text) <= 10
    spec = folder / "net.toml"
    spec.write_text("\n".join(text) + "\n")
    return spec


@pytest.fixture
def folder(old_files: Path, new_files: Path, onnx_folder: Path, tmp_path: Path) -> Path:
    """All files, and the project in which hls4ml once converted one of them."""
    for made in (old_files, new_files, onnx_folder):
        shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    project = "Backend: Vitis\nKerasModel: !keras_model '/elsewhere/qkeras_dense.h5'\n"
    (tmp_path / "hls4ml_config.yml").write_text(project)
    return tmp_path


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("network", "target", "lines", "framework"),
    [
        ("qkeras_dense.h5", CARD, INPUT, "QKeras"),
        ("hls4ml_config.yml", ZYNQ, INPUT, "QKeras"),
        ("hgq_dense.keras", CARD, INPUT, "HGQ2"),
        ("quantised_dense.onnx", ZYNQ, (), "QONNX"),
    ],
)
def test_a_quantised_network_gives_the_very_words_of_its_own_framework(
    folder: Path, network: str, target: str, lines: tuple[str, ...], framework: str
) -> None:
    spec = spec_of(network, target, folder, *lines)

    original = proven(spec, target, f"{framework} with {network}")
    assert original.approximations == ()
    assert original.samples["vectors"] > 4096


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("network", "target", "framework"),
    [
        ("keras2_chain.h5", CARD, "Keras 2"),
        ("keras3_branches.keras", ZYNQ, "Keras 3"),
        ("mixed_saved", CARD, "QKeras"),
        ("dense.onnx", ZYNQ, "onnxruntime"),
    ],
)
def test_a_network_of_floats_is_as_close_to_its_own_framework_as_its_formats_let_it(
    folder: Path, network: str, target: str, framework: str
) -> None:
    spec = spec_of(network, target, folder, *CHOSEN)

    original = proven(spec, target, f"{framework} with {network}")
    assert original.approximations
    assert all(0 < apart.greatest < 0.05 for apart in original.approximations)
