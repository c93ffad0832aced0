"""Local correlation of a fixed image with a warped moving image, computed slab by slab.

At full resolution the image term takes most of the time and memory: upsampling the displacement to the image grid,
sampling, window sums and their gradients need a dozen volumes in each direction. Each slab is upsampled, sampled,
compared and differentiated before the next one, so that its volumes stay in the processor's cache. Slabs are cropped to
where the fixed image has structure, because windows without variance contribute nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vision_cli.register.optimisation.losses import (
    CORRELATION_FLOOR,
    box_sum,
    correlation_sum,
    long_axes,
    masked_correlation_sum,
)
from vision_cli.register.transforms import fields
from vision_cli.register.wavelets import apply_per_axis, interpolation_matrix

_SLAB_VOXELS = 600_000
_THINNEST = 8

Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class _Slab:
    """A box of window centres with the quantities that depend on the fixed image alone.

    Attributes
    ----------
    source
        Ranges of the displacement's grid that the slab is interpolated from.
    upsampling
        One matrix for each axis, from that part of the displacement to the samples of the slab.
    start
        First sample along each axis.
    border
        Voxels by which the windows extend beyond the image, in the order of :func:`functional.pad`.
    fixed
        Fixed image under the windows, including that border.
    mean, variance, weight
        Of the window around each centre.
    valid
        Which voxels under the windows are compared; None for all.
    """

    source: Box
    upsampling: tuple[Tensor, ...]
    start: tuple[int, ...]
    border: tuple[int, ...]
    fixed: Tensor
    mean: Tensor
    variance: Tensor
    weight: Tensor | None
    valid: Tensor | None


class WarpedCorrelation:
    """Negative mean squared local correlation of a fixed and a warped image, as a function of the displacement.

    Equal to ``LocalCorrelation(fixed, width, weight)(sample(moving, x + u(x)))`` with ``u`` upsampled to the image grid
    by linear interpolation.

    Parameters
    ----------
    fixed, moving
        ``(*grid)`` intensities near [0, 1] on one grid.
    field_shape
        Shape of the displacement's grid, over the same box.
    width
        Odd window width in voxels.
    weight
        Optional ``(*grid)`` weights of the window centres.
    valid
        Optional ``(*grid)``, 1 for the voxels of the fixed grid that are compared and 0 for the others, whatever the
        displacement.
    slab_voxels
        About how many voxels a slab has; on a GPU there is one slab.
    """

    def __init__(
        self,
        fixed: Tensor,
        moving: Tensor,
        field_shape: tuple[int, ...],
        width: int,
        weight: Tensor | None = None,
        slab_voxels: int = _SLAB_VOXELS,
        valid: Tensor | None = None,
    ) -> None:
        self.moving = moving[None]
        self.width = width
        self.total = float(fixed.numel()) if weight is None else float(weight.sum())
        shape = tuple(fixed.shape)
        thickness = max(_THINNEST, slab_voxels // max(1, fixed[0].numel()))
        if fixed.device.type != "cpu":
            thickness = shape[0]
        count = float(width ** len(long_axes(fixed)))
        mean = box_sum(fixed, width) / count
        variance = (box_sum(fixed * fixed, width) / count - mean**2).clamp_(min=0)
        # Below this variance the floor keeps the squared correlation under a thousandth, whatever the moving image.
        useful = variance * variance.max() > 1e-3 * CORRELATION_FLOOR
        if weight is not None:
            useful &= weight > 0
        reach = tuple(width // 2 if n > 1 else 0 for n in shape)
        matrices = [interpolation_matrix(m, n) for m, n in zip(field_shape, shape, strict=True)]
        padding = _pad_order([(r, r) for r in reach])
        padded = functional.pad(fixed, padding)
        compared = None if valid is None else functional.pad(valid.to(fixed), padding)
        self.slabs = []
        for box in _boxes(useful, thickness):
            outer = tuple((max(a - r, 0), min(b + r, n)) for (a, b), r, n in zip(box, reach, shape, strict=True))
            source, upsampling = [], []
            for (a, b), matrix in zip(outer, matrices, strict=True):
                block = matrix[a:b]
                used = np.flatnonzero(block.any(0))
                source.append((int(used[0]), int(used[-1]) + 1))
                used_columns = block[:, used[0] : used[-1] + 1]
                upsampling.append(torch.as_tensor(used_columns, dtype=fixed.dtype, device=fixed.device))
            inner = tuple(slice(a, b) for a, b in box)
            border = [(a - (c - r), (d + r) - b) for (a, b), (c, d), r in zip(outer, box, reach, strict=True)]
            windows = tuple(slice(c, d + 2 * r) for (c, d), r in zip(box, reach, strict=True))
            self.slabs.append(
                _Slab(
                    tuple(source),
                    tuple(upsampling),
                    tuple(a for a, _ in outer),
                    _pad_order(border),
                    padded[windows].contiguous(),
                    mean[inner].contiguous(),
                    variance[inner].contiguous(),
                    None if weight is None else weight[inner].contiguous(),
                    None if compared is None else compared[windows].contiguous(),
                )
            )

    def __call__(self, displacement_voxels: Tensor) -> Tensor:
        """Return the loss of a displacement ``(D, *field_shape)`` in voxels of its own grid; it lies in [-1, 0]."""
        result: Tensor = _SlabWise.apply(displacement_voxels, self)
        return result

    def slab_loss(self, slab: _Slab, part_units: Tensor) -> Tensor:
        """Return the contribution of a slab to the loss.

        Parameters
        ----------
        slab
            The slab.
        part_units
            ``(D, *shape)`` displacement over ``slab.source`` in normalised coordinates: -1 to 1 along each axis, the
            same for both grids.
        """
        dim = part_units.shape[0]
        raised_units = apply_per_axis(slab.upsampling, part_units)
        shape = tuple(raised_units.shape[1:])
        rows = []
        for axis in reversed(range(dim)):
            n = self.moving.shape[1 + axis]
            first = 2.0 * slab.start[axis] / max(n - 1, 1) - 1.0
            ramp = first + torch.arange(shape[axis], dtype=part_units.dtype, device=part_units.device) * (
                2.0 / max(n - 1, 1)
            )
            rows.append(raised_units[axis] + ramp.view([-1 if a == axis else 1 for a in range(dim)]))
        sampled = fields.sample_normalised(self.moving, torch.stack(rows, -1).reshape(-1, dim)).reshape(-1, *shape)
        if any(slab.border):
            sampled = functional.pad(sampled, slab.border)
        warped = sampled[0]
        if slab.valid is not None:
            masked, _ = masked_correlation_sum(warped, slab.fixed, slab.valid, slab.weight, self.width)
            return -masked / self.total
        total = correlation_sum(warped, slab.fixed, slab.mean, slab.variance, slab.weight, self.width)
        return -total / self.total


class _SlabWise(torch.autograd.Function):
    """Sum of the losses of all slabs; the gradient of each is computed before the next, to save memory."""

    @staticmethod
    def forward(ctx: Any, displacement_voxels: Tensor, match: WarpedCorrelation) -> Tensor:
        shape = displacement_voxels.shape[1:]
        unit = torch.tensor(
            [2.0 / max(n - 1, 1) for n in shape], dtype=displacement_voxels.dtype, device=displacement_voxels.device
        )
        unit = unit.view(-1, *([1] * len(shape)))
        value = displacement_voxels.new_zeros(())
        gradient = torch.zeros_like(displacement_voxels) if ctx.needs_input_grad[0] else None
        for slab in match.slabs:
            where = (slice(None), *(slice(a, b) for a, b in slab.source))
            part_units = displacement_voxels[where].detach() * unit
            if gradient is None:
                value += match.slab_loss(slab, part_units)
                continue
            with torch.enable_grad():
                loss = match.slab_loss(slab, part_units.requires_grad_())
                (slope,) = torch.autograd.grad(loss, part_units)
            value += loss.detach()
            gradient[where] += slope
        if gradient is not None:
            ctx.save_for_backward(gradient.mul_(unit))
        return value

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad_outputs[0], None


def _boxes(useful: Tensor, thickness: int) -> Iterator[Box]:
    """Split the useful voxels into slabs along the first axis; yield the bounding box of each."""
    present = torch.nonzero(useful.reshape(useful.shape[0], -1).any(1)).reshape(-1)
    if not present.numel():
        return
    first, end = int(present[0]), int(present[-1]) + 1
    count = math.ceil((end - first) / thickness)
    edges = [first + round(k * (end - first) / count) for k in range(count + 1)]
    for low, high in itertools.pairwise(edges):
        inside = torch.nonzero(useful[low:high])
        if inside.numel():
            ranges = zip(inside.amin(0).tolist(), inside.amax(0).tolist(), strict=True)
            (a, b), *others = [(int(a), int(b) + 1) for a, b in ranges]
            yield ((low + a, low + b), *others)


def _pad_order(border: list[tuple[int, int]]) -> tuple[int, ...]:
    """Return the widths ``(before, after)`` of each axis in the order of `functional.pad`: the last axis first."""
    return tuple(width for pair in reversed(border) for width in pair)
