"""Faults to plant in plugins: each hook and method raises, gives nonsense, exits, or hangs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["CLASSES", "FAULTS", "HOOKS", "Fault", "source_of"]

HEAD: Final = """\
import os, subprocess, sys, time
from pathlib import Path
from fpgac.plugins import *
from fpgac.plugins import hookimpl
from fpgac_targets.aws_f1 import AwsF1
"""

# A class of each kind that is sound, in whose body a fault is planted; what gives it, by hook.
CLASSES: Final = {
    "fpgac_targets": (
        "class T(AwsF1):\n    board = AwsF1.board.model_copy(update={'name': 'bad-card'})\n"
    ),
    "fpgac_data_providers": (
        "class P(Provider):\n"
        "    name, description, version, task = 'bad-data', 'points', '1', 'regression'\n"
        "    feature_names, target_names = ('x',), ('y',)\n"
        "    def load(self, samples, seed): raise NotImplementedError\n"
    ),
    "fpgac_network_sources": (
        "class N(NetworkSource):\n"
        "    name, description, suffixes = 'bad', 'bad', ('.bad',)\n"
        "    def read(self, path, spec): raise NotImplementedError\n"
    ),
    "fpgac_toolchains": (
        "class F(ToolchainFinder):\n"
        "    name = 'Bad tools'\n"
        "    def find(self, environment): raise NotImplementedError\n"
    ),
    "fpgac_launchers": (
        "class L(Launcher):\n"
        "    name, description = 'bad-launcher', 'bad'\n"
        "    def run(self, task): raise NotImplementedError\n"
    ),
    "fpgac_report_parsers": (
        "class R(ReportParser):\n"
        "    name, pattern = 'bad-report', '*.rpt'\n"
        "    def read(self, path): raise NotImplementedError\n"
    ),
    "fpgac_templates": (
        "class M(Templates):\n    folder = Path(__file__).with_name('templates')\n"
    ),
}
HOOKS: Final = tuple(CLASSES)

# What goes wrong in a body, and a part of what is said of it.
RAISES: Final = {
    "raises": ("raise KeyError('gone')", "KeyError: 'gone'"),
    "exits": ("sys.exit(3)", "SystemExit: 3"),
    "is interrupted": ("raise KeyboardInterrupt('no key')", "KeyboardInterrupt: no key"),
    "skips": ("import pytest; pytest.skip('not today')", "Skipped: not today"),
    "hangs": ("time.sleep(60)", "it takes more than"),
}


@dataclass(frozen=True)
class Fault:
    """A method of a kind of thing, what its body does, and what is to be said of it.

    ``line`` is the text of the line that is blamed; ``at_load`` whether it is seen at once.
    """

    hook: str
    method: str
    body: str
    said: str
    line: str
    at_load: bool = False

    @property
    def title(self) -> str:
        return f"{self.hook} {self.method.partition('(')[0]}: {self.body}"[:90]


def source_of(fault: Fault) -> str:
    """A plugin that is sound but for ``fault``."""
    body = CLASSES[fault.hook]
    kind = body.split()[1].partition("(")[0]
    if "(" in fault.method:
        decorator = "    @property\n" if fault.method.endswith("(self)*") else ""
        signature = fault.method.rstrip("*")
        body += f"{decorator}    def {signature}:\n        {fault.body}\n"
    else:
        body += f"    {fault.method} = {fault.body}\n"
    return f"{HEAD}{body}@hookimpl\ndef {fault.hook}(): return [{kind}]\n"


# The methods of each kind, a `*` after those that are properties.
_TARGET: Final = {
    "options(self, *a, **k)": ("return {}", "options must be TargetOptions, not {}"),
    "refused(self, options, where)": ("return 7", "refused must be list[Problem], not 7"),
    "flow(self, options)": ("return 'f'", "flow must be Target[Any], not 'f'"),
    "hosts(self, options)": ("return ['pynq']", "hosts must be tuple[str, ...]"),
    "check_clock(self, *a, **k)": ("return 7", "check_clock must be None, not 7"),
    "check_mode(self, mode)": ("return 7", "check_mode must be None, not 7"),
    "design(self, *a, **k)": ("return 7", "design must be Design, not 7"),
    "toolchain(self, tools)": ("return '/bin/v++'", "toolchain must be Toolchain"),
    "plan(self, *a, **k)": ("return [1]", "plan must be Plan, not [1]"),
}
_OTHERS: Final = {
    ("fpgac_data_providers", "load(self, samples, seed)"): ("return 7", "load must be Dataset"),
    ("fpgac_data_providers", "load_test(self)"): ("return 7", "load_test must be Dataset or None"),
    ("fpgac_data_providers", "digest(self)*"): ("return 7", "digest must be str, not 7"),
    ("fpgac_network_sources", "read(self, path, spec)"): ("return 7", "read must be Network"),
    ("fpgac_network_sources", "digest(self, path, spec)"): ("return 7", "digest must be str"),
    ("fpgac_toolchains", "find(self, environment)"): ("return 7", "find must be Toolchain"),
    ("fpgac_launchers", "run(self, task)"): ("return 'well'", "run must be int, not 'well'"),
    ("fpgac_launchers", "check(self, place)"): ("return 7", "check must be None, not 7"),
    ("fpgac_launchers", "is_elsewhere(self, place)"): ("return 7", "is_elsewhere must be bool"),
    ("fpgac_report_parsers", "read(self, path)"): ("return 7", "read must be Sequence[Figure]"),
}
# Properties of a target, and values, which are looked at as the plugin is loaded.
_VALUES: Final = {
    ("fpgac_targets", "notice(self)*"): ("return 7", "notice must be str or None, not 7"),
    ("fpgac_targets", "tables(self)*"): ("return [7]", "tables must be tuple[type[BaseModel], ..."),
    ("fpgac_targets", "name(self)*"): ("return 7", "name must be str, not 7"),
    ("fpgac_templates", "files(self)"): ("return 7", "files must be dict[str, Path], not 7"),
}
_WRONG_VALUES: Final = (
    ("fpgac_targets", "board", "7", "board must be Board, not 7"),
    ("fpgac_targets", "board", "AwsF1.board.model_copy(update={'part': 7})", "part"),
    ("fpgac_targets", "Options", "int", "Options must be a subclass of TargetOptions"),
    ("fpgac_targets", "interface", "'axi'", "interface must be 'm_axi' or 'axis', not 'axi'"),
    ("fpgac_targets", "flows", "{'a': 7}", "flows['a'] must be Target[Any], not 7"),
    ("fpgac_data_providers", "task", "'guessing'", "task must be 'regression' or"),
    ("fpgac_data_providers", "feature_names", "['x']", "feature_names must be tuple[str, ...]"),
    ("fpgac_data_providers", "name", "7", "name must be str, not 7"),
    ("fpgac_network_sources", "suffixes", "'.bad'", "suffixes must be tuple[str, ...]"),
    ("fpgac_network_sources", "suffixes", "(7,)", "suffixes[0] must be str, not 7"),
    ("fpgac_toolchains", "name", "b'Bad tools'", "name must be str"),
    ("fpgac_launchers", "options", "['queue']", "options must be Mapping[str, str]"),
    ("fpgac_report_parsers", "pattern", "''", "Unacceptable pattern"),
    ("fpgac_report_parsers", "pattern", "'/etc/*'", "Non-relative patterns are unsupported"),
    ("fpgac_report_parsers", "pattern", "7", "pattern must be str, not 7"),
    ("fpgac_templates", "folder", "'templates'", "folder must be Path, not 'templates'"),
)
# What methods give is looked into: (hook, method, body, said).
_DEEP: Final = (
    (
        *("fpgac_toolchains", "find(self, environment)"),
        *("return Toolchain('t', Path('/bin/true'), '2023.2')", "find.version must be tuple[int"),
    ),
    (
        *("fpgac_toolchains", "find(self, environment)"),
        *("return Toolchain('t', '/bin/true', (2023, 2))", "find.path must be Path"),
    ),
    (
        *("fpgac_targets", "plan(self, *a, **k)"),
        *("return Plan((Step('s', 'v++ -c', (), ()),))", "plan.steps[0].command must be tuple"),
    ),
    (
        *("fpgac_targets", "plan(self, *a, **k)"),
        *(
            "return Plan((Step('s', ('v++',), (), (), failure_patterns=('(',)),))",
            "error: missing )",
        ),
    ),
    (
        *("fpgac_targets", "design(self, *a, **k)"),
        *("return Design('d', 't', {'a.txt': b'text'})", "design.files['a.txt'] must be File"),
    ),
    (
        *("fpgac_targets", "design(self, *a, **k)"),
        *("return Design('d', 't', {'/a.txt': File(b'')})", "a design's path must be relative"),
    ),
    (
        *("fpgac_report_parsers", "read(self, path)"),
        *("return [Figure('clock', '7')]", "read[0].value must be float, not '7'"),
    ),
    (
        *("fpgac_report_parsers", "read(self, path)"),
        *("return (Figure('clock', 1 / 0) for _ in 'a')", "read must be Sequence[Figure]"),
    ),
    (
        *("fpgac_data_providers", "load(self, samples, seed)"),
        *("raise DataError('no file')", "TypeError: an error is made of problems, not of str"),
    ),
)


def _first_line(method: str) -> str:
    """Where a method begins: a property with its decorator."""
    return "@property" if method.endswith("*") else f"def {method}"


def _faults() -> Iterator[Fault]:
    methods = {("fpgac_targets", name): said for name, said in _TARGET.items()} | _OTHERS
    for (hook, method), (body, said) in methods.items():
        yield Fault(hook, method, body, said, _first_line(method))
        for way in ("raises", "exits"):
            yield Fault(hook, method, *RAISES[way], line=RAISES[way][0])
    for (hook, method), (body, said) in _VALUES.items():
        yield Fault(hook, method, body, said, _first_line(method), at_load=True)
        for way in ("raises", "exits"):
            yield Fault(hook, method, *RAISES[way], line=RAISES[way][0], at_load=True)
    for hook, name, value, said in _WRONG_VALUES:
        yield Fault(hook, name, value, said, line="class ", at_load=True)
    for hook, method, body, said in _DEEP:
        raised = body.startswith("raise") or "patterns" in body or "/a.txt" in body
        yield Fault(hook, method, body, said, line=body if raised else _first_line(method))
    for way in ("is interrupted", "skips", "hangs"):
        yield Fault("fpgac_targets", "hosts(self, options)", *RAISES[way], line=RAISES[way][0])


FAULTS: Final = tuple(_faults())
