"""What WiNet makes of a pair at a glance: a field to start the optimisation from, or to end with."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from nibabel.orientations import io_orientation
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.devices import peak_memory_mb
from vision_cli.core.errors import InputError
from vision_cli.core.weights import resolve_weights
from vision_cli.register import fields, images
from vision_cli.register.fields import Grid
from vision_cli.register.images import Image
from vision_cli.register.networks import STRIDE, Variant, WiNet, load_network

_BLUR = 0.35
_SQUARINGS = 7


@dataclass(frozen=True)
class Proposal:
    """A predicted field.

    Attributes
    ----------
    field
        ``(D, *grid.shape)`` in voxels of its grid, from fixed points to points of the linearly aligned moving image.
    grid
        Its grid.
    variant
        Whether the field is a displacement or a velocity.
    """

    field: Tensor
    grid: Grid
    variant: Variant

    def on(self, grid: Grid) -> Tensor:
        """Return the field on another grid, in that grid's voxels."""
        return fields.transfer(self.field, self.grid, grid)


@dataclass(frozen=True)
class NetworkShare:
    """What the network contributed to a registration.

    Attributes
    ----------
    weights, sha256
        Name or path of the weights, and their digest.
    grid_shape, grid_spacing_mm
        What the network saw.
    seconds, cpu_seconds, peak_memory_mb
        Of the prediction, on the wall and on all cores together; and of the process until then.
    stage
        Stage of the optimisation, from 0, before which its field was met; None without an optimisation.
    loss_from_zero, loss_from_network
        Losses of that stage with the field optimised so far, and with the network's.
    used
        Whether the network's field was taken.
    """

    weights: str
    sha256: str
    grid_shape: tuple[int, ...]
    grid_spacing_mm: float
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    stage: int | None = None
    loss_from_zero: float | None = None
    loss_from_network: float | None = None
    used: bool = True


def propose(
    choice: str,
    fixed: Image,
    moving: Image,
    matrix: NDArray[np.float64],
    box: Grid,
    *,
    kind: Variant,
    device: torch.device,
) -> tuple[Proposal, NetworkShare]:
    """Have the network of some weights predict the field of a pair.

    Parameters
    ----------
    choice
        What ``--weights`` says.
    fixed, moving, matrix, box
        As for :func:`predict`.
    kind
        What field is wanted; a velocity serves for a displacement too.
    device
        Where it is computed.

    Raises
    ------
    InputError
        If the weights are not of such a network.
    MissingError
        If they are not there.
    """
    started, busy = time.monotonic(), time.process_time()
    weights = resolve_weights(choice, "register", f"winet-{box.ndim}d")
    network = load_network(weights.path)
    if network.dim != box.ndim:
        raise InputError(
            f"--weights: {weights.path}: a network of {network.dim}D images found; of {box.ndim}D ones expected.",
            hint="Give other weights, or --method optimize.",
        )
    if network.variant == "displacement" and kind == "diffeo":
        raise InputError(
            f"--weights: {weights.path}: a network of displacements found; of velocities expected.",
            hint="Give --transform displacement, or --method optimize.",
        )
    proposal = predict(network.to(device), fixed, moving, matrix, box)
    if proposal.variant == "diffeo" and kind == "displacement":
        proposal = Proposal(fields.exponentiate(proposal.field, _SQUARINGS), proposal.grid, "displacement")
    return proposal, NetworkShare(
        weights=weights.card.name if weights.card else str(weights.path),
        sha256=weights.sha256,
        grid_shape=proposal.grid.shape,
        grid_spacing_mm=round(float(proposal.grid.spacing.max()), 3),
        seconds=round(time.monotonic() - started, 3),
        cpu_seconds=round(time.process_time() - busy, 3),
        peak_memory_mb=round(peak_memory_mb(), 1),
    )


def predict(network: WiNet, fixed: Image, moving: Image, matrix: NDArray[np.float64], box: Grid) -> Proposal:
    """Predict the field of a pair.

    Parameters
    ----------
    network
        Ready to predict, for as many axes as the images have.
    fixed, moving
        Images with intensities near [0, 1].
    matrix
        Fixed RAS mm -> moving RAS mm, the linear alignment.
    box
        A grid over the part of the fixed image that is to be registered.
    """
    extent = float(((np.asarray(box.shape) - 1) * box.spacing).max())
    grid = network_grid(box, extent / (network.longest_side - 1))
    spacing = float(grid.spacing.max())
    seen = [
        images.resample(image.blurred_to(spacing, _BLUR), grid, to_image)[None, None]
        for image, to_image in ((moving, matrix), (fixed, np.eye(grid.ndim + 1)))
    ]
    with torch.no_grad():
        prediction = network(*(part / part.max().clamp(min=1e-6) for part in seen))
    return Proposal(prediction.in_voxels(network.reference)[0], grid, network.variant)


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
