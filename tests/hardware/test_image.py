"""An image for F1, with a stand-in for AWS: one for each xclbin, whatever happens in between."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

import pytest

from fpgac.emulation import CardDescription, Section, read_xclbin
from fpgac.hardware.image import image_file
from fpgac_templates.afi import create_afi
from fpgac_templates.afi.create_afi import ERRORS, AfiError, create, state_of, status, wait
from tests.hardware.amazon import Amazon
from tests.hardware.test_program import card_of
from tests.hardware.vendors import CHECKPOINT, card_xclbin, f1_xclbin

CARD: Final[CardDescription] = card_of()
HDK: Final = "1.4.24"


@pytest.fixture
def amazon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Amazon:
    made = Amazon(tmp_path / "amazon").install()
    monkeypatch.setenv("PATH", made.path)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-seen")
    monkeypatch.delenv("AWS_FPGA_REPO_DIR", raising=False)
    return made


@pytest.fixture
def xclbin(tmp_path: Path) -> Path:
    path = tmp_path / "out" / "muon.xclbin"
    path.parent.mkdir()
    path.write_bytes(f1_xclbin(CARD))
    return path


def manifest(archive: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        design, text = (tar.extractfile(name) for name in tar.getnames())
        assert design is not None
        assert text is not None
        assert design.read() == CHECKPOINT
        return dict(line.split("=") for line in text.read().decode().splitlines())


def test_the_archive_holds_the_design_and_what_aws_wants_to_know_of_it(
    amazon: Amazon, xclbin: Path
) -> None:
    image = create(xclbin, "mine", hdk_version=HDK)
    assert amazon.calls == [
        "ec2 describe-fpga-images",
        "s3api head-bucket",
        "s3 mb",
        "s3api head-object",
        "s3 cp",
        "ec2 create-fpga-image",
    ]
    sent = (amazon.folder / "mine" / image.key).read_bytes()
    told = manifest(sent)
    assert told["dcp_hash"] == hashlib.sha256(CHECKPOINT).hexdigest()
    clocks = [told[f"clock_{name}"] for name in ("main_a0", "extra_b0", "extra_c0")]
    assert clocks == ["250", "250", "500"]
    assert (told["tool_version"], told["hdk_version"]) == ("v2021.2", HDK)
    assert sent == create_afi.archive(xclbin.read_bytes(), image.xclbin, HDK), "the same bytes"


def test_there_is_one_image_for_an_xclbin(amazon: Amazon, xclbin: Path) -> None:
    first = create(xclbin, "mine", hdk_version=HDK)
    assert create(xclbin, "mine", hdk_version=HDK) == first
    (xclbin.parent / "muon.afi.json").unlink()
    assert create(xclbin, "mine", hdk_version=HDK) == first, "AWS knows it by its name"
    assert len(amazon.images) == 1
    xclbin.write_bytes(f1_xclbin(CARD)[:-1] + b"2")
    assert state_of(xclbin) is None
    assert create(xclbin, "mine", hdk_version=HDK).afi != first.afi


def test_a_line_that_breaks_after_the_request_leaves_no_second_image(
    amazon: Amazon, xclbin: Path
) -> None:
    amazon.cut(off=True)
    with pytest.raises(AfiError) as caught:
        create(xclbin, "mine", hdk_version=HDK)
    assert caught.value.kind == "aws"
    assert state_of(xclbin) is None
    amazon.cut(off=False)
    assert create(xclbin, "mine", hdk_version=HDK).afi == amazon.images[0]["FpgaImageId"]
    assert len(amazon.images) == 1
    assert amazon.calls.count("s3 cp") == 1


def test_an_image_that_is_available_becomes_the_file_for_the_card(
    amazon: Amazon, xclbin: Path
) -> None:
    image = create(xclbin, "mine", hdk_version=HDK)
    assert status(xclbin).code == "pending"
    assert image_file(xclbin) is None
    amazon.decide("available")
    made = wait(xclbin)
    assert made == xclbin.with_suffix(".awsxclbin")
    before, after = read_xclbin(xclbin.read_bytes()), read_xclbin(made.read_bytes())
    assert after.sections[Section.BITSTREAM] == image.agfi.encode()
    assert before.sections.keys() - after.sections.keys() == {20, 22}
    assert all(after.sections[kind] == before.sections[kind] for kind in after.sections if kind)
    assert image_file(xclbin) == made
    made.write_bytes(made.read_bytes().replace(b"agfi-0", b"agfi-1"))
    assert image_file(xclbin) is None, "of another image"


def test_waiting_goes_on_while_aws_works(
    amazon: Amazon, xclbin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(xclbin, "mine", hdk_version=HDK)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            amazon.decide("available")

    monkeypatch.setattr("time.sleep", sleep)
    told: list[str] = []
    wait(xclbin, every=7, tell=told.append)
    assert waited == [7, 7]
    assert len(told) == 2


@pytest.mark.parametrize("code", ERRORS)
def test_a_failure_is_explained_by_its_code(amazon: Amazon, xclbin: Path, code: str) -> None:
    first = create(xclbin, "mine", hdk_version=HDK)
    amazon.decide("failed", f"{code}: as AWS words it")
    assert status(xclbin).meaning == ERRORS[code]
    with pytest.raises(AfiError) as caught:
        wait(xclbin)
    assert caught.value.kind == "image"
    assert caught.value.hint == f"{ERRORS[code]}; AWS's logs: s3://mine/{first.logs}"
    second = create(xclbin, "mine", hdk_version=HDK)
    assert second.afi != first.afi, "a failed image is no image"


def test_what_aws_refuses_is_told_without_keys(amazon: Amazon, xclbin: Path) -> None:
    amazon.deny("An error occurred (UnauthorizedOperation): AKIAIOSFODNN7EXAMPLE may not do this")
    with pytest.raises(AfiError) as caught:
        create(xclbin, "mine", hdk_version=HDK)
    assert caught.value.kind == "aws"
    assert "AKIA... may not" in caught.value.got


def test_credentials_reach_no_file(amazon: Amazon, xclbin: Path) -> None:
    create(xclbin, "mine", hdk_version=HDK)
    amazon.decide("available")
    wait(xclbin)
    files = [path for path in xclbin.parent.parent.rglob("*") if path.is_file()]
    assert xclbin.with_suffix(".afi.json") in files
    assert [path for path in files if b"not-to-be-seen" in path.read_bytes()] == []


def test_without_aws_nothing_is_done(xclbin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(AfiError) as caught:
        create(xclbin, "mine", hdk_version=HDK)
    assert caught.value.kind == "tool"


@pytest.mark.parametrize(
    "content",
    [b"five!", card_xclbin(CARD), f1_xclbin(CARD)[:-9]],
    ids=["none", "of another", "cut"],
)
def test_an_xclbin_that_is_none_for_f1_is_refused_before_anything_is_sent(
    amazon: Amazon, xclbin: Path, content: bytes
) -> None:
    xclbin.write_bytes(content)
    with pytest.raises(AfiError) as caught:
        create(xclbin, "mine", hdk_version=HDK)
    assert caught.value.kind == "input"
    assert amazon.calls == []


def test_the_hdk_is_that_of_the_sourced_repository(
    amazon: Amazon, xclbin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AfiError) as caught:
        create(xclbin, "mine")
    assert "vitis_setup.sh" in caught.value.hint
    (tmp_path / "hdk").mkdir()
    (tmp_path / "hdk/hdk_version.txt").write_text(f"HDK_VERSION={HDK}\n")
    monkeypatch.setenv("AWS_FPGA_REPO_DIR", str(tmp_path))
    image = create(xclbin, "mine")
    assert manifest((amazon.folder / "mine" / image.key).read_bytes())["hdk_version"] == HDK


def test_the_script_does_it_all(amazon: Amazon, xclbin: Path) -> None:
    script = [sys.executable, create_afi.__file__]

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*script, *words], capture_output=True, text=True, check=False, timeout=60
        )

    made = run("create", str(xclbin), "--bucket", "mine", "--hdk-version", HDK)
    assert made.returncode == 0, made.stderr
    amazon.decide("available")
    done = run("all", str(xclbin), "--bucket", "mine")
    assert done.returncode == 0, done.stderr
    assert xclbin.with_suffix(".awsxclbin").is_file()
    amazon.decide("failed", "CLK_ILLEGAL: no")
    failed = run("wait", str(xclbin))
    assert failed.returncode == 1
    assert "clock_mhz" in failed.stderr
