"""A Vitis made of two shell scripts, which note how they were called and write what is asked."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from fpgac.plugins import Core, Design
from tests.design.cores import handmade_core

__all__ = ["FakeVitis", "core", "write"]

_VPP = """\
#!/bin/sh
if [ "$1" = --version ]; then
    printf '\\n****** v++ v{version} (64-bit)\\n  **** SW Build 3363252 on 2021-10-14\\n'
    exit 0
fi
printf '%s\\n' "v++ $*" >> '{calls}'
{trouble}
while [ $# -gt 0 ]; do
    if [ "$1" = -o ]; then printf 'made by %s\\n' "v++" > "$2"; fi
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
    """The two tools in ``folder/bin``; ``trouble`` is shell that v++ runs before it writes."""

    folder: Path
    version: str = "2021.2"
    trouble: str = ""

    def install(self) -> FakeVitis:
        """Write the tools."""
        (self.folder / "bin").mkdir(parents=True)
        texts = {
            "v++": _VPP.format(version=self.version, calls=self._log, trouble=self.trouble),
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
        """An environment with the tools on PATH and a platform."""
        platform = self.folder / "f1.xpfm"
        platform.touch()
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return {"PATH": path, "AWS_PLATFORM": str(platform), **more}

    @property
    def _log(self) -> Path:
        return self.folder / "calls"


def core(clock_mhz: float = 200.0) -> Core:
    """A core with muon's edge, at a clock."""
    return replace(handmade_core(), clock_mhz=clock_mhz)


def write(design: Design, folder: Path) -> Path:
    """The design's files, in ``folder``."""
    for path, file in design.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(0o755 if file.executable else 0o644)
    return folder
