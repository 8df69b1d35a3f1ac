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
        "pipelined": _pipelined(core),
    }
    source = render(KERNELS[contract.interface], context, loaders)
    return {contract.source: File(source)} | {
        f"kernel/firmware/{path}": File(content) for path, content in core.files.items()
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


def _pipelined(core: Core) -> bool:
    """Whether the compute loop can be pipelined: not around a dataflow region, as hls4ml chose."""
    if core.io_type == "io_stream":
        return False
    source = core.files.get(f"{core.top}.cpp", b"").decode(errors="replace")
    return re.search(r"#\s*pragma\s+HLS\s+dataflow", source, re.IGNORECASE) is None
