"""What the tests of files share: values, grids of all kinds, and where ITK puts the voxels of a file."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk


def rotation(*degrees: float) -> np.ndarray:
    turn = np.eye(3)
    for angle, (a, b) in zip(np.radians(degrees), ((0, 1), (1, 2), (0, 2)), strict=True):
        step = np.eye(3)
        step[[a, b], [a, b]], step[a, b], step[b, a] = np.cos(angle), -np.sin(angle), np.sin(angle)
        turn = turn @ step
    return turn


def _grid(codes="RAS", spacing=(1.0, 1.0, 1.0), degrees=(0.0, 0.0, 0.0), origin=(-20.0, 31.0, 7.5)):
    vox2ras = np.eye(4)
    axes = nib.orientations.inv_ornt_aff(nib.orientations.axcodes2ornt(codes), (1, 1, 1))[:3, :3]
    vox2ras[:3, :3] = rotation(*degrees) @ np.linalg.inv(axes) * spacing
    vox2ras[:3, 3] = origin
    return vox2ras


@pytest.fixture(scope="session")
def grid():
    """Make a grid with these axes, turned by some degrees."""
    return _grid


@pytest.fixture(scope="session")
def values() -> np.ndarray:
    array = np.random.default_rng(0).random((6, 5, 4), dtype=np.float32)
    array.setflags(write=False)
    return array


@pytest.fixture(scope="session")
def assert_same_points_as_itk():
    """Check that random voxels of a file lie where ITK puts them, to 1e-4 mm."""

    def check(path, volume):
        image = sitk.ReadImage(str(path))
        rng = np.random.default_rng(1)
        for voxel in rng.uniform(0, np.array(volume.shape) - 1, (10, volume.ndim)):
            index = [*voxel.tolist(), *[0.0] * (image.GetDimension() - volume.ndim)]
            point = np.array(image.TransformContinuousIndexToPhysicalPoint(index))
            point[:2] *= -1
            ours = (volume.vox2ras @ [*voxel, 1])[:-1]
            np.testing.assert_allclose(ours, point[: volume.ndim], rtol=0, atol=1e-4)

    return check
