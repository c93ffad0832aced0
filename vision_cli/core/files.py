"""Files that appear whole or not at all.

Everything is written beside its final place under a hidden name, flushed to the disk and then renamed, which is atomic
on local and on network file systems. A killed process leaves at most a hidden file, which the next run removes.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import math
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vision_cli.core.errors import ResourceError

TEMPORARY_PREFIX = ".vcli-tmp-"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a hidden sibling of ``target`` to write to; it becomes ``target`` when the block ends well.

    The hidden name keeps all suffixes, because writers pick the format by them.

    Raises
    ------
    ResourceError
        If the disk is full or the directory cannot be written to.
    """
    target = Path(target)
    hidden = target.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}-{target.name}")
    try:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield hidden
            _flush(hidden)
            os.replace(hidden, target)
            _flush(target.parent)
    finally:
        with suppress(FileNotFoundError):
            hidden.unlink()


def write_bytes(target: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with atomic_path(target) as hidden:
        hidden.write_bytes(content)


def write_text(target: Path, text: str) -> None:
    """Write a UTF-8 file whole or not at all."""
    write_bytes(target, text.encode("utf-8"))


def json_text(document: Mapping[str, object] | Sequence[object]) -> str:
    """Return a document as JSON, indented, in its own order; numbers that are not finite become null."""
    return json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(target: Path, document: Mapping[str, object] | Sequence[object]) -> None:
    """Write `json_text` of a document whole or not at all."""
    write_text(target, json_text(document))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table as CSV (comma, newline, quotes where needed); None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return text.getvalue()


def write_csv(target: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write `csv_text` of a table whole or not at all."""
    write_text(target, csv_text(columns, rows))


def sha256(path: Path) -> str:
    """Hex digest of a file, or of the names and contents of the files directly inside a directory."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(file.name.encode() + b"\0")
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def size(path: Path) -> int:
    """Bytes of a file, or of the files directly inside a directory."""
    return sum(p.stat().st_size for p in path.iterdir() if p.is_file()) if path.is_dir() else path.stat().st_size


def require_free_space(directory: Path, needed: int) -> None:
    """Refuse to begin work whose output will not fit.

    Raises
    ------
    ResourceError
        If the file system of ``directory`` has fewer than ``needed`` bytes free.
    """
    existing = next(p for p in (directory, *directory.absolute().parents) if p.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise ResourceError(
            f"{directory}: {free / 2**20:.0f} MiB free; about {needed / 2**20:.0f} MiB expected.",
            hint="Free space or choose another --out.",
        )


def remove_stale_temporaries(directory: Path) -> None:
    """Remove the hidden files that killed writers left in ``directory``; only for the one who holds its lock."""
    for path in directory.glob(f"{TEMPORARY_PREFIX}*"):
        if path.is_file():
            with suppress(FileNotFoundError):
                path.unlink()


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write ``target`` into a `ResourceError`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ResourceError(
                f"{target}: no space left to write it.", hint="Free space or choose another --out, then --resume."
            ) from error
        if error.errno in _REFUSED:
            raise ResourceError(
                f"{target}: cannot be written ({error.strerror}).", hint="Choose a directory that you may write to."
            ) from error
        raise


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems refuse to flush a directory; the rename itself is still atomic there.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF} or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value
