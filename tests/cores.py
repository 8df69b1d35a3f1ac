"""Cores made from hls4ml's own descriptions of layers, and the C simulation of many at once."""

from __future__ import annotations

import contextlib
import copy
import io
import re
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fpgac.core.core import Core
from fpgac.core.lowering import core_of
from fpgac.core.settings import HlsSettings
from fpgac.engines.csim import simulate
from fpgac.numbers import IntArray
from fpgac.spec.models import IoType, Strategy
from fpgac.steps.core import ap_headers, core_source

Layers = Sequence[Mapping[str, Any]]
CoreOf = Callable[..., Core]
Simulated = Callable[[Sequence[Core], Sequence[IntArray]], list[IntArray]]


def made(
    layers: Layers,
    settings: Mapping[str, Any],
    *,
    top: str = "net",
    io_type: IoType = "io_parallel",
    strategy: Strategy = "latency",
) -> Core:
    """The core of layers in hls4ml's own description; ``settings`` is its configuration of each.

    A layer without ``inputs`` reads the one before it.
    """
    import hls4ml
    from hls4ml.model.graph import ModelGraph

    hls = HlsSettings(io_type=io_type, strategy=strategy)
    with (
        tempfile.TemporaryDirectory(prefix="fpgac-") as folder,
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        config = hls4ml.utils.config.create_config(
            output_dir=folder,
            project_name=top,
            backend="Vitis",
            clock_period=5,
            io_type=io_type,
            write_weights_txt=False,
        )
        config["HLSConfig"] = {
            "Model": {
                "Precision": {"default": "ap_fixed<16,6>"},
                "ReuseFactor": 1,
                "Strategy": strategy,
            },
            "LayerName": dict(settings),
        }
        graph = ModelGraph.from_layer_list(
            config, copy.deepcopy(list(layers)), [layers[0]["name"]], [layers[-1]["name"]]
        )
        return core_of(graph, top, hls, 1, Path(folder))


def power_of_two(bits: int) -> Any:
    """hls4ml's quantizer of weights that are powers of two, without QKeras."""
    from hls4ml.model.quantizers import Quantizer
    from hls4ml.model.types import ExponentPrecisionType

    class PowerOfTwo(Quantizer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(bits, ExponentPrecisionType(bits, signed=True))

        def __call__(self, data: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            with np.errstate(divide="ignore"):
                exponents = np.rint(np.log2(np.abs(data)))
            return np.asarray(np.where(data < 0, -1.0, 1.0) * 2.0**exponents)

    return PowerOfTwo()


def simulated(folder: Path, cores: Sequence[Core], words: Sequence[IntArray]) -> list[IntArray]:
    """Every core's answers to its words; all cores are one translation unit, which is quicker.

    Each core lies in a namespace of its own, with hls4ml's headers, which they share, around it.
    """
    shared = {path: content for path, content in cores[0].files.items() if "nnet_utils" in path}
    tree = {f"shared/{path}": content for path, content in shared.items()}
    tree |= {f"ap_types/{path}": content for path, content in ap_headers().items()}
    for core in cores:
        own = {p: c for p, c in core.files.items() if p not in shared or "code_gen" in p}
        tree |= {f"{core.top}/{path}": content for path, content in own.items()}
        tree[f"{core.top}/core.cpp"] = core_source(core)
    tree["cores.cpp"] = _together(cores)
    for path, content in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    command = ["g++", "-std=c++17", "-O0", "-fPIC", "-fno-gnu-unique", "-shared", "-w"]
    command += ["-Iap_types", "-Ishared", "-Ishared/nnet_utils", "-o", "cores.so", "cores.cpp"]
    built = subprocess.run(command, cwd=folder, check=False, capture_output=True, timeout=600)
    assert built.returncode == 0, "\n".join(
        line for line in built.stderr.decode().splitlines() if "error" in line or "required" in line
    )
    return [
        simulate(folder / "cores.so", core, given, processes=1)
        for core, given in zip(cores, words, strict=True)
    ]


_INCLUDE = re.compile(r'#include [<"]([^<>"]+)[>"]')
_GUARD = re.compile(r"#ifndef (\w+)\n#define \1\b")


def _together(cores: Sequence[Core]) -> bytes:
    own = ("defines.h", "parameters.h", "weights/", "nnet_utils/nnet_code_gen.h")
    texts = [
        content.decode()
        for core in cores
        for path, content in core.files.items()
        if "nnet_utils" not in path or "code_gen" in path
    ]
    headers = dict.fromkeys(name for text in texts for name in _INCLUDE.findall(text))
    # Two of hls4ml's headers share a guard.
    lines = [
        f"#undef NNET_SEPARABLE_CONV2D_LATENCY_H_\n#include <{name}>"
        for name in headers
        if not name.startswith(own) and name not in {f"{core.top}.h" for core in cores}
    ]
    guards = dict.fromkeys(guard for text in texts for guard in _GUARD.findall(text))
    for core in cores:
        lines += [f"#undef {guard}" for guard in guards]
        lines += [
            f"namespace {core.top}_core {{",
            "namespace nnet { using namespace ::nnet; }",
            f'#include "{core.top}/core.cpp"',
            "}",
        ]
    return "\n".join(["#include <cstdint>", *lines, ""]).encode()


@pytest.fixture(scope="session")
def core_from() -> CoreOf:
    """:func:`made`, for tests."""
    return made


@pytest.fixture
def simulate_all(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """:func:`simulated`, for tests: each call in a folder of its own."""

    def run(cores: Sequence[Core], words: Sequence[IntArray]) -> list[IntArray]:
        return simulated(tmp_path_factory.mktemp("cores"), cores, words)

    return run
