"""Digests: one value's whole content as 64 hexadecimal digits, equal on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

__all__ = ["digest_bytes", "digest_file", "digest_files", "digest_json"]


def digest_bytes(data: bytes) -> str:
    """SHA-256 of ``data``."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of the file's content, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_json(value: object) -> str:
    """Digest of plain data (dicts, lists, strings, numbers), whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return digest_bytes(text.encode())


def digest_files(files: Mapping[str, bytes]) -> str:
    """Digest of a tree of files: their names and contents."""
    return digest_json({name: digest_bytes(content) for name, content in files.items()})
