"""Files of one slice: images of three axes, one of which has a single voxel, and their plane in space.

Such a slice is computed with as an image of two axes, in mm along its plane, and written back on the grid of its file.
The coordinates in the plane are those of the two world axes that it lies nearest to: x and y of an axial slice, x and z
of a coronal one, y and z of a sagittal one. A tilted slice is turned into that plane by the smallest rotation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.volumes.raw import Matrix, SlicePlane, slice_grid, without_trailing_ones

AXIAL = SlicePlane(2, np.eye(4), np.eye(4))
"""The plane of images of two axes, as ITK has it."""


def one_slice(
    data: NDArray[np.generic], vox2ras: Matrix
) -> tuple[NDArray[np.generic], Matrix, SlicePlane | None, tuple[str, ...]]:
    """Return values and grid of a file without its single-voxel axis, its plane, and what to note.

    Parameters
    ----------
    data
        Values as stored, of two axes or more; axes beyond the third have one entry.
    vox2ras
        ``(4, 4)``.

    Returns
    -------
    tuple
        Values and grid, unchanged for a volume; the plane of a slice, None for other images; notes.
    """
    if data.ndim > 3:
        data = data.reshape(data.shape[:3])
    thin = [axis for axis, n in enumerate(data.shape) if n == 1]
    if data.ndim == 3 and len(thin) == 1 and _is_regular(vox2ras):
        plane = SlicePlane(thin[0], vox2ras, _frame(vox2ras, thin[0]))
        inside = [*(axis for axis in range(3) if axis != thin[0]), 3]
        flat = (np.linalg.inv(plane.frame) @ vox2ras)[np.ix_([0, 1, 3], inside)]
        return data.squeeze(thin[0]), flat, plane, ()
    data = without_trailing_ones(data)
    if data.ndim == 2:
        flat, notes = slice_grid(vox2ras)
        return data, flat, None, notes
    return data, vox2ras, None, ()


def _is_regular(vox2ras: Matrix) -> bool:
    return bool(np.isfinite(vox2ras).all() and abs(np.linalg.det(vox2ras)) > 0)


def _frame(vox2ras: Matrix, axis: int) -> Matrix:
    """Return the frame of the plane across an axis of the file, see `SlicePlane`."""
    one, other = (vox2ras[:3, a] for a in range(3) if a != axis)
    normal = np.cross(one, other)
    normal /= np.linalg.norm(normal)
    nearest = int(np.abs(normal).argmax())
    normal *= np.sign(normal[nearest])
    # The smallest rotation from the world axis to the normal (Rodrigues).
    x, y, z = np.cross(np.eye(3)[nearest], normal)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = np.eye(3) + cross + cross @ cross / (1 + normal[nearest])
    frame = np.eye(4)
    frame[:3, :3] = np.stack([*(turn[:, a] for a in range(3) if a != nearest), normal], axis=1)
    frame[:3, 3] = normal * (normal @ vox2ras[:3, 3])
    return frame
