"""Pickled subjects of IXI as TransMorph's users have them, read as data: nothing that a pickle names is ever called.

A pickle may name any function and have it called. This reader knows the few names that NumPy arrays need, and refuses
a file that names anything else.
"""

from __future__ import annotations

import codecs
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core import multiarray, numeric

from vision_cli.core.errors import InputError
from vision_cli.io.values import finite_values, image_values, label_values
from vision_cli.io.volumes import Volume

_ARRAYS = ("numpy.core.multiarray", "numpy._core.multiarray")
_KNOWN: Mapping[tuple[str, str], Callable[..., Any]] = {
    **{(module, "_reconstruct"): multiarray._reconstruct for module in _ARRAYS},
    **{(module, "scalar"): multiarray.scalar for module in _ARRAYS},
    ("numpy.core.numeric", "_frombuffer"): numeric._frombuffer,  # type: ignore[attr-defined]
    ("numpy._core.numeric", "_frombuffer"): numeric._frombuffer,  # type: ignore[attr-defined]
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,
}
_NOTE = "no header; voxels of 1 mm along the axes R, A and S are assumed"


def read_subject(path: Path) -> tuple[Volume, Volume | None]:
    """Read a pickled image and, where it has them, its labels.

    Raises
    ------
    InputError
        If the file is no pickle of one or two numeric arrays of one shape, or names what is not data.
    """
    try:
        with path.open("rb") as file:
            content = _ArraysOnly(file, path).load()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.") from None
    except InputError:
        raise
    except Exception as error:
        # Damaged pickles raise whatever their bytes lead to.
        raise InputError(
            f"{path}: not a pickle that can be read ({type(error).__name__}: {error}).", hint="Copy the file again."
        ) from error
    arrays = content if isinstance(content, tuple | list) else (content,)
    if not 1 <= len(arrays) <= 2 or not all(_is_volume(array) for array in arrays):
        raise InputError(
            f"{path}: an image, or an image and its labels, of two or three axes expected.",
            hint="Store numbers, as in pickle.dump((image, labels), file).",
        )
    image, labels = arrays[0], arrays[1] if len(arrays) == 2 else None
    if labels is not None and labels.shape != image.shape:
        raise InputError(
            f"{path}: labels of {labels.shape} voxels found; {image.shape}, as the image, expected.",
            hint="Store an image with its own labels.",
        )
    vox2ras = np.eye(image.ndim + 1)
    finite, notes = finite_values(path, image)
    read = Volume(image_values(path, finite), vox2ras, image.dtype, path, (*notes, _NOTE))
    if labels is None:
        return read, None
    return read, Volume(label_values(path, labels), vox2ras, np.dtype(np.int32), path)


def _is_volume(array: object) -> bool:
    return isinstance(array, np.ndarray) and array.ndim in (2, 3) and array.size > 0 and array.dtype.kind in "iuf"


class _ArraysOnly(pickle.Unpickler):
    def __init__(self, file: Any, path: Path) -> None:
        super().__init__(file)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        """Give the few functions that arrays are made with."""
        if (module, name) not in _KNOWN:
            raise InputError(
                f"{self._path}: names {module}.{name}, which is no data; NumPy arrays alone expected.",
                hint="Do not trust this file; ask its author for arrays.",
            )
        return _KNOWN[module, name]
