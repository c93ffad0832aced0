"""NumPy archives (.npz): arrays whose size is asked before they are read."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from vision_cli.io.limits import DEFLATE, require_bytes, require_room

_HEADER_BYTES = 1 << 16
"""The header of an array is not longer; one may claim 4 GiB."""

_DENSEST = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: DEFLATE}


@dataclass(frozen=True)
class ArrayHeader:
    """What an archive says of an array.

    Attributes
    ----------
    shape, dtype
        Of the array.
    held
        Bytes of its member, unpacked, as the archive says.
    most
        Bytes that the member can hold at most.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    held: int
    most: float

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


def npz_headers(path: Path) -> dict[str, ArrayHeader]:
    """Read shapes and types of the arrays of an archive by name, without their values.

    Raises
    ------
    Exception
        Of whatever kind the library has for a damaged file.
    """
    headers = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not name.endswith(".npy"):
                continue
            member = archive.getinfo(name)
            with archive.open(name) as stream:
                shape, dtype = npy_header(stream.read(_HEADER_BYTES))
            most = member.compress_size * _DENSEST.get(member.compress_type, math.inf)
            headers[name.removesuffix(".npy")] = ArrayHeader(shape, dtype, member.file_size, most)
    return headers


def npy_header(start: bytes) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Read shape and type of an array from the first bytes of its file.

    Raises
    ------
    Exception
        Of whatever kind the library has for a damaged header.
    """
    stream = io.BytesIO(start)
    read = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype


def read_arrays(path: Path, headers: Mapping[str, ArrayHeader]) -> dict[str, NDArray[np.generic]]:
    """Read arrays of an archive; objects are never loaded.

    Parameters
    ----------
    path
        The archive.
    headers
        Of the arrays to read, from `npz_headers`.

    Raises
    ------
    InputError, InputTooLarge
        If they would not fit into memory, or the archive holds fewer bytes than they claim.
    Exception
        Of whatever kind the library has for a damaged file.
    """
    for name, header in headers.items():
        if header.dtype.hasobject:
            raise ValueError(f"array {name} is a pickle of objects, which is never loaded")
    needed = sum(header.nbytes for header in headers.values())
    most = sum(header.most for header in headers.values())
    require_room(path, needed, f"{len(headers)} arrays", stored=needed, most=most)
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for name, header in headers.items():
            require_bytes(path, header.nbytes, header.held)
            with archive.open(f"{name}.npy") as stream:
                arrays[name] = npy.read_array(stream, allow_pickle=False)
    return arrays
