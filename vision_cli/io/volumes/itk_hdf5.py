"""Whether an ITK HDF5 file is whole: the library prints pages about a file that was cut short before it fails."""

from __future__ import annotations

import struct
from pathlib import Path

_SIGNATURE = b"\x89HDF\r\n\x1a\n"


def is_whole(path: Path) -> bool:
    """Return whether a file is HDF5 and holds as many bytes as it says itself."""
    with path.open("rb") as stream:
        start = stream.read(48)
    if len(start) < 48 or not start.startswith(_SIGNATURE):
        return False
    # Where the address of the file's end stands depends on the superblock's version.
    (end,) = struct.unpack_from("<Q", start, 40 if start[8] < 2 else 28)
    return path.stat().st_size >= int(end)
