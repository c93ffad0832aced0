"""Shared parts of the tests: grids of all kinds with a map between them, ITK's view of both, and pairs in files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import brain_pair, slice_pair
from vision_cli.phantoms.brains.pairs import PhantomGrid
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import AffineTransform, DisplacementTransform

KINDS = {
    "RAS": ("RAS", (22, 26, 20), (2.0, 2.0, 2.0), 0),
    "LAS": ("LAS", (22, 26, 20), (2.0, 2.0, 2.0), 0),
    "LIA": ("LIA", (22, 26, 20), (2.0, 2.0, 2.0), 0),
    "oblique": ("PIR", (22, 26, 20), (1.8, 2.1, 2.4), 23),
    "thick slices": ("LPS", (30, 34, 7), (1.3, 1.3, 8.0), 7),
    "2D": ("RA", (30, 41), (1.5, 1.0), 0),
    "2D oblique": ("LP", (30, 41), (1.5, 1.0), 12),
}


@dataclass(frozen=True)
class World:
    """A moving image, a fixed grid that reaches over its borders, and a chain from the one to the other."""

    fixed: Grid
    moving: Grid
    image: np.ndarray
    labels: np.ndarray
    chain: tuple


def _grid(codes, shape, spacing, angle, centre):
    grid = PhantomGrid.oriented(shape, spacing, axcodes=codes, centre=centre[: len(shape)], oblique_deg=angle)
    return Grid(grid.shape, grid.vox2ras)


def smooth(rng, shape, size, sigma):
    noise = ndimage.gaussian_filter(rng.normal(size=shape), [sigma] * len(shape), mode="nearest")
    return size * noise / np.abs(noise).max()


def world(kind, seed=0):
    rng = np.random.default_rng(seed)
    codes, shape, spacing, angle = KINDS[kind]
    ndim = len(shape)
    fixed = _grid(codes, shape, spacing, angle, (3.0, -12.0, 20.0))
    # Another order of axes, another spacing, a smaller box: borders of all kinds are met.
    moving = _grid(
        codes[::-1], tuple(n - 2 for n in shape), tuple(1.1 * s for s in spacing), -angle / 2, (1.0, -9.0, 22.0)
    )
    image = (smooth(rng, moving.shape, 1.0, 1.5) + 0.3 * rng.random(moving.shape)).astype(np.float32)
    labels = (2 * np.digitize(smooth(rng, moving.shape, 1.0, 2.5), (-0.3, 0.1, 0.4))).astype(np.int16)
    u = np.stack([smooth(rng, fixed.shape, 3.0, 4.0) for _ in range(ndim)], -1).astype(np.float32)
    matrix = np.eye(ndim + 1)
    matrix[:-1, :-1] += rng.normal(scale=0.04, size=(ndim, ndim))
    matrix[:-1, -1] = rng.normal(scale=2.0, size=ndim)
    return World(fixed, moving, image, labels, (DisplacementTransform(u, fixed), AffineTransform(matrix)))


@pytest.fixture(params=KINDS)
def any_world(request):
    """A world of each kind."""
    return world(request.param)


@pytest.fixture
def make_world():
    """Make a world of a kind."""
    return world


class Itk:
    """ITK's image and resampling of arrays on our grids."""

    @staticmethod
    def image(values, grid):
        import SimpleITK as sitk

        flip = np.array([-1.0, -1.0, 1.0][: grid.ndim])
        image = sitk.GetImageFromArray(np.ascontiguousarray(values.T))
        image.SetSpacing(grid.spacing.tolist())
        image.SetOrigin((flip * grid.vox2ras[:-1, -1]).tolist())
        image.SetDirection((flip[:, None] * grid.vox2ras[:-1, :-1] / grid.spacing).ravel().tolist())
        return image

    @classmethod
    def transform(cls, transform):
        """ITK's transform of one of ours, from an image of vectors."""
        import SimpleITK as sitk

        from vision_cli.register.transforms.itk_objects import affine_to_itk, on_orthogonal_grid

        if isinstance(transform, AffineTransform):
            return affine_to_itk(transform)
        transform, _ = on_orthogonal_grid(transform)
        grid, dim = transform.grid, transform.grid.ndim
        flip = np.array([-1.0, -1.0, 1.0][:dim])
        lps_mm = (transform.displacement_mm.astype(float) * flip).transpose([*reversed(range(dim)), dim])
        image = sitk.GetImageFromArray(np.ascontiguousarray(lps_mm), isVector=True)
        image.CopyInformation(cls.image(np.zeros(grid.shape, np.float32), grid))
        return sitk.DisplacementFieldTransform(image)

    @classmethod
    def resample(cls, values, grid, onto, transform, interpolation="linear"):
        import SimpleITK as sitk

        method = {
            "linear": sitk.sitkLinear,
            "nearest": sitk.sitkNearestNeighbor,
            "bspline": sitk.sitkBSpline,
        }[interpolation]
        reference = cls.image(np.zeros(onto.shape, np.float32), onto)
        return sitk.GetArrayFromImage(sitk.Resample(cls.image(values, grid), reference, transform, method, 0.0)).T


@pytest.fixture
def itk():
    """Images and resampling by SimpleITK."""
    return Itk


QUICK = ("--iters", "8,8", "--threads", "1", "--no-pictures")
ROLES = ("fixed", "moving", "fixed_label", "moving_label")


def run(*words):
    """Run a verb of the task in this process; return its exit code."""
    return launch(app, ["register", *map(str, words)])


def write_pair(directory, pair, suffix=".nii.gz"):
    """Write the images and labels of a generated pair; return the directory."""
    for side in ("fixed", "moving"):
        vox2ras = getattr(pair, f"{side}_vox2ras")
        write_volume(directory / f"{side}{suffix}", getattr(pair, side), vox2ras)
        write_volume(directory / f"{side}_label{suffix}", getattr(pair, f"{side}_labels"), vox2ras)
    return directory


@pytest.fixture(scope="session")
def head_pair(tmp_path_factory):
    """A directory with a generated pair and its labels, the moving image in another orientation."""
    return write_pair(
        tmp_path_factory.mktemp("heads"), brain_pair(3, (30, 36, 30), (6.0, 6.0, 6.0), moving_axcodes="LAS")
    )


@pytest.fixture(scope="session")
def registered(tmp_path_factory):
    """A directory with a generated pair and its labels, registered in ``out``."""
    directory = write_pair(
        tmp_path_factory.mktemp("registered"), brain_pair(5, (26, 32, 26), (7.0, 7.0, 7.0), moving_axcodes="PSR")
    )
    labels = [word for side in ("fixed", "moving") for word in (f"--{side}-label", directory / f"{side}_label.nii.gz")]
    words = (directory / "fixed.nii.gz", directory / "moving.nii.gz", *labels, "-o", directory / "out", *QUICK)
    assert run(*words, "-q") == 0
    return directory


@pytest.fixture(scope="session")
def listed(tmp_path_factory):
    """A table of five pairs of slices with labels."""
    directory = tmp_path_factory.mktemp("slices")
    rows = []
    for number in range(5):
        own = directory / f"s{number}"
        own.mkdir()
        write_pair(own, slice_pair(number, (36, 40), (5.0, 5.0)))
        rows.append(f"s{number},{','.join(f's{number}/{n}.nii.gz' for n in ROLES)}")
    table = directory / "pairs.csv"
    table.write_text("\n".join([",".join(("id", *ROLES)), *rows]) + "\n")
    return table
