"""The names of columns of data, which a spec matches by patterns."""

from __future__ import annotations

from fnmatch import fnmatchcase

__all__ = ["matches"]


def matches(name: str, pattern: str) -> bool:
    """Whether a column, or the array that it is a number of, has a name that ``pattern`` matches.

    >>> matches("jet_pt", "jet_*"), matches("image[0,1]", "image"), matches("eta", "phi")
    (True, True, False)
    """
    return any(fnmatchcase(each, pattern) for each in (name, name.partition("[")[0]))
