"""Processes that tests look after."""

from __future__ import annotations

from pathlib import Path


def children(process: int) -> set[int]:
    """The processes that ``process`` has started, by any of its threads, and not yet collected."""
    lists = Path(f"/proc/{process}/task").glob("*/children")
    return {int(child) for each in lists for child in each.read_text().split()}
