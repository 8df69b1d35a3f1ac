"""What lies in the cache is loaded and run: nobody else may have put it there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fpgac.build.cache import UnsafeCacheWarning, cache_path, cached_folder, own_folder

MAKE_A_FOLDER = """
from pathlib import Path
from fpgac.build.cache import cached_folder

def build(folder: Path, sources: Path) -> None:
    folder.mkdir()

print(cached_folder("a/b", build))
"""


def build(folder: Path, _: Path) -> None:
    folder.mkdir()
    (folder / "made").touch()


def test_what_is_built_is_nobody_else_s(new_cache: Path) -> None:
    before = os.umask(0)
    try:
        folder = cached_folder("a/b", build)
    finally:
        os.umask(before)
    assert folder == cached_folder("a/b", build) == new_cache / "a" / "b"
    for place in (new_cache, new_cache / "a", folder):
        assert place.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("place", [".", "a", "a/b"])
@pytest.mark.parametrize("wrong", ["rights", "owner"])
def test_what_others_may_have_made_is_not_used(
    place: str, wrong: str, new_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = own_folder(new_cache / "a" / "b") / "planted"
    planted.touch()
    strange, stat = new_cache / place, Path.stat
    if wrong == "rights":
        strange.chmod(0o777)
    else:

        def foreign(path: Path, **options: bool) -> os.stat_result:
            found = stat(path, **options)
            fields = list(found[:10])
            fields[4] = found.st_uid + (1 if path == strange else 0)
            return os.stat_result(fields)

        monkeypatch.setattr(Path, "stat", foreign)
    with pytest.warns(UnsafeCacheWarning, match=str(strange)):
        folder = cached_folder("a/b", build)
    assert not folder.is_relative_to(new_cache)
    assert [path.name for path in folder.iterdir()] == ["made"]
    assert folder == cached_folder("a/b", build), "and once only is warned"
    assert planted.exists()


def test_the_cache_of_a_process_goes_with_it(new_cache: Path) -> None:
    own_folder(new_cache).chmod(0o777)
    command = [sys.executable, "-c", MAKE_A_FOLDER]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not Path(done.stdout.strip()).exists()
    assert list(new_cache.iterdir()) == []


def test_what_is_not_there_yet_is_in_the_cache(new_cache: Path) -> None:
    assert cache_path("exact/a.so") == new_cache / "exact" / "a.so"
