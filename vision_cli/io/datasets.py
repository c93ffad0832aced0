"""Arrays of HDF5 and MATLAB files, whose size is asked before they are read: both kinds may be packed."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.limits import require_room

if TYPE_CHECKING:
    import h5py

_COPIES = 3
"""What is read, a copy as float64, and what the library takes beside."""

_MAT_HEADER, _MAT_COMPRESSED = 128, 15
_CHUNK = 1 << 20


def hdf5_array(path: Path, dataset: h5py.Dataset) -> NDArray[Any]:
    """Read a data set of an open HDF5 file; axes as they are stored.

    Raises
    ------
    InputError
        If it is no array of numbers, or claims values that the file does not hold.
    InputTooLarge
        If it would not fit into memory.
    """
    _require_dataset_room(path, dataset)
    return np.asarray(dataset[()])


def require_hdf5_room(path: Path) -> None:
    """Refuse an HDF5 file whose data sets, all of them, would not fit into memory.

    Raises
    ------
    InputError, InputTooLarge
        As `hdf5_array`.
    Exception
        Of whatever kind the library has for a damaged file.
    """
    import h5py

    counts = []

    def visit(_: str, found: object) -> None:
        if isinstance(found, h5py.Dataset) and found.dtype.kind in "biuf":
            _require_dataset_room(path, found)
            counts.append(math.prod(found.shape or ()))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    require_room(path, _COPIES * 8 * sum(counts), f"{len(counts)} data sets", most=math.inf)


def _require_dataset_room(path: Path, dataset: h5py.Dataset) -> None:
    name = getattr(dataset, "name", None)
    kind = getattr(getattr(dataset, "dtype", None), "kind", "")
    if kind not in "biuf" or not kind:
        raise InputError(f"{path}: {name} holds no array of numbers; one expected.", hint="Store numbers.")
    count = math.prod(dataset.shape or ())
    # A chunk is unpacked whole, however little of it is used.
    chunk = math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
    require_room(
        path,
        count * (dataset.dtype.itemsize + 8 * (_COPIES - 1)) + chunk,
        f"{name} claims {dataset.shape} values",
        stored=count,
        # Values that were never stored take no place in the file; filters pack others as densely as they like.
        most=math.inf if dataset.id.get_storage_size() else 0,
    )


def require_mat_room(path: Path) -> None:
    """Refuse a MATLAB file of version 5 with a packed array that would not fit into memory; other files pass.

    Raises
    ------
    InputTooLarge
        If it would not.
    ValueError
        If the file is damaged.
    """
    with path.open("rb") as stream:
        header = stream.read(_MAT_HEADER)
        order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
        if order is None:
            return
        while len(tag := stream.read(8)) == 8:
            kind, size = struct.unpack(f"{order}II", tag)
            end = stream.tell() + size
            if kind == _MAT_COMPRESSED:
                _require_unpacked_room(path, stream.read(size))
            stream.seek(end)


def _require_unpacked_room(path: Path, packed: bytes) -> None:
    unpacker = zlib.decompressobj()
    held = 0
    try:
        while packed and not unpacker.eof:
            held += len(unpacker.decompress(packed, _CHUNK))
            packed = unpacker.unconsumed_tail
            require_room(path, _COPIES * held, f"an array that unpacks to {held} bytes or more", most=math.inf)
    except zlib.error as error:
        raise ValueError(f"damaged packed data ({error})") from error
