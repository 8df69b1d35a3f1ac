"""How many cases property tests draw, and which: the profiles of hypothesis.

In the profile ``fixed``, which is the usual one, the drawn cases are the same in every run, so that
a change is judged by itself. ``make nightly`` draws others: ten times as many in the profile
``nightly``, from a seed that it prints. ``make nightly SEED=...`` draws the same cases again.
"""

from __future__ import annotations

from hypothesis import settings

__all__ = ["examples"]

_USUAL = 100

# Shared machines have slow moments: how long a case takes is no property of it.
settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=_USUAL)
# The seed alone decides, and not what failed in an earlier run.
settings.register_profile(
    "nightly", deadline=None, max_examples=10 * _USUAL, database=None, print_blob=True
)
settings.load_profile("fixed")


def examples(usual: int) -> int:
    """How many cases a test draws now, which usually draws this many, and more in the night."""
    return usual * settings().max_examples // _USUAL
