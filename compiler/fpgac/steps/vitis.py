"""Any Vitis kernel in C++, with v++'s linking file, as an ``.xclbin`` for the emulated card.

g++ compiles each source together with an adapter, which calls a kernel whatever its parameters are
and says what they are; their names, bundles and control protocols are read from the source.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Final

from fpgac.build.processes import CommandError, last_lines, output_of
from fpgac.digest import digest_files
from fpgac.emulation import (
    SCALARS,
    Argument,
    CardDescription,
    Connection,
    Instance,
    Kernel,
    Memory,
)
from fpgac.errors import BuildError, Problem, Where, nearest
from fpgac.steps.core import ap_headers

__all__ = ["Linking", "Source", "build_card", "read_linking"]

_PLATFORM: Final = "fpgac_emulated_card"
_CLOCK_MHZ: Final = 300.0
_SECONDS: Final = 600.0
_BUSES: Final = (8, 16, 32, 64, 128, 256, 512, 1024)
# The memories of Alveo cards: how many of a kind there are, of what size. HBM comes first.
_FAMILIES: Final[Mapping[str, tuple[str, int, int]]] = {
    "HBM": ("HBM", 32, 256 << 20),
    "DDR": ("DDR4", 4, 16 << 30),
    "PLRAM": ("BRAM", 6, 128 << 10),
    "HOST": ("HOST", 1, 16 << 30),
}
_DEFAULT_MEMORY: Final = "DDR"
# Keys of [connectivity] that say where things lie on the chip: nothing depends on it here.
_IGNORED: Final = ("slr", "connect")
_REFUSED_HEADERS: Final = {"systemc": "SystemC", "adf": "a graph for AI engines"}
_REFUSED_SOURCES: Final = {
    ".xo": "a compiled kernel",
    ".v": "Verilog",
    ".sv": "SystemVerilog",
    ".cl": "OpenCL C",
}


@dataclass(frozen=True)
class Linking:
    """What ``[connectivity]`` says: kernels with their compute units (``nk``), the memories of
    arguments (``sp``, by compute unit and argument), streams (``sc``)."""

    units: Mapping[str, tuple[str, ...]]
    memories: Mapping[tuple[str, str], tuple[str, ...]]
    streams: tuple[Connection, ...]


@dataclass(frozen=True)
class Source:
    """A C++ file, without its comments and the contents of its strings."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> Source:
        """The file at ``path``.

        Raises:
            BuildError: it cannot be read, or is no C++.
        """
        if kind := _REFUSED_SOURCES.get(path.suffix.lower()):
            raise _no_cpp(path, kind)
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise BuildError(
                Problem(
                    "the kernel's source cannot be read",
                    Where(path),
                    got=_reason(error),
                    code="card.unreadable",
                )
            ) from error
        if found := re.search(r'^\s*#\s*include\s*[<"](systemc|adf)\b', text, re.MULTILINE):
            raise _no_cpp(path, _REFUSED_HEADERS[found[1]])
        return cls(path, _without_comments(text))

    def functions(self) -> tuple[str, ...]:
        """The functions that are defined with C linkage, in order."""
        return tuple(dict.fromkeys(_c_functions(self.text)))


@dataclass(frozen=True)
class _Function:
    """A kernel's definition in its source: its parameters' texts, and its body."""

    source: Source
    name: str
    parameters: tuple[str, ...]
    body: str

    def bundle(self, argument: str) -> str:
        """The bundle of an m_axi argument."""
        for words in _pragmas(self.body):
            if "m_axi" in words.lower() and _option(words, "port") == argument:
                return _option(words, "bundle") or "gmem"
        return "gmem"

    @property
    def free_running(self) -> bool:
        """Whether nothing controls the kernel."""
        return any("ap_ctrl_none" in words.lower() for words in _pragmas(self.body))


def read_linking(path: Path | None) -> Linking:
    """The ``[connectivity]`` of a file for ``v++ --config``; without a file, one that is empty.

    Other sections tell how hardware is built, and are left out.

    Raises:
        BuildError: a line cannot be understood, or asks for what is not emulated.
    """
    units: dict[str, tuple[str, ...]] = {}
    memories: dict[tuple[str, str], tuple[str, ...]] = {}
    streams: list[Connection] = []
    for line, key, value in _connectivity(path):
        where = Where(path, line=line, key=key)
        if key == "nk":
            units |= [_instances(value, where)]
        elif key == "sp":
            end, _, tags = value.partition(":")
            memories[_end(end, where)] = tuple(_tags(tags, where))
        elif key in ("sc", "stream_connect"):
            source, _, rest = value.partition(":")
            sink = rest.partition(":")[0]
            streams.append(Connection(_end(source, where), _end(sink, where)))
        elif key not in _IGNORED:
            known = ("nk", "sp", "sc", "stream_connect", *_IGNORED)
            raise _bad_line("this key is unknown", where, hint=nearest(key, known))
    return Linking(units, memories, tuple(streams))


def build_card(
    paths: Sequence[Path], linking: Linking, options: Sequence[str] = (), kernel: str = ""
) -> tuple[CardDescription, bytes]:
    """The card of the kernels in the C++ files ``paths``, and their library.

    Args:
        paths: the files, each with a kernel or more.
        linking: compute units, memories and streams.
        options: for g++: ``-I`` and ``-D``.
        kernel: the one kernel's name, where the linking file names none and there are several
            functions with C linkage.

    Raises:
        BuildError: there is no such kernel, it does not compile, or has arguments that a kernel
            cannot have.
        EmulationError: what is linked is no card.
        ToolchainError: no hls4ml, whose ``ap_int`` is used.
    """
    sources = [Source.read(path) for path in paths]
    functions = [_function(sources, name) for name in _wanted(sources, linking, kernel)]
    with tempfile.TemporaryDirectory(prefix="fpgac-card-") as scratch:
        library = _compile(functions, sources, options, Path(scratch))
        facts = [_parameters(library, function.name) for function in functions]
        content = library.read_bytes()
    kernels = [_kernel(each, known) for each, known in zip(functions, facts, strict=True)]
    memories = _memories(linking)
    placed = tuple(_placed(each, linking, memories) for each in kernels)
    _refuse_unknown_ends(linking, placed)
    identity = digest_files({"library": content})
    card = CardDescription(_PLATFORM, _CLOCK_MHZ, identity, memories, placed, linking.streams)
    return card, content


def _connectivity(path: Path | None) -> Iterator[tuple[int, str, str]]:
    """Line, key and value of each setting in ``[connectivity]``."""
    if path is None:
        return
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        what = "the linking file cannot be read"
        raise _bad_line(what, Where(path), got=_reason(error)) from error
    section = ""
    for number, line in enumerate(lines, start=1):
        words = re.split(r"[#;]", line)[0].strip()
        if words.startswith("["):
            section = words.strip("[]").strip()
        elif words and section == "connectivity":
            key, equals, value = words.partition("=")
            if not equals:
                raise _bad_line("this is no setting", Where(path, line=number), got=words)
            yield number, key.strip(), value.strip()


def _no_cpp(path: Path, got: str) -> BuildError:
    what = "kernels are built from C++ for HLS only"
    return BuildError(Problem(what, Where(path), got=got, code="card.no-cpp"))


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else "this is no text"


def _bad_line(what: str, where: Where, got: str = "", hint: str = "") -> BuildError:
    return BuildError(Problem(what, where, got=got, hint=hint, code="card.bad-linking"))


def _instances(value: str, where: Where) -> tuple[str, tuple[str, ...]]:
    """``KERNEL:COUNT[:NAME.NAME...]``."""
    kernel, _, rest = value.partition(":")
    count, _, names = rest.partition(":")
    if not count.isdigit() or not 1 <= int(count) <= 128:
        raise _bad_line("a kernel has 1 to 128 compute units", where, got=value)
    given = tuple(name for name in re.split(r"[.,]", names) if name)
    if given and len(given) != int(count):
        raise _bad_line(f"{count} compute units need as many names", where, got=names)
    return kernel, given or tuple(f"{kernel}_{number}" for number in range(1, int(count) + 1))


def _end(words: str, where: Where) -> tuple[str, str]:
    unit, dot, argument = words.strip().partition(".")
    if unit.lower().startswith("ai_engine"):
        raise _bad_line("AI engines are not emulated", where, got=words)
    if not dot or unit.lower() == "host":
        raise _bad_line("an end is COMPUTE_UNIT.ARGUMENT", where, got=words, hint=_NO_HOST_STREAMS)
    return unit, argument


_NO_HOST_STREAMS: Final = "XRT 2.13 has no streams between host and kernels: use a buffer"


def _tags(words: str, where: Where) -> Iterator[str]:
    """``DDR[0]`` or ``HBM[0:3]`` as the memories' tags."""
    found = re.fullmatch(r"(\w+)(?:\[(\d+)(?::(\d+))?\])?", words)
    family = found[1].upper() if found else ""
    if not found or family not in _FAMILIES:
        raise _bad_line("no such memory", where, got=words, hint=nearest(family, _FAMILIES))
    first = int(found[2] or 0)
    last = int(found[3] or first)
    if not first <= last < _FAMILIES[family][1]:
        raise _bad_line(f"there are {_FAMILIES[family][1]} of {family}", where, got=words)
    yield from (f"{family}[{index}]" for index in range(first, last + 1))


def _without_comments(text: str) -> str:
    """Without what strings, characters and comments hold, but for the C of its linkage."""
    pattern = r""""C"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'|/\*.*?\*/|//[^\n]*"""
    return re.sub(
        pattern,
        lambda found: found[0] if found[0] == '"C"' else " " + "\n" * found[0].count("\n"),
        text,
        flags=re.DOTALL,
    )


def _c_functions(text: str) -> Iterator[str]:
    definition = r"\bvoid\s+(\w+)\s*\("
    for start in re.finditer(r'extern\s*"C"\s*(\{)?', text):
        end = _closing(text, start.end() - 1) if start[1] else len(text)
        for found in re.finditer(definition, text[start.end() : end]):
            at = start.end() + found.start()
            before = text[start.end() : at].rstrip()
            if before.endswith("static") or (not start[1] and before):
                continue
            after = text[_closing(text, start.end() + found.end() - 1) + 1 :].lstrip()
            if after.startswith("{"):
                yield found[1]


def _closing(text: str, opening: int) -> int:
    """The index of the bracket that closes the one at ``opening``."""
    depth = 0
    for index in range(opening, len(text)):
        depth += (text[index] in "({[") - (text[index] in ")}]")
        if depth == 0:
            return index
    return len(text) - 1


def _wanted(sources: Sequence[Source], linking: Linking, kernel: str) -> Sequence[str]:
    if linking.units:
        return tuple(linking.units)
    found = [name for source in sources for name in source.functions()]
    if kernel or len(found) == 1:
        return [kernel or found[0]]
    what = "there is no kernel" if not found else "it is not clear which function is the kernel"
    raise BuildError(
        Problem(
            what,
            Where(sources[0].path),
            expected='a function with C linkage: extern "C" void NAME(...) {',
            got=", ".join(found),
            hint="name it with --kernel, or by nk= in the linking file" if found else "",
            code="card.no-kernel",
        )
    )


def _function(sources: Sequence[Source], name: str) -> _Function:
    for source in sources:
        for found in re.finditer(rf"\bvoid\s+{re.escape(name)}\s*\(", source.text):
            closing = _closing(source.text, found.end() - 1)
            rest = source.text[closing + 1 :].lstrip()
            if rest.startswith("{"):
                parameters = tuple(_split(source.text[found.end() : closing]))
                return _Function(source, name, parameters, rest[: _closing(rest, 0) + 1])
    known = [each for source in sources for each in source.functions()]
    raise BuildError(
        Problem(
            f"there is no kernel '{name}'",
            Where(sources[0].path),
            hint=nearest(name, known),
            code="card.no-kernel",
        )
    )


def _split(text: str) -> Iterator[str]:
    """Parameters, at the commas that stand in no bracket."""
    depth, start = 0, 0
    for index, character in enumerate(text):
        depth += (character in "<([{") - (character in ">)]}")
        if character == "," and depth == 0:
            yield " ".join(text[start:index].split())
            start = index + 1
    if text[start:].strip() not in ("", "void"):
        yield " ".join(text[start:].split())


def _pragmas(body: str) -> Iterable[str]:
    return re.findall(r"#\s*pragma\s+HLS\s+interface\s+([^\n]*)", body, flags=re.IGNORECASE)


def _option(words: str, name: str) -> str:
    found = re.search(rf"\b{name}\s*=\s*(\w+)", words, flags=re.IGNORECASE)
    return found[1] if found else ""


def _compile(
    functions: Sequence[_Function], sources: Sequence[Source], options: Sequence[str], folder: Path
) -> Path:
    for name, content in {**ap_headers(), **_own_headers()}.items():
        path = folder / "include" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    library = folder / "libkernels.so"
    units = []
    for number, source in enumerate(sources):
        # By a name that any path may have; what it includes is found by -I.
        (folder / f"source_{number}.cpp").symlink_to(source.path.absolute())
        adapted = folder / f"kernels_{number}.cpp"
        names = [each.name for each in functions if each.source is source]
        adapted.write_text(_adapted(f"source_{number}.cpp", names))
        units.append(adapted)
    own = [f"-I{folder / 'include'}", *(f"-I{source.path.absolute().parent}" for source in sources)]
    command: list[str | Path] = [
        "g++",
        "-std=c++17",
        "-O2",
        "-fPIC",
        "-shared",
        "-w",
        *options,
        *own,
        *units,
    ]
    try:
        output_of([*command, "-o", library], timeout=_SECONDS)
    except CommandError as error:
        raise BuildError(
            Problem(
                "the kernel does not compile",
                Where(sources[0].path),
                got=last_lines(error.said),
                code="card.kernel-not-compiled",
            )
        ) from error
    return library


def _own_headers() -> dict[str, bytes]:
    folder = resources.files("fpgac.emulation").joinpath("hls")
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(".h")}


def _adapted(source: str, names: Iterable[str]) -> str:
    lines = [f'#include "{source}"', '#include "fpgac_adapter.h"', 'extern "C" {']
    for name in names:
        call = f"fpgac_card::call(::{name}, values);"
        lines += [
            f"void fpgac_call_{name}(void *const *values) {{ {call} }}",
            f"void fpgac_tell_{name}() {{ fpgac_card::tell(::{name}); }}",
        ]
    return "\n".join([*lines, "}", ""])


def _parameters(library: Path, kernel: str) -> list[tuple[str, int]]:
    """Kind and bytes of each parameter: the library is asked in a process of its own."""
    ask = "import ctypes, sys; getattr(ctypes.CDLL(sys.argv[1]), sys.argv[2])()"
    command: list[str | Path] = [sys.executable, "-I", "-c", ask, library, f"fpgac_tell_{kernel}"]
    try:
        words = output_of(command, timeout=_SECONDS).split()
    except CommandError as error:
        raise BuildError(
            Problem(
                f"the library of kernel '{kernel}' cannot be loaded",
                got=last_lines(error.said),
                code="card.kernel-not-compiled",
            )
        ) from error
    return list(zip(words[::2], map(int, words[1::2]), strict=True))


def _kernel(function: _Function, facts: Sequence[tuple[str, int]]) -> Kernel:
    if len(facts) != len(function.parameters):
        got = f"{len(function.parameters)} in the source, {len(facts)} for g++"
        raise _bad_parameter(function, "the parameters cannot be separated", got)
    arguments = tuple(
        _argument(function, text, kind, size)
        for text, (kind, size) in zip(function.parameters, facts, strict=True)
    )
    return Kernel(function.name, arguments, (), free_running=function.free_running)


def _bad_parameter(function: _Function, what: str, got: str) -> BuildError:
    where = Where(function.source.path, key=function.name)
    return BuildError(Problem(what, where, got=got, code="card.bad-parameter"))


def _argument(function: _Function, text: str, kind: str, size: int) -> Argument:
    found = re.fullmatch(r"(.*?)(\w+)((?:\s*\[[^\]]*\])*)", text)
    if not found:
        raise _bad_parameter(function, "this parameter has no name", text)
    c_type, name = found[1].strip(), found[2]
    if kind == "memory":
        wide = next((width for width in _BUSES if width >= 8 * size), _BUSES[-1])
        pointer = c_type.rstrip("* ") + "*"
        return Argument(name, pointer, memory=True, bundle=function.bundle(name), width=wide)
    if kind == "stream":
        return Argument(name, c_type, memory=False, stream=True, width=8 * size)
    if kind in ("floating", "signed", "unsigned") and (scalar := _scalar(kind, size)):
        return Argument(name, scalar, memory=False, size=size)
    what = "an argument is a pointer, a stream or a number of 1, 2, 4 or 8 bytes"
    raise _bad_parameter(function, what, text)


def _scalar(kind: str, size: int) -> str:
    """The C type of such numbers that XRT and pynq know; empty if there is none."""
    wanted = {
        "floating": ("float", "double"),
        "signed": ("signed char", "short", "int", "long long"),
        "unsigned": ("unsigned char", "unsigned short", "unsigned int", "unsigned long long"),
    }[kind]
    return next((name for name in wanted if SCALARS[name] == size), "")


def _memories(linking: Linking) -> tuple[Memory, ...]:
    """Those of an Alveo card: with HBM if the linking file names it."""
    has_hbm = any(tag.startswith("HBM") for tags in linking.memories.values() for tag in tags)
    base, memories = 0, []
    for family, (kind, count, size) in _FAMILIES.items():
        for index in range(count if family != "HBM" or has_hbm else 0):
            memories.append(Memory(f"{family}[{index}]", kind, size, base))
            base += size
    return tuple(memories)


def _placed(kernel: Kernel, linking: Linking, memories: Sequence[Memory]) -> Kernel:
    """The kernel with its compute units, each argument in its memories."""
    tags = [memory.tag for memory in memories]
    units = linking.units.get(kernel.name, (f"{kernel.name}_1",))
    placed = [argument for argument in kernel.arguments if argument.memory]
    instances = tuple(
        Instance(unit, {each.name: _indices(linking, unit, each, tags) for each in placed})
        for unit in units
    )
    return replace(kernel, instances=instances)


def _indices(
    linking: Linking, unit: str, argument: Argument, tags: Sequence[str]
) -> tuple[int, ...]:
    """The memories of an argument, which a linking file names itself or by its port."""
    default = (f"{_DEFAULT_MEMORY}[0]",)
    of_port = linking.memories.get((unit, _port(argument)), default)
    return tuple(map(tags.index, linking.memories.get((unit, argument.name), of_port)))


def _port(argument: Argument) -> str:
    return f"m_axi_{argument.bundle}"


def _refuse_unknown_ends(linking: Linking, kernels: Iterable[Kernel]) -> None:
    """A memory for an argument that is none is a slip of the pen."""
    known = [
        f"{unit.name}.{name}"
        for each in kernels
        for unit in each.instances
        for argument in each.arguments
        if argument.memory
        for name in (argument.name, _port(argument))
    ]
    for end in map(".".join, linking.memories):
        if end not in known:
            raise BuildError(
                Problem(
                    f"sp= names '{end}', which is no memory argument of a compute unit",
                    hint=nearest(end, known),
                    code="card.bad-linking",
                )
            )
