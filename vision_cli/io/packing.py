"""gzip files through ISA-L: a fifth of zlib's time for nearly its size, and the same bytes for the same content."""

from __future__ import annotations

from pathlib import Path

from isal import igzip

_LEVEL = 2
_CHUNK = 1 << 20


def pack(content: bytes) -> bytes:
    """Pack bytes as one gzip member without name and time, so that they depend on the content alone."""
    return bytes(igzip.compress(content, _LEVEL, mtime=0))


def unpacked_size(path: Path) -> int:
    """Count the bytes that a gzip file holds, reading it to its end, where its checksum stands.

    Raises
    ------
    Exception
        Of whatever kind the library has for a damaged file; EOFError where it is cut off.
    """
    held = 0
    with igzip.open(path) as stream:
        while chunk := stream.read(_CHUNK):
            held += len(chunk)
    return held
