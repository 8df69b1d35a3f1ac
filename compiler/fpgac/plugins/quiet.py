"""What TensorFlow's C++ logs while it is imported.

Its own setting, ``TF_CPP_MIN_LOG_LEVEL``, keeps only that quiet which comes after its beginning.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

__all__ = ["without_library_logs"]

# Lines of the levels "information" and "warning", in the form of Google's C++ logging library.
_LOG = re.compile(rb"[IW]\d{4} |WARNING: All log messages before absl::")


@contextlib.contextmanager
def without_library_logs() -> Iterator[None]:
    """Drop such lines from standard error; all else is passed on in the end."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryFile() as caught, contextlib.ExitStack() as ended:
        try:
            kept = os.dup(2)
        except OSError:  # standard error is closed
            yield
            return
        ended.callback(os.close, kept)
        sys.stderr.flush()
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            caught.seek(0)
            os.write(2, b"".join(line for line in caught if not _LOG.match(line)))
