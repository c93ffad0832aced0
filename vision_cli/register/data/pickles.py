"""Reader of the pickled subjects of IXI in the release of TransMorph."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.io.pickles.pickles import load_arrays
from vision_cli.io.volumes.values import finite_values, image_values, label_values
from vision_cli.io.volumes.volumes import Volume

_NOTE = "no header; voxels of 1 mm along the axes R, A and S are assumed"


def read_subject(path: Path) -> tuple[Volume, Volume | None]:
    """Return a pickled image and its labels, None without labels.

    Raises
    ------
    InputError
        If the file is not a pickle of one or two numeric arrays of one shape, or contains anything else.
    """
    content = load_arrays(path)
    arrays = content if isinstance(content, tuple | list) else (content,)
    if not 1 <= len(arrays) <= 2 or not all(_is_volume(array) for array in arrays):
        raise InputError(
            f"{path}: other content found; an image, or an image and its labels, of two or three axes expected.",
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
