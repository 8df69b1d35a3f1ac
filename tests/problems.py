"""What tests ask of errors: ``pytest.raises(DataError, check=coded("data.too-few-samples"))``."""

from __future__ import annotations

from collections.abc import Callable

from fpgac.errors import FpgacError

__all__ = ["coded"]


def coded(
    *codes: str, got: str | None = None, key: str | None = None
) -> Callable[[FpgacError], bool]:
    """Whether an error's problems have these codes, and the first one this place and ``got``."""

    def check(error: FpgacError) -> bool:
        first, *_ = error.problems
        place = first.where.key if first.where else ""
        same = tuple(problem.code for problem in error.problems) == codes
        return same and got in (None, first.got) and key in (None, place)

    return check
