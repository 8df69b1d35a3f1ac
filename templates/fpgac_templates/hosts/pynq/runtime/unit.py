"""What a driver is: it knows one kind of card, and how to call a kernel on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .chip import Slot
    from .contract import Contract

__all__ = ["Driver", "Unit"]


class Unit(Protocol):
    """One compute unit of one card, by its name and the card's number.

    It works on slots, whose buffers it has allocated.
    """

    device: int
    name: str

    def allocate(self, batch: int) -> tuple[Sequence[Any], Sequence[Any]]:
        """A buffer of ``batch`` rows for each input, and one for each output."""

    def send(self, slot: Slot) -> None:
        """Copy the samples to the card."""

    def start(self, slot: Slot) -> None:
        """Begin to compute."""

    def wait(self, slot: Slot) -> None:
        """Until the kernel is done with the slot."""

    def receive(self, slot: Slot) -> None:
        """Copy the results from the card."""

    def stop(self) -> None:
        """End what is under way, finished or not."""


class Driver(Protocol):
    """One kind of card.

    A host's command line names the card's program with ``options``, of which the first counts,
    and says what it is with ``program_help``; ``list_cards`` says how cards are listed, and
    ``setup_hint`` what to look at where there is none.
    """

    options: tuple[str, ...]
    program_help: str
    list_cards: str
    setup_hint: str

    def check(self, program: Path, magic: bytes) -> None:
        """Refuse what cannot be a card's program before a card sees it; ``magic`` is its begin.

        Raises:
            HostError: it cannot.
        """

    def forget(self) -> None:
        """Have pynq forget what it knows of programs that were loaded before."""

    def unit(self, contract: Contract, overlay: Any, device: int, name: str) -> Unit:
        """The compute unit of that name in the overlay that the card of that number has loaded.

        Raises:
            HostError: the overlay does not hold it.
        """
