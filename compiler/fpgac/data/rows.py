"""Rows as files that users and hosts read: one tensor an .npy array, several an .npz archive."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt

from fpgac.build.folder import npy_bytes
from fpgac.tensors import Layout

__all__ = ["read_rows", "rows_bytes", "rows_name"]

Array = npt.NDArray[Any]


def rows_name(name: str, layout: Layout) -> str:
    """``name`` with the suffix of the file that holds rows of ``layout``."""
    return f"{name}.npy" if len(layout.tensors) == 1 else f"{name}.npz"


def rows_bytes(rows: Array, layout: Layout) -> bytes:
    """The content of the file: rows as they are of one tensor, of several an array each by name."""
    if len(layout.tensors) == 1:
        return npy_bytes(rows)
    stream = io.BytesIO()
    np.savez(stream, **layout.named(rows))
    return stream.getvalue()


def read_rows(content: bytes, layout: Layout) -> Array:
    """The rows in a file's content.

    Raises:
        DataError: they are of another layout.
        OSError, ValueError: it is no such file.
    """
    found = np.load(io.BytesIO(content), allow_pickle=False)
    return layout.rows(found if isinstance(found, np.ndarray) else dict(found))
