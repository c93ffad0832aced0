"""Prediction of a field by WiNet during a registration."""

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
from vision_cli.register.networks.winet import STRIDE, Variant
from vision_cli.register.optimisation import images
from vision_cli.register.optimisation.images import Image
from vision_cli.register.pipeline.weights import load_network
from vision_cli.register.transforms import fields
from vision_cli.register.transforms.fields import Grid

_BLUR = 0.35
_SQUARINGS = 7
STEP = 0.9
"""Factor of each prediction: a whole one overshoots on images that differ from those of the training."""


@dataclass(frozen=True)
class NetworkContribution:
    """Contribution of the network to a registration, as ``run.json`` records it.

    Attributes
    ----------
    weights, sha256
        Name or path of the weights, and their digest.
    passes
        Number of predictions.
    grid_shape, grid_spacing_mm
        Grid of the last prediction.
    seconds, cpu_seconds
        Wall time and CPU time of loading and of all predictions.
    peak_memory_mb
        Peak memory of the process after the last prediction.
    stage
        Stage of the optimisation, counted from 0, before which it predicted; None without an optimisation.
    loss_affine, loss_optimised, loss_proposed
        Losses of that stage without a field, with the field optimised so far, and with the prediction added.
    used
        Whether the predicted field was used.
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
    """A pair on a grid of the network, ``(*grid.shape)``, scaled to a greatest value of 1."""

    grid: Grid
    fixed: Tensor
    moving: Tensor


class NetworkPredictor:
    """Predicts what is left to do of a registration with trained weights.

    Parameters
    ----------
    choice
        Value of ``--weights``.
    fixed, moving
        Images with intensities near [0, 1].
    matrix
        The linear alignment, fixed RAS mm -> moving RAS mm.
    box
        A grid over the region of the fixed image that is registered.
    kind
        Kind of the fields: velocities (``diffeo``) or displacements.

    Raises
    ------
    InputError
        If the weights belong to a network of another kind or number of axes.
    MissingError
        If the weights are not found.
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
        """Return the network's grid, with ``fineness`` times the voxels of its training along the longest side."""
        extent = float(((np.asarray(self._box.shape) - 1) * self._box.spacing).max())
        return network_grid(self._box, extent / (round(fineness * self.network.longest_side) - 1))

    def add_prediction(self, field_voxels: Tensor, grid: Grid, fineness: float = 1.0) -> Tensor:
        """Return a field with the prediction of the network added.

        The network gets the moving image warped by the field and predicts the remaining displacement.

        Parameters
        ----------
        field_voxels
            ``(D, *grid.shape)`` in voxels of ``grid``; zero for a prediction after the affine alone.
        grid
            Grid of the field.
        fineness
            Resolution of the network's grid relative to its training. The network predicts voxels, so on a finer grid
            it resolves more detail and its displacements are smaller.

        Returns
        -------
        Tensor
            A field of the same kind on the same grid.
        """
        started, busy = time.monotonic(), time.process_time()
        view = self._view(fineness)
        with torch.no_grad():
            present_voxels = fields.transfer(field_voxels, grid, view.grid)
            displacement_voxels = (
                fields.exponentiate(present_voxels, _SQUARINGS) if self.kind == "diffeo" else present_voxels
            )
            points = fields.identity_points(view.grid.shape, field_voxels.device) + displacement_voxels
            warped = fields.sample(view.moving[None], points)
            added_voxels = (
                STEP * self.network(warped[None], view.fixed[None, None]).field_voxels(self.network.reference)[0]
            )
            if self.kind == "displacement" and self.network.variant == "diffeo":
                added_voxels = fields.exponentiate(added_voxels, _SQUARINGS)
            # Velocities are added to first order; displacements are composed, the predicted one first.
            total_voxels = (
                present_voxels + added_voxels if self.kind == "diffeo" else fields.compose(added_voxels, present_voxels)
            )
            # Only the change is resampled, so that details finer than the network's grid are kept.
            improved_voxels = field_voxels + fields.transfer(total_voxels - present_voxels, view.grid, grid)
        self._passes, self._last = self._passes + 1, view.grid
        self._seconds += time.monotonic() - started
        self._cpu_seconds += time.process_time() - busy
        self._peak_memory_mb = peak_memory_mb()
        return improved_voxels

    def _view(self, fineness: float) -> _View:
        if fineness not in self._views:
            grid = self.grid(fineness)
            unmoved = np.eye(self._box.ndim + 1)
            fixed, moving = (
                _on_network_grid(image, grid, matrix)
                for image, matrix in zip(self._pair, (unmoved, self._matrix), strict=True)
            )
            self._views[fineness] = _View(grid, fixed, moving)
        return self._views[fineness]

    @property
    def contribution(self) -> NetworkContribution:
        """Weights, grid, time and memory of the predictions so far."""
        card = self.weights.card
        return NetworkContribution(
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
                f"--weights: {self.weights.path}: a network of {self.network.dim}D images found; one of {ndim}D images "
                "expected.",
                hint="Give other weights, or --method optimize.",
            )
        if self.network.variant == "displacement" and self.kind == "diffeo":
            raise InputError(
                f"--weights: {self.weights.path}: a network of displacements found; one of velocities expected.",
                hint="Give --transform displacement, or --method optimize.",
            )


def _on_network_grid(image: Image, grid: Grid, matrix: NDArray[np.float64]) -> Tensor:
    """Resample an image onto the network's grid, ``(*grid.shape)``, scaled to a greatest value of 1."""
    spacing = float(grid.spacing.max())
    values = images.resample(image.pooled_to(spacing).blurred_to(spacing, _BLUR), grid, matrix)
    return values / values.max().clamp(min=1e-6)


def network_grid(box: Grid, spacing: float) -> Grid:
    """Return a grid for the network over a box, with the axes nearest to right, anterior and superior.

    Voxels have ``spacing`` mm along all axes and sides are multiples of 16; the padding is centred around the box.
    """
    order = io_orientation(box.vox2ras)
    dim = box.ndim
    # Row n of the orientation gives the world axis and direction of voxel axis n.
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
