"""Notebooks from plain text: cells with a line ``# %%`` above each, as editors know them."""

from __future__ import annotations

import json
import re
from typing import Any, Final

__all__ = ["notebook"]

_MARK: Final = re.compile(r"^# %%( \[markdown\])?$", re.MULTILINE)


def notebook(script: str) -> bytes:
    """The Jupyter notebook (nbformat 4.4) with the cells of ``script``, none of them run.

    ``# %% [markdown]`` begins a cell of text, whose lines are comments; before the first cell
    stands nothing.
    """
    _, *parts = _MARK.split(script)
    cells = [
        _markdown(text) if kind else _code(text)
        for kind, text in zip(parts[::2], parts[1::2], strict=True)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    content = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _markdown(text: str) -> dict[str, Any]:
    plain = re.sub(r"^# ?", "", text.strip("\n"), flags=re.MULTILINE)
    return {"cell_type": "markdown", "metadata": {}, "source": plain.splitlines(keepends=True)}


def _code(text: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": text.strip("\n").splitlines(keepends=True),
    }
