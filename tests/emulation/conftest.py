"""The toy card and its hosts, built once a session."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fpgac.emulation import CardDescription
from fpgac.emulation.machinery import Machinery, build_machinery
from fpgac.emulation.xclbin import main as write_xclbin_main
from tests.emulation.toy import PROGRAMS, Toy, ap_types, compile_cpp, toy_data


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The machinery is built afresh, in a cache of this session's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FPGAC_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def machineries() -> tuple[Machinery, ...]:
    """The machinery as two builders got it that began at the same time."""
    with ThreadPoolExecutor(2) as pool:
        return tuple(pool.map(lambda _: build_machinery(), range(2)))


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory, machineries: object) -> Toy:
    folder = tmp_path_factory.mktemp("toy")
    description = folder / "card.json"
    description.write_text(json.dumps(toy_data()))
    built = Toy(folder, CardDescription.read(description))
    compile_cpp(
        "-O1", "-fPIC", "-shared", "-w", f"-I{ap_types()}", PROGRAMS / "kernels.cpp",
        "-o", built.library,
    )  # fmt: skip
    compile_cpp(
        "-O0", "-w", "-isystem", "/usr/include/xrt", PROGRAMS / "native_host.cpp", "-o",
        folder / "native_host", "-lxrt_coreutil", "-luuid", "-pthread",
    )  # fmt: skip
    assert write_xclbin_main([str(description), str(built.library), str(built.xclbin)]) == 0
    return built


@pytest.fixture(scope="session")
def opencl_host(toy: Toy) -> Path:
    host = toy.folder / "opencl_host"
    compile_cpp("-O0", "-w", PROGRAMS / "opencl_host.cpp", "-o", host, "-lOpenCL")
    return host


@pytest.fixture
def lines() -> tuple[list[str], Callable[[str], None]]:
    """A list, and what appends to it."""
    seen: list[str] = []
    return seen, seen.append


@pytest.fixture(scope="session")
def native_memory(toy: Toy) -> Path:
    host = toy.folder / "native_memory"
    compile_cpp(
        "-O0", "-w", "-isystem", "/usr/include/xrt", PROGRAMS / "native_memory.cpp", "-o", host,
        "-lxrt_coreutil", "-luuid", "-pthread",
    )  # fmt: skip
    return host


@pytest.fixture(scope="session")
def opencl_memory(toy: Toy) -> Path:
    host = toy.folder / "opencl_memory"
    compile_cpp(
        "-O0", "-w", "-isystem", "/usr/include/xrt", PROGRAMS / "opencl_memory.cpp", "-o", host,
        "-lOpenCL",
    )  # fmt: skip
    return host
