"""The device process on the wire, with a host that says what XRT never would."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fpgac.emulation.machinery import build_machinery
from fpgac.emulation.xclbin import Section, read_xclbin
from tests.emulation.toy import Toy

CLOSE, LOAD, ALLOCATE, RELEASE, COPY_IN, COPY_OUT, WRITE, READ = 1, 3, 4, 5, 6, 7, 9, 11
IMPORT = 27


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def message(**fields: int | bytes) -> bytes:
    """A proto2 message; ``f3=5`` is field 3."""
    out = b""
    for name, value in fields.items():
        number = int(name[1:])
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return out


class Device:
    """A device process, and the host's end of its socket."""

    def __init__(self, folder: Path) -> None:
        self.events = folder / "events.jsonl"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(folder / "device0_1_1"))
        listener.listen()
        listener.settimeout(20)
        (program,) = build_machinery().folder.glob("vitis/**/genericpciemodel")
        environment = os.environ | {
            "USER": folder.name,
            "EMULATION_SOCKETID": "device0_1_1",
            "FPGAC_CARD_EVENTS": str(self.events),
        }
        self.process = subprocess.Popen([program], env=environment, stderr=subprocess.PIPE)
        self.host, _ = listener.accept()
        self.host.settimeout(20)
        listener.close()

    def ask(self, call: int, body: bytes) -> bytes:
        self.host.sendall(struct.pack("<BQBI", 0x09, len(body), 0x15, call) + body)
        header = self.receive(9)
        assert header[0] == 0x09
        return self.receive(struct.unpack_from("<Q", header, 1)[0])

    def receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.host.recv(size - len(data))
            if not part:
                raise ConnectionResetError
            data += part
        return data

    def ended(self) -> int:
        self.host.close()
        return self.process.wait(20)

    def event(self) -> dict[str, Any]:
        """The failure that the process reported before its end."""
        assert self.process.wait(20) < 0, "the shim takes its host down on nothing but a signal"
        (line,) = self.events.read_text().splitlines()
        event: dict[str, Any] = json.loads(line)
        assert event["fpgac_card"] == "device0_1_1"
        return event


@contextlib.contextmanager
def new_device() -> Iterator[Device]:
    with tempfile.TemporaryDirectory(prefix="fpgac-wire-", dir="/tmp") as folder:
        device = Device(Path(folder))
        yield device
        device.host.close()
        device.process.kill()
        device.process.wait()
        if device.process.stderr:
            device.process.stderr.close()


@pytest.fixture
def device(machineries: object) -> Iterator[Device]:
    with new_device() as device:
        yield device


def program(toy: Toy, folder: Path, unit: str) -> tuple[bytes, int]:
    """The message that loads the toy's program, and where the unit's registers are."""
    metadata = read_xclbin(toy.xclbin.read_bytes()).sections[Section.EMBEDDED_METADATA]
    (folder / "toy.xml").write_bytes(metadata)
    found = re.search(rb'<instance name="%s">\s*<addrRemap base="(\w+)"' % unit.encode(), metadata)
    assert found
    load = message(f1=str(folder / "toy.xml").encode(), f2=str(toy.library).encode())
    return load, int(found[1], 16)


def test_a_kernel_that_crashes_ends_the_process_by_its_signal_each_time(
    toy: Toy, tmp_path: Path
) -> None:
    """Its host hangs for ever where it is an exit."""
    load, registers = program(toy, tmp_path, "null_writer_1")
    endings = set()
    for _ in range(12):
        with new_device() as device:
            device.ask(LOAD, load)
            device.ask(ALLOCATE, message(f1=0x1000, f2=4096))
            for offset, value in ((0x10, struct.pack("<Q", 0x1000)), (0, b"\1\0\0\0")):
                with contextlib.suppress(ConnectionError):
                    device.ask(WRITE, message(f2=registers + offset, f4=value))
            endings.add(device.process.wait(20))
    assert endings == {-signal.SIGSEGV}


def test_a_restart_by_itself_is_refused_by_name(toy: Toy, tmp_path: Path, device: Device) -> None:
    load, registers = program(toy, tmp_path, "counter_1")
    device.ask(LOAD, load)
    with contextlib.suppress(ConnectionError):
        device.ask(WRITE, message(f2=registers, f4=b"\x81\0\0\0"))
    event = device.event()
    assert event["event"] == "not_emulated"
    assert "counter_1" in event["cause"]


def test_a_shared_buffer_is_a_file_of_the_host_s_too(
    machineries: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where what stands in front of XRT says which buffers are shared."""
    monkeypatch.setenv("FPGAC_CARD_SHARES", "1")
    with new_device() as device:
        assert device.ask(ALLOCATE, message(f1=0x1000, f2=4096)) == message(f1=1)
        reply = device.ask(ALLOCATE, message(f1=0x4000, f2=4096, f3=1))
        file = Path(reply[4:].decode())
        assert reply == message(f1=1, f2=str(file).encode())
        with file.open("r+b") as shared:
            shared.write(b"from the host")
        device.ask(IMPORT, message(f1=str(file).encode(), f2=0x1000, f3=4096))
        for address in (0x1000, 0x4000):
            data = device.ask(COPY_OUT, message(f4=address, f5=13))
            assert data == message(f1=13, f2=b"from the host")


def test_a_shared_buffer_that_is_not_there_cannot_be_imported(device: Device) -> None:
    device.ask(ALLOCATE, message(f1=0x1000, f2=4096))
    with contextlib.suppress(ConnectionError):
        device.ask(IMPORT, message(f1=b"/nowhere", f2=0x1000, f3=4096))
    assert device.event()["event"] == "bad_allocation"


def test_what_is_written_is_read_back(device: Device) -> None:
    data = bytes(range(256)) * 16
    assert device.ask(ALLOCATE, message(f1=0x1000, f2=4096)) == message(f1=1)
    assert device.ask(COPY_IN, message(f3=0x1000, f4=data, f5=4096)) == message(f1=4096)
    reply = device.ask(COPY_OUT, message(f4=0x1010, f5=16))
    assert reply == message(f1=16, f2=data[16:32])


def test_the_end_of_the_stream_ends_the_process(device: Device) -> None:
    assert device.ended() == 0


def test_farewell_ends_the_process(device: Device) -> None:
    assert device.ask(CLOSE, message(f3=1)) == message(f1=1)
    assert device.process.wait(20) == 0


def test_a_terabyte_takes_no_memory_until_it_is_touched(device: Device) -> None:
    assert device.ask(ALLOCATE, message(f1=0, f2=1 << 40)) == message(f1=1)
    end = (1 << 40) - 4
    assert device.ask(COPY_IN, message(f3=end, f4=b"last", f5=4)) == message(f1=4)
    assert device.ask(COPY_OUT, message(f4=end, f5=4)) == message(f1=4, f2=b"last")
    resident = int(Path(f"/proc/{device.process.pid}/statm").read_text().split()[1])
    assert resident * 4096 < 64 << 20


def test_very_many_buffers_have_smaller_guards(device: Device) -> None:
    """Those of 4 GiB on both sides would take more addresses than a process has."""
    for number in range(17_000):
        assert device.ask(ALLOCATE, message(f1=number << 12, f2=64)) == message(f1=1)
    assert device.ask(COPY_IN, message(f3=16_999 << 12, f4=b"last", f5=4)) == message(f1=4)
    pages = int(Path(f"/proc/{device.process.pid}/statm").read_text().split()[0])
    assert pages << 12 < 1 << 46


def test_a_call_that_the_card_does_not_offer_is_declined(device: Device) -> None:
    assert device.ask(99, b"") == message(f1=0)
    assert device.ask(ALLOCATE, message(f1=0, f2=64)) == message(f1=1)


@pytest.mark.parametrize(
    ("call", "body", "event"),
    [
        (COPY_IN, message(f3=0x1FFD, f4=b"four", f5=4), "bad_transfer"),
        (COPY_IN, message(f3=0, f4=b"four", f5=4), "bad_transfer"),
        (COPY_IN, message(f3=0x1000, f4=b"four", f5=4096), "bad_message"),
        (COPY_OUT, message(f4=0x1000, f5=4097), "bad_transfer"),
        (COPY_OUT, message(f4=2**64 - 1, f5=2**64 - 1), "bad_transfer"),
        (ALLOCATE, message(f1=0x1800, f2=4096), "bad_allocation"),
        (ALLOCATE, message(f1=0x800, f2=4096), "bad_allocation"),
        (ALLOCATE, message(f1=1 << 50, f2=1 << 50), "bad_allocation"),
        (ALLOCATE, message(f1=2**64 - 4096, f2=8192), "bad_allocation"),
        (WRITE, message(f2=0x1400000, f4=b"\1\0\0\0"), "bad_register"),
        (READ, message(f2=0x1400000, f3=4), "bad_register"),
        (LOAD, message(f1=b"/none.xml", f2=b"/none.so"), "refused_program"),
        (COPY_IN, b"\x22\xff\xff\xff\xff\x0f", "bad_message"),
        (COPY_IN, b"\xff" * 20, "bad_message"),
        (COPY_IN, b"\x0b", "bad_message"),
    ],
)
def test_what_cannot_be_done_is_reported(
    device: Device, call: int, body: bytes, event: str
) -> None:
    device.ask(ALLOCATE, message(f1=0x1000, f2=4096))
    with pytest.raises(ConnectionError):
        device.ask(call, body)
    assert device.event()["event"] == event


@pytest.mark.parametrize(
    "frame", [b"GET / HTTP/1.1\r\n\r\n", struct.pack("<BQBI", 9, 1 << 60, 0x15, 4)]
)
def test_a_frame_that_is_none(device: Device, frame: bytes) -> None:
    device.host.sendall(frame)
    assert device.event()["event"] == "bad_message"


def test_a_message_that_breaks_off(device: Device) -> None:
    device.host.sendall(struct.pack("<BQBI", 9, 100, 0x15, 4) + b"\x08")
    assert device.ended() == 0


def test_a_released_buffer_is_gone(device: Device) -> None:
    device.ask(ALLOCATE, message(f1=0x1000, f2=4096))
    assert device.ask(RELEASE, message(f1=0x1000)) == message(f1=1)
    with pytest.raises(ConnectionError):
        device.ask(COPY_OUT, message(f4=0x1000, f5=4))
    assert device.event()["event"] == "bad_transfer"
