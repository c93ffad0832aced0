"""Label maps of heads for synthetic training pairs, real or generated, aligned with each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from vision_cli.core.errors import InputError
from vision_cli.core.runs import interrupts
from vision_cli.io.volumes.volumes import Volume, read_volume
from vision_cli.phantoms.brains import brains
from vision_cli.phantoms.brains.heads import OUTSIDE_THE_SKULL
from vision_cli.register.optimisation import affine, images
from vision_cli.register.optimisation.images import Image
from vision_cli.register.transforms import fields
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import AffineTransform, resample

SPACING_MM = 2.0
_SHAPE = (84, 104, 84)
"""Shape of an aligned map in voxels: a brain with a margin for rotation and scaling."""

_WHITE_MATTER = frozenset({2, 41})
_FLUID = 24
_FIRST_OUTSIDE = 100
_LARGEST = 255
# Vessels, chiasm and lesions, which FreeSurfer labels in some subjects only.
_SPORADIC = (25, 57, 72, 85, 30, 62)
_CLOSING = 4
_SLICES = (34, 38, 42, 46, 50)
_SUFFIXES = (".nii", ".nii.gz", ".mgz", ".mha", ".nrrd", ".npz")


@dataclass(frozen=True)
class Subject:
    """The label map of a subject.

    Attributes
    ----------
    labels
        ``(*grid)`` uint8, with voxels of :data:`SPACING_MM`.
    group
        Subjects of one group show the same part of the body at the same position.
    """

    labels: NDArray[np.uint8]
    group: int = 0


def read_subjects(directory: Path) -> list[Subject]:
    """Read the label maps of a folder and align them linearly with the first one.

    Maps with FreeSurfer's numbers are reduced to the brain and the fluid in its sulci, as after skull stripping.

    Raises
    ------
    InputError
        If there are fewer than two maps, one is not 3D, or has a label above 255.
    """
    paths = sorted(p for p in directory.glob("*") if p.name.endswith(_SUFFIXES)) if directory.is_dir() else []
    if len(paths) < 2:
        raise InputError(f"{directory}: {len(paths)} label maps found; two or more expected.")
    reference: Image | None = None
    subjects = []
    for path in paths:
        interrupts.check()
        volume = read_volume(path, kind="labels")
        if volume.ndim != 3:
            raise InputError(f"{path}: {volume.ndim}D labels found; 3D ones expected.")
        labels = _brain_only(volume.data)
        if int(labels.max()) > _LARGEST or int(labels.min()) < 0:
            raise InputError(f"{path}: labels {labels.min()} to {labels.max()} found; 0 to {_LARGEST} expected.")
        image = _t1_like_image(labels, volume)
        if reference is None:
            reference = image
            grid, matrix = _aligned_grid(image), np.eye(4)
        else:
            matrix = affine.register_linear(reference, image, kind="affine", metric="lncc", init="moments").matrix
        own = Grid(volume.shape, volume.vox2ras)
        onto = resample(labels, own, grid, (AffineTransform(matrix),), "nearest")
        subjects.append(Subject(onto.astype(np.uint8)))
    return subjects


def generate_subjects(count: int, seed: int) -> list[Subject]:
    """Return ``count`` generated heads without the tissue outside of the brain."""
    subjects = []
    for number in range(count):
        interrupts.check()
        labels = brains.brain_labels(_SHAPE, (SPACING_MM,) * 3, np.random.default_rng((seed, number)))
        subjects.append(Subject(np.where(np.isin(labels, OUTSIDE_THE_SKULL), 0, labels).astype(np.uint8)))
    return subjects


def slices_of(subjects: Sequence[Subject]) -> list[Subject]:
    """Return axial slices of the subjects, one group for each height."""
    return [Subject(s.labels[:, :, height], group) for group, height in enumerate(_SLICES) for s in subjects]


def soft_labels(labels: NDArray[np.uint8], spacing: float, device: torch.device) -> tuple[tuple[int, ...], Tensor]:
    """Return the label numbers, and the fraction of each in voxels of ``spacing`` mm, ``(L, *grid)`` float16."""
    numbers = tuple(int(n) for n in np.unique(labels))
    ratio = spacing / SPACING_MM
    shape = tuple(round(n / ratio) for n in labels.shape)
    stored = torch.as_tensor(labels, device=device)
    sigma = (0.35 * max(ratio - 1, 0.0),) * labels.ndim
    parts = [
        fields.resize(fields.gaussian_blur((stored == number)[None].float(), sigma), shape)[0] for number in numbers
    ]
    return numbers, torch.stack(parts).half()


def _brain_only(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Reduce a map with FreeSurfer's numbers to the brain; return other maps unchanged."""
    if not set(np.unique(labels).tolist()) >= _WHITE_MATTER:
        return labels
    inside = np.where(labels < _FIRST_OUTSIDE, labels, 0)
    inside[np.isin(inside, _SPORADIC)] = _FLUID
    tissue = np.pad((inside > 0) & (inside != _FLUID), 2 * _CLOSING)
    closed = ndimage.binary_closing(tissue, iterations=_CLOSING)[(slice(2 * _CLOSING, -2 * _CLOSING),) * 3]
    inside[(inside == _FLUID) & ~closed] = 0
    inside[(inside == 0) & closed] = _FLUID
    return inside


def _t1_like_image(labels: NDArray[np.int32], volume: Volume) -> Image:
    """Return an image with T1-like intensities of a label map, for the alignment."""
    means = brains.draw_means(np.random.default_rng(0), "t1")
    table = np.array(
        [means.get(n, 0.0 if n == 0 else 0.15 + 0.7 * (n * 0.37 % 1)) for n in range(_LARGEST + 1)], np.float32
    )
    return Image(torch.from_numpy(table[labels]), Grid(volume.shape, volume.vox2ras))


def _aligned_grid(image: Image) -> Grid:
    """Return the grid of the aligned maps: RAS axes, centred at the foreground of an image."""
    box = images.crop_to_foreground(image, 0.0)
    middle = box.vox2ras @ np.array([*((np.asarray(box.shape) - 1) / 2), 1.0])
    vox2ras = np.diag([SPACING_MM] * 3 + [1.0])
    vox2ras[:3, 3] = middle[:3] - (np.asarray(_SHAPE) - 1) / 2 * SPACING_MM
    return Grid(_SHAPE, vox2ras)
