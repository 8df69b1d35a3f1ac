"""Templates to files: the kernel's source, and the hosts that call it.

A template is looked up by its path (``hosts/xrt/host.cpp.j2``), first through the loaders that a
plugin puts in front, then among fpgac's own. fpgac's own are also found below ``fpgac/``, so that a
plugin's template of the same path can start with ``{% extends "fpgac/hosts/xrt/host.cpp.j2" %}``
and override one block of it. What :func:`overridden` puts in front of all that extends
``target/PATH``: whatever the target itself has at that path.

Nothing is escaped on its own. Text that comes from people goes through a filter that quotes it for
the language at hand: ``cpp_string``, ``py_string``, ``sh_word``, ``tcl_word``, ``toml_string``,
``comment``.
"""

from __future__ import annotations

import builtins
import json
import re
import shlex
import traceback
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fpgac.design.contract import COUNT
from fpgac.design.design import File
from fpgac.errors import Problem, TargetError, Where, nearest
from fpgac.numbers import Formula

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jinja2 import BaseLoader, Environment, TemplateError

    from fpgac.core.core import Core
    from fpgac.design.contract import Contract, Interface

__all__ = [
    "BRIDGE",
    "HOSTS",
    "bridge_files",
    "class_name",
    "comment",
    "cpp_string",
    "host_files",
    "kernel_files",
    "overridden",
    "py_string",
    "render",
    "sh_word",
    "tcl_word",
    "toml_string",
]

# Each host's files: the path in a design, and the template that it is rendered from.
HOSTS: Final[Mapping[str, Mapping[str, str]]] = {
    "pynq": {
        "hosts/pynq/{name}_host.py": "hosts/pynq/host.py.j2",
        "hosts/pynq/requirements.txt": "hosts/pynq/requirements.txt.j2",
    },
    "opencl": {
        "hosts/opencl/host.cpp": "hosts/opencl/host.cpp.j2",
        "hosts/opencl/fpga_io.hpp": "hosts/cpp/fpga_io.hpp.j2",
        "hosts/opencl/Makefile": "hosts/opencl/Makefile.j2",
    },
    "xrt": {
        "hosts/xrt/host.cpp": "hosts/xrt/host.cpp.j2",
        "hosts/xrt/fpga_io.hpp": "hosts/cpp/fpga_io.hpp.j2",
        "hosts/xrt/Makefile": "hosts/xrt/Makefile.j2",
    },
}

# The hosts for a Zynq's AXI DMA, where they are not those of a card under XRT.
DMA_HOSTS: Final[Mapping[str, Mapping[str, str]]] = {
    "pynq": {
        "hosts/pynq/{name}_host.py": "hosts/pynq/overlay_host.py.j2",
        "hosts/pynq/requirements.txt": "hosts/pynq/overlay_requirements.txt.j2",
    },
}
HOSTS_BY_INTERFACE: Final[Mapping[Interface, Mapping[str, Mapping[str, str]]]] = {
    "m_axi": HOSTS,
    "axis": DMA_HOSTS,
}

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

# What the Python hosts call other things, as a class could be spelt.
_PYTHON_NAMES: Final = frozenset(
    """
    Any BinaryIO Callable CommandLine ComputeUnit HostError Iterator NamedTuple NoReturn Path
    Profile Sequence Slot StreamDriver Timing KERNEL PROGRAM STEP INPUTS OUTPUTS HELP
    """.split()  # noqa: SIM905
)

LOAD_HINT: Final = "was it built for this card's platform (xbutil examine)?"

_OVERRIDES: Final[ContextVar[tuple[BaseLoader, ...]]] = ContextVar("overrides", default=())


@contextmanager
def overridden(loaders: Iterable[BaseLoader]) -> Iterator[None]:
    """Look up every template in ``loaders`` first, whichever target renders it."""
    token = _OVERRIDES.set(tuple(loaders))
    try:
        yield
    finally:
        _OVERRIDES.reset(token)


def render(template: str, context: Mapping[str, Any], loaders: Sequence[BaseLoader] = ()) -> bytes:
    """The text of ``template`` with the names of ``context``, as UTF-8; ``loaders`` come first.

    Raises:
        TargetError: no such template, a mistake in it, or a name that ``context`` does not hold.
    """
    import jinja2

    try:
        return _environment(loaders).get_template(template).render(context).encode()
    except jinja2.TemplateError as error:
        raise TargetError(_problem(template, error)) from error


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
    return {
        path: File(render(name, {"contract": contract}, loaders)) for path, name in BRIDGE.items()
    }


def host_files(
    contract: Contract,
    hosts: Iterable[str],
    *,
    load_hint: str = LOAD_HINT,
    loaders: Sequence[BaseLoader] = (),
) -> dict[str, File]:
    """The files of ``hosts`` (keys of :data:`HOSTS`), by path in a design.

    ``load_hint`` is what a host adds when the card refuses the xclbin: one short sentence.

    Raises:
        TargetError: an unknown host, or a template that cannot be rendered.
    """
    context = {
        "contract": contract,
        "count": COUNT,
        "class_name": class_name(contract.name),
        "load_hint": load_hint,
        "python_formula": Formula.of(contract.inputs[0].type, "np."),
        "cpp_formula": Formula.of(contract.inputs[0].type, "rule::"),
    }
    return {
        path.format(name=contract.name): _host_file(template, context, loaders)
        for host in hosts
        for path, template in _templates(host, contract.interface).items()
    }


def cpp_string(text: str) -> str:
    """``text`` as a C++ string literal of its UTF-8 bytes."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')
    body = "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text.encode())
    return f'"{body}"'


def py_string(text: str) -> str:
    """``text`` as a Python string literal, in ASCII and double quotes where possible."""
    literal = ascii(text)
    if literal.startswith("'") and '"' not in text and "\\'" not in literal:
        return f'"{literal[1:-1]}"'
    return literal


def sh_word(text: str) -> str:
    """``text`` as one word of a POSIX shell."""
    return shlex.quote(text)


def tcl_word(text: str) -> str:
    r"""``text`` as one word of Tcl: quoted, with ``$``, ``[``, ``]``, ``"`` and ``\`` escaped."""
    escaped = re.sub(r'([\\$\[\]"{}])', r"\\\1", text)
    return '"' + re.sub(r"[\0-\x1f]", lambda control: f"\\u{ord(control[0]):04x}", escaped) + '"'


def toml_string(text: str) -> str:
    """``text`` as a basic string of TOML."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def comment(text: str) -> str:
    """``text`` on one line, without what could end or continue a comment of any language."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.replace("\\", "/").replace("*/", "* /").split())


def _environment(loaders: Sequence[BaseLoader]) -> Environment:
    from jinja2 import (
        ChoiceLoader,
        Environment,
        PackageLoader,
        PrefixLoader,
        StrictUndefined,
    )

    own = PackageLoader("fpgac_templates", "")
    target = ChoiceLoader([*loaders, own])
    environment = Environment(
        loader=ChoiceLoader(
            [*_OVERRIDES.get(), *loaders, own, PrefixLoader({"fpgac": own, "target": target})]
        ),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for quote in (cpp_string, py_string, sh_word, tcl_word, toml_string, comment):
        environment.filters[quote.__name__] = quote
    return environment


def _problem(template: str, error: TemplateError) -> Problem:
    import jinja2

    hint = "a template may only use what its caller hands it; look for a mistyped name"
    if isinstance(error, jinja2.TemplatesNotFound | jinja2.TemplateNotFound):
        what = f"there is no template {error.message!r}"
        hint = "a plugin finds its own through the loaders, fpgac's own below 'fpgac/'"
        return Problem(what, hint=hint)
    if isinstance(error, jinja2.TemplateSyntaxError):
        place: tuple[str | None, int | None] = (error.filename, error.lineno)
    else:
        place = _last_template_line(error)
    return Problem(
        f"the template {template!r} cannot be rendered: {error.message}",
        where=Where(Path(place[0]), place[1]) if place[0] else None,
        hint=hint,
    )


def _last_template_line(error: Exception) -> tuple[str | None, int | None]:
    """Where in a template an error rose: Jinja2 puts its lines into the traceback."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.endswith(".j2"):
            return frame.filename, frame.lineno
    return None, None


def _pipelined(core: Core) -> bool:
    """Whether the compute loop can be pipelined: not around a dataflow region, as hls4ml chose."""
    if core.io_type == "io_stream":
        return False
    source = core.files.get(f"{core.top}.cpp", b"").decode(errors="replace")
    return re.search(r"#\s*pragma\s+HLS\s+dataflow", source, re.IGNORECASE) is None


def _templates(host: str, interface: Interface) -> Mapping[str, str]:
    hosts = HOSTS_BY_INTERFACE[interface]
    if host not in hosts:
        raise TargetError(
            Problem(
                f"there is no host {host!r} for a kernel with {interface}",
                expected=f"one of {', '.join(hosts)}",
                hint=nearest(host, hosts),
            )
        )
    return hosts[host]


def _host_file(template: str, context: Mapping[str, Any], loaders: Sequence[BaseLoader]) -> File:
    content = render(template, context, loaders)
    return File(content, executable=content.startswith(b"#!"))


def class_name(name: str) -> str:
    """``JetTagger`` for ``jet_tagger``: how Python spells a class; never a name it has already."""
    spelt = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    return f"{spelt}Chip" if spelt in _PYTHON_NAMES or hasattr(builtins, spelt) else spelt
