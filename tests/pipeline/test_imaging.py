"""``fpgac afi``: from a build for F1 to an archive with its image, with a stand-in for AWS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fpgac.emulation import CardDescription
from fpgac.errors import TargetError
from fpgac.pipeline.compiling import Report
from fpgac.pipeline.imaging import Imaging
from fpgac.plugins import load_plugins
from fpgac_templates.afi.create_afi import Aws
from tests.hardware.amazon import Amazon
from tests.hardware.vendors import f1_xclbin
from tests.pipeline.test_hardware import VPP

Fpgac = Callable[..., subprocess.CompletedProcess[str]]
SPEC = Path(__file__).parents[2] / "specs" / "iris.toml"


@pytest.fixture
def amazon(tmp_path: Path) -> Amazon:
    return Amazon(tmp_path / "amazon").install()


@pytest.fixture(scope="module")
def built(iris_build: Path, fpgac: Fpgac, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is built for F1 with a v++ that gives an xclbin for it."""
    home = tmp_path_factory.mktemp("f1")
    folder, tools = home / "build", home / "tools"
    shutil.copytree(iris_build, folder)
    tools.mkdir()
    (tools / "v++").write_text(VPP)
    (tools / "v++").chmod(0o755)
    given, platform = tools / "given.xclbin", tools / "f1.xpfm"
    given.write_bytes(f1_xclbin(CardDescription.read(folder / "emulation/card.json")))
    platform.touch()
    environment = {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "AWS_PLATFORM": str(platform),
        "GIVEN_XCLBIN": str(given),
    }
    done = fpgac(
        *("compile", SPEC, "--target", "aws-f1", "--mode", "hw", "--out", folder),
        environment=environment,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def build(built: Path, tmp_path: Path) -> Path:
    """A copy of it, to change at will."""
    return Path(shutil.copytree(built, tmp_path / "build"))


def test_an_image_goes_into_package_and_archive(fpgac: Fpgac, build: Path, amazon: Amazon) -> None:
    environment = {**os.environ, "PATH": amazon.path}

    def afi(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return fpgac("--json", "afi", *words, environment=environment)

    made = afi("create", build, "--bucket", "mine", "--hdk-version", "1.4.24")
    assert made.returncode == 0, made.stderr
    assert "AWS retired F1 on 2025-12-20" in made.stderr
    assert made.stderr.index("retired") < made.stderr.index("asking for an image")
    image = json.loads(made.stdout)["result"]
    state = json.loads(afi("status", build).stdout)["result"]
    assert (state["state"], state["image"]) == ("pending", image)

    amazon.decide("available")
    done = afi("wait", build, "--spec", SPEC)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["result"]
    assert result["awsxclbin"] == str(build / "out/hw/iris.awsxclbin")
    assert result["archive"] == str(build / "deploy/iris-aws-f1.tar.gz")
    (packed,) = (build / "package").rglob("*.awsxclbin")
    assert image["agfi"].encode() in packed.read_bytes()


def test_what_stands_in_the_way_has_a_code(fpgac: Fpgac, build: Path, amazon: Amazon) -> None:
    environment = {**os.environ, "PATH": amazon.path}

    def codes(*words: str | Path) -> tuple[int, list[str]]:
        done = fpgac("--json", "afi", *words, environment=environment)
        problems = json.loads(done.stdout)["problems"]
        return done.returncode, [problem["code"] for problem in problems]

    create = ("create", build, "--bucket", "mine", "--hdk-version", "1.4.24")
    assert codes("status", build) == (9, ["build.no-image-input"])
    assert codes(*create) == (0, [])
    amazon.decide("failed", "CLK_ILLEGAL: no such clock")
    assert codes("wait", build) == (9, ["build.image-failed"])
    amazon.deny("An error occurred (UnauthorizedOperation)")
    assert codes(*create) == (9, ["build.aws-refused"])
    environment["PATH"] = "/usr/bin:/bin"
    assert codes(*create) == (8, ["toolchain.no-aws"])
    assert codes("status", build.parent) == (9, ["build.no-build"])


def test_a_board_that_loads_no_image_is_refused(zynq_build: Report) -> None:
    imaging = Imaging(zynq_build.folder, load_plugins(), Aws())
    with pytest.raises(TargetError) as caught:
        imaging.status()
    assert [problem.code for problem in caught.value.problems] == ["target.no-image"]
