"""How long a compile takes: cold against hls4ml alone, warm against cold, and start-up.

The peer of the cold compile is hls4ml's own convert, write and compile of the same network in a
process of its own; fpgac does the same, and then the kernel, three hosts, the xclbin and the proof.
Cold means that nothing of the network is in the store.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from _figures import Figure, in_turn, process, show

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "specs" / "muon.toml"
FPGAC = (sys.executable, "-m", "fpgac")

HLS4ML = Path(__file__).with_name("_hls4ml.py")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fpgac-bench-") as scratch:
        folder, peer = Path(scratch, "muon"), Path(scratch, "hls4ml")
        compile_ = (*FPGAC, "compile", SPEC, "--target", "aws-f1", "--out", folder)
        os.environ["FPGAC_CACHE"] = str(Path(scratch, "cache"))
        process(*compile_)  # builds the emulated card, once for all builds
        for made in (folder, Path(scratch, "cache", "store")):
            shutil.rmtree(made)
        cold = process(*compile_)
        alone = process(sys.executable, HLS4ML, SPEC.with_name("muon.network.json"), peer)
        warm, help_, validate, hls4ml_help, python = in_turn(
            [
                lambda: process(*compile_),
                lambda: process(*FPGAC, "--help"),
                lambda: process(*FPGAC, "validate", SPEC),
                lambda: process(Path(sys.executable).with_name("hls4ml"), "--help"),
                lambda: process(sys.executable, "-c", "import typer"),
            ],
            times=5,
        )
    show(
        "compile of muon for aws-f1, whole processes",
        [
            Figure("compile.cold", cold, "s", "hls4ml: convert, write, compile", alone),
            Figure("compile.warm", warm, "s", "cold", cold),
            Figure("startup.help", help_, "s", "python importing typer", python),
            Figure("startup.validate", validate, "s", "hls4ml --help", hls4ml_help),
        ],
    )


if __name__ == "__main__":
    main()
