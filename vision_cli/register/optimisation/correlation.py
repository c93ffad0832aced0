"""Local correlation of a fixed image with a moving one under a displacement, worked off slab by slab.

At full resolution the image term is most of the work and all of the memory: bringing the displacement up to the image
grid, sampling, window sums and their gradients are a dozen volumes each way. A slab is brought up, sampled, compared
and differentiated before the next one begins, so that its volumes stay in the processor's cache, and it is cut to the
part where the fixed image has structure, because a window without variance contributes nothing.
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

from vision_cli.register.optimisation.losses import CORRELATION_FLOOR, box_sum, correlation_sum, long_axes
from vision_cli.register.transforms import fields
from vision_cli.register.wavelets import apply_per_axis, interpolation_matrix

_SLAB_VOXELS = 600_000
_THINNEST = 8

Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class _Slab:
    """A box of window centres with all that depends on the fixed image alone.

    Attributes
    ----------
    source
        Ranges of the displacement's grid that reach the slab.
    rise
        Matrix an axis from that part of the displacement to the slab's samples.
    start
        First sample along each axis.
    border
        How far the windows reach over the image, before and after along each axis, as :func:`functional.pad` wants it.
    fixed
        Fixed image under the windows, that border included.
    mean, variance, weight
        Of the window around each centre.
    """

    source: Box
    rise: tuple[Tensor, ...]
    start: tuple[int, ...]
    border: tuple[int, ...]
    fixed: Tensor
    mean: Tensor
    variance: Tensor
    weight: Tensor | None


class WarpedCorrelation:
    """Negative mean squared local correlation of a fixed image and a warped one, as a function of the displacement.

    Equal to ``LocalCorrelation(fixed, width, weight)(sample(moving, x + u(x)))`` with ``u`` brought to the image grid
    by linear interpolation.

    Parameters
    ----------
    fixed, moving
        ``(*grid)`` intensities near [0, 1] on one grid.
    field_shape
        Grid of the displacements to come, over the same box.
    width
        Odd window width in voxels.
    weight
        Optional ``(*grid)`` weights of the window centres.
    slab_voxels
        About how many voxels are worked on at a time; on a GPU all of them.
    """

    def __init__(
        self,
        fixed: Tensor,
        moving: Tensor,
        field_shape: tuple[int, ...],
        width: int,
        weight: Tensor | None = None,
        slab_voxels: int = _SLAB_VOXELS,
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
        # A window of less variance correlates to less than a thousandth whatever it meets: the floor outweighs it.
        useful = variance * variance.max() > 1e-3 * CORRELATION_FLOOR
        if weight is not None:
            useful &= weight > 0
        reach = tuple(width // 2 if n > 1 else 0 for n in shape)
        matrices = [interpolation_matrix(m, n) for m, n in zip(field_shape, shape, strict=True)]
        padded = functional.pad(fixed, _pad_order([(r, r) for r in reach]))
        self.slabs = []
        for box in _boxes(useful, thickness):
            outer = tuple((max(a - r, 0), min(b + r, n)) for (a, b), r, n in zip(box, reach, shape, strict=True))
            source, rise = [], []
            for (a, b), matrix in zip(outer, matrices, strict=True):
                block = matrix[a:b]
                used = np.flatnonzero(block.any(0))
                source.append((int(used[0]), int(used[-1]) + 1))
                rise.append(torch.as_tensor(block[:, used[0] : used[-1] + 1], dtype=fixed.dtype, device=fixed.device))
            inner = tuple(slice(a, b) for a, b in box)
            border = [(a - (c - r), (d + r) - b) for (a, b), (c, d), r in zip(outer, box, reach, strict=True)]
            windows = tuple(slice(c, d + 2 * r) for (c, d), r in zip(box, reach, strict=True))
            self.slabs.append(
                _Slab(
                    tuple(source),
                    tuple(rise),
                    tuple(a for a, _ in outer),
                    _pad_order(border),
                    padded[windows].contiguous(),
                    mean[inner].contiguous(),
                    variance[inner].contiguous(),
                    None if weight is None else weight[inner].contiguous(),
                )
            )

    def __call__(self, displacement: Tensor) -> Tensor:
        """Loss of a displacement ``(D, *field_shape)`` in voxels of its own grid, in [-1, 0]."""
        result: Tensor = _SlabWise.apply(displacement, self)
        return result

    def slab_loss(self, slab: _Slab, part: Tensor) -> Tensor:
        """Part of the loss that a slab holds; ``part`` is the displacement over ``slab.source``, in unit coordinates.

        Unit coordinates count -1 to 1 from end to end of an axis, the same for both grids.
        """
        dim = part.shape[0]
        raised = apply_per_axis(slab.rise, part)
        shape = tuple(raised.shape[1:])
        rows = []
        for axis in reversed(range(dim)):
            n = self.moving.shape[1 + axis]
            first = 2.0 * slab.start[axis] / max(n - 1, 1) - 1.0
            ramp = first + torch.arange(shape[axis], dtype=part.dtype, device=part.device) * (2.0 / max(n - 1, 1))
            rows.append(raised[axis] + ramp.view([-1 if a == axis else 1 for a in range(dim)]))
        warped = fields.sample_units(self.moving, torch.stack(rows, -1).reshape(-1, dim)).reshape(shape)
        if any(slab.border):
            warped = functional.pad(warped, slab.border)
        total = correlation_sum(warped, slab.fixed, slab.mean, slab.variance, slab.weight, self.width)
        return -total / self.total


class _SlabWise(torch.autograd.Function):
    """Sum of the slabs' losses; their gradients are taken on the way, so that no slab outlives its turn."""

    @staticmethod
    def forward(ctx: Any, displacement: Tensor, match: WarpedCorrelation) -> Tensor:
        shape = displacement.shape[1:]
        unit = torch.tensor([2.0 / max(n - 1, 1) for n in shape], dtype=displacement.dtype, device=displacement.device)
        unit = unit.view(-1, *([1] * len(shape)))
        value = displacement.new_zeros(())
        gradient = torch.zeros_like(displacement) if ctx.needs_input_grad[0] else None
        for slab in match.slabs:
            where = (slice(None), *(slice(a, b) for a, b in slab.source))
            part = displacement[where].detach() * unit
            if gradient is None:
                value += match.slab_loss(slab, part)
                continue
            with torch.enable_grad():
                loss = match.slab_loss(slab, part.requires_grad_())
                (slope,) = torch.autograd.grad(loss, part)
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
    """Cut the useful voxels into slabs along the first axis, each with the smallest box around what it holds."""
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
    """``(before, after)`` an axis in torch's order: the last axis first."""
    return tuple(width for pair in reversed(border) for width in pair)
