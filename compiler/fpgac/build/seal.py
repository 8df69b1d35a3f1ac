"""Seals: by which fpgac tells what it wrote itself, for this user, from what strangers wrote.

A seal is a keyed digest. Its key is made once and kept in the user's state folder, which nobody
else can read; it is better no part of the cache, which may be cleared at any time.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

from fpgac.build.cache import cache_folder, is_own, own_folder

__all__ = ["is_sealed", "seal"]

_KEY_BYTES = 32
_NAME = "seal.key"


def seal(content: bytes) -> str:
    """The seal of ``content``, or an empty one where no key can be kept."""
    key = _key()
    return hmac.new(key, content, sha256).hexdigest() if key else ""


def is_sealed(content: bytes, given: str) -> bool:
    """Whether ``given`` is the seal that this user's fpgac gave ``content``."""
    known = seal(content)
    return bool(known) and hmac.compare_digest(known.encode(), given.encode())


def _key() -> bytes:
    """The user's key, made if there is none yet; empty where it cannot be kept safely.

    Where there is no state folder, as in many containers, it is in the cache.
    """
    from platformdirs import user_state_path

    for folder in (user_state_path("fpgac"), cache_folder()):
        with contextlib.suppress(OSError):
            if (known := _read(folder / _NAME)) is None:
                _make(folder / _NAME)
                known = _read(folder / _NAME)
            if known:
                return known
    return b""


def _read(path: Path) -> bytes | None:
    """The key at ``path``; empty if others may have put it there, None if there is none."""
    try:
        with path.open("rb") as stream:
            if not (is_own(os.fstat(stream.fileno())) and is_own(path.parent.stat())):
                return b""
            key = stream.read()
    except FileNotFoundError:
        return None
    return key if len(key) == _KEY_BYTES else None


def _make(path: Path) -> None:
    """Put a new key at ``path``; of several at once, one stays."""
    draft = own_folder(path.parent) / f".{path.name}.{secrets.token_hex(4)}"
    try:
        draft.touch(mode=0o600)
        draft.write_bytes(secrets.token_bytes(_KEY_BYTES))
        if path.exists():
            path.unlink()  # cut off
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)
