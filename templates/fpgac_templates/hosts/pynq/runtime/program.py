"""The host as a program: reads samples, sends them through the card, writes its results."""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from . import errors
from .arrays import Results, new_file, read_samples
from .chip import LARGEST_BATCH, Chip, Profile, Timing
from .contract import Form, shape_text
from .errors import HostError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from .contract import Contract, Output, Tensor
    from .unit import Driver

__all__ = ["main", "parser"]


def run(contract: Contract, driver: Driver, options: argparse.Namespace) -> None:
    """Read, send through the card, write."""
    samples = read_samples(options.input, contract.inputs)
    count, devices = len(samples[0]), options.device or [0]
    form = Form.of(options.raw, options.decode)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(new_file(options.output))
        csv_file = stack.enter_context(new_file(options.profile)) if options.profile else None
        results = Results(output, contract.outputs, count, form)
        chip = Chip(contract, driver, options.program, devices, options.compute_units)
        stack.enter_context(chip)
        start = time.perf_counter()
        if csv_file:
            profile = Profile(list(chip.run_profiled(samples, results.write, options.batch)))
            write_profile(csv_file, profile)
        else:
            for words in chip.run_overlapped(samples, options.batch):
                results.write(words)
        results.finish()
        seconds, batch = time.perf_counter() - start, chip.batch
    if csv_file:
        print(profile)
        print(f"{len(profile.calls)} calls, times of each in {options.profile}")
    print(
        f"{count} samples in {seconds:.6f} s ({count / seconds:.0f} a second), "
        f"{batch} a call, compute units: {options.compute_units}, "
        f"cards: {', '.join(map(str, devices))}"
    )


def write_profile(file: BinaryIO, profile: Profile) -> None:
    """One line a call."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(Timing._fields)
    for call in profile.calls:
        table.writerow([*call[:4], *(f"{seconds:.9f}" for seconds in call[4:])])
    file.write(text.getvalue().encode())


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A command line's number within bounds."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            wanted = f"takes a whole number from {least} to {most}"
            raise argparse.ArgumentTypeError(f"{wanted}, not {text!r}")
        return int(text)

    return parse


def card_numbers(text: str) -> list[int]:
    """A command line's numbers of cards, with commas between them."""
    return [whole_number(0, 255)(number) for number in text.split(",")]


class CommandLine(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """One line, and the exit code of a bad command line."""
        raise HostError(errors.BAD_COMMAND_LINE, f"{message}; --help lists the options")


def parser(contract: Contract, driver: Driver, program: Path) -> argparse.ArgumentParser:
    """The command line; ``program`` is what is loaded if nothing is named, where it exists."""
    option = driver.options[0]
    word = option.lstrip("-")
    x, y = _file("X", contract.inputs), _file("Y", contract.outputs)
    line = CommandLine(
        description=f"Sends samples through {contract.kernel} on an FPGA card and writes its "
        "results.",
        epilog=_arrays(contract) + "exit codes: 0 done, 2 the command line, 3 a file, 4 the card, "
        f"5 the {word}, 6 the run\n"
        f"example:    python {sys.argv[0]} {option} {program.name} --input {x} --output {y}\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = line.add_argument
    units = len(contract.compute_units)
    add(
        *driver.options,
        dest="program",
        type=Path,
        default=program,
        required=not program.is_file(),
        metavar="FILE",
        help=f"{driver.program_help}; may be omitted where {program.name} lies beside this file",
    )
    texts = _help_of_one if len(contract.inputs) == len(contract.outputs) == 1 else _help_of_several
    for name, text, metavar in zip(("--input", "--output"), texts(contract), (x, y)):
        add(name, type=Path, required=True, metavar=metavar, help=text)
    add("--raw", action="store_true", help=texts(contract)[2])
    decodes = any(output.decoding for output in contract.outputs)
    no_decode = "write the network's own numbers, not what they mean"
    add(
        "--no-decode",
        dest="decode",
        action="store_false",
        help=no_decode if decodes else argparse.SUPPRESS,
    )
    add(
        "--device",
        type=card_numbers,
        action="extend",
        metavar="N[,N]",
        help=f"which card, from 0 (default 0{driver.list_cards}), or several, which share the "
        "work; may be given several times",
    )
    add(
        "--batch",
        type=whole_number(1, contract.most_samples),
        metavar="N",
        help="samples in one call (default: as suits the input, at most "
        f"{min(LARGEST_BATCH, contract.most_samples)})",
    )
    add(
        "--compute-units",
        type=whole_number(1, units),
        default=units,
        metavar="N",
        help=f"use the first N compute units of each card (default {units}: all)",
    )
    add(
        "--profile",
        type=Path,
        metavar="FILE",
        help="measure, without overlap, and write a CSV with the seconds of each call: injection "
        "(conversion and copy to the card), inference (start to done), extraction (copy from the "
        "card and conversion)",
    )
    return line


def _file(letter: str, tensors: Sequence[Tensor]) -> str:
    return f"{letter}.npy" if len(tensors) == 1 else f"{letter}.npz"


def _help_of_one(contract: Contract) -> tuple[str, str, str]:
    """What is said of the input, the output and raw words."""
    (x,), (y,) = contract.inputs, contract.outputs
    meaning, number = f"exact, the chip's type is {y.type}", "result"
    if y.decoding:
        meaning = f"{y.decoding.text} of the network's numbers, whose type is {y.type}"
        number = "number"
    return (
        f"float32 or float64, shape {shape_text(x.shape)}; put on the chip's grid, {x.type}, by "
        "the rule of that type",
        f"the results, shape {shape_text(y.shape_of(Form.DECODED))}, as "
        f"{y.dtype(Form.DECODED)}: {meaning}",
        f"write the chip's raw words ({y.word}) instead: {number} = word x {y.step}",
    )


def _help_of_several(_: Contract) -> tuple[str, str, str]:
    """The same where each array has a line of its own."""
    return (
        "the arrays of all inputs, by name, float32 or float64; put on the chip's grid, by the "
        "rule of their types",
        "the arrays of all outputs, by name: exact",
        "write the chip's raw words instead: number = word x step",
    )


def _arrays(contract: Contract) -> str:
    """A line for each array, where there are several."""
    if len(contract.inputs) == len(contract.outputs) == 1:
        return ""
    lines = [["input", x.name, shape_text(x.shape), x.type, ""] for x in contract.inputs]
    lines += [
        ["output", y.name, shape_text(y.shape), y.type, _numbers(y)] for y in contract.outputs
    ]
    widths = [max(map(len, column)) for column in zip(*lines)]
    rows = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    return "arrays:\n" + "".join(f"  {row}\n" for row in rows) + "\n"


def _numbers(y: Output) -> str:
    meaning = f"; decoded: {y.decoding.text}" if y.decoding else ""
    return f"{y.number}; raw: {y.word} x {y.step}{meaning}"


def main(contract: Contract, driver: Driver, program: Path) -> int:
    """The exit code."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        run(contract, driver, parser(contract, driver, program).parse_args())
    except HostError as error:
        print(f"host: {error}", file=sys.stderr)
        return error.exit_code
    except MemoryError:
        print("host: out of memory; a smaller --batch needs less", file=sys.stderr)
        return errors.BAD_RUN
    except RuntimeError as error:
        print(f"host: the run failed: {error}", file=sys.stderr)
        return errors.BAD_RUN
    except KeyboardInterrupt:
        print("host: interrupted", file=sys.stderr)
        return errors.INTERRUPTED
    return 0
