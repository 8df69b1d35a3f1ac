"""A kernel on a card, or on several: batches go round its compute units and overlap."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .contract import Form, given
from .errors import BAD_CARD, BAD_COMMAND_LINE, BAD_PROGRAM, HostError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from .contract import Array, Arrays, Contract
    from .unit import Driver, Unit

__all__ = ["LARGEST_BATCH", "Chip", "Profile", "Slot", "Timing"]

# Two buffers for each input and output of a compute unit: one can be filled or emptied while the
# compute unit works on the other.
SLOTS_PER_UNIT = 2
LARGEST_BATCH = 65536


class Slot:
    """Buffers of one compute unit for a batch: one for each input, and one for each output.

    ``handle`` is the unit's own, while it works on them.
    """

    def __init__(
        self, contract: Contract, unit: Unit, inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> None:
        self.contract, self.unit = contract, unit
        self.inputs, self.outputs = inputs, outputs
        self.rows = 0
        self.handle: Any = None

    def inject(self, samples: Sequence[Array]) -> None:
        """Convert the samples of each input and copy them to the card."""
        self.rows = len(samples[0])
        for tensor, buffer, part in zip(self.contract.inputs, self.inputs, samples):
            tensor.fill(buffer[: self.rows], part)
        self.unit.send(self)

    def start(self) -> None:
        """Begin to compute."""
        self.unit.start(self)

    def wait(self) -> None:
        """Until the kernel is done."""
        self.unit.wait(self)

    def extract(self) -> list[Array]:
        """Copy the results from the card: raw words of each output, shape (rows, numbers)."""
        self.unit.receive(self)
        return [
            np.array(buffer[: self.rows, : output.size])
            for output, buffer in zip(self.contract.outputs, self.outputs)
        ]

    def collect(self) -> list[Array]:
        """The results once the kernel is done."""
        self.wait()
        return self.extract()


class Timing(NamedTuple):
    """The seconds of one call, each phase timed alone."""

    batch: int
    samples: int
    device: int
    compute_unit: str
    injection_s: float
    inference_s: float
    extraction_s: float


class Profile(NamedTuple):
    """Where the time went: the calls one after the other, without overlap; prints as a table.

    Injection is conversion and copy to the card, inference from start to done, extraction copy
    from the card and conversion.
    """

    calls: Sequence[Timing]

    @property
    def samples(self) -> int:
        """How many there were."""
        return sum(call.samples for call in self.calls)

    @property
    def injection_s(self) -> float:
        """Seconds of all calls."""
        return sum(call.injection_s for call in self.calls)

    @property
    def inference_s(self) -> float:
        """Seconds of all calls."""
        return sum(call.inference_s for call in self.calls)

    @property
    def extraction_s(self) -> float:
        """Seconds of all calls."""
        return sum(call.extraction_s for call in self.calls)

    @property
    def seconds(self) -> float:
        """All phases together."""
        return self.injection_s + self.inference_s + self.extraction_s

    @property
    def rate(self) -> float:
        """Samples a second."""
        return self.samples / (self.seconds or 1)

    def __str__(self) -> str:
        lines = ["phase        seconds  part  ns/sample"]
        for phase, seconds in {
            "injection": self.injection_s,
            "inference": self.inference_s,
            "extraction": self.extraction_s,
            "all": self.seconds,
        }.items():
            part, each = 100 * seconds / (self.seconds or 1), 1e9 * seconds / (self.samples or 1)
            lines.append(f"{phase:<10} {seconds:9.6f} {part:4.0f}% {each:10.1f}")
        return "\n".join(lines)


class Chip:
    """A kernel on a card, or on several.

    ``program`` is what ``driver`` loads into each card. ``devices`` is the card's number, from 0,
    or the numbers of several cards, which share the work, and ``compute_units`` how many of those
    of each card to use, by default all. Use it in a ``with`` statement, which gives the cards back.

    ``predict`` takes any number of samples, overlaps all that can be overlapped, and returns the
    results. Who overlaps by hand calls ``start`` with a batch and ``wait`` for its results.

    Samples are an array where the kernel has one input, and else a dict with an array by the name
    of each; so are results with its outputs.

    Raises:
        HostError: no such card or file, or one that does not fit; the text says which.
    """

    def __init__(
        self,
        contract: Contract,
        driver: Driver,
        program: str | os.PathLike[str],
        devices: int | Sequence[int] = 0,
        compute_units: int | None = None,
    ) -> None:
        names = contract.compute_units
        count = len(names) if compute_units is None else compute_units
        if not 1 <= count <= len(names):
            text = f"compute_units must be 1 to {len(names)}, not {count}"
            raise HostError(BAD_COMMAND_LINE, text)
        self.contract = contract
        self._overlays: dict[int, Any] = {}
        self._units: list[Unit] = []
        self._slots: list[Slot] = []
        self._started: list[Slot] = []
        self._batch = 0
        chosen = _check_devices(np.atleast_1d(devices).tolist())
        cards = {number: _device(number, driver) for number in chosen}
        try:
            for number, card in cards.items():
                self._overlays[number] = _load(Path(program), card, contract, driver)
            # Neighbours are on different cards, so that few batches use all of them.
            for name in names[:count]:
                for number, overlay in self._overlays.items():
                    self._units.append(driver.unit(contract, overlay, number, name))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Chip:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the buffers and the cards back."""
        self._free()
        for unit in self._units:
            unit.stop()
        self._units = []
        for overlay in self._overlays.values():
            overlay.free()
        self._overlays = {}

    def predict(
        self,
        samples: npt.ArrayLike | dict[str, npt.ArrayLike],
        *,
        raw: bool = False,
        decoded: bool = True,
        batch: int | None = None,
        profile: bool = False,
    ) -> Any:
        """The results of samples: arrays of shape (n, and the output's shape).

        The samples have shape (n, and the input's shape) and hold numbers, which are put on the
        chip's grid. Any view of an array will do; a single sample, without the n, gives a result
        without it. Where the network's spec says what its numbers mean, that comes, unless
        ``decoded`` is false. With ``raw`` the chip's raw words come instead of floats. With
        ``profile`` each phase is timed alone, without overlap, and a pair comes: the results and
        their ``Profile``.
        """
        parts, is_one = self.contract.batch_of(samples)
        outputs, count, done = self.contract.outputs, len(parts[0]), 0
        form = Form.of(raw, decoded)
        results = [np.empty((count, *y.shape_of(form)), y.dtype(form)) for y in outputs]

        def keep(words: Sequence[Array]) -> None:
            nonlocal done
            rows = slice(done, done + len(words[0]))
            for output, result, part in zip(outputs, results, words):
                result[rows] = output.result(part, form)
            done = rows.stop

        calls: list[Timing] = []
        if profile:
            calls += self.run_profiled(parts, keep, batch)
        else:
            for words in self.run_overlapped(parts, batch):
                keep(words)
        arrays = given(outputs, [result[0] if is_one else result for result in results])
        return (arrays, Profile(calls)) if profile else arrays

    def start(self, samples: npt.ArrayLike | dict[str, npt.ArrayLike]) -> Slot:
        """Begin with one batch of samples, and return at once; ``wait`` gives its results.

        SLOTS_PER_UNIT batches a compute unit can be under way. The first one makes room for
        batches of its size; a larger one can only start when none is under way.

        Raises:
            HostError: all slots are taken, or the batch is larger than those under way.
        """
        parts, _ = self.contract.batch_of(samples)
        count, most = len(parts[0]), self.contract.most_samples
        if not 1 <= count <= most:
            text = f"a batch has 1 to {most} samples, not {count}"
            raise HostError(BAD_COMMAND_LINE, text)
        if count > self._batch and not self._started:
            self._make_slots(count)
        free = [slot for slot in self._slots if slot not in self._started]
        if not free or count > self._batch:
            text = "wait for a batch that is under way before this one can start"
            raise HostError(BAD_COMMAND_LINE, text)
        slot = free[0]
        slot.inject(parts)
        slot.start()
        self._started.append(slot)
        return slot

    def wait(self, started: Slot, *, raw: bool = False) -> Arrays:
        """The results of what ``start`` returned, as ``predict`` gives them."""
        if started not in self._started:
            raise HostError(BAD_COMMAND_LINE, "this batch is not under way: start it first")
        try:
            words = started.collect()
        finally:
            self._started.remove(started)
        outputs, form = self.contract.outputs, Form.of(raw, decoded=True)
        return given(outputs, [each.result(part, form) for each, part in zip(outputs, words)])

    def stream(
        self, samples: npt.ArrayLike | dict[str, npt.ArrayLike], batch: int | None = None
    ) -> Iterator[Arrays]:
        """The raw words of the results, batch by batch and in order, each of shape (n, numbers)."""
        parts, _ = self.contract.batch_of(samples)
        for words in self.run_overlapped(parts, batch):
            yield given(self.contract.outputs, words)

    def run_overlapped(
        self, samples: Sequence[Array], batch: int | None = None
    ) -> Iterator[list[Array]]:
        """The raw words of each output, batch by batch and in order, for the samples of each input.

        Batches go round the slots, and a slot is emptied when its turn comes again. Meanwhile the
        others compute.
        """
        batch = self._allocate(len(samples[0]), batch)
        busy: list[Slot] = []
        for index, part in enumerate(_batches(samples, batch)):
            slot = self._slots[index % len(self._slots)]
            if len(busy) == len(self._slots):
                yield busy.pop(0).collect()
            slot.inject(part)
            slot.start()
            busy.append(slot)
        for slot in busy:
            yield slot.collect()

    def run_profiled(
        self,
        samples: Sequence[Array],
        write: Callable[[Sequence[Array]], object],
        batch: int | None = None,
    ) -> Iterator[Timing]:
        """The same one batch at a time, so that each phase is timed alone.

        ``write`` takes the raw words of each batch and counts as extraction.
        """
        batch = self._allocate(len(samples[0]), batch)
        for index, part in enumerate(_batches(samples, batch)):
            slot = self._slots[index % len(self._slots)]
            times = [time.perf_counter()]
            slot.inject(part)
            times.append(time.perf_counter())
            slot.start()
            slot.wait()
            times.append(time.perf_counter())
            write(slot.extract())
            times.append(time.perf_counter())
            unit, seconds = slot.unit, np.diff(times).tolist()
            yield Timing(index, slot.rows, unit.device, unit.name, *seconds)

    @property
    def batch(self) -> int:
        """The samples that there is room for in a call."""
        return self._batch

    def _allocate(self, count: int, batch: int | None) -> int:
        """Have slots for batches of that size; return it."""
        if self._started:
            raise HostError(BAD_COMMAND_LINE, "wait for the batches that are under way first")
        share = -(-count // (SLOTS_PER_UNIT * len(self._units)))
        batch = min(batch, max(count, 1)) if batch else min(max(share, 1), LARGEST_BATCH)
        batch = min(batch, self.contract.most_samples)
        if batch != self._batch:
            self._make_slots(batch)
        return batch

    def _make_slots(self, batch: int) -> None:
        """Buffers for batches of that size, in the place of others."""
        self._free()
        try:
            for _ in range(SLOTS_PER_UNIT):
                for unit in self._units:
                    self._slots.append(Slot(self.contract, unit, *unit.allocate(batch)))
        except (RuntimeError, MemoryError, OSError) as error:
            text = f"no room on the card for batches of {batch} samples ({error})"
            raise HostError(BAD_CARD, f"{text}; choose a smaller batch") from error
        self._batch = batch

    def _free(self) -> None:
        for slot in self._slots:
            with contextlib.suppress(HostError, RuntimeError):
                slot.wait()
            for buffer in (*slot.inputs, *slot.outputs):
                buffer.freebuffer()
        self._slots = []
        self._started = []
        self._batch = 0


def _batches(samples: Sequence[Array], batch: int) -> Iterator[list[Array]]:
    for first in range(0, len(samples[0]), batch):
        yield [part[first : first + batch] for part in samples]


def _check_devices(devices: Sequence[int]) -> Sequence[int]:
    """The cards' numbers, each named once."""
    for place, number in enumerate(devices):
        if number in devices[:place]:
            raise HostError(BAD_COMMAND_LINE, f"card {number} is named twice")
    if not devices:
        raise HostError(BAD_COMMAND_LINE, "name at least one card")
    return devices


def _device(number: int, driver: Driver) -> Any:
    try:
        import pynq
    except ImportError as error:
        text = f"pynq is missing ({error}): python -m pip install -r requirements.txt"
        raise HostError(BAD_CARD, text) from error
    try:
        devices = pynq.Device.devices
    except RuntimeError as error:
        raise HostError(BAD_CARD, f"no card found ({error}); {driver.setup_hint}") from error
    if not 0 <= number < len(devices):
        text = f"no card number {number}; there are {len(devices)}, counted from 0"
        raise HostError(BAD_CARD, text + ("" if devices else f"; {driver.setup_hint}"))
    return devices[number]


def _load(program: Path, device: Any, contract: Contract, driver: Driver) -> Any:
    import pynq

    try:
        with program.open("rb") as file:
            magic = file.read(8)
    except OSError as error:
        raise HostError(BAD_PROGRAM, f"{program}: cannot be read: {error.strerror}") from error
    driver.check(program, magic)
    driver.forget()
    try:
        return pynq.Overlay(str(program.resolve()), device=device)
    except Exception as error:  # pynq reads the file with many parsers, each with errors of its own
        text = f"{program}: the card refused it ({error}); {contract.load_hint}"
        raise HostError(BAD_PROGRAM, text) from error
