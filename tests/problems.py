"""What tests ask of errors: ``pytest.raises(DataError, check=coded("data.too-few-samples"))``."""

from __future__ import annotations

from collections.abc import Callable

from fpgac.errors import FpgacError

__all__ = ["coded"]


def coded(*codes: str, got: str | None = None) -> Callable[[FpgacError], bool]:
    """Whether an error's problems have these codes, and the first one what was ``got``."""

    def check(error: FpgacError) -> bool:
        same = tuple(problem.code for problem in error.problems) == codes
        return same and got in (None, error.problems[0].got)

    return check
