"""What may begin in a directory: the rules of ``--resume``, ``--overwrite`` and shards."""

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


def require_one_wish(*, resume: bool, overwrite: bool) -> None:
    """Refuse to resume what is to be replaced."""
    if resume and overwrite:
        raise UsageError("--resume and --overwrite: both found; one of them expected.")


def refuse(previous: RunRecord) -> Never:
    """Refuse to touch a run without being asked."""
    raise UsageError(
        f"{previous.directory}: a run with status {previous.status!r} is already here.",
        hint="Go on with it with --resume, replace it with --overwrite, or choose another --out.",
    )


def make_directory(directory: Path) -> None:
    """Make a run directory, unless something else stands in its place."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{directory}: a file found; a directory expected.", hint="Choose another --out.") from None
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.EINVAL, errno.ENAMETOOLONG, errno.ELOOP}:
            raise UsageError(
                f"{directory}: no directory can be made ({error.strerror}).", hint="Choose another --out."
            ) from None
        raise


def previous_run(directory: Path, *, overwrite: bool) -> RunRecord | None:
    """Return the record of the run in a directory; a damaged one only has to be a run if it is replaced."""
    if not (directory / RECORD).exists():
        return None
    try:
        return read_run(directory)
    except InputError:
        if not overwrite:
            raise
        return RunRecord(directory, "", "damaged", {}, {})


def require_empty(directory: Path) -> None:
    """Refuse to mix a run with files that belong to none."""
    # Hidden files are of the system, of editors and of killed runs; they are neither read nor removed.
    others = sorted(path.name for path in directory.iterdir() if not path.name.startswith("."))
    if others:
        raise UsageError(
            f"{directory}: {others[0]} and {len(others) - 1} more files found, but no run; "
            "an empty directory expected.",
            hint="Choose another --out.",
        )


def require_one_division(directory: Path, shard: Shard | None, *, resume: bool) -> None:
    """Refuse to mix shards of several divisions, or shards and a whole run, in one directory."""
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
            hint="Name the part, --shard I/N with the N that is there, or choose another --out.",
        )
    if not counts and (directory / RECORD).exists():
        raise UsageError(
            f"{directory}: a run of the whole work found; one of shards expected.",
            hint="Choose another --out.",
        )


def require_same_options(previous: RunRecord, command: str, options: Mapping[str, object]) -> None:
    """Refuse to go on with a run as another one."""
    if previous.command != command:
        raise UsageError(
            f"{previous.directory}: a `{previous.command}` run found; `{command}` expected.",
            hint="Choose another --out.",
        )
    # Compared as JSON holds them: a tuple that was written is a list when read.
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
            f"{previous.directory}: the run was begun with other options: {', '.join(sorted(changed))}.",
            hint=f"Repeat its options with --config {record}, or choose another --out.",
        )


def require_same_inputs(previous: RunRecord, inputs: Mapping[str, Any]) -> None:
    """Refuse to go on with a run whose input files are other ones now."""
    before = previous.document.get("inputs", {})
    changed = [role for role in {**before, **inputs} if before.get(role) != inputs.get(role)]
    if changed:
        raise UsageError(
            f"{previous.directory}: inputs changed since the run was begun: {', '.join(sorted(changed))}.",
            hint="Begin anew with --overwrite or in another --out.",
        )
