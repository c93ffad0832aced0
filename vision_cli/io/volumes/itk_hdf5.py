"""What ITK's HDF5 files need beside ITK: are they whole, and do the same values give the same bytes.

HDF5 stamps each object with the time and protects the stamp by a checksum, and prints pages about a file cut short
before it says no. Both concern the frame of the format alone (HDF5 File Format Specification, version 3).
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_OBJECT_HEADER = b"OHDR\x02"
_HAS_TIMES, _HAS_LIMITS, _SIZE_BITS = 0x20, 0x10, 0x03
_MASK = 0xFFFFFFFF


def is_whole(path: Path) -> bool:
    """Return whether a file is HDF5 and holds as many bytes as it says itself."""
    with path.open("rb") as stream:
        start = stream.read(48)
    if len(start) < 48 or not start.startswith(_SIGNATURE):
        return False
    # Where the address of the file's end stands depends on the superblock's version.
    (end,) = struct.unpack_from("<Q", start, 40 if start[8] < 2 else 28)
    return path.stat().st_size >= int(end)


def clear_times(path: Path) -> None:
    """Set the time stamps of a file's objects to 0."""
    with path.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as file:
        place = file.find(_OBJECT_HEADER)
        while place >= 0:
            _clear_times_at(file, place)
            place = file.find(_OBJECT_HEADER, place + 1)


def _clear_times_at(file: mmap.mmap, place: int) -> None:
    flags = file[place + 5]
    if not flags & _HAS_TIMES:
        return
    times = slice(place + 6, place + 22)
    size_at = times.stop + (4 if flags & _HAS_LIMITS else 0)
    size_bytes = 1 << (flags & _SIZE_BITS)
    size = int.from_bytes(file[size_at : size_at + size_bytes], "little")
    end = size_at + size_bytes + size
    # Values may look like a header by chance; the checksum tells.
    if end + 4 > len(file) or file[end : end + 4] != _checksum(file[place:end]):
        return
    file[times] = bytes(16)
    file[end : end + 4] = _checksum(file[place:end])


def _checksum(data: bytes) -> bytes:
    """Return Bob Jenkins' lookup3 hash (hashlittle, 2006), which HDF5 uses for its metadata, in its byte order."""
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    whole = max(0, (len(data) - 1) // 12) * 12
    for place in range(0, whole, 12):
        x, y, z = struct.unpack_from("<3I", data, place)
        a, b, c = _mix((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)
    if rest := data[whole:]:
        x, y, z = struct.unpack("<3I", rest.ljust(12, b"\0"))
        c = _final((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)
    return struct.pack("<I", c)


def _turned(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _MASK


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & _MASK) ^ _turned(c, bits)
        c = (c + b) & _MASK
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _turned(b, bits)) & _MASK
        a, b, c = b, c, a
    return b
