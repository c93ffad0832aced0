"""The error of a damaged file, the same whatever library reads it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vision_cli.core.errors import InputError, VcliError


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
