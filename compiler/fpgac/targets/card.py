"""The card as the emulation needs it: memories, kernels, compute units, and which bank is whose."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from fpgac.design.contract import COUNT, Contract
from fpgac.targets.board import Board

__all__ = ["CARD", "Banks", "board_json", "card_json"]

# Where a design keeps it.
CARD: Final = "emulation/card.json"


# For each compute unit, the bank of each argument, by its name in v++'s connectivity.
Banks = Mapping[str, Mapping[str, str]]


def card_json(board: Board, contract: Contract, clock_mhz: float, banks: Banks) -> bytes:
    """The card with one kernel on it, as JSON text. The fields::

        {"platform", "clock_mhz", "identity",
         "memories": [{"tag", "kind", "size_bytes", "base"}],
         "kernels": [{"name",
                      "arguments": [{"name", "c_type", "memory", "bundle", "width" | "size"}],
                      "instances": [{"name", "memories": {argument: [index of a memory]}}]}]}

    ``width`` is the port's in bits, ``size`` a plain number's in bytes.
    """
    arguments: list[dict[str, Any]] = [
        {
            "name": buffer.argument,
            "c_type": f"{buffer.bus_type}*",
            "bundle": buffer.bundle,
            "width": buffer.bus_bits,
            "memory": True,
        }
        for buffer in contract.buffers
    ]
    arguments.append({"name": COUNT, "c_type": "unsigned int", "size": 4, "memory": False})
    instances = [
        {
            "name": instance,
            "memories": {
                argument: [board.bank_names.index(bank)]
                for argument, bank in banks[instance].items()
            },
        }
        for instance in contract.instances
    ]
    card = {
        "platform": board.platforms[0],
        "clock_mhz": clock_mhz,
        "identity": contract.identity,
        "memories": [
            {
                "tag": bank.tag,
                "kind": bank.kind,
                "size_bytes": bank.size_bytes,
                "base": bank.base,
            }
            for bank in board.memories
        ],
        "kernels": [{"name": contract.kernel, "arguments": arguments, "instances": instances}],
    }
    return (json.dumps(card, indent=2) + "\n").encode()


def board_json(board: Board, contract: Contract, clock_mhz: float) -> bytes:
    """A board that loads overlays, with one kernel behind a DMA, as JSON text.

    The fields: ``board``, ``part``, ``clock_mhz``, ``identity``, ``memory_base`` and
    ``memory_bytes``. Hosts have the upper half of the first memory to themselves: below it lies,
    on a board, Linux.
    """
    memory = board.memories[0]
    half = memory.size_bytes // 2
    card = {
        "board": board.name,
        "part": board.part,
        "clock_mhz": clock_mhz,
        "identity": contract.identity,
        "memory_base": memory.base + half,
        "memory_bytes": half,
    }
    return (json.dumps(card, indent=2) + "\n").encode()
