"""The steps that build the emulated card's side of a design: with g++, on any machine.

What they make lies in the build folder's ``emulation/``: the core's object, the C simulation, the
kernel as a shared library, the program that the emulated card loads (an xclbin under XRT, a
bitstream on a Zynq), and the C++ hosts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from fpgac.build.compiler import LIBRARY, PROGRAM
from fpgac.build.plan import Plan, Step
from fpgac.core.core import Core
from fpgac.design.contract import Contract, Interface
from fpgac.design.design import Design, File
from fpgac.design.kernel import BRIDGE, bridge_files
from fpgac.steps import exact_kernel
from fpgac.steps.core import ap_headers, core_source, core_steps
from fpgac.targets.card import CARD

__all__ = [
    "CONTRACT",
    "ENGINES",
    "HEADERS",
    "Engine",
    "compiler_files",
    "emulation_files",
    "emulation_plan",
    "host_folder",
    "host_program",
    "host_step",
    "kernel_library",
    "program_file",
    "simulation_library",
]

# What computes in the emulated card: the kernel's own C++, or the core's exact program.
Engine = Literal["hls", "exact"]
ENGINES: tuple[Engine, ...] = get_args(Engine)

CONTRACT = "emulation/contract.json"
FIRMWARE = "kernel/firmware"
HEADERS = "emulation/ap_types"
SOURCE = "emulation/core.cpp"
OBJECT = "emulation/core.o"


@dataclass(frozen=True)
class _Program:
    """What a card loads: the step that writes it, which is its kind too, and from which files.

    ``sources`` and ``headers`` are what g++ needs for the kernel's library beside its own source.
    """

    step: str
    suffix: str
    descriptions: tuple[str, ...]
    sources: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()


_PROGRAMS: Mapping[Interface, _Program] = {
    "m_axi": _Program("xclbin", ".xclbin", (CARD,)),
    "axis": _Program(
        "bitstream",
        ".bit",
        (CARD, CONTRACT),
        sources=tuple(path for path in BRIDGE if path.endswith(".cpp")),
        headers=tuple(path for path in BRIDGE if path.endswith(".h")),
    ),
}

# What the distributions' XRT and OpenCL need; the hosts' own Makefiles know other places.
_HOST_FLAGS = ("-ffp-contract=off", "-isystem", "/usr/include/xrt")
_HOST_LIBRARIES = {
    "opencl": ("-lOpenCL",),
    "xrt": ("-lxrt_coreutil", "-luuid", "-pthread"),
}


# g++'s linker is ended by SIGBUS where it maps a file that the disk has no room for.
_REMEDIES = {
    r"[Nn]o space left|final link failed|SIGBUS|Bus error|ld terminated": (
        "is the disk full? free some space; what was built before is kept and reused"
    ),
    r"[Cc]annot allocate memory|out of memory": "too little memory is free",
}


def simulation_library(name: str) -> str:
    """The core's C simulation, of the design called ``name``."""
    return f"emulation/lib{name}_simulation.so"


def kernel_library(kernel: str, engine: Engine = "hls") -> str:
    """The kernel as a shared library."""
    return f"{_folder(engine)}/lib{kernel}.so"


def program_file(contract: Contract, engine: Engine = "hls") -> str:
    """What the emulated card loads: its suffix tells what kind of card it is."""
    return f"{_folder(engine)}/{contract.name}{_PROGRAMS[contract.interface].suffix}"


def _folder(engine: Engine) -> str:
    return exact_kernel.FOLDER if engine == "exact" else "emulation"


def host_folder(host: str) -> str:
    """Where a design has a host's files, with a slash at the end."""
    return f"hosts/{host}/"


def host_program(host: str, name: str) -> str:
    """What to run of a host: a Python script, or the program that its step makes."""
    return f"{host_folder(host)}{name}_host.py" if host == "pynq" else f"emulation/host_{host}"


def host_step(host: str) -> str:
    """The name of the step that builds a host."""
    return f"g++ {host} host"


def emulation_files(core: Core, contract: Contract, design: Design) -> dict[str, File]:
    """What the emulation needs beside a target's own design: sources for g++ alone."""
    files = exact_kernel.exact_files(core, contract)
    description = f"{contract.name}.hwh"
    if files and (lies := f"emulation/{description}") in design.files:
        # pynq looks for a board's description beside the program that it loads.
        files[f"{exact_kernel.FOLDER}/{description}"] = design.files[lies]
    return {SOURCE: File(core_source(core)), **compiler_files(contract), **files}


def compiler_files(contract: Contract) -> dict[str, File]:
    """What g++ needs to read a design's kernel, which the vendor's tools bring themselves."""
    headers = {f"{HEADERS}/{path}": File(text) for path, text in ap_headers().items()}
    return headers | (bridge_files(contract) if contract.interface == "axis" else {})


def emulation_plan(
    core: Core, contract: Contract, files: Mapping[str, File], hosts: Iterable[str]
) -> Plan:
    """All steps, the hosts' included; a host's step may be left out where its tools are missing.

    ``files`` are those of the design and of :func:`emulation_files`.
    """
    simulation = core_steps(
        core,
        firmware=FIRMWARE,
        headers=HEADERS,
        source=SOURCE,
        core_object=OBJECT,
        library=simulation_library(contract.name),
    )
    card, engines = [_kernel(core, contract)], [ENGINES[0]]
    if exact_kernel.SOURCE in files:
        card.append(exact_kernel.exact_step(kernel_library(contract.kernel, "exact")))
        engines.append("exact")
    if CARD in files:  # a target without hosts needs none
        card += [_program(contract, engine) for engine in engines]
    programs = [_host(host, contract.name, files) for host in hosts if host in _HOST_LIBRARIES]
    steps = (*simulation, *card, *programs)
    return Plan(tuple(replace(step, remedies=_REMEDIES) for step in steps))


def _kernel(core: Core, contract: Contract) -> Step:
    library, program = kernel_library(contract.kernel), _PROGRAMS[contract.interface]
    headers = (*program.headers, *(f"{HEADERS}/{path}" for path in ap_headers()))
    firmware = tuple(f"{FIRMWARE}/{path}" for path in core.files)
    return Step(
        name="g++ kernel",
        command=(
            *(*LIBRARY, "-Wno-unknown-pragmas", f"-I{HEADERS}"),
            *("-o", library, contract.source, *program.sources, OBJECT),
        ),
        inputs=(contract.source, *program.sources, OBJECT, *firmware, *headers),
        outputs=(library,),
    )


def _program(contract: Contract, engine: Engine) -> Step:
    """The step that writes what the card loads, around the kernel's library."""
    program, library = _PROGRAMS[contract.interface], kernel_library(contract.kernel, engine)
    made = program_file(contract, engine)
    return Step(
        name=program.step if engine == "hls" else f"{engine} {program.step}",
        command=(
            *("python", "-m", "fpgac.emulation", program.step),
            *(*program.descriptions, library, made),
        ),
        inputs=(*program.descriptions, library),
        outputs=(made,),
    )


def _host(host: str, name: str, files: Mapping[str, File]) -> Step:
    folder, program = host_folder(host), host_program(host, name)
    sources = tuple(
        path for path in files if path.startswith(folder) and path.endswith((".cpp", ".hpp"))
    )
    return Step(
        name=host_step(host),
        command=(
            *(*PROGRAM, *_HOST_FLAGS, "-o", program),
            *(f"{folder}host.cpp", *_HOST_LIBRARIES[host]),
        ),
        inputs=sources,
        outputs=(program,),
    )
