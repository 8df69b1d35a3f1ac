"""The names that mean something to C++ before any network does.

``python scripts/taken_names.py > compiler/fpgac/core/taken.txt`` writes them down.

A network called ``time`` would have its ``time.h`` found in place of the system's; one called
``EOF`` would have its name replaced by a number. What is printed is kept in the compiler's sources,
so that a spec is judged alike on every machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from fpgac.steps.core import ap_headers

__all__ = ["taken"]

# What the generated C++ includes, and the vendor's headers for it.
SOURCE: Final = """\
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <vector>
#include "ap_fixed.h"
#include "ap_int.h"
#include "hls_math.h"
#include "hls_stream.h"
"""
_NAME: Final = re.compile(r"[A-Za-z]\w*")


def taken() -> tuple[set[str], set[str]]:
    """The headers that are found by a bare name, and the macros, of this machine's g++."""
    with tempfile.TemporaryDirectory() as folder:
        for path, content in ap_headers().items():
            Path(folder, path).parent.mkdir(parents=True, exist_ok=True)
            Path(folder, path).write_bytes(content)
        files = _preprocessed(folder, "-H", stream="stderr")
        macros = _preprocessed(folder, "-dM", stream="stdout")
    headers = re.findall(r"^\.+ (/\S+)\.h$", files, re.MULTILINE)
    roots = re.compile(r"/usr/include(/[^/]*-linux-gnu)?|/usr/lib/gcc/[^/]+/[^/]+/include")
    bare = {Path(path).name for path in headers if roots.fullmatch(str(Path(path).parent))}
    defined = re.findall(r"^#define (\w+)", macros, re.MULTILINE)
    return _names(bare), _names(defined)


def _preprocessed(folder: str, option: str, stream: str) -> str:
    command = ["g++", "-std=c++17", "-E", option, "-I", folder, "-x", "c++", "-"]
    done = subprocess.run(command, input=SOURCE, capture_output=True, text=True, check=True)
    return str(getattr(done, stream))


def _names(words: Iterable[str]) -> set[str]:
    return {word for word in words if _NAME.fullmatch(word) and "__" not in word}


if __name__ == "__main__":
    for kind in taken():
        sys.stdout.write(" ".join(sorted(kind)) + "\n")
