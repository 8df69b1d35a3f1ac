"""A stand-in for AWS: an ``aws`` on PATH that keeps buckets, objects and images in a folder.

Its answers have the form of those that AWS's command line gave in public: aws-fpga's documentation
of its commands, ZcashFoundation/zcash-fpga issue 6 (available) and Xilinx/gemx issue 7 (failed).
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["Amazon"]

_AWS: Final = """\
#!{python}
import json, os, shutil, sys
from pathlib import Path

HOME = Path({home!r})
words = sys.argv[1:]
with (HOME / "calls").open("a") as calls:
    calls.write(json.dumps(words) + "\\n")

def option(name):
    return words[words.index(name) + 1] if name in words else ""

def fail(said):
    sys.stderr.write("\\n" + said + "\\n")
    sys.exit(254)

if (HOME / "denied").exists():
    fail((HOME / "denied").read_text())
state = HOME / "images.json"
images = json.loads(state.read_text()) if state.exists() else []
match [word for word in words if not word.startswith("-")][1:3]:
    case ["s3api", "head-bucket"]:
        if not (HOME / option("--bucket")).is_dir():
            fail("An error occurred (404) when calling the HeadBucket operation: Not Found")
    case ["s3api", "head-object"]:
        if not (HOME / option("--bucket") / option("--key")).is_file():
            fail("An error occurred (404) when calling the HeadObject operation: Not Found")
    case ["s3", "mb"]:
        (HOME / words[-1].removeprefix("s3://")).mkdir()
        print("make_bucket: " + words[-1])
    case ["s3", "cp"]:
        source, target = words[words.index("cp") + 1 : words.index("cp") + 3]
        path = HOME / target.removeprefix("s3://")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, path)
    case ["ec2", "create-fpga-image"]:
        number = "%017x" % (len(images) + 1)
        image = {{
            "FpgaImageId": "afi-" + number,
            "FpgaImageGlobalId": "agfi-" + number,
            "Name": option("--name"),
            "State": {{"Code": "{state}"}},
            "token": option("--client-token"),
        }}
        same = [each for each in images if each["token"] == image["token"]]
        if not same:
            state.write_text(json.dumps(images + [image]))
        image = (same or [image])[0]
        if (HOME / "cut").exists():
            os._exit(137)
        print(json.dumps({{k: image[k] for k in ("FpgaImageId", "FpgaImageGlobalId")}}))
    case ["ec2", "describe-fpga-images"]:
        name = option("--filters").rpartition("Values=")[2]
        wanted = option("--fpga-image-ids")
        found = [e for e in images if wanted in ("", e["FpgaImageId"]) and name in ("", e["Name"])]
        print(json.dumps({{"FpgaImages": found}}))
    case other:
        fail("no such call: " + " ".join(words))
"""


@dataclass(frozen=True)
class Amazon:
    """AWS in ``folder``, whose ``bin`` holds the command line."""

    folder: Path

    def install(self, state: str = "pending") -> Amazon:
        """Write the command line; images are of this state once they are asked for."""
        tool = self.folder / "bin" / "aws"
        tool.parent.mkdir(parents=True)
        tool.write_text(_AWS.format(python=sys.executable, home=str(self.folder), state=state))
        tool.chmod(0o755)
        return self

    @property
    def path(self) -> str:
        """PATH with the command line in front."""
        return f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"

    @property
    def calls(self) -> list[str]:
        """What was called so far: ``ec2 create-fpga-image`` and so on."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        calls = (json.loads(line) for line in lines)
        return [" ".join([word for word in call if word[0] != "-"][1:3]) for call in calls]

    @property
    def images(self) -> list[dict[str, Any]]:
        """The images that were made."""
        made: list[dict[str, Any]] = json.loads((self.folder / "images.json").read_text())
        return made

    def decide(self, code: str, message: str = "") -> None:
        """AWS is done with its last image."""
        *before, last = self.images
        state = {"Code": code, **({"Message": message} if message else {})}
        (self.folder / "images.json").write_text(json.dumps([*before, last | {"State": state}]))

    def deny(self, said: str) -> None:
        """From now on every call fails so."""
        (self.folder / "denied").write_text(said)

    def cut(self, *, off: bool) -> None:
        """Whether the line breaks once an image was asked for."""
        (self.folder / "cut").touch() if off else (self.folder / "cut").unlink()
