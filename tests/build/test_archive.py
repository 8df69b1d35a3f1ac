"""Archives: the same bytes each time, and all that pip needs."""

from __future__ import annotations

import io
import tarfile
import time

from fpgac.build.archive import tar_gz
from fpgac.build.folder import File

FILES = {"b/run": File(b"#!/bin/sh\n", executable=True), "a.txt": File(b"text")}


def test_it_holds_its_files_below_one_folder() -> None:
    with tarfile.open(fileobj=io.BytesIO(tar_gz("muon", FILES))) as archive:
        entries = {entry.name: (entry.mode, entry.size) for entry in archive}
    assert entries == {"muon/a.txt": (0o644, 4), "muon/b/run": (0o755, 10)}


def test_neither_time_nor_order_leaves_a_mark() -> None:
    first = tar_gz("muon", FILES)
    time.sleep(1.1)  # gzip tells seconds
    assert tar_gz("muon", dict(reversed(FILES.items()))) == first


def test_its_times_fit_into_a_zip_file() -> None:
    """A wheel is one, and pip makes it from what the archive holds."""
    with tarfile.open(fileobj=io.BytesIO(tar_gz("muon", FILES))) as archive:
        assert all(time.gmtime(entry.mtime).tm_year == 1980 for entry in archive)
