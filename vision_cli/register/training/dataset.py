"""Images of a data set prepared for training: aligned linearly, resampled to one shape, in pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.errors import InputError
from vision_cli.core.runs import interrupts
from vision_cli.io.volumes.volumes import Volume
from vision_cli.register.data.layouts import Collection, ImageFile, read_image
from vision_cli.register.optimisation import affine, images
from vision_cli.register.optimisation.images import Image
from vision_cli.register.pipeline.inputs import grid_of
from vision_cli.register.pipeline.prediction import network_grid
from vision_cli.register.training.example import Example
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import AffineTransform, resample

Matrix = NDArray[np.float64]

_MARGIN = 0.02
_BLUR = 0.35
_VAL_FRACTION = 0.1
_LONGEST_SIDE = 64


@dataclass(frozen=True)
class PairDataset:
    """Images and the pairs to train and validate on.

    Attributes
    ----------
    images
        ``(N, *shape)`` float16 intensities in [0, 1]; both images of a pair lie on the same grid.
    labels
        ``(N, *shape)`` integers; None if not every image has labels.
    spacing
        Voxel size in mm, the same along all axes.
    training, validation
        Pairs of indices of the fixed and the moving image.
    matrices
        Linear alignments by image or pair, which a later call can reuse.
    """

    images: Tensor
    labels: NDArray[np.integer] | None
    spacing: float
    training: tuple[tuple[int, int], ...]
    validation: tuple[tuple[int, int], ...]
    matrices: Mapping[str, Matrix]

    def example(self, pair: tuple[int, int], device: torch.device, chosen: Sequence[int] | None = None) -> Example:
        """Return a pair on a device, with the labels ``chosen``; None for all labels that both images have."""
        fixed, moving = (self.images[n].to(device).float() for n in pair)
        if self.labels is None:
            return Example(fixed, moving)
        kept = self.shared_labels(pair) if chosen is None else chosen
        sides = [
            torch.stack([torch.as_tensor(self.labels[n] == label, device=device).float() for label in kept])
            for n in pair
        ]
        return Example(fixed, moving, sides[0], sides[1])

    def shared_labels(self, pair: tuple[int, int]) -> list[int]:
        """Return the labels that both images of a pair have."""
        first, second = (self._present[n] for n in pair)
        return sorted((first & second) - {0})

    @cached_property
    def _present(self) -> list[set[int]]:
        """Labels of each image."""
        if self.labels is None:
            return [set() for _ in self.images]
        return [set(np.unique(own).tolist()) for own in self.labels]


def build_dataset(
    collection: Collection,
    *,
    spacing: float | None,
    longest_sides: Mapping[int, int],
    align: bool | None = None,
    known: Mapping[str, Matrix] | None = None,
    val_fraction: float | None = None,
) -> PairDataset:
    """Read the images of a collection, align them and resample them to one shape.

    Images are aligned with the atlas of the collection, or with the first one; those of listed pairs with their fixed
    images. Each is interpolated once.

    Parameters
    ----------
    collection
        See `vision_cli.register.data.layouts.read_collection`.
    spacing
        Voxel size in mm; None for the one that gives ``longest_sides`` voxels along the longest side.
    longest_sides
        Voxels along the longest side, by the number of axes.
    align
        Whether to align linearly; None for the default of the layout.
    known
        Alignments of an earlier call, by image or pair.
    val_fraction
        Fraction of the images, or pairs, to validate on if the collection is not divided: the last ones, at least one,
        none for 0. None for a tenth if there are labels.

    Raises
    ------
    InputError
        If an image cannot be used, or no pair is left to train on.
    """
    wanted = not collection.aligned if align is None else align
    common = _CommonGrid(spacing, longest_sides, dict(known or {}), align=wanted)
    labelled = all(file.label is not None for file in collection.images)
    if collection.pairs:
        return _build_from_pairs(collection, common, labelled, val_fraction)
    return _build_from_images(collection, common, labelled, val_fraction)


def _build_from_images(
    collection: Collection, common: _CommonGrid, labelled: bool, val_fraction: float | None
) -> PairDataset:
    """Resample all images onto the grid of the atlas or the first image."""
    files = [file for file in collection.images if file.subset != "test"]
    if not files:
        raise InputError(
            "training: images of the test set alone found; images to train on expected.", hint="Check the split."
        )
    reference = next((file for file in files if file.id == collection.atlas), files[0])
    fixed, _ = _read(reference)
    grid = common.grid([fixed])
    resampled, labels = [], []
    for file in files:
        interrupts.check()
        image, own = _read(file)
        matrix = np.eye(grid.ndim + 1) if file is reference else common.matrix(file.id, fixed, image)
        resampled.append(_sampled(image, grid, matrix))
        labels.append(_nearest_labels(own, grid, matrix) if labelled and own is not None else None)
    subjects = [n for n, file in enumerate(files) if file.id != collection.atlas]
    validated = {n for n in subjects if files[n].subset == "validation"} or set(
        _last(subjects, val_fraction, labelled and len(subjects) > 2)
    )
    trained = [n for n in subjects if n not in validated]
    atlas = next((n for n, file in enumerate(files) if file.id == collection.atlas), None)
    if atlas is not None:
        training, validation = [(n, atlas) for n in trained], [(n, atlas) for n in sorted(validated)]
    else:
        training = [(a, b) for a in trained for b in trained if a != b]
        # A single held-out image is registered with one of the training images.
        partners = sorted(validated) if len(validated) > 1 else [*trained[:1]]
        validation = [(a, b) for a in sorted(validated) for b in partners if a != b]
    return _assemble(resampled, labels, common, grid, training, validation)


def _build_from_pairs(
    collection: Collection, common: _CommonGrid, labelled: bool, val_fraction: float | None
) -> PairDataset:
    """Resample each pair onto a grid around its fixed image; all grids have one shape."""
    files = {file.id: file for file in collection.images}
    pairs = [pair for pair in collection.pairs if pair.subset != "test"]
    if not pairs:
        raise InputError(
            "training: pairs of the test set alone found; pairs to train on expected.", hint="Check the split."
        )
    fixed_images = (_read(files[pair.fixed])[0] for pair in pairs)
    grid = common.grid(fixed_images)
    resampled, labels = [], []
    for pair in pairs:
        interrupts.check()
        (fixed, fixed_labels), (moving, moving_labels) = (_read(files[name]) for name in (pair.fixed, pair.moving))
        own = common.around(fixed, grid)
        matrix = common.matrix(f"{pair.fixed} {pair.moving}", fixed, moving)
        identity = np.eye(own.ndim + 1)
        for image, volume, to_image in ((fixed, fixed_labels, identity), (moving, moving_labels, matrix)):
            resampled.append(_sampled(image, own, to_image))
            labels.append(_nearest_labels(volume, own, to_image) if labelled and volume is not None else None)
    validated = {n for n, pair in enumerate(pairs) if pair.subset == "validation"} or set(
        _last(range(len(pairs)), val_fraction, labelled and len(pairs) > 2)
    )
    training, validation = (
        [(2 * n, 2 * n + 1) for n in range(len(pairs)) if (n in validated) == wanted] for wanted in (False, True)
    )
    return _assemble(resampled, labels, common, grid, training, validation)


def _assemble(
    resampled: Sequence[Tensor],
    labels: Sequence[NDArray[np.int32] | None],
    common: _CommonGrid,
    grid: Grid,
    training: Sequence[tuple[int, int]],
    validation: Sequence[tuple[int, int]],
) -> PairDataset:
    if not training:
        raise InputError(
            f"training: {len(resampled)} images found, with {len(validation)} pairs to validate on; pairs to train on "
            "expected.",
            hint="Give more images, or a smaller --val-fraction.",
        )
    maps = [own for own in labels if own is not None]
    return PairDataset(
        torch.stack(list(resampled)),
        _packed(maps) if len(maps) == len(resampled) else None,
        float(grid.spacing.max()),
        tuple(training),
        tuple(validation),
        common.matrices,
    )


def _packed(maps: Sequence[NDArray[np.int32]]) -> NDArray[np.integer]:
    """Stack label maps in the smallest integer type that holds their numbers."""
    low, high = min(int(own.min()) for own in maps), max(int(own.max()) for own in maps)
    kind = np.promote_types(np.min_scalar_type(low), np.min_scalar_type(high))
    return np.stack([own.astype(kind) for own in maps])


class _CommonGrid:
    """Grids of one shape and spacing, and the linear alignments of the images on them."""

    def __init__(
        self, spacing: float | None, longest_sides: Mapping[int, int], matrices: dict[str, Matrix], *, align: bool
    ) -> None:
        self.spacing, self.longest_sides, self.align = spacing, longest_sides, align
        self.matrices = matrices

    def grid(self, references: Sequence[Image] | Iterator[Image]) -> Grid:
        """Return a grid around the first reference that is large enough for the foreground of each."""
        boxes = [_foreground_box(reference) for reference in references]
        longest = max(float(((np.asarray(box.shape) - 1) * box.spacing).max()) for box in boxes)
        step = self.spacing
        if step is None:
            step = longest / (self.longest_sides.get(boxes[0].ndim, _LONGEST_SIDE) - 1)
        grids = [network_grid(box, step) for box in boxes]
        shape = np.max([grid.shape for grid in grids], axis=0)
        return _reshaped(grids[0], tuple(int(n) for n in shape))

    def around(self, reference: Image, grid: Grid) -> Grid:
        """Return a grid around a reference with the shape and spacing of another grid."""
        return _reshaped(network_grid(_foreground_box(reference), float(grid.spacing.max())), grid.shape)

    def matrix(self, name: str, fixed: Image, moving: Image) -> Matrix:
        """Return the linear alignment of an image or pair, fixed RAS mm -> moving RAS mm."""
        if not self.align:
            return np.eye(fixed.grid.ndim + 1)
        if name not in self.matrices:
            found = affine.register_linear(fixed, moving, kind="affine", metric="lncc", init="moments")
            self.matrices[name] = found.matrix
        return self.matrices[name]


def _foreground_box(image: Image) -> Grid:
    extent = max(n * s for n, s in zip(image.grid.shape, image.grid.spacing, strict=True))
    return images.crop_to_foreground(image, _MARGIN * float(extent))


def _reshaped(grid: Grid, shape: tuple[int, ...]) -> Grid:
    """Return the grid of another shape with the same spacing, axes and centre."""
    shift = np.eye(grid.ndim + 1)
    shift[:-1, -1] = (np.asarray(grid.shape) - np.asarray(shape)) / 2
    return Grid(shape, grid.vox2ras @ shift)


def _read(file: ImageFile) -> tuple[Image, Volume | None]:
    volume, labels = read_image(file)
    return Image(images.normalise(volume.data, torch.device("cpu")), grid_of(volume)), labels


def _sampled(image: Image, grid: Grid, matrix: Matrix) -> Tensor:
    blurred = image.blurred_to(float(grid.spacing.max()), _BLUR)
    values = images.resample(blurred, grid, matrix)
    return (values / values.max().clamp(min=1e-6)).half()


def _nearest_labels(volume: Volume, grid: Grid, matrix: Matrix) -> NDArray[np.int32]:
    """Return the labels ``(*grid.shape)`` by nearest neighbour, 0 outside."""
    return resample(volume.data, grid_of(volume), grid, (AffineTransform(matrix),), "nearest").astype(np.int32)


def _last(items: Sequence[int] | range, share: float | None, wanted: bool) -> list[int]:
    """Return the last items: a fraction, at least one; if ``share`` is None a tenth if ``wanted``, otherwise none."""
    share = share if share is not None else _VAL_FRACTION * wanted
    number = max(1, round(share * len(items))) if share > 0 else 0
    return list(items)[len(items) - number :]
