"""Reading with one kind of error for a damaged file, whatever library reads it; small texts and JSON documents."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vision_cli.core.errors import InputError, VcliError
from vision_cli.io.limits import require_room

_UNPACKED = 12
"""Bytes that a byte of JSON takes as objects of Python: 6 as annotations and results have it, and as much for ours."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a library raises over a damaged file into one `InputError` of one line.

    Raises
    ------
    InputError
        For all but a `VcliError` and a lack of memory, which pass.
    """
    try:
        yield
    except (VcliError, MemoryError):
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = (lines[-1] if lines else type(error).__name__).replace(str(path), path.name)
        raise InputError(
            f"{path}: damaged, cut short or not an image ({reason}); a whole image file expected.",
            hint="Copy or convert the file again.",
        ) from error


def read_text(path: Path, most: int = 1 << 24) -> str:
    """Read a text file of an annotation.

    Raises
    ------
    InputError
        If it is larger than ``most`` bytes, no UTF-8 or cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > most:
            raise InputError(f"{path}: {size} bytes; an annotation of at most {most} bytes expected.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: no UTF-8 text; an annotation expected.", hint="Convert it to UTF-8.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error


def read_json(path: Path) -> object:
    """Read a JSON document.

    Raises
    ------
    InputError
        If it is damaged.
    InputTooLarge
        If it does not fit into memory.
    """
    try:
        size = path.stat().st_size
        require_room(path, _UNPACKED * size, f"{size} bytes of JSON", most=math.inf)
        return json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged JSON ({error}).", hint="Copy the file again.") from error
