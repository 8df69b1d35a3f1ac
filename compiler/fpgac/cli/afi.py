"""``fpgac afi``: an Amazon FPGA Image of a build for F1."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpgac.cli.console import deliver, errors, note, results
from fpgac.cli.plugins import PluginFiles, plugins_with

if TYPE_CHECKING:
    from fpgac.pipeline.imaging import Imaging
    from fpgac_templates.afi.create_afi import Image, State

__all__ = ["register"]

BuildPath = Annotated[
    Path, typer.Argument(metavar="BUILD", help="A build folder for aws-f1, after --mode hw.")
]
Profile = Annotated[
    str, typer.Option(help="The profile that AWS's command line uses.", show_default=False)
]
Region = Annotated[str, typer.Option(help="The region that it uses.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Make an Amazon FPGA Image of a build for F1: an F1 loads nothing else.",
    )
    group.command()(create)
    group.command()(status)
    group.command()(wait)
    app.add_typer(group, name="afi")


def create(
    build: BuildPath,
    bucket: Annotated[str, typer.Option(help="The bucket in S3; made if it is not there.")],
    prefix: Annotated[str, typer.Option(help="A folder in the bucket.")] = "afi",
    hdk_version: Annotated[
        str,
        typer.Option(help="Of AWS's HDK; by default of AWS_FPGA_REPO_DIR.", show_default=False),
    ] = "",
    profile: Profile = "",
    region: Region = "",
    plugin: PluginFiles = None,
) -> None:
    """Send the routed design to S3 and ask AWS for an image, unless there is one of this xclbin.

    AWS's own command line (aws) does it, with the credentials that it knows.
    """
    imaging = _imaging(build, profile, region, plugin)
    image = imaging.create(bucket, prefix, hdk_version, _tell)
    deliver(_plain(image), lambda: _say(f"{image.afi} {image.agfi}"))
    _tell(f"next: fpgac afi wait {shlex.quote(str(build))}")


def status(
    build: BuildPath, profile: Profile = "", region: Region = "", plugin: PluginFiles = None
) -> None:
    """Ask AWS how far the image of a build is, and explain the answer."""
    state = _imaging(build, profile, region, plugin).status()
    deliver(_plain_state(state), lambda: _print_state(state))


def wait(
    build: BuildPath,
    spec: Annotated[
        Path | None,
        typer.Option(
            help="The build's spec: puts the image into package and archive at once.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[float, typer.Option(min=1, help="Seconds between questions.")] = 60.0,
    profile: Profile = "",
    region: Region = "",
    plugin: PluginFiles = None,
) -> None:
    """Wait for the image, and write the .awsxclbin; any compile of the spec packs it from then on.

    With --spec, that compile follows; it needs no Vitis, and does only what changed.
    """
    imaging = _imaging(build, profile, region, plugin)
    made = imaging.wait(every, _tell)
    report = imaging.pack(spec) if spec else None
    archive = report.archive.path if report and report.archive else None
    lines = [f"wrote {made}", *([f"for the board: {archive}"] if archive else [])]
    deliver({"awsxclbin": made, "archive": archive}, lambda: _say(*lines))
    if not archive:
        folder = shlex.quote(str(build))
        _tell(f"next: fpgac compile SPEC --target aws-f1 --out {folder} packs it")


def _imaging(build: Path, profile: str, region: str, plugin: Iterable[Path] | None) -> Imaging:
    """The build's image, after what there is to know of its board."""
    from fpgac.pipeline.imaging import Imaging
    from fpgac_templates.afi.create_afi import Aws

    imaging = Imaging(build, plugins_with(plugin), Aws(profile, region))
    if notice := imaging.notice:
        note(notice)
    return imaging


def _plain(image: Image) -> dict[str, str]:
    return image._asdict()


def _plain_state(state: State) -> dict[str, object]:
    return {
        "image": _plain(state.image),
        "state": state.code,
        "message": state.message or None,
        "meaning": state.meaning,
    }


def _print_state(state: State) -> None:
    _say(f"{state.image.afi}: {state.code}", f"  {state.meaning}")
    if state.message:
        _say(f"  AWS says: {state.message}")


def _say(*lines: str) -> None:
    for line in lines:
        results().print(line, markup=False, soft_wrap=True)


def _tell(text: str) -> None:
    errors().print(f"  {text}", markup=False, soft_wrap=True)
