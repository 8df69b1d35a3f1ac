#!/usr/bin/env python3
"""Make an Amazon FPGA Image (AFI) of an F1 xclbin, with AWS's command line and nothing else.

    create_afi.py create XCLBIN --bucket BUCKET    send the design to S3, and ask for an image
    create_afi.py status XCLBIN                    ask how far the image is
    create_afi.py wait XCLBIN                      wait for it, and write the .awsxclbin
    create_afi.py all XCLBIN --bucket BUCKET       create, and wait

There is one image for each xclbin: whoever starts again goes on where it was. What is known of the
image is kept beside the xclbin in NAME.afi.json. Credentials are aws's own affair: they are never
read here.

Sources: aws-fpga, create_vitis_afi.sh and create_fpga_image_error_codes.md; XRT, xclbin.h.
"""

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, NoReturn, Optional, Sequence, Tuple

__all__ = [
    "AfiError",
    "Aws",
    "Image",
    "State",
    "create",
    "state_of",
    "status",
    "wait",
    "with_image",
]

# axlf up to its header, the header, a section's header, and a clock (xclbin.h).
_PREFIX = struct.Struct("<8si28s256sQ")
_HEADER = struct.Struct("<QQQHBBHH16s64s16s16sI4x")
_SECTION = struct.Struct("<I16s4xQQ")
_CLOCK = struct.Struct("<HB5x128s")
_BITSTREAM, _CLOCKS, _BUILD, _PARTITION, _SYSTEM = 0, 11, 14, 20, 22
_NO_SIGNATURE = -1

_SHELL = "0x04261818"
_MANIFEST = (
    ("manifest_format_version", "2"),
    ("pci_vendor_id", "0x1D0F"),
    ("pci_device_id", "0xF010"),
    ("pci_subsystem_id", "0x1D51"),
    ("pci_subsystem_vendor_id", "0xFEDD"),
)
_CLOCK_NAMES = (
    ("clock_main_a0", "SYSTEM"),
    ("clock_extra_b0", "DATA_CLK"),
    ("clock_extra_c0", "KERNEL_CLK"),
)

STATES = {
    "pending": "AWS is making the bitstream; it takes from minutes to more than an hour",
    "available": "the image can be loaded",
    "failed": "AWS could not make the bitstream",
    "unavailable": "the image is there no longer: it was deleted, or AWS withdrew it",
}
# What to do where an image failed, by the code at the beginning of AWS's message.
ERRORS = {
    "INACCESSIBLE_INPUT": "AWS cannot read the archive: is the bucket in the region of the call, "
    "and may AWS read from it?",
    "INPUT_SIZE_ILLEGAL": "the archive's size is not one that AWS takes: is the xclbin whole?",
    "DCP_INTEGRITY_UNVERIFIED": "the checkpoint is not the one that the manifest names: create "
    "the image again",
    "MANIFEST_NOT_FOUND": "the archive holds no manifest: create the image again",
    "MANIFEST_PARSE_FAILED": "AWS does not understand the manifest: is the HDK's version right "
    "(--hdk-version)?",
    "SHELL_VERSION_INVALID": "AWS knows no such shell: was the xclbin built for F1's platform?",
    "SHELL_VERSION_DEPRECATED": "AWS does not take images for this shell any more",
    "PCIID_SYNTAX_INVALID": "the manifest's PCI numbers are malformed: create the image again",
    "PCIID_FORBIDDEN": "the manifest's PCI numbers are reserved: create the image again",
    "CLK_ILLEGAL": "the kernels' clocks are none that the shell gives: build with another "
    "clock_mhz",
    "CORRUPT_ARCHIVE": "the archive was damaged on its way: create the image again",
    "DCP_NOT_FOUND": "the archive lacks the checkpoint that its manifest names: create it again",
    "DCP_CORRUPT": "the checkpoint is damaged: build the xclbin again",
    "DCP_NOT_ENCRYPTED": "the checkpoint is not encrypted: build with the vendor's platform, as "
    "its vitis_setup.sh sets it",
    "UNKNOWN_BITSTREAM_GENERATE_ERROR": "Vivado failed at AWS: its log is in the bucket",
    "TOOL_VERSION_INVALID": "AWS does not take what this version of Vitis makes: 2020.2 to 2021.2 "
    "are F1's last",
}
_KEY = re.compile(r"\b(A[KS]IA)[A-Z0-9]{12,}\b")


class AfiError(Exception):
    """What stands in the way.

    ``kind`` is tool (there is no aws), aws (it refused), input (the xclbin) or image (AWS could not
    make it).
    """

    def __init__(self, kind: str, what: str, got: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.kind, self.what, self.got, self.hint = kind, what, got, hint


class Image(NamedTuple):
    """An image, as ``NAME.afi.json`` keeps it; ``xclbin`` is the digest of what it was made of."""

    xclbin: str
    name: str
    afi: str
    agfi: str
    bucket: str
    key: str
    logs: str


class State(NamedTuple):
    """How far an image is: a code of :data:`STATES`, and AWS's message where it failed."""

    image: Image
    code: str
    message: str = ""

    @property
    def meaning(self) -> str:
        """What the state says, and where it failed what to do."""
        code = self.message.partition(":")[0].strip()
        return ERRORS.get(code, STATES.get(self.code, "AWS says no more of this state"))


def _absent(said: str) -> bool:
    """Whether aws says that something is not there."""
    return re.search(r"\b404\b|Not ?Found|NoSuch", said) is not None


class Aws:
    """AWS's command line, with the profile and the region that a user named."""

    def __init__(self, profile: str = "", region: str = "") -> None:
        self._options = [
            *(["--profile", profile] if profile else []),
            *(["--region", region] if region else []),
        ]

    def call(self, *words: str) -> Any:
        """What aws answers, as JSON gives it.

        Raises:
            AfiError: there is no aws, or it refuses.
        """
        return json.loads(self.run(*words))

    def run(self, *words: str) -> str:
        """What aws says; see :meth:`call`."""
        code, said, wrong = self._run(words)
        if code:
            self._refuse(words, wrong)
        return said

    def has(self, *words: str) -> bool:
        """Whether what a head- call asks for is there.

        Raises:
            AfiError: there is no aws, or it does not say.
        """
        code, _, wrong = self._run(words)
        if code and not _absent(wrong):
            self._refuse(words, wrong)
        return code == 0

    def _run(self, words: Sequence[str]) -> Tuple[int, str, str]:
        try:
            done = subprocess.run(
                ["aws", "--output", "json", *self._options, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            hint = "install AWS's command line, of version 1 or 2"
            raise AfiError("tool", "there is no aws on PATH", hint=hint) from None
        return done.returncode, done.stdout, _KEY.sub(r"\1...", done.stderr).strip()

    @staticmethod
    def _refuse(words: Sequence[str], said: str) -> NoReturn:
        lines = said.splitlines() or ["nothing"]
        raise AfiError(
            "aws",
            "aws " + " ".join(words[:2]) + " failed",
            lines[-1],
            "does aws sts get-caller-identity work, and may this account use S3, "
            "CreateFpgaImage and DescribeFpgaImages in this region?",
        )


def sections(xclbin: bytes) -> Dict[int, bytes]:
    """The sections of an xclbin by kind.

    Raises:
        AfiError: it is none, or not whole.
    """
    found, start = {}, _PREFIX.size + _HEADER.size
    if xclbin[:8] != b"xclbin2\0" or len(xclbin) < start:
        raise _bad("this is no xclbin")
    length, *_, count = _HEADER.unpack_from(xclbin, _PREFIX.size)
    if length != len(xclbin) or start + count * _SECTION.size > length:
        raise _bad("the xclbin is not whole")
    for place in range(count):
        kind, _, offset, size = _SECTION.unpack_from(xclbin, start + place * _SECTION.size)
        if offset + size > length:
            raise _bad("the xclbin is not whole")
        found[kind] = xclbin[offset : offset + size]
    return found


def _bad(what: str) -> AfiError:
    return AfiError("input", what, hint="build it again for F1: scripts/build.sh hw")


def with_image(xclbin: bytes, agfi: str) -> bytes:
    """The ``.awsxclbin`` of an image: the number stands for the bitstream, and what describes the
    platform's partitions is left out.

    Raises:
        AfiError: the xclbin is none, or is signed.
    """
    kept = {k: v for k, v in sections(xclbin).items() if k not in (_PARTITION, _SYSTEM)}
    kept[_BITSTREAM] = agfi.encode()
    prefix = _PREFIX.unpack_from(xclbin)
    if prefix[1] != _NO_SIGNATURE:
        raise _bad("the xclbin is signed, and cannot be changed")
    first = _PREFIX.size + _HEADER.size
    names = {
        kind: name
        for place in range(len(sections(xclbin)))
        for kind, name, _, _ in [_SECTION.unpack_from(xclbin, first + place * _SECTION.size)]
    }
    start = _aligned(first + _SECTION.size * len(kept))
    table, body = b"", b""
    for kind, data in kept.items():
        table += _SECTION.pack(kind, names[kind], start + len(body), len(data))
        body += data.ljust(_aligned(len(data)), b"\0")
    header = list(_HEADER.unpack_from(xclbin, _PREFIX.size))
    header[0], header[-1] = start + len(body), len(kept)
    return (xclbin[: _PREFIX.size] + _HEADER.pack(*header) + table).ljust(start, b"\0") + body


def _aligned(size: int) -> int:
    return (size + 7) & ~7


def archive(xclbin: bytes, digest: str, hdk_version: str) -> bytes:
    """The tar file for AWS: the routed design, and the manifest that describes it.

    The same xclbin gives the same bytes.

    Raises:
        AfiError: the xclbin holds no routed design, or not its clocks and its tool's version.
    """
    found = sections(xclbin)
    design = found.get(_BITSTREAM, b"")
    if not design.startswith(b"PK"):  # a checkpoint is a zip file
        raise _bad("the xclbin holds no routed design for F1: was it built for the card?")
    clocks = _clocks(found.get(_CLOCKS, b"\0\0"))
    if lacking := [clock for _, clock in _CLOCK_NAMES if clock not in clocks]:
        raise _bad(f"the xclbin does not tell its clock {lacking[0]}")
    (timestamp,) = struct.unpack_from("<Q", xclbin, _PREFIX.size + 8)
    date = time.strftime("%y_%m_%d-%H%M%S", time.gmtime(timestamp))
    name = digest[:12] + "_SH_CL_routed.dcp"
    lines = [
        *_MANIFEST,
        ("dcp_hash", hashlib.sha256(design).hexdigest()),
        ("shell_version", _SHELL),
        ("dcp_file_name", name),
        ("hdk_version", hdk_version),
        ("tool_version", "v" + _tool_version(found.get(_BUILD, b""))),
        ("date", date),
        *((key, str(clocks[clock])) for key, clock in _CLOCK_NAMES),
    ]
    manifest = "".join("{}={}\n".format(*line) for line in lines).encode()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, data in ((name, design), (digest[:12] + "_manifest.txt", manifest)):
            entry = tarfile.TarInfo("to_aws/" + path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


def _clocks(section: bytes) -> Dict[str, int]:
    """The clocks in MHz by name."""
    (count,) = struct.unpack_from("<h", section)
    records = (_CLOCK.unpack_from(section, 2 + n * _CLOCK.size) for n in range(count))
    return {name.split(b"\0")[0].decode(errors="replace"): mhz for mhz, _, name in records}


def _tool_version(section: bytes) -> str:
    """The version of v++, such as 2021.2."""
    try:
        build = json.loads(section)["build_metadata"]["xclbin"]["generated_by"]["version"]
    except (ValueError, KeyError, TypeError):
        raise _bad("the xclbin does not tell which version made it") from None
    match = re.match(r"20[0-9]{2}\.[0-9]+", str(build))
    if match is None:
        raise _bad(f"the xclbin was not made by v++, but by version {build}")
    return match[0]


def _hdk_version(given: str) -> str:
    """The version of the HDK: as ``given``, or of the repository that was sourced.

    Raises:
        AfiError: it is not known.
    """
    file = Path(os.environ.get("AWS_FPGA_REPO_DIR", "/none"), "hdk/hdk_version.txt")
    if given:
        return given
    if file.is_file():
        return file.read_text().strip().partition("=")[2]
    hint = "source aws-fpga/vitis_setup.sh, or give --hdk-version as its hdk/hdk_version.txt says"
    raise AfiError("input", "the version of AWS's HDK is not known", hint=hint)


def state_of(xclbin: Path) -> Optional[Image]:
    """The image that was asked for of this very xclbin; None if there is none."""
    file = _state_file(xclbin)
    if not file.is_file():
        return None
    try:
        image = Image(**json.loads(file.read_text()))
    except (ValueError, TypeError):
        return None
    return image if image.xclbin == _digest(xclbin) else None


def _state_file(xclbin: Path) -> Path:
    return xclbin.with_suffix(".afi.json")


def _digest(xclbin: Path) -> str:
    try:
        return hashlib.sha256(xclbin.read_bytes()).hexdigest()
    except OSError as error:
        hint = "fpgac compile --mode hw, or scripts/build.sh hw, makes it"
        raise AfiError("input", f"there is no {xclbin}", str(error.strerror), hint) from None


def _write(path: Path, content: bytes) -> None:
    """Whole, or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def _ignored(_: str) -> None:
    """News that nobody wants."""


def create(
    xclbin: Path,
    bucket: str,
    prefix: str = "afi",
    hdk_version: str = "",
    aws: Optional[Aws] = None,
    tell: Callable[[str], None] = _ignored,
) -> Image:
    """The image of ``xclbin``: the one there is, or a new one.

    ``bucket`` is made if it is not there; the design and AWS's logs go below ``prefix``.

    Raises:
        AfiError: the xclbin is not for F1, or AWS refuses.
    """
    if (known := state_of(xclbin)) is not None:
        tell(f"the image was asked for before: {known.afi}")
        return known
    aws, digest = aws or Aws(), _digest(xclbin)
    name, key = f"{xclbin.stem}-{digest[:12]}", f"{prefix}/{digest}.tar"
    logs = f"{prefix}/{digest[:12]}-logs"
    content = archive(xclbin.read_bytes(), digest, _hdk_version(hdk_version))
    found = _images(aws, "--owners", "self", "--filters", "Name=name,Values=" + name)
    good = [each for each in found if each.get("State", {}).get("Code") in ("pending", "available")]
    if good:
        tell("AWS has an image of this xclbin already")
        answer = good[0]
    else:
        _upload(aws, bucket, key, content, tell)
        tell("asking for an image")
        answer = aws.call(
            *("ec2", "create-fpga-image", "--name", name, "--description", "sha256 " + digest),
            *("--input-storage-location", f"Bucket={bucket},Key={key}"),
            *("--logs-storage-location", f"Bucket={bucket},Key={logs}"),
            *("--client-token", f"{digest[:48]}-{len(found)}"),
        )
    ids = answer["FpgaImageId"], answer["FpgaImageGlobalId"]
    image = Image(digest, name, *ids, bucket, key, logs)
    _write(_state_file(xclbin), (json.dumps(image._asdict(), indent=2) + "\n").encode())
    return image


def _upload(aws: Aws, bucket: str, key: str, content: bytes, tell: Callable[[str], None]) -> None:
    """The archive in S3, if it is not there from an earlier try."""
    if not aws.has("s3api", "head-bucket", "--bucket", bucket):
        tell(f"making the bucket {bucket}")
        aws.run("s3", "mb", "s3://" + bucket)
    if aws.has("s3api", "head-object", "--bucket", bucket, "--key", key):
        return
    tell(f"sending {len(content) / 1e6:.0f} MB to s3://{bucket}/{key}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "design.tar")
        file.write_bytes(content)
        aws.run("s3", "cp", str(file), f"s3://{bucket}/{key}", "--only-show-errors")


def _images(aws: Aws, *words: str) -> List[Dict[str, Any]]:
    images: List[Dict[str, Any]] = aws.call("ec2", "describe-fpga-images", *words)["FpgaImages"]
    return images


def status(xclbin: Path, aws: Optional[Aws] = None) -> State:
    """How far the image of ``xclbin`` is.

    Raises:
        AfiError: none was asked for, or AWS refuses.
    """
    _digest(xclbin)
    image = state_of(xclbin)
    if image is None:
        hint = "the xclbin may be another one now; create asks for an image"
        raise AfiError("input", "no image was asked for of this xclbin", hint=hint)
    found = _images(aws or Aws(), "--fpga-image-ids", image.afi)
    said = found[0].get("State", {}) if found else {"Code": "unavailable"}
    return State(image, said.get("Code", ""), said.get("Message", ""))


def wait(
    xclbin: Path,
    aws: Optional[Aws] = None,
    every: float = 60.0,
    tell: Callable[[str], None] = _ignored,
) -> Path:
    """The ``.awsxclbin`` beside the xclbin, once its image is available.

    AWS is asked all ``every`` seconds.

    Raises:
        AfiError: AWS could not make the image, or refuses.
    """
    while (state := status(xclbin, aws)).code == "pending":
        tell("{}: pending: {}".format(state.image.afi, STATES["pending"]))
        time.sleep(every)
    if state.code != "available":
        _fail(xclbin, state)
    made = xclbin.with_suffix(".awsxclbin")
    _write(made, with_image(xclbin.read_bytes(), state.image.agfi))
    return made


def _fail(xclbin: Path, state: State) -> NoReturn:
    """Say why there is no image; another one may be asked for then."""
    file = _state_file(xclbin)
    shutil.move(str(file), str(file.with_suffix(".failed.json")))
    image = state.image
    raise AfiError(
        "image",
        f"the image {image.afi} is {state.code}",
        state.message,
        f"{state.meaning}; AWS's logs: s3://{image.bucket}/{image.logs}",
    )


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0, or 1 with a line that says why."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("command", choices=("create", "status", "wait", "all"))
    parser.add_argument("xclbin", type=Path)
    parser.add_argument("--bucket", default="", help="in S3; made if it is not there")
    parser.add_argument("--prefix", default="afi", help="a folder in the bucket")
    parser.add_argument("--hdk-version", default="", help="by default of AWS_FPGA_REPO_DIR")
    parser.add_argument("--profile", default="", help="aws's profile")
    parser.add_argument("--region", default="", help="aws's region")
    given = parser.parse_args(arguments)
    if given.command in ("create", "all") and not given.bucket:
        parser.error("create needs a --bucket")
    aws = Aws(given.profile, given.region)
    try:
        if given.command in ("create", "all"):
            image = create(given.xclbin, given.bucket, given.prefix, given.hdk_version, aws, _tell)
            print(f"{image.afi} {image.agfi}")
        if given.command == "status":
            state = status(given.xclbin, aws)
            print(f"{state.image.afi}: {state.code}: {state.meaning}")
        if given.command in ("wait", "all"):
            print(f"wrote {wait(given.xclbin, aws, tell=_tell)}")
    except AfiError as error:
        _tell("error: {}{}".format(error.what, ": " + error.got if error.got else ""))
        _tell(f"  hint: {error.hint}")
        return 1
    return 0


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
