"""What a table takes of the memory, counted before pandas reads it: a packed one may hold a thousand times its size."""

from __future__ import annotations

import math
from pathlib import Path

from vision_cli.core.compute.devices import available_memory
from vision_cli.core.errors import InputError
from vision_cli.io.limits import require_room
from vision_cli.io.packing import open_unpacked

_BYTES_A_CELL = 48
"""Parsed chunks, columns joined of them and the matrix made of these, or a text of Python."""

_BYTES_A_COLUMN = 2000
_HINT = "Give fewer rows or columns, or use a machine with more memory."
_LONGEST_LINE = 64 << 20
_CHUNK = 1 << 20

_COPIES = 3
_BYTES_A_TEXT = 100
_MOST_ROWS = 1 << 16
_SHARE = 16


def require_text_room(path: Path, separator: str) -> None:
    """Refuse a table of text, packed or not, whose cells would not fit into memory.

    Parameters
    ----------
    path
        The file; ``.gz`` is unpacked.
    separator
        Between its cells; anything but a single character stands for blanks.

    Raises
    ------
    InputError
        If a line is too long to be one of a table.
    InputTooLarge
        If it would not fit.
    Exception
        Of whatever kind the library has for a damaged file.
    """
    marks = (separator.encode(), b"\n") if len(separator) == 1 else (b" ", b"\t", b"\n")
    held = cells = columns = line = 0
    is_first = True
    with open_unpacked(path) as stream:
        while chunk := stream.read(_CHUNK):
            held += len(chunk)
            found = sum(chunk.count(mark) for mark in marks)
            cells += found
            first, last = chunk.find(b"\n"), chunk.rfind(b"\n")
            if is_first:
                # It says how many columns there are, and may be longer than a chunk.
                columns += sum((chunk if first < 0 else chunk[:first]).count(mark) for mark in marks)
                is_first = first < 0
            line = line + len(chunk) if first < 0 else len(chunk) - last - 1
            if line > _LONGEST_LINE:
                raise InputError(
                    f"{path}: a line longer than {_LONGEST_LINE >> 20} MiB; rows of a table expected.",
                    hint="Is it a table?",
                )
            needed = held + _BYTES_A_CELL * cells + _BYTES_A_COLUMN * columns
            require_room(path, needed, f"a table of {held} bytes or more", most=math.inf, hint=_HINT)


def require_parquet_room(path: Path) -> None:
    """Refuse a Parquet file whose values would not fit into memory: equal ones take no place in it.

    Raises
    ------
    InputTooLarge
        If they would not.
    Exception
        Of whatever kind the library has for a damaged file.
    """
    from pyarrow import parquet

    # Neither read ahead nor by several threads: both hold more than the batch that is looked at.
    with parquet.ParquetFile(path, pre_buffer=False) as file:
        groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
        chunks = [group.column(n) for group in groups for n in range(group.num_columns)]
        texts = [chunk for chunk in chunks if "BYTE_ARRAY" in chunk.physical_type]
        numbers = sum(chunk.num_values for chunk in chunks)
        needed = _COPIES * 8 * numbers + _BYTES_A_TEXT * sum(chunk.num_values for chunk in texts)
        claim = f"{file.metadata.num_rows} rows of {file.metadata.num_columns} columns"
        require_room(path, needed, claim, most=math.inf, hint=_HINT)
        if not texts:
            return
        # How long texts are shows only when they are read; so few at a time that the longest fit.
        longest = max(1, *(chunk.total_uncompressed_size for chunk in texts))
        rows = max(1, min(_MOST_ROWS, available_memory() // (_SHARE * longest)))
        held = 0
        names = [chunk.path_in_schema for chunk in texts]
        for batch in file.iter_batches(batch_size=rows, columns=names, use_threads=False):
            held += batch.nbytes
            require_room(path, needed + _COPIES * held, claim, most=math.inf, hint=_HINT)
