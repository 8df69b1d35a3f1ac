"""The exact program in the place of the kernel's C++, on the emulated card: the same words, faster.

The hosts and the card stay as they are; the card loads a program whose body is this one.
"""

from __future__ import annotations

from typing import Final

from fpgac.build.compiler import LIBRARY
from fpgac.build.plan import Step
from fpgac.core.core import Core
from fpgac.design.contract import Contract
from fpgac.design.design import File
from fpgac.design.render import render
from fpgac.native.library import EXACT

__all__ = ["FOLDER", "SOURCE", "exact_files", "exact_step"]

FOLDER: Final = "emulation/exact"
SOURCE: Final = f"{FOLDER}/kernel.cpp"
_CONSTANTS: Final = f"{FOLDER}/constants.bin"


def exact_files(core: Core, contract: Contract) -> dict[str, File]:
    """The C++ and its tables, by path in a build folder; none where there is no exact program.

    They are for any processor, so that every machine writes the same bytes.
    """
    from fpgac.native.cpp.generator import generate
    from fpgac.native.cpp.levels import PORTABLE
    from fpgac.program.ranges import NotExact
    from fpgac.rules.core_program import exact_program

    try:
        source = generate(exact_program(core), PORTABLE)
    except NotExact:
        return {}
    context = {
        "contract": contract,
        "program": source.text,
        "constants": _CONSTANTS,
        "memory_bytes": source.memory_bytes,
    }
    return {
        SOURCE: File(render("emulation/exact_kernel.cpp.j2", context)),
        _CONSTANTS: File(source.constants),
    }


def exact_step(library: str) -> Step:
    """The g++ command that makes the kernel's shared ``library`` from :func:`exact_files`."""
    return Step(
        name="g++ exact kernel",
        command=(*LIBRARY, *EXACT, "-o", library, SOURCE),
        inputs=(SOURCE, _CONSTANTS),
        outputs=(library,),
    )
