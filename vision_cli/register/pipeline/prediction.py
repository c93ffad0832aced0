"""What WiNet makes of a pair at a glance: a field to start the optimisation from, or to end with."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from nibabel.orientations import io_orientation
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.compute.devices import peak_memory_mb
from vision_cli.core.compute.weights import resolve_weights
from vision_cli.core.errors import InputError
from vision_cli.register.networks import STRIDE, Variant, load_network
from vision_cli.register.optimisation import images
from vision_cli.register.optimisation.images import Image
from vision_cli.register.transforms import fields
from vision_cli.register.transforms.fields import Grid

_BLUR = 0.35
_SQUARINGS = 7
STEP = 0.9
"""Share of a prediction that is taken: a whole one overshoots where pairs differ from those of the training."""


@dataclass(frozen=True)
class NetworkShare:
    """What the network contributed to a registration.

    Attributes
    ----------
    weights, sha256
        Name or path of the weights, and their digest.
    passes
        How often it was asked.
    grid_shape, grid_spacing_mm
        What it saw at the last pass.
    seconds, cpu_seconds, peak_memory_mb
        Of its predictions, on the wall and on all cores together; and of the process until then.
    stage
        Stage of the optimisation, from 0, before which it was asked; None without an optimisation.
    loss_affine, loss_optimised, loss_proposed
        Losses of that stage with no field, with the one optimised so far, and with what the network made of it.
    used
        Whether the network's field was taken.
    """

    weights: str
    sha256: str
    passes: int
    grid_shape: tuple[int, ...]
    grid_spacing_mm: float
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    stage: int | None = None
    loss_affine: float | None = None
    loss_optimised: float | None = None
    loss_proposed: float | None = None
    used: bool = True


@dataclass(frozen=True)
class _View:
    """The pair on a grid of the network's, ``(*grid.shape)``, greatest values 1."""

    grid: Grid
    fixed: Tensor
    moving: Tensor


class Proposer:
    """The network of some weights, and a pair as it sees it.

    Parameters
    ----------
    choice
        What ``--weights`` says.
    fixed, moving
        Images with intensities near [0, 1].
    matrix
        Fixed RAS mm -> moving RAS mm, the linear alignment.
    box
        A grid over the part of the fixed image that is to be registered.
    kind
        What fields are: velocities (``diffeo``) or displacements.

    Raises
    ------
    InputError
        If the weights are not of such a network.
    MissingError
        If they are not there.
    """

    def __init__(
        self, choice: str, fixed: Image, moving: Image, matrix: NDArray[np.float64], box: Grid, kind: Variant
    ) -> None:
        started, busy = time.monotonic(), time.process_time()
        self.weights = resolve_weights(choice, "register", f"winet-{box.ndim}d")
        self.network = load_network(self.weights.path).to(fixed.values.device)
        self.kind = kind
        self._require_fitting(box.ndim)
        self._pair, self._matrix, self._box = (fixed, moving), matrix, box
        self._views: dict[float, _View] = {}
        self._passes = 0
        self._last = self.grid()
        self._seconds, self._cpu_seconds = time.monotonic() - started, time.process_time() - busy
        self._peak_memory_mb = 0.0

    def grid(self, fineness: float = 1.0) -> Grid:
        """Return what the network sees: ``fineness`` times the voxels of its training along the longest side."""
        extent = float(((np.asarray(self._box.shape) - 1) * self._box.spacing).max())
        return network_grid(self._box, extent / (round(fineness * self.network.longest_side) - 1))

    def improved(self, field: Tensor, grid: Grid, fineness: float = 1.0) -> Tensor:
        """Return a field with what the network adds to it.

        The network is shown the moving image as the field has it already, and predicts what is left to do.

        Parameters
        ----------
        field
            ``(D, *grid.shape)`` in voxels of its grid; zero for a prediction from the affine.
        grid
            Its grid.
        fineness
            How many voxels the network sees along an axis, in proportion to its training. Its displacements are in
            voxels: on a finer grid it sees more and moves less.

        Returns
        -------
        Tensor
            A field of the same kind on the same grid.
        """
        started, busy = time.monotonic(), time.process_time()
        view = self._view(fineness)
        with torch.no_grad():
            present = fields.transfer(field, grid, view.grid)
            displacement = fields.exponentiate(present, _SQUARINGS) if self.kind == "diffeo" else present
            points = fields.identity_points(view.grid.shape, field.device) + displacement
            warped = fields.sample(view.moving[None], points)
            added = STEP * self.network(warped[None], view.fixed[None, None]).in_voxels(self.network.reference)[0]
            if self.kind == "displacement" and self.network.variant == "diffeo":
                added = fields.exponentiate(added, _SQUARINGS)
            # Velocities add up to first order; of displacements the added one comes first.
            total = present + added if self.kind == "diffeo" else fields.compose(added, present)
            # What the network's grid is too coarse for is kept.
            improved = field + fields.transfer(total - present, view.grid, grid)
        self._passes, self._last = self._passes + 1, view.grid
        self._seconds += time.monotonic() - started
        self._cpu_seconds += time.process_time() - busy
        self._peak_memory_mb = peak_memory_mb()
        return improved

    def _view(self, fineness: float) -> _View:
        if fineness not in self._views:
            grid = self.grid(fineness)
            unmoved = np.eye(self._box.ndim + 1)
            fixed, moving = (
                _seen(image, grid, matrix) for image, matrix in zip(self._pair, (unmoved, self._matrix), strict=True)
            )
            self._views[fineness] = _View(grid, fixed, moving)
        return self._views[fineness]

    @property
    def share(self) -> NetworkShare:
        """What it took so far."""
        card = self.weights.card
        return NetworkShare(
            weights=card.name if card else str(self.weights.path),
            sha256=self.weights.sha256,
            passes=self._passes,
            grid_shape=self._last.shape,
            grid_spacing_mm=round(float(self._last.spacing.max()), 3),
            seconds=round(self._seconds, 3),
            cpu_seconds=round(self._cpu_seconds, 3),
            peak_memory_mb=round(self._peak_memory_mb, 1),
        )

    def _require_fitting(self, ndim: int) -> None:
        if self.network.dim != ndim:
            raise InputError(
                f"--weights: {self.weights.path}: a network of {self.network.dim}D images found; of {ndim}D ones "
                "expected.",
                hint="Give other weights, or --method optimize.",
            )
        if self.network.variant == "displacement" and self.kind == "diffeo":
            raise InputError(
                f"--weights: {self.weights.path}: a network of displacements found; of velocities expected.",
                hint="Give --transform displacement, or --method optimize.",
            )


def _seen(image: Image, grid: Grid, matrix: NDArray[np.float64]) -> Tensor:
    """Image on the network's grid, ``(*grid.shape)``, its greatest value 1."""
    spacing = float(grid.spacing.max())
    values = images.resample(image.pooled_to(spacing).blurred_to(spacing, _BLUR), grid, matrix)
    return values / values.max().clamp(min=1e-6)


def network_grid(box: Grid, spacing: float) -> Grid:
    """Choose a grid for the network over a box: its axes nearest to right, anterior and superior.

    Voxels are ``spacing`` mm large along all axes and sides are multiples of 16; what is more than the box lies evenly
    around it.
    """
    order = io_orientation(box.vox2ras)
    dim = box.ndim
    # Row n of the orientation says which world axis voxel axis n runs along, and which way.
    axes = [int(np.flatnonzero(order[:, 0] == world)[0]) for world in range(dim)]
    directions = box.vox2ras[:-1, :-1] / box.spacing
    turned = np.stack([directions[:, axis] * order[axis, 1] for axis in axes], axis=1)
    extent = np.array([(box.shape[axis] - 1) * box.spacing[axis] for axis in axes])
    shape = tuple(STRIDE * max(1, int(np.ceil((size / spacing + 1) / STRIDE - 1e-6))) for size in extent)
    centre = box.vox2ras @ np.array([*((np.asarray(box.shape) - 1) / 2), 1.0])
    vox2ras = np.eye(dim + 1)
    vox2ras[:-1, :-1] = turned * spacing
    vox2ras[:-1, -1] = centre[:-1] - vox2ras[:-1, :-1] @ ((np.asarray(shape) - 1) / 2)
    return Grid(shape, vox2ras)
