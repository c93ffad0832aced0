"""What a file may take of the memory, asked before any of it is taken: the one check of all readers.

A file says in its header, or by what it unpacks to, how much memory it needs. Where that does not fit there are two
kinds of it: the file is too small to hold what it claims, so it is damaged (`InputError`); or it could hold it, and
needs a larger machine (`InputTooLarge`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from vision_cli.core.compute.devices import available_memory
from vision_cli.core.errors import InputError, InputTooLarge

DEFLATE = 1032
"""Bytes that zlib, gzip, ZIP and PNG make of one at most (zlib's technical details)."""


def require_room(
    path: Path,
    needed: float,
    claim: str,
    *,
    stored: float = 0,
    most: float | None = None,
    hint: str = "Make the input smaller, or use a machine with more memory.",
) -> None:
    """Refuse what would take more than the memory at hand.

    Parameters
    ----------
    path
        The file.
    needed
        Bytes that reading takes at its peak.
    claim
        What needs them, for the message, as ``the header claims (9, 9) voxels``.
    stored
        Bytes of these that must come out of the file.
    most
        Bytes that can come out of the file at most; by default those of a file packed as densely as `DEFLATE`.
    hint
        What to do about a file that is whole but too large.

    Raises
    ------
    InputError
        If ``needed`` does not fit and the file cannot hold what it claims.
    InputTooLarge
        If it does not fit but may well be there.
    """
    available = available_memory()
    if needed <= available:
        return
    if most is None:
        most = most_unpacked(path)
    if stored > most:
        raise InputError(
            f"{path}: {claim}, {needed / 2**30:.1f} GiB; at most {most / 2**30:.2g} GiB expected in a file of "
            f"{_size(path)} bytes.",
            hint="The header is damaged or the file is cut short; copy it again.",
        )
    raise InputTooLarge(
        f"{path}: {claim}, {needed / 2**30:.1f} GiB; at most {available / 2**30:.1f} GiB of free memory expected.",
        hint=hint,
    )


def require_memory(path: Path, shape: Sequence[int], itemsize: int, *, most: float | None = None) -> None:
    """Refuse an image or array that would not fit into memory, with a copy of it as float32.

    Parameters
    ----------
    path
        The file.
    shape, itemsize
        Of the stored values, as the header claims them.
    most
        As for `require_room`.

    Raises
    ------
    InputError, InputTooLarge
        As `require_room`.
    """
    sizes = tuple(int(n) for n in shape)
    count = math.prod(sizes)
    require_room(
        path,
        count * (itemsize + 4),
        f"the header claims {sizes} voxels",
        stored=count * itemsize,
        most=most,
        hint="Crop or resample the image, or use a machine with more memory.",
    )


def require_memory_for(
    path: Path, count: int, bytes_each: int, what: str = "points", *, stored: float = 0, most: float | None = None
) -> None:
    """Refuse rows that would not fit into memory.

    Parameters
    ----------
    path
        The file.
    count, bytes_each, what
        Rows that the file declares, the memory that one takes, and their name for the message.
    stored, most
        As for `require_room`.

    Raises
    ------
    InputError, InputTooLarge
        As `require_room`.
    """
    require_room(
        path,
        count * bytes_each,
        f"header declares {count} {what}",
        stored=stored,
        most=most,
        hint="Thin the cloud out, or use a machine with more memory.",
    )


def require_bytes(path: Path, needed: int, held: int) -> None:
    """Refuse a file that holds fewer bytes than its header claims.

    Raises
    ------
    InputError
        If ``held`` is less than ``needed``.
    """
    if held < needed:
        raise InputError(
            f"{path}: cut short, {held} bytes; {needed} bytes by its header expected.",
            hint="Copy the file again.",
        )


def most_unpacked(path: Path) -> float:
    """Return the bytes that a file can hold at most, packed by zlib; of what is no file, any number."""
    return DEFLATE * path.stat().st_size if path.is_file() else math.inf


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
