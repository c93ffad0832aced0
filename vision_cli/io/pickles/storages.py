"""The values of torch's tensors as pickles name them: their types, and the bytes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vision_cli.io.pickles.opcodes import PickleError

if TYPE_CHECKING:
    import torch

STORAGES = {
    "FloatStorage": ("float32", 4),
    "DoubleStorage": ("float64", 8),
    "HalfStorage": ("float16", 2),
    "BFloat16Storage": ("bfloat16", 2),
    "LongStorage": ("int64", 8),
    "IntStorage": ("int32", 4),
    "ShortStorage": ("int16", 2),
    "CharStorage": ("int8", 1),
    "ByteStorage": ("uint8", 1),
    "BoolStorage": ("bool", 1),
}
"""Type of the values and bytes of one, by torch's name of their storage."""


def storage_values(kind: str, count: int, content: bytearray) -> torch.Tensor:
    """Return the values of a storage ``(count,)``, which are not copied.

    Parameters
    ----------
    kind
        One of `STORAGES`.
    count
        Number of values.
    content
        Their bytes, the lowest first.

    Raises
    ------
    PickleError
        If there are more or fewer bytes.
    """
    import torch

    dtype, itemsize = STORAGES[kind]
    if len(content) != count * itemsize:
        raise PickleError(f"{len(content)} bytes of {count} values of a tensor")
    if dtype == "bool":
        # Bytes other than 0 and 1 are no truth values.
        content = bytearray((np.frombuffer(content, np.uint8) != 0).tobytes())
    own = getattr(torch, dtype)
    return torch.frombuffer(content, dtype=own) if content else torch.empty(0, dtype=own)
