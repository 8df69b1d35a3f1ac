"""The kernel's source around a core, and what g++ needs to call a kernel with streams."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fpgac.design.contract import COUNT
from fpgac.design.design import File
from fpgac.design.render import file_of, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import BaseLoader

    from fpgac.core.core import Core
    from fpgac.design.contract import Contract, Interface

__all__ = ["BRIDGE", "bridge_files", "kernel_files"]

# The kernel's template by its interface.
KERNELS: Final[Mapping[Interface, str]] = {
    "m_axi": "kernel/kernel.cpp.j2",
    "axis": "kernel/stream.cpp.j2",
}

# What a stream's kernel needs to be called by g++: the path in a design, and the template.
BRIDGE: Final[Mapping[str, str]] = {
    "emulation/stream_bridge.cpp": "emulation/stream_bridge.cpp.j2",
    "emulation/ap_types/ap_axi_sdata.h": "emulation/ap_axi_sdata.h",
}


def kernel_files(
    contract: Contract, core: Core, loaders: Sequence[BaseLoader] = ()
) -> dict[str, File]:
    """The kernel's source, and the core's below ``kernel/firmware/``, by path in a design."""
    context = {
        "contract": contract,
        "core": core,
        "ports": list(zip(contract.buffers, core.inputs + core.outputs, strict=True)),
        "count": COUNT,
        "arrays": _arrays(core),
        "pipelined": _pipelined(core),
    }
    source = render(KERNELS[contract.interface], context, loaders)
    files = {**core.files, f"{core.top}.cpp": _called(core).encode()}
    return {contract.source: File(source)} | {
        f"kernel/firmware/{path}": File(content) for path, content in files.items()
    }


def bridge_files(contract: Contract, loaders: Sequence[BaseLoader] = ()) -> dict[str, File]:
    """What lets g++ build and call a kernel with streams, by path in a design.

    ``emulation/stream_bridge.cpp`` is compiled with the kernel into one library, with
    ``emulation/ap_types`` among the headers, and defines two C functions::

        int NAME_stream(const void* const* in, const size_t* in_bytes, void* const* out,
                        const size_t* room, size_t* sent, size_t* last, unsigned n_samples)
        void NAME_rows(const void* x, void* y, unsigned n_samples)

    ``NAME_stream`` feeds the stream of each input ``in_bytes``; ``sent`` receives the bytes that
    the kernel sent to each output, of which at most ``room`` are stored, and ``last`` those up to
    and with the first word with TLAST, 0 if there is none. It returns 0. Where an input holds less
    than ``n_samples``, a kernel would wait for ever: it is not called, and 1 is returned. Bytes
    that TKEEP leaves out are not counted and not stored. ``NAME_rows`` is :attr:`Contract.entry`:
    a pointer to each buffer's rows, and the number of samples.
    """
    return {path: file_of(name, {"contract": contract}, loaders) for path, name in BRIDGE.items()}


def _source(core: Core) -> str:
    """The C++ of the core's top function."""
    return core.files.get(f"{core.top}.cpp", b"").decode(errors="surrogateescape")


def _pipelined(core: Core) -> bool:
    """Whether the compute loop can be pipelined: not around a dataflow region, as hls4ml chose."""
    if core.io_type == "io_stream":
        return False
    return re.search(r"#\s*pragma\s+HLS\s+dataflow", _source(core), re.IGNORECASE) is None


def _called(core: Core) -> str:
    """The C++ of the top function as a part of the kernel.

    What it says of ports is for a top of its own. A pipeline of its own inside the kernel's would
    be stalled by one signal to all of its registers: it becomes a part of the kernel's.
    """
    source = re.sub(r"^[ \t]*#pragma HLS INTERFACE .*\n", "", _source(core), flags=re.MULTILINE)
    if not _pipelined(core):
        return source
    return re.sub(r"#pragma HLS PIPELINE.*", "#pragma HLS INLINE", source, count=1)


def _arrays(core: Core) -> list[str]:
    """The pragma with which the core lays out the array of each port; ``{}`` is the array's name.

    One array has one layout: HLS refuses a caller's that is another.
    """
    source = _source(core)
    head = re.search(rf"\bvoid {re.escape(core.top)}\((.*?)\)", source, re.DOTALL)
    names = re.findall(r"(\w+)\s*\[", head[1]) if head else []
    said = dict(re.findall(r"#pragma HLS (?=ARRAY_\w+ variable=(\w+))(.*)", source))
    pragmas = [said.get(name, f"ARRAY_PARTITION variable={name} complete dim=0") for name in names]
    return [
        re.sub(r"variable=\w+", "variable={}", pragma).strip()
        for pragma in pragmas or [""] * len(core.inputs + core.outputs)
    ]
