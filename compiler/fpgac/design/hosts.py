"""The hosts of a kernel: static files, and a rendered module or header with the contract."""

from __future__ import annotations

import builtins
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from fpgac.design.render import file_of
from fpgac.errors import Problem, TargetError, nearest
from fpgac.numbers import Formula

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jinja2 import BaseLoader

    from fpgac.design.contract import Buffer, Contract, Interface
    from fpgac.design.design import File

__all__ = ["HOSTS", "class_name", "host_files"]

HOSTS: Final = ("pynq", "opencl", "xrt")

LOAD_HINT: Final = "was it built for this card's platform (xbutil examine)?"


@dataclass(frozen=True)
class _Driver:
    """A driver of the Python host: its class, and the module of the runtime that holds it.

    ``program`` is what a user calls that which a card loads, ``suffix`` how its file ends, and
    ``needs`` what must be there. ``requirements`` is the file with the host's.
    """

    module: str
    name: str
    program: str
    suffix: str
    needs: str
    requirements: str


_DRIVERS: Final[Mapping[Interface, _Driver]] = {
    "m_axi": _Driver(
        module="card",
        name="XrtDriver",
        program="xclbin",
        suffix="xclbin",
        needs="XRT set up on the machine of the card",
        requirements="requirements.txt",
    ),
    "axis": _Driver(
        module="dma",
        name="DmaDriver",
        program="overlay",
        suffix="bit",
        needs="a board with PYNQ's image, or one like it",
        requirements="overlay_requirements.txt",
    ),
}

# What the Python hosts share, whatever drives the card.
_RUNTIME: Final = (
    *("__init__", "arrays", "chip", "contract", "decoding", "errors", "program", "unit"),
)

# What the C++ hosts share.
_CPP: Final = (
    *("contract.hpp.j2", "arrays.hpp", "decoding.hpp", "failure.hpp", "fpga_io.hpp"),
    *("numbers.hpp", "rule.hpp"),
    "host.mk",
)

# What a host's own module imports, as a class could be spelt.
_PYTHON_NAMES: Final = frozenset(
    {
        *(
            "Chip",
            "Contract",
            "Decoding",
            "HostError",
            "Input",
            "Output",
            "Profile",
            "Slot",
            "Timing",
        ),
        *("Path", "Sequence", "CONTRACT", "DRIVER", "PROGRAM"),
        *(driver.name for driver in _DRIVERS.values()),
    }
)


def host_files(
    contract: Contract,
    hosts: Iterable[str],
    *,
    load_hint: str = LOAD_HINT,
    program: str | None = None,
    loaders: Sequence[BaseLoader] = (),
) -> dict[str, File]:
    """The files of ``hosts`` (some of :data:`HOSTS`), by path in a design.

    ``load_hint`` is what a host adds when the card refuses the xclbin: one short sentence.
    ``program`` is how the file ends that the card loads, where that is not ``xclbin``.

    Raises:
        TargetError: an unknown host, or a template that cannot be rendered.
    """
    driver = _DRIVERS[contract.interface]
    context = {
        "contract": contract,
        "class_name": class_name(contract.name),
        "driver": replace(driver, suffix=program or driver.suffix),
        "load_hint": load_hint,
    }
    files: dict[str, File] = {}
    for host in hosts:
        _check_host(host, contract.interface)
        prefix = "np." if host == "pynq" else "rule::"
        rules = [_rule(buffer, prefix) for buffer in contract.inputs]
        files |= {
            f"hosts/{host}/{path}": file_of(template, {**context, "rules": rules}, loaders)
            for path, template in _sources(host, contract).items()
        }
    return files


def _rule(buffer: Buffer, prefix: str) -> tuple[Buffer, Formula, list[float]]:
    """An input with its rule, and what numbers are multiplied by where that moves their points."""
    scaling, factors = buffer.scaling, list[float]()
    if scaling and scaling.is_shift:
        factors = buffer.type.factor(np.array(scaling.scale)).tolist()
    return buffer, Formula.of(buffer.type, prefix, "factor" if factors else None), factors


def _check_host(host: str, interface: Interface) -> None:
    known = HOSTS if interface == "m_axi" else ("pynq",)
    if host not in known:
        raise TargetError(
            Problem(
                f"there is no host {host!r} for a kernel with {interface}",
                expected=f"one of {', '.join(known)}",
                hint=nearest(host, known),
                code="target.unknown-host",
            )
        )


def _sources(host: str, contract: Contract) -> dict[str, str]:
    """The template or file that each of a host's files is made from."""
    if host != "pynq":
        shared = {path.removesuffix(".j2"): f"hosts/cpp/{path}" for path in _CPP}
        return shared | {path: f"hosts/{host}/{path}" for path in ("host.cpp", "Makefile")}
    driver, name = _DRIVERS[contract.interface], contract.name
    return {
        f"{name}_host.py": "hosts/pynq/host.py.j2",
        **{
            f"{name}_runtime/{module}.py": f"hosts/pynq/runtime/{module}.py"
            for module in (*_RUNTIME, driver.module)
        },
        "requirements.txt": f"hosts/pynq/{driver.requirements}",
    }


def class_name(name: str) -> str:
    """``JetTagger`` for ``jet_tagger``: how Python spells a class; never a name it has already."""
    spelt = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return f"{spelt}Chip" if spelt in _PYTHON_NAMES or hasattr(builtins, spelt) else spelt
