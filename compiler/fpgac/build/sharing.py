"""What another build folder has made already, from the same command, tool and inputs."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from fpgac.build.folder import disk_errors
from fpgac.build.lock import StepRecord, read_lock
from fpgac.build.plan import Plan, Step
from fpgac.build.runner import step_key
from fpgac.digest import digest_file

__all__ = ["adopt"]


def adopt(
    plan: Plan, folder: Path, records: Mapping[str, StepRecord], lenders: Iterable[Path]
) -> dict[str, StepRecord]:
    """Records of the steps whose outputs were copied from one of ``lenders``, finished builds.

    A step's key knows no folder: where a lender's record has the key that the step has here, its
    outputs are what the step would make. Steps whose outputs ``folder`` has itself are left alone,
    and so is whatever does not have the digest that the lender's lock states.

    Raises:
        BuildError: a lender's lock is damaged, or the disk refuses a copy.
    """
    locks = [(lender, read_lock(lender).steps) for lender in lenders]
    adopted: dict[str, StepRecord] = {}
    for step in plan.steps:
        if not all((folder / name).is_file() for name in step.inputs):
            continue
        key = step_key(step, folder)
        own = records.get(step.name)
        if own and own.key == key and all((folder / name).is_file() for name in step.outputs):
            continue
        for lender, theirs in locks:
            record = theirs.get(step.name)
            if record is not None and record.key == key and _copied(step, record, lender, folder):
                adopted[step.name] = record
                break
    return adopted


def _copied(step: Step, record: StepRecord, lender: Path, folder: Path) -> bool:
    """Whether all outputs, and then the log, are in ``folder`` now as ``record`` says."""
    if not record.succeeded or set(record.outputs) != set(step.outputs):
        return False
    found = all(
        (lender / name).is_file() and digest_file(lender / name) == digest
        for name, digest in record.outputs.items()
    )
    if found:
        for name in (*record.outputs, record.log):
            if (lender / name).is_file():
                _copy_whole(lender / name, folder / name)
    return found


def _copy_whole(source: Path, target: Path) -> None:
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy(source, draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
