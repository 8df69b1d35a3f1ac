"""What validators raise: pydantic's errors with a code, so that a message needs no guessing."""

from __future__ import annotations

from pydantic_core import PydanticCustomError

__all__ = ["fault"]


def fault(code: str, what: str, *, expected: str = "", hint: str = "") -> PydanticCustomError:
    """The error that a validator raises; its texts are those of a problem.

    :func:`fpgac.spec.mistakes.problems_of` makes the problem, and adds the place.
    """
    texts = {"what": what, "expected": expected, "hint": hint}
    return PydanticCustomError(code, "{what}", texts)
