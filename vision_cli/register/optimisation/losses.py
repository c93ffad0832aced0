"""Image similarities and penalties of a field.

Every similarity is a loss: smaller means more similar. Images are ``(*grid)``. A similarity object is built once for a
fixed image and called with each warped moving image, so that quantities of the fixed image are computed once.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from vision_cli.register.options.registration import Metric
from vision_cli.register.transforms.fields import jacobian_determinant

CORRELATION_FLOOR = 1e-8
"""Added to the denominator of local correlation, so that it stays finite in flat windows; unit: intensity^4."""


class Similarity(Protocol):
    """A loss between a fixed image, given at construction, and a warped image."""

    def __call__(self, warped: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the loss of ``warped`` ``(*grid)``, a scalar.

        ``valid`` ``(*grid)`` is 1 where the warped image counts and 0 elsewhere (a lesion); None where all counts.
        """
        ...


def box_sum(
    image: Tensor, width: int, border: Literal["same", "valid", "full"] = "same", axes: Sequence[int] | None = None
) -> Tensor:
    """Return the sum over a window around each voxel.

    The sum is built by doubling (1, 2, 4, 8, 8+1 terms): as few passes over the data as a running sum, without the
    cancellation of a difference of two cumulative sums in float32.

    Parameters
    ----------
    image
        ``(*grid)``.
    width
        Odd window width in voxels.
    border
        ``"same"``: one sum for each voxel, zeros outside; ``"valid"``: only windows inside of the image, ``width - 1``
        fewer along an axis; ``"full"``: every window that overlaps the image, ``width - 1`` more.
    axes
        Axes that the window extends along; None for those longer than one.
    """
    half = {"same": width // 2, "valid": 0, "full": width - 1}[border]
    for axis in long_axes(image) if axes is None else axes:
        power = image
        if half:
            pad = [0] * (2 * image.ndim)
            pad[2 * (image.ndim - 1 - axis)] = pad[2 * (image.ndim - 1 - axis) + 1] = half
            power = functional.pad(image, pad)
        n = power.shape[axis] - width + 1
        terms, offset, size = width, 0, 1
        total: Tensor | None = None
        while True:
            if terms & 1:
                part = power.narrow(axis, offset, n)
                total = part if total is None else total + part
                offset += size
            terms >>= 1
            if not terms:
                break
            length = power.shape[axis] - size
            power = power.narrow(axis, 0, length) + power.narrow(axis, size, length)
            size *= 2
        assert total is not None, "a window has at least one voxel"
        image = total
    return image


def long_axes(image: Tensor) -> tuple[int, ...]:
    """Return the axes that are longer than one voxel."""
    return tuple(axis for axis, n in enumerate(image.shape) if n > 1)


class _SquaredCorrelation(torch.autograd.Function):
    """Sum of squared local correlations with its analytic gradient: three window sums each, one stored volume.

    With window sums ``c = S(fm) - S(f)S(m)/n`` and ``v = S(mm) - S(m)^2/n``, the map ``q = c^2 / (u v + e)`` has
    ``dq/dc = a`` and ``dq/dv = b``, so ``dQ/dm = f S(a) + 2 m S(b) - S(a mean_f + 2 b mean_m)``.
    """

    @staticmethod
    def forward(
        ctx: Any,
        warped: Tensor,
        fixed: Tensor,
        mean_f: Tensor,
        var_f: Tensor,
        weight: Tensor | None,
        width: int,
        eps: float,
    ) -> Tensor:
        axes = long_axes(warped)
        count = float(width ** len(axes))
        mean_m = box_sum(warped, width, "valid", axes).div_(count)
        cov = box_sum(warped * fixed, width, "valid", axes).div_(count).addcmul_(mean_m, mean_f, value=-1)
        var_m = box_sum(warped * warped, width, "valid", axes).div_(count).addcmul_(mean_m, mean_m, value=-1)
        inverse = var_m.mul_(var_f).add_(eps).reciprocal_()
        slope = cov * inverse
        quality = cov.mul_(slope)
        value = quality.sum() if weight is None else (quality * weight).sum()
        if not ctx.needs_input_grad[0]:
            return value
        # dq/dv is -c^2 u / (u v + e)^2; the derivatives reuse the memory of c and q.
        by_var = quality.mul_(inverse).mul_(var_f).mul_(-1 / count)
        by_cov = slope.mul_(2 / count)
        if weight is not None:
            by_var.mul_(weight)
            by_cov.mul_(weight)
        centre = (by_cov * mean_f).addcmul_(by_var, mean_m, value=2)
        gradient = (
            box_sum(by_cov, width, "full", axes)
            .mul_(fixed)
            .addcmul_(box_sum(by_var, width, "full", axes), warped, value=2)
            .sub_(box_sum(centre, width, "full", axes))
        )
        ctx.save_for_backward(gradient)
        return value

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return (gradient * grad_outputs[0], None, None, None, None, None, None)


def correlation_sum(
    warped: Tensor,
    fixed: Tensor,
    mean: Tensor,
    variance: Tensor,
    weight: Tensor | None,
    width: int,
    eps: float = CORRELATION_FLOOR,
) -> Tensor:
    """Return the sum of the squared local correlations ``cov^2 / (var_F var_M + eps)`` over windows inside the image.

    Parameters
    ----------
    warped, fixed
        ``(*grid)``, including a border of ``width // 2`` around the window centres.
    mean, variance
        Of ``fixed`` in the windows, ``width - 1`` smaller along every axis longer than one voxel.
    weight
        Of the window centres, or None.
    width
        Odd window width in voxels.
    eps
        As in :class:`LocalCorrelation`.
    """
    result: Tensor = _SquaredCorrelation.apply(warped, fixed, mean, variance, weight, width, eps)
    return result


def masked_correlation_sum(
    warped: Tensor,
    fixed: Tensor,
    valid: Tensor,
    weight: Tensor | None,
    width: int,
    eps: float = CORRELATION_FLOOR,
) -> tuple[Tensor, Tensor]:
    """Return the sum of squared local correlations over valid voxels alone, and the sum of its weights.

    Parameters
    ----------
    warped, fixed, valid
        ``(*grid)``, including a border of ``width // 2``; voxels where ``valid`` is 0 do not enter any window, and a
        window counts by its share of valid voxels (cost-function masking, Brett et al., NeuroImage 2001).
    weight
        Of the window centres, or None.
    width, eps
        As in :class:`LocalCorrelation`.
    """
    axes = long_axes(warped)
    count = box_sum(valid, width, "valid", axes)
    inverse = count.clamp(min=1).reciprocal()

    def mean(values: Tensor) -> Tensor:
        return box_sum(valid * values, width, "valid", axes) * inverse

    mean_f, mean_m = mean(fixed), mean(warped)
    cov = mean(fixed * warped) - mean_f * mean_m
    var_f = (mean(fixed * fixed) - mean_f * mean_f).clamp(min=0)
    var_m = (mean(warped * warped) - mean_m * mean_m).clamp(min=0)
    share = count / float(width ** len(axes))
    if weight is not None:
        share = share * weight
    return (cov * cov / (var_f * var_m + eps) * share).sum(), share.sum()


class LocalCorrelation:
    """Negative mean squared local normalised cross-correlation (WiNet's image term).

    ``-mean( cov^2 / (var_F var_M + eps) )`` over cubic windows, zero-padded.

    Parameters
    ----------
    fixed
        ``(*grid)``, intensities near [0, 1].
    width
        Odd window width in voxels.
    weight
        Optional ``(*grid)`` weights of the window centres (a mask).
    eps
        Added to the denominator, so that windows without structure do not count; unit: intensity^4.
    """

    def __init__(self, fixed: Tensor, width: int, weight: Tensor | None = None, eps: float = CORRELATION_FLOOR) -> None:
        self.width = width
        self.weight = weight
        self.eps = eps
        self.total = float(fixed.numel()) if weight is None else float(weight.sum())
        self.pad = [width // 2 if n > 1 else 0 for n in reversed(fixed.shape) for _ in range(2)]
        self.fixed = functional.pad(fixed, self.pad)
        count = float(width ** len(long_axes(fixed)))
        self.mean = box_sum(fixed, width) / count
        self.variance = (box_sum(fixed * fixed, width) / count - self.mean**2).clamp_(min=0)

    def __call__(self, warped: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the loss of ``warped`` ``(*grid)``, in [-1, 0]; see `Similarity` for ``valid``."""
        padded = functional.pad(warped, self.pad)
        if valid is not None:
            masked, count = masked_correlation_sum(
                padded, self.fixed, functional.pad(valid, self.pad), self.weight, self.width, self.eps
            )
            return -masked / count.clamp(min=1)
        total = correlation_sum(padded, self.fixed, self.mean, self.variance, self.weight, self.width, self.eps)
        return -total / self.total

    def map(self, warped: Tensor) -> Tensor:
        """Return the squared correlation in the window around each voxel of ``warped``, ``(*grid)``, in [0, 1]."""
        with torch.no_grad():
            axes = long_axes(warped)
            count = float(self.width ** len(axes))
            padded = functional.pad(warped, self.pad)
            mean_m = box_sum(padded, self.width, "valid", axes) / count
            cov = box_sum(padded * self.fixed, self.width, "valid", axes) / count - mean_m * self.mean
            var_m = (box_sum(padded * padded, self.width, "valid", axes) / count - mean_m * mean_m).clamp_(min=0)
            return (cov * cov / (var_m * self.variance + self.eps)).clamp_(max=1)


class MeanSquares:
    """Mean squared difference of intensities, optionally weighted."""

    def __init__(self, fixed: Tensor, weight: Tensor | None = None) -> None:
        self.fixed = fixed
        self.weight = weight

    def __call__(self, warped: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the loss of ``warped`` ``(*grid)``, >= 0; see `Similarity` for ``valid``."""
        return _weighted_mean((warped - self.fixed) ** 2, _product(self.weight, valid))


class MutualInformation:
    """Negative mutual information from a Parzen joint histogram (Mattes et al., IEEE TMI 2003).

    The fixed image is binned with a box kernel, the moving image with a cubic B-spline, over a regular subset of the
    voxels.

    Parameters
    ----------
    fixed
        ``(*grid)`` with intensities in [0, 1]; values outside are clamped to the end bins.
    weight
        Optional ``(*grid)`` weights.
    bins
        Histogram bins along each side.
    max_samples
        Greatest number of voxels, taken at a regular stride.
    """

    def __init__(self, fixed: Tensor, weight: Tensor | None = None, bins: int = 32, max_samples: int = 200_000) -> None:
        self.bins = bins
        flat = fixed.reshape(-1)
        keep = torch.arange(flat.numel(), device=fixed.device)
        if weight is not None:
            keep = keep[weight.reshape(-1) > 0]
        self.index = keep[:: max(1, -(-keep.numel() // max_samples))]
        self.rows = (flat[self.index].clamp(0, 1) * (bins - 1) + 0.5).long().clamp_(max=bins - 1)

    def __call__(self, warped: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the loss of ``warped`` ``(*grid)`` in nats, <= 0; see `Similarity` for ``valid``."""
        counted = None if valid is None else valid.reshape(-1)[self.index]
        # The spline extends over two bins on each side.
        position = 2 + warped.reshape(-1)[self.index].clamp(0, 1) * (self.bins - 5)
        first = position.detach().floor().long() - 1
        joint = torch.zeros(self.bins * self.bins, dtype=warped.dtype, device=warped.device)
        for step in range(4):
            bin_index = (first + step).clamp(0, self.bins - 1)
            share = _cubic_spline(position - bin_index)
            joint = joint.index_add(0, self.rows * self.bins + bin_index, share if counted is None else share * counted)
        joint = (joint / joint.sum().clamp(min=1e-12)).reshape(self.bins, self.bins)
        outer = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
        tiny = torch.finfo(joint.dtype).tiny
        return -(joint * torch.log((joint + tiny) / (outer + tiny))).sum()


class ModalityIndependent:
    """Mean squared difference of MIND-SSC descriptors (Heinrich et al., MICCAI 2013).

    Self-similarity of the six face neighbours (four in 2D) of each voxel, compared in pairs at distance sqrt(2).
    """

    def __init__(self, fixed: Tensor, weight: Tensor | None = None, width: int = 3) -> None:
        self.width = width
        self.pairs = _neighbour_pairs([axis for axis, n in enumerate(fixed.shape) if n > 2])
        self.weight = weight
        self.descriptor = self._describe(fixed)

    def __call__(self, warped: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the loss of ``warped`` ``(*grid)``, >= 0; see `Similarity` for ``valid``."""
        difference = ((self._describe(warped) - self.descriptor) ** 2).mean(0)
        return _weighted_mean(difference, _product(self.weight, valid))

    def _describe(self, image: Tensor) -> Tensor:
        """Return the MIND-SSC descriptor, ``(P, *grid)`` with one channel for each pair of neighbours."""
        distances = []
        for one, other in self.pairs:
            difference = (_shifted(image, one) - _shifted(image, other)) ** 2
            distances.append(box_sum(difference, self.width) / self.width**image.ndim)
        stack = torch.stack(distances)
        stack = stack - stack.amin(0, keepdim=True)
        variance = stack.mean(0)
        level = float(variance.detach().mean())
        variance = variance.clamp(0.001 * level + 1e-12, 1000 * level + 1e-12)
        return torch.exp(-stack / variance)


def build_similarity(metric: Metric, fixed: Tensor, width: int, weight: Tensor | None = None) -> Similarity:
    """Return the similarity named ``metric`` for ``fixed`` ``(*grid)``; ``width`` is the LNCC window in voxels."""
    if metric == "lncc":
        return LocalCorrelation(fixed, width, weight)
    if metric == "mi":
        return MutualInformation(fixed, weight)
    if metric == "mind":
        return ModalityIndependent(fixed, weight)
    return MeanSquares(fixed, weight)


def gradient_penalty(field_voxels: Tensor, spacing: Sequence[float], stiffness: Tensor | None = None) -> Tensor:
    """Return the mean squared gradient of a field over components, axes and voxels, in mm per mm.

    ``(1/D^2) sum_c sum_a mean( (s_c dv_c / s_a dx_a)^2 )`` with ``field_voxels`` ``(D, *grid)`` and ``spacing`` in mm.
    On an isotropic grid this is the paper's diffusion regulariser in voxels. ``stiffness`` ``(*grid)`` weights the
    voxels; None for 1.
    """
    dim = field_voxels.shape[0]
    scale = torch.tensor(list(spacing), dtype=field_voxels.dtype, device=field_voxels.device).view(-1, *([1] * dim))
    field_mm = field_voxels * scale

    def squares(axis: int) -> Tensor:
        slopes = torch.diff(field_mm, dim=1 + axis) ** 2
        return slopes if stiffness is None else slopes * stiffness.narrow(axis, 0, slopes.shape[1 + axis])

    terms = [
        squares(axis).mean() / float(spacing[axis]) ** 2 for axis in range(dim) if field_voxels.shape[1 + axis] > 1
    ]
    return torch.stack(terms).sum() / dim


def published_gradient_penalty(normalised_field: Tensor) -> Tensor:
    """Return the smoothness term as the published code of WiNet scales it, for comparison with its results.

    ``(1/D) sum_a mean( (n_a/2 d_a theta)^2 )`` with ``theta`` ``(D, *grid)`` in normalised coordinates (-1 to 1 along
    an axis): every component is scaled by the length of the axis of differentiation, not of its own axis.
    """
    dim = normalised_field.shape[0]
    terms = [
        (torch.diff(normalised_field, dim=1 + axis) * (0.5 * normalised_field.shape[1 + axis])).square().mean()
        for axis in range(dim)
        if normalised_field.shape[1 + axis] > 1
    ]
    return torch.stack(terms).sum() / dim


def divergence_penalty(field_voxels: Tensor, stiffness: Tensor | None = None) -> Tensor:
    """Return the mean squared divergence of a field ``(D, *grid)`` over D: the volumetric part of linear elasticity.

    ``stiffness`` ``(*grid)`` weights the voxels; None for 1.
    """
    dim = field_voxels.shape[0]
    slopes = [
        torch.diff(
            field_voxels[axis], dim=axis, append=field_voxels[axis].narrow(axis, field_voxels.shape[1 + axis] - 1, 1)
        )
        for axis in range(dim)
        if field_voxels.shape[1 + axis] > 1
    ]
    squares = torch.stack(slopes).sum(0) ** 2
    return (squares if stiffness is None else squares * stiffness).mean() / dim


def fold_penalty(displacement_voxels: Tensor, floor: float = 0.15) -> Tensor:
    """Return the mean of ``max(0, floor - |J|)^2`` of a displacement ``(D, *grid)``; 0 if it is far from folding."""
    return (torch.relu(floor - jacobian_determinant(displacement_voxels)) ** 2).mean()


def _weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    return values.mean() if weight is None else (values * weight).sum() / weight.sum().clamp(min=1e-12)


def _product(weight: Tensor | None, valid: Tensor | None) -> Tensor | None:
    """Return the product of two weights, of which either may be missing."""
    return valid if weight is None else weight if valid is None else weight * valid


def _cubic_spline(offset: Tensor) -> Tensor:
    distance = offset.abs()
    near = (4 - 6 * distance**2 + 3 * distance**3) / 6
    far = (2 - distance).clamp(min=0) ** 3 / 6
    return torch.where(distance < 1, near, far)


def _neighbour_pairs(axes: Sequence[int]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the pairs of face neighbours ``(axis, +-1)`` on different axes."""
    faces = [(axis, sign) for axis in axes for sign in (-1, 1)]
    return [(one, other) for one, other in itertools.combinations(faces, 2) if one[0] != other[0]]


def _shifted(image: Tensor, face: tuple[int, int]) -> Tensor:
    """Return the image shifted by one voxel along one axis, with the edge repeated."""
    axis, sign = face
    n = image.shape[axis]
    if sign > 0:
        return torch.cat([image.narrow(axis, 1, n - 1), image.narrow(axis, n - 1, 1)], axis)
    return torch.cat([image.narrow(axis, 0, 1), image.narrow(axis, 0, n - 1)], axis)
