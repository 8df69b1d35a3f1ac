"""The end of the road: the Python host as a package, and the archive that goes to the board.

What the board loads is a part of both once ``--mode hw`` has built it, and stays one as long as it
is what was built from this very design. The emulated card's program never is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fpgac.build.archive import tar_gz
from fpgac.build.plan import Plan
from fpgac.build.road import Made, Road
from fpgac.data.vectors import ANSWERS, EXPECTED, INPUTS
from fpgac.design.contract import Contract
from fpgac.design.package import OverlayPackage, program_names
from fpgac.digest import digest_file
from fpgac.spec.models import Spec
from fpgac.steps.plan import CONTRACT, host_folder
from fpgac.targets.board import Board

__all__ = ["Archive", "archive_path", "current_program", "made_package", "made_program"]


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


def made_program(road: Road, plan: Plan, design: str) -> Made:
    """Which of the files that ``plan`` built a board loads; ``design`` is that stop's key."""
    wanted = program_names(_contract(road))
    paths = [path for step in plan.steps for path in step.outputs]
    program = {path: digest_file(road.folder / path) for path in paths if _name(path) in wanted}
    return Made(facts={"design": design, "program": program}, detail=", ".join(program))


def current_program(road: Road, design: str) -> dict[str, str]:
    """The files that the board loads, with their digests; none that another design was built to."""
    record = road.lock.stops.get("program")
    if record is None or record.facts["design"] != design:
        return {}
    program: dict[str, str] = record.facts["program"]
    whole = all(
        (road.folder / path).is_file() and digest_file(road.folder / path) == digest
        for path, digest in program.items()
    )
    return program if whole else {}


def made_package(road: Road, spec: Spec, board: Board) -> Made:
    """The package below ``package/``, and the same in an archive."""
    folder, stops = road.folder, road.lock.stops
    path, contract = archive_path(spec, board), _contract(road)
    home = host_folder("pynq")
    host = [each for each in stops["design"].facts["own"] if each.startswith(home)]
    program = current_program(road, stops["design"].key)
    files = OverlayPackage(
        contract=contract,
        title=board.title,
        host={each.removeprefix(home): (folder / each).read_bytes() for each in host},
        answers=stops["vectors"].facts["answers"],
        vectors={_name(each): (folder / each).read_bytes() for each in (INPUTS, EXPECTED, ANSWERS)},
        archive=_name(path),
        description=spec.description,
        stops="" if "hw" in board.modes else board.stops or "",
        program={_name(each): (folder / each).read_bytes() for each in program},
    ).files()
    plain = {name: (file.content, file.executable) for name, file in files.items()}
    archive = tar_gz(_name(path).removesuffix(".tar.gz"), plain)
    return Made(
        files={f"package/{name}": file for name, file in plain.items()} | {path: (archive, False)},
        facts={"lacks": () if program else program_names(contract)},
        detail=path,
    )


def _contract(road: Road) -> Contract:
    return Contract.from_json((road.folder / CONTRACT).read_bytes())


def _name(path: str) -> str:
    return PurePosixPath(path).name
