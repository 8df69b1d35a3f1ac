"""Names that a design may have, on every kind of target."""

from __future__ import annotations

from fpgac.plugins import Problem, TargetError, check_identifier

__all__ = ["check_name"]


def check_name(name: str) -> None:
    """Refuse a name that cannot stand in C++, Tcl, scripts and paths as it is.

    Raises:
        TargetError: with what is wrong with it.
    """
    try:
        check_identifier(name)
    except ValueError as error:
        raise TargetError(
            Problem("the design cannot have this name", got=str(error), code="target.invalid-name")
        ) from None
