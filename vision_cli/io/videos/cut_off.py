"""Files that end before their containers do: recordings that were cut off, which decoders read without a word.

Only the sizes that containers state are read: boxes of MP4 (ISO/IEC 14496-12, section 4.2), elements of Matroska (RFC
8794, section 4 to 6), chunks of AVI.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"moof", b"free", b"skip", b"wide", b"sidx", b"styp", b"mfra", b"uuid"})
_NEEDED = frozenset({b"moov", b"mdat", b"moof"})
_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_MOST_PARTS = 1_000_000


def missing_bytes(path: Path) -> int:
    """Return how many bytes a container has less than it states; 0 of a whole file, or one that states no sizes."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(12)
        stream.seek(0)
        if start[4:8] in _BOXES:
            return _missing_of_boxes(stream, size)
        if start[:4] == _EBML:
            return _missing_of_elements(stream, size)
        if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
            stated = int.from_bytes(start[4:8], "little")
            return max(0, 8 + stated - size)
    return 0


def _missing_of_boxes(stream: BinaryIO, size: int) -> int:
    place = 0
    for _ in range(_MOST_PARTS):
        stream.seek(place)
        header = stream.read(16)
        kind, length = header[4:8], int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        # A length of 0 is a box up to the end of the file.
        if len(header) < 8 or kind not in _BOXES or length < 8:
            return 0
        if place + length > size:
            return place + length - size if kind in _NEEDED else 0
        place += length
    return 0


def _missing_of_elements(stream: BinaryIO, size: int) -> int:
    place = 0
    for _ in range(_MOST_PARTS):
        stream.seek(place)
        header = stream.read(12)
        kind, width = _number(header, keeps_marker=True)
        length, more = _number(header[width:])
        if not width or not more:
            return 0
        place += width + more
        if length is None or (kind in {_SEGMENT, _CLUSTER} and place + length <= size):
            # The elements inside follow; a recording that is written live states no length.
            continue
        if kind is not None and place + length > size:
            return place + length - size
        place += length
    return 0


def _number(data: bytes, *, keeps_marker: bool = False) -> tuple[int | None, int]:
    """Return a number of variable width and its width; None if all bits are set, which states no length."""
    if not data or not data[0]:
        return None, 0
    width = 9 - data[0].bit_length()
    if len(data) < width:
        return None, 0
    value = int.from_bytes(data[:width], "big")
    if keeps_marker:
        return value, width
    value &= (1 << 7 * width) - 1
    return (None if value == (1 << 7 * width) - 1 else value), width
