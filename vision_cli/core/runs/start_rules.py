"""Rules for starting a run in a directory: ``--resume``, ``--overwrite``, shards, changed options and inputs."""

from __future__ import annotations

import errno
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Never

from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs import files
from vision_cli.core.runs.records import RECORD, RunRecord, read_run
from vision_cli.core.shards.shards import Shard, find_shards


def require_resume_or_overwrite(*, resume: bool, overwrite: bool) -> None:
    """Refuse ``--resume`` together with ``--overwrite``."""
    if resume and overwrite:
        raise UsageError("--resume and --overwrite: both found; one of them expected.")


def refuse_existing_run(previous: RunRecord) -> Never:
    """Refuse a directory with a run if neither ``--resume`` nor ``--overwrite`` is given."""
    raise UsageError(
        f"{previous.directory}: a run with status {previous.status!r} is already here.",
        hint="Go on with it with --resume, replace it with --overwrite, or choose another --out.",
    )


def make_directory(directory: Path) -> None:
    """Create a run directory; raise `UsageError` if a file has its name or it cannot be created."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{directory}: a file found; a directory expected.", hint="Choose another --out.") from None
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.EINVAL, errno.ENAMETOOLONG, errno.ELOOP}:
            raise UsageError(
                f"{directory}: the directory cannot be created ({error.strerror}).", hint="Choose another --out."
            ) from None
        raise


def previous_run(directory: Path, *, overwrite: bool) -> RunRecord | None:
    """Return the record of the run in a directory, None if there is none; a damaged one only with ``overwrite``."""
    if not (directory / RECORD).exists():
        return None
    try:
        return read_run(directory)
    except InputError:
        if not overwrite:
            raise
        return RunRecord(directory, "", "damaged", {}, {})


def require_empty(directory: Path) -> None:
    """Refuse a directory that holds files but no run."""
    # Hidden files of the system, of editors and of killed runs are neither read nor removed.
    others = sorted(path.name for path in directory.iterdir() if not path.name.startswith("."))
    if others:
        raise UsageError(
            f"{directory}: {others[0]} and {len(others) - 1} more files found, but no run; "
            "an empty directory expected.",
            hint="Choose another --out.",
        )


def require_same_division(directory: Path, shard: Shard | None, *, resume: bool) -> None:
    """Refuse shards of several divisions, or shards beside a whole run, in one directory."""
    found = find_shards(directory)
    counts = {one.count for one in found}
    if shard is None:
        is_merged = (directory / RECORD).exists()
        if counts and not (is_merged and resume):
            raise UsageError(
                f"{directory}: shards of {min(counts)} parts found; a directory without shards expected.",
                hint="Merge them with `vcli runs merge`, or choose another --out.",
            )
        return
    others = counts - {shard.count}
    if others:
        raise UsageError(
            f"{directory}: shards of {min(others)} parts found; {shard.count} parts expected.",
            hint="Give --shard I/N with the N of these shards, or choose another --out.",
        )
    if not counts and (directory / RECORD).exists():
        raise UsageError(
            f"{directory}: a run of the whole work found; one of shards expected.",
            hint="Choose another --out.",
        )


def require_same_options(previous: RunRecord, command: str, options: Mapping[str, object]) -> None:
    """Refuse to resume a run with another command or other options."""
    if previous.command != command:
        raise UsageError(
            f"{previous.directory}: a `{previous.command}` run found; `{command}` expected.",
            hint="Choose another --out.",
        )
    # Compared as JSON: a tuple that was written is read as a list.
    now = json.loads(files.json_text(options))
    before = previous.options
    changed = [
        f"{name} ({json.dumps(before.get(name))} before, {json.dumps(now.get(name))} now)"
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    ]
    if changed:
        record = shlex.quote(str(previous.directory / RECORD))
        raise UsageError(
            f"{previous.directory}: the run was started with other options: {', '.join(sorted(changed))}.",
            hint=f"Repeat its options with --config {record}, or choose another --out.",
        )


def require_same_inputs(previous: RunRecord, inputs: Mapping[str, Any]) -> None:
    """Refuse to resume a run whose input files have changed."""
    before = previous.document.get("inputs", {})
    changed = [role for role in {**before, **inputs} if before.get(role) != inputs.get(role)]
    if changed:
        raise UsageError(
            f"{previous.directory}: inputs changed since the run was started: {', '.join(sorted(changed))}.",
            hint="Start again with --overwrite or in another --out.",
        )
