"""A design of a hand-written core, and a Vitis made of two shell scripts."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fpgac.plugins import Core, Design, FixedPoint, Port, Target, load_plugins

__all__ = ["FakeVitis", "InstallVitis", "MakeDesign", "WriteDesign", "core"]

PLUGINS = load_plugins()
AWS_F1 = PLUGINS.target("aws-f1")
PLATFORMS = [
    platform
    for target in PLUGINS.targets.values()
    for flow in (target.flows or {"": target}).values()
    for platform in flow.board.platforms
    if flow.board.toolchain.name == "Vitis"
]


_VPP = """\
#!/bin/sh
if [ "$1" = --version ]; then
    printf '\\n****** v++ v{version} (64-bit)\\n  **** SW Build 3363252 on 2021-10-14\\n'
    exit 0
fi
printf '%s\\n' "v++ $*" >> '{calls}'
{trouble}
while [ $# -gt 0 ]; do
    case "$1 $2" in
        "-o "*.xclbin) {link} ;;
        "-o "*) printf 'made by %s\\n' "v++" > "$2" ;;
    esac
    shift
done
"""

_EMCONFIG = """\
#!/bin/sh
if [ "$1" = --version ]; then exit 0; fi
printf '%s\\n' "emconfigutil $*" >> '{calls}'
while [ $# -gt 0 ]; do
    if [ "$1" = --od ]; then echo '{{}}' > "$2/emconfig.json"; fi
    shift
done
"""


@dataclass(frozen=True)
class FakeVitis:
    """The two tools in ``folder/bin``; ``trouble`` is shell that v++ runs before it writes.

    ``given`` is the xclbin that it leaves; by default, one that holds nothing.
    """

    folder: Path
    version: str = "2021.2"
    trouble: str = ""
    given: str = ""

    def install(self) -> FakeVitis:
        """Write the tools."""
        (self.folder / "bin").mkdir(parents=True)
        link = f"""cp '{self.given}' "$2\"""" if self.given else "echo 'xclbin2, empty' > \"$2\""
        texts = {
            "v++": _VPP.format(
                version=self.version, calls=self._log, trouble=self.trouble, link=link
            ),
            "emconfigutil": _EMCONFIG.format(calls=self._log),
        }
        for name, text in texts.items():
            tool = self.folder / "bin" / name
            tool.write_text(text)
            tool.chmod(0o755)
        return self

    @property
    def calls(self) -> list[str]:
        """The calls so far, each a line as a shell would have been given it."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def environment(self, **more: str) -> dict[str, str]:
        """An environment with the tools on PATH, and every platform of a board."""
        platform = self.folder / "f1.xpfm"
        platform.touch()
        for name in PLATFORMS:
            (self.folder / "repository" / name).mkdir(parents=True, exist_ok=True)
            (self.folder / "repository" / name / f"{name}.xpfm").touch()
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        repositories = str(self.folder / "repository")
        return {
            "PATH": path,
            "AWS_PLATFORM": str(platform),
            "PLATFORM_REPO_PATHS": repositories,
            **more,
        }

    @property
    def _log(self) -> Path:
        return self.folder / "calls"


def core(clock_mhz: float = 200.0, network: str = "c0de") -> Core:
    """A core with muon's edge; nobody compiles it here."""
    return Core(
        top="tiny",
        io_type="io_parallel",
        inputs=(Port("x", (27,), FixedPoint.parse("ap_fixed<16,6,RND,SAT>"), "input_t", 1),),
        outputs=(Port("y", (1,), FixedPoint.parse("ap_fixed<21,9>"), "result_t", 1),),
        initiation_interval=1,
        clock_mhz=clock_mhz,
        files={
            "tiny.cpp": b"// the network\n",
            "tiny.h": b"// its top function\n",
            "weights/w2.h": b"// its weights\n",
            "nnet_utils/more.cpp": b"// nothing to compile by itself\n",
        },
        digest=network * 16,
    )


InstallVitis = Callable[..., FakeVitis]
MakeDesign = Callable[..., Design]
WriteDesign = Callable[[Design, Path], Path]


@pytest.fixture
def design() -> MakeDesign:
    """Makes a design with a target, of options as a spec gives them."""

    def make(
        name: str = "muon",
        description: str = "",
        clock_mhz: float = 200.0,
        network: str = "c0de",
        target: Target[Any] = AWS_F1,
        **options: object,
    ) -> Design:
        return target.design(name, core(clock_mhz, network), target.options(options), description)

    return make


@pytest.fixture
def write() -> WriteDesign:
    """Writes a design's files into a folder."""

    def write(design: Design, folder: Path) -> Path:
        for path, file in design.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
            target.chmod(0o755 if file.executable else 0o644)
        return folder

    return write


@pytest.fixture
def install_vitis(tmp_path: Path) -> InstallVitis:
    """Installs a :class:`FakeVitis`, of the fields that a test gives."""

    def install(**fields: str) -> FakeVitis:
        return FakeVitis(tmp_path / "vitis", **fields).install()

    return install
