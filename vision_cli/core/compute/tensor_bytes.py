"""Tensors as the bytes of a safetensors file, the same for the same tensors.

The library orders metadata by a hash with a random seed, so that equal weights had different digests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

_LENGTH = 8
_ALIGNMENT = 8
_METADATA = "__metadata__"


def tensor_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return tensors by name, contiguous and on the CPU, and metadata as a safetensors file with sorted metadata."""
    from safetensors.torch import save

    written = save(dict(tensors), None if not metadata else dict(metadata))
    if not metadata:
        return written
    end = _LENGTH + int.from_bytes(written[:_LENGTH], "little")
    header = json.loads(written[_LENGTH:end])
    about = dict(sorted(header.pop(_METADATA).items()))
    text = json.dumps({_METADATA: about, **header}, separators=(",", ":"), ensure_ascii=False).encode()
    # Values begin at a multiple of eight bytes, as the format asks for.
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(_LENGTH, "little") + text + written[end:]
