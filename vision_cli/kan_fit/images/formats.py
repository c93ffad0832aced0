"""File formats of labelled images: IDX, CIFAR's pickles and binaries, NPZ.

Each reader returns pixels ``(N, H, W, C)`` of 8 bits and labels ``(N,)`` as stored.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.arrays import npz_headers, read_arrays
from vision_cli.io.limits import most_unpacked, require_bytes, require_memory
from vision_cli.io.packing import DAMAGE, open_unpacked
from vision_cli.io.pickles.pickles import load_arrays
from vision_cli.io.reading import reading

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]

_UNSIGNED_BYTES = 8
_CIFAR_SIDE, _CIFAR_BYTES = 32, 3072
_LABEL_KEYS = ("labels", "fine_labels")


@dataclass(frozen=True)
class StoredImages:
    """Images and labels of a file.

    Attributes
    ----------
    pixels
        ``(N, H, W, C)``.
    labels
        ``(N,)``, as stored; None where the file has none.
    """

    pixels: Pixels
    labels: Labels | None


def read_idx(path: Path, axes: tuple[int, ...]) -> Pixels:
    """Read the unsigned bytes of an IDX file, plain or ``.gz``.

    Parameters
    ----------
    path
        The file: two zero bytes, the type, the number of axes, their lengths as big-endian 32-bit integers, the values.
    axes
        Accepted numbers of axes: 1 for labels, 3 or 4 for images.

    Raises
    ------
    InputError
        If it is another kind of file, or truncated.
    """
    try:
        with open_unpacked(path) as stream:
            return _idx(path, stream, axes)
    except DAMAGE as error:
        raise InputError(f"{path}: truncated or damaged ({error}).", hint="Copy the file again.") from error


def read_idx_pair(images: Path) -> StoredImages:
    """Read IDX images and, if there is one, the file of their labels beside them.

    Raises
    ------
    InputError
        If there are more labels than images or fewer, or a file is damaged.
    """
    pixels = read_idx(images, (3, 4))
    found = [path for path in (images.with_name(name) for name in _label_names(images.name)) if path.exists()]
    labels = read_idx(found[0], (1,)).astype(np.int64) if found else None
    if labels is not None and len(labels) != len(pixels):
        raise InputError(
            f"{found[0]}: {len(labels)} labels found; {len(pixels)} expected, the number of images in {images.name}.",
            hint="Give the two files of one data set.",
        )
    return StoredImages(pixels if pixels.ndim == 4 else pixels[..., None], labels)


def read_cifar_pickle(path: Path) -> StoredImages:
    """Read a batch of CIFAR pickled for Python, without executing anything.

    Raises
    ------
    InputError
        If it is not a batch of CIFAR.
    """
    content = load_arrays(path, encoding="bytes")
    named = {_text(key): value for key, value in content.items()} if isinstance(content, dict) else {}
    data = named.get("data")
    labels = next((named[key] for key in _LABEL_KEYS if key in named), None)
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != _CIFAR_BYTES or data.dtype != np.uint8:
        raise InputError(f"{path}: not a batch of CIFAR; bytes (N, {_CIFAR_BYTES}) under 'data' expected.")
    if not isinstance(labels, list) or len(labels) != len(data) or not all(isinstance(n, int) for n in labels):
        raise InputError(f"{path}: labels missing or of another number; {len(data)} integers, one an image, expected.")
    return StoredImages(_cifar_images(data), np.array(labels, dtype=np.int64))


def read_cifar_names(path: Path) -> tuple[str, ...]:
    """Read the class names of CIFAR: ``batches.meta`` or ``meta``, or one name a line in ``.txt``.

    Raises
    ------
    InputError
        If the file has no class names.
    """
    if path.suffix == ".txt":
        return tuple(path.read_text(encoding="utf-8", errors="replace").split())
    content = load_arrays(path, encoding="bytes")
    named = {_text(key): value for key, value in content.items()} if isinstance(content, dict) else {}
    names = named.get("label_names", named.get("fine_label_names"))
    if not isinstance(names, list) or not all(isinstance(name, str | bytes) for name in names):
        raise InputError(f"{path}: no class names found; label_names or fine_label_names expected.")
    return tuple(_text(name) for name in names)


def read_cifar_binary(path: Path, label_bytes: int) -> StoredImages:
    """Read a binary batch of CIFAR: for each image one label byte or two, the last of which is used, then its planes.

    Parameters
    ----------
    path
        The file.
    label_bytes
        1 for CIFAR-10, 2 (coarse and fine) for CIFAR-100.

    Raises
    ------
    InputError
        If the size of the file is not a multiple of a record's.
    """
    size, record = path.stat().st_size, label_bytes + _CIFAR_BYTES
    if size == 0 or size % record:
        raise InputError(
            f"{path}: {size} bytes found; a multiple of {record} expected.",
            hint="Copy the file again, or give --layout.",
        )
    require_memory(path, (size // record, record), 1)
    records = np.fromfile(path, dtype=np.uint8).reshape(-1, record)
    return StoredImages(_cifar_images(records[:, label_bytes:]), records[:, label_bytes - 1].astype(np.int64))


def read_npz_images(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read the arrays of an NPZ archive by name; object arrays are refused.

    Raises
    ------
    InputError
        If the archive is damaged, or its arrays exceed the free memory.
    """
    with reading(path):
        headers = npz_headers(path)
    for name, header in headers.items():
        if header.dtype.kind not in "biuf":
            raise InputError(
                f"{path}: array {name} of type {header.dtype} found; numbers expected.",
                hint="Store numbers, not objects.",
            )
        require_memory(path, header.shape, header.dtype.itemsize, most=header.most)
    with reading(path):
        return read_arrays(path, headers)


def as_pixels(path: Path, name: str, values: NDArray[np.generic]) -> Pixels:
    """Return an array of images as pixels of 8 bits, ``(N, H, W, C)``.

    Parameters
    ----------
    path, name
        Archive and name of the array, for error messages.
    values
        ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, C, H, W)`` with 1 or 3 channels; bytes, or real numbers in [0, 1] or
        [0, 255].

    Raises
    ------
    InputError
        If the shape or the range of values is another.
    """
    if values.ndim == 3:
        values = values[..., None]
    if values.ndim == 4 and values.shape[-1] not in (1, 3) and values.shape[1] in (1, 3):
        values = values.transpose(0, 2, 3, 1)
    if values.ndim != 4 or values.shape[-1] not in (1, 3) or not values.size:
        raise InputError(
            f"{path}: array {name} of shape {values.shape} found; (N, H, W), (N, H, W, C) or (N, C, H, W) with one or "
            "three channels expected."
        )
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values, dtype=np.uint8)
    numbers = values.astype(np.float32)
    if not np.isfinite(numbers).all() or numbers.min() < 0 or numbers.max() > 255:
        raise InputError(
            f"{path}: array {name} has values outside [0, 255]; pixels in [0, 1] or [0, 255] expected.",
            hint="Rescale them.",
        )
    return np.rint(numbers * (255 if numbers.max() <= 1 else 1)).astype(np.uint8)


def _idx(path: Path, stream: IO[bytes], axes: tuple[int, ...]) -> Pixels:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != _UNSIGNED_BYTES or magic[3] not in axes:
        expected = " or ".join(f"0x{_UNSIGNED_BYTES << 8 | n:08x}" for n in axes)
        raise InputError(
            f"{path}: magic 0x{magic.hex()} found; {expected} expected.",
            hint="Check that images and labels are not swapped.",
        )
    lengths = stream.read(4 * magic[3])
    require_bytes(path, 4 + 4 * magic[3], 4 + len(lengths))
    shape = tuple(int(n) for n in np.frombuffer(lengths, dtype=">u4"))
    most = most_unpacked(path) if path.suffix == ".gz" else path.stat().st_size
    require_memory(path, shape, 1, most=most)
    values = stream.read(math.prod(shape))
    require_bytes(path, math.prod(shape), len(values))
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def _label_names(images: str) -> tuple[str, ...]:
    """Return the file names that the labels of IDX images may have, plain and compressed."""
    name = images.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    return name, f"{name}.gz"


def _cifar_images(planes: Pixels) -> Pixels:
    return np.ascontiguousarray(planes.reshape(-1, 3, _CIFAR_SIDE, _CIFAR_SIDE).transpose(0, 2, 3, 1))


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
