"""What AMD's tools report: HLS's synthesis, v++'s link, Vivado's utilisation, timing and power.

Each parser knows the old form of its report and the new one. A Block RAM Tile is 36 Kb and counts
as two of ``BRAM_18K``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from fpgac.plugins import BuildError, Figure, Problem, ReportParser, Stage, Where

__all__ = [
    "HlsSynthesis",
    "KernelUtilisation",
    "SystemEstimate",
    "VivadoPower",
    "VivadoTiming",
    "VivadoUtilisation",
    "XclbinInfo",
]

# The loop over the samples, in the kernel's template.
LOOP: Final = "compute_samples"
# A resource by the names that reports have for it, and how many of ours one of theirs is.
RESOURCES: Final[Mapping[str, tuple[str, int]]] = {
    "LUT": ("LUT", 1),
    "Slice LUTs": ("LUT", 1),
    "CLB LUTs": ("LUT", 1),
    "FF": ("FF", 1),
    "REG": ("FF", 1),
    "Slice Registers": ("FF", 1),
    "CLB Registers": ("FF", 1),
    "DSP": ("DSP", 1),
    "DSP48E": ("DSP", 1),
    "DSPs": ("DSP", 1),
    "BRAM_18K": ("BRAM_18K", 1),
    "BRAM": ("BRAM_18K", 2),
    "Block RAM Tile": ("BRAM_18K", 2),
    "URAM": ("URAM", 1),
}


class HlsSynthesis(ReportParser):
    """HLS's own report in XML: that of the top, and those of the loop over the samples."""

    name, pattern = "hls synthesis", "_x/hw/**/*csynth.xml"

    def read(self, path: Path) -> Sequence[Figure]:
        """See :meth:`ReportParser.read`."""
        try:
            root = ElementTree.parse(path).getroot()
        except ElementTree.ParseError:
            raise _unknown(path, "XML of HLS's synthesis") from None
        part = root.findtext("UserAssignments/TopModelName") or path.stem
        figures = list(_loop(root))
        if part.startswith(f"dataflow_in_loop_{LOOP}"):
            figures += _cycles(root, LOOP)
        if path.name == "csynth.xml":
            figures += [*_cycles(root, part), *_area(root, part), *_period(root, part)]
        return figures


def _loop(root: ElementTree.Element) -> Iterator[Figure]:
    """The interval and the depth of the pipelined loop over the samples."""
    loop = root.find(f"PerformanceEstimates/SummaryOfLoopLatency/{LOOP}")
    for name, tag in (("interval", "PipelineII"), ("latency", "PipelineDepth")):
        if loop is not None and (value := _number(loop.findtext(tag))) is not None:
            yield Figure(name, value, "cycles", LOOP, "estimated")


def _cycles(root: ElementTree.Element, part: str) -> Iterator[Figure]:
    summary = root.find("PerformanceEstimates/SummaryOfOverallLatency")
    for name, tag in (("interval", "Interval-max"), ("latency", "Worst-caseLatency")):
        if summary is not None and (value := _number(summary.findtext(tag))):
            yield Figure(name, value, "cycles", part, "estimated")


def _area(root: ElementTree.Element, part: str) -> Iterator[Figure]:
    for used in root.iterfind("AreaEstimates/Resources/*"):
        there = root.findtext(f"AreaEstimates/AvailableResources/{used.tag}")
        yield from _resource(used.tag, used.text, there, part, "estimated")


def _period(root: ElementTree.Element, part: str) -> Iterator[Figure]:
    period = root.findtext("PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod")
    if value := _number(period):
        yield Figure("clock", round(1000 / value, 3), "MHz", part, "estimated")


class VivadoUtilisation(ReportParser):
    """``report_utilization``: of a board's design as Vivado's script asks, of a card's as v++."""

    name, pattern = "vivado utilisation", "**/*util*.rpt"
    # Of the whole device; the others are of single IPs, or of kernels.
    files = re.compile(r"utilization|.*full_util_(synthed|routed)")

    def read(self, path: Path) -> Sequence[Figure]:
        """See :meth:`ReportParser.read`."""
        if not self.files.fullmatch(path.stem):
            return ()
        text = path.read_text(errors="replace")
        state = re.search(r"^\| Design State\s*: (.*)", text, re.MULTILINE)
        stage: Stage = "routed" if state and "Synth" not in state[1] else "synthesised"
        figures: dict[str, Figure] = {}
        columns: list[str] = []
        for cells in _rows(text):
            if "Used" in cells and "Available" in cells:
                columns = cells
            elif len(cells) == len(columns):
                row = dict(zip(columns, cells, strict=True))
                for figure in _resource(cells[0], row["Used"], row["Available"], "device", stage):
                    figures.setdefault(figure.name, figure)
        if not figures:
            raise _unknown(path, "a table of used resources")
        return tuple(figures.values())


class KernelUtilisation(ReportParser):
    """``report_accelerator_utilization`` of v++: what the kernels take of what is left to them."""

    name, pattern = "kernel utilisation", "_x/hw/**/*kernel_util*ed.rpt"

    def read(self, path: Path) -> Sequence[Figure]:
        """See :meth:`ReportParser.read`."""
        stage: Stage = "routed" if "routed" in path.name else "synthesised"
        if "placed" in path.name:
            return ()  # the routed one says more
        tables: dict[str, list[str]] = {}
        for cells in _rows(path.read_text(errors="replace")):
            tables[cells[0]] = cells[1:]
        if not {"Name", "User Budget", "Used Resources"} <= tables.keys():
            raise _unknown(path, "a table of the kernels' resources")
        values = zip(tables["Name"], tables["Used Resources"], tables["User Budget"], strict=True)
        return [
            figure
            for name, used, budget in values
            for figure in _resource(name, used, budget, "kernels", stage)
        ]


class VivadoTiming(ReportParser):
    """``report_timing_summary``: the worst slacks."""

    name, pattern = "vivado timing", "**/*timing_summary*.rpt"

    def read(self, path: Path) -> Sequence[Figure]:
        """See :meth:`ReportParser.read`."""
        text = path.read_text(errors="replace")
        table = re.search(r"^ *(WNS\(ns\).*)\n[\s-]*\n(.*)", text, re.MULTILINE)
        if table is None:
            raise _unknown(path, "a table that begins with WNS(ns)")
        row = dict(zip(re.split(r"\s{2,}", table[1].strip()), table[2].split(), strict=False))
        names = {"WNS(ns)": "setup slack", "WHS(ns)": "hold slack", "WPWS(ns)": "pulse width slack"}
        found = ((name, _number(row.get(column))) for column, name in names.items())
        return [
            Figure(f"worst {name}", value, "ns", "device", "routed")
            for name, value in found
            if value is not None
        ]


class VivadoPower(ReportParser):
    """``report_power``: what the device takes, by Vivado's guess of its activity."""

    name, pattern = "vivado power", "**/*power*.rpt"

    def read(self, path: Path) -> Sequence[Figure]:
        """See :meth:`ReportParser.read`."""
        names = {"Total On-Chip Power (W)": "power", "Dynamic (W)": "dynamic power"}
        figures = [
            Figure(names[cells[0]], value, "W", "device", "routed")
            for cells in _rows(path.read_text(errors="replace"))
            if cells[0] in names and (value := _number(cells[1])) is not None
        ]
        if not figures:
            raise _unknown(path, "a row Total On-Chip Power (W)")
        return figures


class SystemEstimate(ReportParser):
    """v++'s estimate of each module, in columns of fixed width."""

    name, pattern = "system estimate", "_x/hw/**/system_estimate*.xtxt"

    def read(self, path: Path) -> Sequence[Figure]:
        """See :meth:`ReportParser.read`."""
        lines = path.read_text(errors="replace").splitlines()
        if not any(line.startswith("Area Information") for line in lines):
            raise _unknown(path, "Area Information")
        figures: list[Figure] = []
        for place, rule in enumerate(lines):
            if place and re.fullmatch(r"-+(  -+)+", rule) and "Module Name" in lines[place - 1]:
                spans = [match.span() for match in re.finditer("-+", rule)]
                titles = _columns(lines[place - 1], spans)
                for line in _until_empty(lines[place + 1 :]):
                    figures += _estimates(dict(zip(titles, _columns(line, spans), strict=True)))
        return figures


def _until_empty(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if not line.strip() or line.startswith("---"):
            return
        yield line


def _columns(line: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    ends = [start for start, _ in spans[1:]]
    return [
        line[start:end].strip() for (start, _), end in zip(spans, [*ends, len(line)], strict=True)
    ]


def _estimates(row: Mapping[str, str]) -> Iterator[Figure]:
    part = row["Module Name"]
    cycles = {"Start Interval": "interval", "Worst (cycles)": "latency"}
    for title, said in row.items():
        # An interval may be a range, "826 ~ 829": its end counts.
        value = _number(said.rpartition("~")[2])
        if title in cycles and value is not None:
            yield Figure(cycles[title], value, "cycles", part, "estimated")
        elif title == "Estimated Frequency" and value is not None:
            yield Figure("clock", value, "MHz", part, "estimated")
        elif title in ("FF", "LUT", "DSP", "URAM") and value is not None:
            yield Figure(title, value, "", part, "estimated")
        elif title == "BRAM" and value is not None:  # HLS counts halves of tiles
            yield Figure("BRAM_18K", value, "", part, "estimated")


class XclbinInfo(ReportParser):
    """``xclbinutil --info``, beside an xclbin: its clocks."""

    name, pattern = "xclbin info", "out/hw/*.xclbin.info"

    def read(self, path: Path) -> Sequence[Figure]:
        """See :meth:`ReportParser.read`."""
        text = path.read_text(errors="replace")
        clocks = re.findall(
            r"Name: +(\w+)\n +Index: .*\n +Type: .*\n +Frequency: ([\d.]+) MHz", text
        )
        if not clocks:
            raise _unknown(path, "clocks with their frequencies")
        return [Figure("clock", float(mhz), "MHz", name, "routed") for name, mhz in clocks]


def _rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of tables drawn with ``|``."""
    for line in text.splitlines():
        if line.startswith("|") and line.rstrip().endswith("|"):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def _resource(
    name: str, used: str | None, available: str | None, part: str, stage: Stage
) -> Iterator[Figure]:
    """The figure of a resource that a report calls ``name``, if it is one of ours."""
    ours, factor = RESOURCES.get(name.rstrip("*"), ("", 1))
    value, there = _number(used), _number(available)
    if ours and value is not None:
        yield Figure(
            ours, value * factor, "", part, stage, None if there is None else there * factor
        )


def _number(text: str | None) -> float | None:
    """The number at the beginning of a cell: ``22620 [  2.94%]``, ``<0.01``; None for ``undef``."""
    match = re.match(r"\s*<?\s*(-?\d+(?:\.\d+)?)", text or "")
    return float(match[1]) if match else None


def _unknown(path: Path, expected: str) -> BuildError:
    return BuildError(
        Problem(
            "the report is of a kind that fpgac does not know",
            Where(path),
            expected=expected,
            code="build.unknown-report",
        )
    )
