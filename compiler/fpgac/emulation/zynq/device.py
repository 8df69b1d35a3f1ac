"""The emulated board as a device of pynq: loaded into the host's process in place of the board's.

pynq asks every subclass of its ``Device`` for devices; this one answers with a board whose memory
and programmable logic are made of software. Everything above it is pynq's own: the overlay, the
parser of the .hwh, the DMA's driver, MMIO, buffers.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import mmap
import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from pynq import gpio, ps
from pynq.buffer import PynqBuffer
from pynq.pl_server.device import Device

from fpgac.emulation.overlay import BOARD_VARIABLE, BoardDescription
from fpgac.emulation.zynq.bitstream import BadBitstreamError, read_bitstream
from fpgac.emulation.zynq.handoff import stream_nets
from fpgac.emulation.zynq.kernel import Program
from fpgac.emulation.zynq.logic import BadOverlayError, Failure, Logic
from fpgac.emulation.zynq.memory import BadAddressError, Memory
from fpgac.emulation.zynq.system import BadPeripheralError, processing_system

__all__ = ["EmulatedBoard"]

EVENTS_VARIABLE: Final = "FPGAC_CARD_EVENTS"


class _Bank:
    """The board's memory, as pynq asks for it."""

    def __init__(self, allocate: Callable[..., PynqBuffer]) -> None:
        self.allocate = allocate


class EmulatedBoard(Device):  # type: ignore[misc]
    """A Zynq's processing system and its programmable logic."""

    _probe_priority_ = 0

    @classmethod
    def _probe_(cls) -> list[EmulatedBoard]:
        return [cls(BoardDescription.read(Path(os.environ[BOARD_VARIABLE])))]

    def __init__(self, board: BoardDescription) -> None:
        super().__init__("fpgac")
        self.name = board.board
        self.capabilities = {"REGISTER_RW": True, "MEMORY_MAPPED": False, "CALLABLE": False}
        self.default_memory = _Bank(self._allocate)
        self._board = board
        self._memory = Memory(board.memory_base, board.memory_bytes)
        self._memory_lock = threading.Lock()
        self._system = processing_system(board.part)
        ps.CPU_ARCH = self._system.machine  # which registers pynq's clocks are
        self._logic: Logic | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        atexit.register(self.close)

    def get_memory(self, description: object) -> _Bank:
        """The one memory there is, whatever pynq calls it."""
        del description
        return self.default_memory

    def flush(self, bo: int, offset: int, pointer: int, size: int) -> None:
        """The host's copy of a buffer becomes the board's."""
        self._sync(self._memory.copy_in, bo + offset, pointer, size)

    def invalidate(self, bo: int, offset: int, pointer: int, size: int) -> None:
        """The board's copy of a buffer becomes the host's."""
        self._sync(self._memory.copy_out, bo + offset, pointer, size)

    def read_registers(self, address: int, size: int) -> bytes:
        """For pynq's MMIO."""
        if self._system.holds(address):
            with _bus_errors():
                return self._system.read(address, size)
        return self._programmed().read(address, size)

    def write_registers(self, address: int, data: bytes | int) -> None:
        """For pynq's MMIO."""
        words = data.to_bytes(4, "little") if isinstance(data, int) else bytes(data)
        words += bytes(-len(words) % 4)
        if self._system.holds(address):
            with _bus_errors():
                self._system.write(address, words)
        else:
            self._programmed().write(address, words)

    def get_bitfile_metadata(self, bitfile_name: str, partial: bool = False) -> Any:
        """What the .hwh beside the bitstream says, read by pynq's own parser."""
        from pynq.metadata.runtime_metadata_parser import RuntimeMetadataParser
        from pynqmetadata.frontends import Metadata

        if partial:
            raise RuntimeError("the emulated board loads whole bitstreams only")
        description = Path(bitfile_name).with_suffix(".hwh")
        if not description.is_file():
            raise RuntimeError(f"there is no {description.name} beside the bitstream")
        parser = RuntimeMetadataParser(Metadata(input=str(description)))
        parser.mem_dict["PSDDR"] = {
            "base_address": self._board.memory_base,
            "size": self._board.memory_bytes,
            "fullpath": "PSDDR",
            "idx": 0,
            "raw_type": 1,
            "streaming": False,
            "tag": "PSDDR",
            "type": "DDR4",
            "used": 1,
        }
        parser.refresh_hierarchy_dict()
        return parser

    def gen_cache(self, bitstream: object, parser: object = None) -> None:
        """Nothing: pynq would keep it beside its own modules."""

    def download(self, bitstream: Any, parser: Any = None) -> None:
        """Configure the programmable logic; without a parser, by the .hwh beside the bitstream.

        Raises:
            RuntimeError: the bitstream, or its .hwh, is none for this board.
        """
        path = Path(bitstream.bitfile_name)
        parser = parser or self.get_bitfile_metadata(str(path), bitstream.partial)
        try:
            content = read_bitstream(path.read_bytes())
        except BadBitstreamError as error:
            raise RuntimeError(f"{path.name}: {error}") from error
        self.close()
        self._folder = tempfile.TemporaryDirectory(prefix="fpgac-logic-")
        library = Path(self._folder.name, "kernel.so")
        library.write_bytes(content.library)
        program = Program(
            content.kernel, content.function, library, content.inputs, content.outputs
        )
        nets = stream_nets(path.with_suffix(".hwh"))
        try:
            self._logic = Logic(program, parser.ip_dict, nets, self._memory, _report)
        except BadOverlayError as error:
            raise RuntimeError(f"{path.name}: {error}") from error
        super().post_download(bitstream, parser, self.name)

    def free_bitstream(self) -> None:
        """Forget the programmable logic."""
        self.close()

    def close(self) -> None:
        """End what computes."""
        logic, self._logic = self._logic, None
        if logic is not None:
            logic.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _programmed(self) -> Logic:
        if self._logic is None:
            raise RuntimeError("bus error: the programmable logic is not configured")
        return self._logic

    def _allocate(self, shape: Any, dtype: Any, **_: object) -> PynqBuffer:
        kind = np.dtype(dtype)
        size = int(np.prod(shape)) * kind.itemsize
        with self._memory_lock:
            address = self._memory.allocate(size)
        buffer = PynqBuffer(
            shape,
            kind,
            buffer=mmap.mmap(-1, max(1, size)),  # what the host's caches hold
            bo=address,
            device=self,
            device_address=address,
            coherent=False,
        )
        weakref.finalize(buffer, self._memory.free, address)
        return buffer

    @staticmethod
    def _sync(copy: Callable[[int, int, int], None], address: int, pointer: int, size: int) -> None:
        try:
            copy(address, pointer, size)
        except BadAddressError as error:
            raise RuntimeError(f"a buffer that was freed is synchronised: {error}") from error


@contextlib.contextmanager
def _bus_errors() -> Iterator[None]:
    try:
        yield
    except BadPeripheralError as error:
        _report(Failure("bus_error", str(error)))
        raise RuntimeError(f"bus error: {error}") from error


def _refuse_pins(*_: object, **__: object) -> None:
    raise RuntimeError("the emulated board has no pins: pynq's GPIO is not emulated")


def _report(failure: Failure) -> None:
    """To the run's events; without a run, to who watches."""
    event: Mapping[str, str] = {"event": failure.event, "cause": failure.cause}
    line = json.dumps(event) + "\n"
    try:
        file = os.open(os.environ[EVENTS_VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except (KeyError, OSError):
        os.write(2, f"fpgac_card: {failure.cause}\n".encode())
        return
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


gpio.GPIO.__init__ = _refuse_pins
