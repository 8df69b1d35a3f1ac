"""Archives that are the same bytes each time."""

from __future__ import annotations

import gzip
import io
import tarfile

from fpgac.build.folder import Files

__all__ = ["tar_gz"]

# What is installed from an archive may become a zip file, and those know no earlier year.
_NO_TIME = 315_532_800  # 1980-01-01


def tar_gz(folder: str, files: Files) -> bytes:
    """A ``.tar.gz`` with ``files`` below ``folder``.

    Neither the time nor who makes it leaves a mark.
    """
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, file in sorted(files.items()):
            entry = tarfile.TarInfo(f"{folder}/{path}")
            entry.size, entry.mtime = len(file.content), _NO_TIME
            entry.mode = 0o755 if file.executable else 0o644
            archive.addfile(entry, io.BytesIO(file.content))
    return gzip.compress(stream.getvalue(), mtime=0)
