"""The end of the pipeline: the Python host as a package, and the archive that goes to the board.

What the board loads is a part of both once ``--mode hw`` has built it, and stays one as long as it
is what was built from this very design. The emulated card's program never is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fpgac.build.archive import tar_gz
from fpgac.build.folder import File, Files
from fpgac.data.rows import rows_name
from fpgac.data.vectors import ANSWERS, INPUTS
from fpgac.design.contract import Contract
from fpgac.design.design import Design
from fpgac.design.package import OverlayPackage
from fpgac.pipeline.values import Answers, ProofVectors
from fpgac.spec.models import Spec
from fpgac.steps.plan import host_folder
from fpgac.targets.board import Board

__all__ = ["Archive", "archive_path", "package_files"]


@dataclass(frozen=True)
class Archive:
    """What is copied to the board.

    ``lacks`` names what the board loads where that is not in it, and ``can_be_whole`` says whether
    ``--mode hw`` can make it.
    """

    path: Path
    lacks: tuple[str, ...]
    can_be_whole: bool


def archive_path(spec: Spec, board: Board) -> str:
    """Where a build keeps its archive."""
    return f"deploy/{spec.name}-{board.name}.tar.gz"


def package_files(
    spec: Spec,
    board: Board,
    design: Design,
    contract: Contract,
    vectors: ProofVectors,
    answers: Answers,
    program: Files,
) -> Files:
    """The package below ``package/``, and the same in an archive.

    ``program`` is what the board loads, if that is built.
    """
    path, home = archive_path(spec, board), host_folder("pynq")
    inputs = rows_name(INPUTS, vectors.vectors.layout)
    arrays = {**vectors.dump(), **answers.dump()}
    files = OverlayPackage(
        contract=contract,
        title=board.title,
        host={
            each.removeprefix(home): file.content
            for each, file in design.files.items()
            if each.startswith(home)
        },
        answers=vectors.about.answers,
        vectors={_name(each): arrays[each].content for each in (inputs, answers.file, ANSWERS)},
        archive=_name(path),
        description=spec.description,
        stops="" if "hw" in board.modes else board.stops or "",
        kind=board.program,
        program={_name(each): file.content for each, file in program.items()},
    ).files()
    archive = tar_gz(_name(path).removesuffix(".tar.gz"), files)
    return {**{f"package/{name}": file for name, file in files.items()}, path: File(archive)}


def _name(path: str) -> str:
    return PurePosixPath(path).name
