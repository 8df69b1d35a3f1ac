"""pynq_host.py XCLBIN WHAT: a host on pynq 3.0.1; WHAT is the compute unit or one of the cases."""

# ruff: noqa: T201

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pynq


def allocate(bank: Any, shape: Any, dtype: str, values: Any) -> Any:
    buffer = pynq.allocate(shape, dtype, target=bank)
    buffer[:] = values
    buffer.sync_to_device()
    return buffer


def vadd(unit: Any, bank: Any) -> None:
    a = allocate(bank, 1000, "i4", np.arange(1000))
    b = allocate(bank, 1000, "i4", 5)
    c = allocate(bank, 1000, "i4", -1)
    unit.call(a, b, c, 1000)
    print("before sync", int(c[1]))
    c.sync_from_device()
    print("after sync", int(c[1]), "right", bool((c == np.arange(1000) + 5).all()))
    handle = unit.start(c, b, a, 1000)
    handle.wait()
    a.sync_from_device()
    print("started", bool((a == np.arange(1000) + 10).all()))


def triple(overlay: Any) -> None:
    x = allocate(overlay.bank0, (100, 16), "u4", np.arange(1600).reshape(100, 16))
    y = allocate(overlay.bank0, (100, 16), "u4", 0)
    print(overlay.triple_1.signature)
    overlay.triple_1.call(x, y, 100)
    y.sync_from_device()
    print("right", bool((y == 3 * np.arange(1600).reshape(100, 16)).all()))


def counters(overlay: Any) -> None:
    out = allocate(overlay.bank0, 1, "i4", 0)
    for unit in (overlay.counter_1, overlay.counter_1, overlay.counter_2, overlay.counter_1):
        unit.call(out, 1)
        out.sync_from_device()
        print("count", int(out[0]))


def one(overlay: Any, name: str) -> None:
    out = allocate(overlay.bank0, 1024, "i4", 0)
    getattr(overlay, name).call(out, 7)
    out.sync_from_device()
    print("out", int(out[0]))


def mixed(overlay: Any) -> None:
    out = allocate(overlay.bank0, 32, "f8", 0)
    numbers: list[float] = [
        -100,
        200,
        -30000,
        60000,
        -(2**31),
        2**32 - 1,
        -(2**62),
        1.5,
        -2.5,
        2**63,
    ]
    numbers += [0.5 * i for i in range(2, 10)] + [-7]
    # pynq takes a single character for a C char.
    overlay.mixed_1.call(out, bytes([256 - 100]), *numbers[1:])
    out.sync_from_device()
    print("right", [float(n) for n in numbers] == out[: len(numbers)].tolist())


def many(overlay: Any) -> None:
    outs = [allocate(overlay.bank0, 1, "i4", 0) for _ in range(32)]
    overlay.many_1.call(*outs, 100)
    for out in outs:
        out.sync_from_device()
    print("right", [int(out[0]) for out in outs] == list(range(100, 132)))


def usage(overlay: Any) -> None:
    before = overlay.bank1.mem_used, overlay.bank1.num_buffers
    first = allocate(overlay.bank1, 4096, "i4", 0)
    second = allocate(overlay.bank1, 1024, "i4", 0)
    print("bank1", overlay.bank1.mem_used - before[0], overlay.bank1.num_buffers - before[1])
    print("bank0", overlay.bank0.num_buffers)
    first.freebuffer()
    print("bank1", overlay.bank1.mem_used - before[0], overlay.bank1.num_buffers - before[1])
    del second


def in_flight(overlay: Any, unit: str, then: str) -> None:
    """Takes the card away from a kernel that runs: frees the overlay, or loads another."""
    out = allocate(overlay.bank0, 1024, "i4", 0)
    getattr(overlay, unit).start(out, 300)
    print(f"{unit.removesuffix('_1')} then {then}")
    if then == "free":
        overlay.free()
    else:
        again = pynq.Overlay(sys.argv[1])
        out = allocate(again.bank0, 1024, "i4", 0)
        again.counter_1.call(out, 1)
        out.sync_from_device()
        print("count", int(out[0]))


def main(xclbin: str, what: str, *more: str) -> None:
    overlay = pynq.Overlay(xclbin)
    cases = {"triple": triple, "counters": counters, "mixed": mixed, "usage": usage, "many": many}
    if what in ("vadd_1", "vadd_2", "wrong bank"):
        unit = overlay.vadd_2 if what == "vadd_2" else overlay.vadd_1
        vadd(unit, overlay.bank0 if what == "vadd_1" else overlay.bank1)
    elif what == "in flight":
        in_flight(overlay, *more)
    elif what in cases:
        cases[what](overlay)
    else:
        one(overlay, what)


if __name__ == "__main__":
    main(*sys.argv[1:])
