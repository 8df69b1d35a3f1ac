"""The store gives back what was put, whole, or nothing: and nothing of anybody else's."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fpgac.build.folder import File
from fpgac.build.store import Entry, Store

ENTRY = Entry({"a/x": File(b"one"), "run": File(b"two", executable=True)}, {"detail": "two files"})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> Store:
    store = Store(root)
    store.put("stages", "key", ENTRY)
    return store


def files(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file())


def content(root: Path, text: bytes) -> Path:
    """Where the store keeps content."""
    (path,) = (path for path in files(root) if path.read_bytes() == text)
    return path


def test_what_was_put_is_given_back(store: Store) -> None:
    assert store.get("stages", "key") == ENTRY


def test_kinds_and_keys_are_apart(store: Store) -> None:
    assert store.get("steps", "key") is None
    assert store.get("stages", "other") is None


def test_the_same_content_is_kept_once(store: Store, root: Path) -> None:
    before = sum(1 for _ in files(root))
    store.put("steps", "another", Entry({"copy": File(b"one")}))
    assert sum(1 for _ in files(root)) == before + 1
    assert store.get("steps", "another") == Entry({"copy": File(b"one")})


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"on"),
        lambda path: path.write_bytes(b"forged"),
        lambda path: path.unlink(),
        lambda path: path.chmod(0o666),
        lambda path: (path.unlink(), path.symlink_to("/etc/hostname")),
    ],
    ids=["cut off", "other content", "gone", "anybody may write it", "a link"],
)
def test_what_is_not_whole_is_not_there_and_is_put_again(
    store: Store, root: Path, damage: Callable[[Path], object]
) -> None:
    damage(content(root, b"one"))
    assert store.get("stages", "key") is None
    store.put("stages", "key", ENTRY)
    assert store.get("stages", "key") == ENTRY


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"key": "key", "files": 3}'])
def test_a_damaged_entry_is_not_there(store: Store, root: Path, text: bytes) -> None:
    (entry,) = files(root / "stages")
    entry.write_bytes(text)
    assert store.get("stages", "key") is None


def test_an_entry_in_another_s_place_is_refused(store: Store, root: Path) -> None:
    store.put("stages", "kez", Entry({}))
    one, other = sorted(files(root / "stages"))
    other.write_bytes(one.read_bytes())
    assert [store.get("stages", key) for key in ("key", "kez")].count(None) == 1


def test_a_store_that_others_may_write_is_not_used(store: Store, root: Path) -> None:
    root.chmod(0o777)
    assert store.get("stages", "key") is None
    store.put("stages", "more", ENTRY)
    root.chmod(0o700)
    assert store.get("stages", "more") is None
    assert store.get("stages", "key") == ENTRY


def test_what_somebody_else_owns_is_not_used(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert store.get("stages", "key") is None


def test_where_nothing_can_be_kept_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "store")
    store.put("stages", "key", ENTRY)
    assert store.get("stages", "key") is None


def test_many_may_write_and_read_at_a_time(root: Path) -> None:
    entries = [Entry({"f": File(bytes([n % 3]) * 100_000)}) for n in range(12)]
    seen: list[Entry | None] = []

    def work(place: int) -> None:
        for _ in range(10):
            Store(root).put("stages", str(place % 3), entries[place])
            seen.append(Store(root).get("stages", str(place % 3)))

    threads = [threading.Thread(target=work, args=(place,)) for place in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 120
    assert all(entry in entries for entry in seen)


def test_what_was_used_least_recently_goes_first(root: Path) -> None:
    store = Store(root, limit=1_000_000)
    for place in range(5):
        store.put("stages", f"key{place}", Entry({"f": File(bytes([place]) * 300_000)}))
    age = time.time() - 100_000
    for path in files(root):
        os.utime(path, (age, age))
    assert store.get("stages", "key0") is not None, "it has been used now"
    store.prune()
    assert store.get("stages", "key0") is not None
    kept = [place for place in range(5) if store.get("stages", f"key{place}")]
    assert 1 <= len(kept) <= 3
    assert sum(path.stat().st_size for path in files(root)) <= 1_000_000
