"""Real files of each framework, made once by the framework itself, which then answers for them.

Keras takes half a minute to start and to make its files: tests of these are heavy, those of ONNX
are not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fpgac.network.imports import imitating, original, pickles
from fpgac.network.keras.process import Worker
from tests.network.imports import onnx_files
from tests.network.imports.imports import Imported, import_file
from tests.network.imports.keras_files import DONE

SWITCHES = {
    "old": {"TF_USE_LEGACY_KERAS": "1"},
    "new": {"KERAS_BACKEND": "tensorflow"},
    "onnx": {},
}


@dataclass(frozen=True)
class Frameworks:
    """A process with frameworks of one kind, which has made files in ``folder``."""

    folder: Path
    process: subprocess.Popen[str]
    log: Path

    def wait(self) -> None:
        """Until it has done what it was asked for."""
        assert self.process.stdout is not None
        assert any(line.strip() == DONE for line in self.process.stdout), self.log.read_text()

    def do(self, task: str, folder: Path) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{task} {folder}\n")
        self.process.stdin.flush()
        self.wait()


@contextmanager
def started(kind: str, folder: Path) -> Iterator[Frameworks]:
    script, log = Path(__file__).with_name("keras_files.py"), folder / "log.txt"
    quiet = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, str(script), kind, str(folder)],
            env={**os.environ, **quiet, **SWITCHES[kind]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        frameworks = Frameworks(folder, process, log)
        frameworks.wait()
        yield frameworks
        process.kill()  # frameworks take their time to end


@pytest.fixture(scope="session")
def frameworks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Frameworks]]:
    """The frameworks of a kind, started when they are first asked for."""
    running: dict[str, Frameworks] = {}
    with ExitStack() as stack:

        def of_kind(kind: str) -> Frameworks:
            if kind not in running:
                folder = tmp_path_factory.mktemp(kind)
                running[kind] = stack.enter_context(started(kind, folder))
            return running[kind]

        yield of_kind


@pytest.fixture
def quick_answers(frameworks: Callable[[str], Frameworks], monkeypatch: pytest.MonkeyPatch) -> None:
    """Frameworks' work is done by the processes at hand, not by one of its own for each task."""

    def run(
        task: str, folder: Path, report: Callable[[Mapping[str, Any]], None], to: Worker
    ) -> None:
        (kind,) = (kind for kind, switches in SWITCHES.items() if switches == to.switches)
        frameworks(kind).do(task, folder)

    for asking in (original, imitating, pickles):
        monkeypatch.setattr(asking, "run_worker", run)


@pytest.fixture(scope="session")
def old_files(frameworks: Callable[[str], Frameworks]) -> Path:
    """A folder with files of Keras 2 and QKeras."""
    return frameworks("old").folder


@pytest.fixture(scope="session")
def new_files(frameworks: Callable[[str], Frameworks]) -> Path:
    """A folder with files of Keras 3 and HGQ2."""
    return frameworks("new").folder


@pytest.fixture(scope="session")
def onnx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ONNX and QONNX files."""
    folder = tmp_path_factory.mktemp("onnx_files")
    for name in onnx_files.FILES:
        onnx_files.FILES[name](folder / f"{name}.onnx")
    return folder


@pytest.fixture(scope="session")
def onnx_networks() -> dict[str, Imported]:
    """What has been imported of :func:`onnx_folder`, with the originals' answers."""
    return {}


@pytest.fixture
def onnx_network(
    onnx_folder: Path, onnx_networks: dict[str, Imported], quick_answers: None
) -> Callable[[str], Imported]:
    """The network in one of the ONNX files, by its name."""

    def imported(name: str) -> Imported:
        if name not in onnx_networks:
            onnx_networks[name] = import_file(onnx_folder / f"{name}.onnx")
            assert onnx_networks[name].tensors  # asked for here and now
        return onnx_networks[name]

    return imported
