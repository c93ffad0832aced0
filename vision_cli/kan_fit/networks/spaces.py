"""The activation spaces that a node selects from: the nine of the paper's pool, Fourier, and three more wavelets.

A space is a family of basis functions of one variable, given by two functions: ``value(u, count)`` and
``derivative(u, count)`` map ``(...)`` to ``(..., count)`` for u in [-1, 1], onto which the layers scale the observed
range of a node. Outside [-1, 1] every space continues linearly, unless the layer holds it at its end. The norms,
squashing and output activations that the published layers wrap around their bases are left out: they would differ
between the modes of one node.

Source: the pool of S-KAN (arXiv:2408.08338) with the defaults of its published layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Function = Callable[[Tensor, int], Tensor]
Recurrence = Callable[[int], tuple[float, float]]
"""Coefficients a_n and b_n of p_{n+1} = a_n u p_n - b_n p_{n-1}, by n."""

_RBF_REACH = 2.0
_FASTRBF_REACH = 2.0 / math.sqrt(3.0)
_RSWAF_REACH = 1.2
_RELU_DEGREE = 3
_FOURIER_BASE = 0.9 * math.pi / 1.1
_GRAM_POINTS = 64
_MORLET_FREQUENCY = 5.0
_WAVELET_REACH = 1.1


def bspline(u: Tensor, count: int) -> Tensor:
    """Return cubic B-splines on ``count - 3`` equal intervals of [-1, 1], four of which are non-zero at each u."""
    interval, t = _spline_interval(u, count)
    rest, t2 = 1 - t, t * t
    first, last = rest * rest * rest / 6, t2 * t / 6
    second = torch.add(2 / 3 - t2, last, alpha=3)
    third = 1 - first - second - last
    return _spread(interval, (first, second, third, last), count)


def bspline_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `bspline` with respect to u."""
    interval, t = _spline_interval(u, count)
    per_unit = (count - 3) / 2
    rest = 1 - t
    first, last = rest * rest * (-per_unit / 2), t * t * (per_unit / 2)
    second = torch.sub(3 * last, t, alpha=2 * per_unit)
    third = -first - second - last
    return _spread(interval, (first, second, third, last), count)


def rbf(u: Tensor, count: int) -> Tensor:
    """Return Gaussians exp(-((u - c) / h)²) with centres c on [-2, 2] at spacing h."""
    return _gaussians(u, count, _RBF_REACH)


def rbf_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `rbf` with respect to u."""
    return _gaussians_derivative(u, count, _RBF_REACH)


def fastrbf(u: Tensor, count: int) -> Tensor:
    """Return Gaussians with centres on [-2, 2] standard deviations of a uniform distribution over [-1, 1]."""
    return _gaussians(u, count, _FASTRBF_REACH)


def fastrbf_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `fastrbf` with respect to u."""
    return _gaussians_derivative(u, count, _FASTRBF_REACH)


def rswaf(u: Tensor, count: int) -> Tensor:
    """Return reflectional switches 1 - tanh²((u - c) / h) with centres c on [-1.2, 1.2] at spacing h."""
    return torch.tanh(_grid_distance(u, count, _RSWAF_REACH)).square_().neg_().add_(1)


def rswaf_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `rswaf` with respect to u."""
    tanh = torch.tanh(_grid_distance(u, count, _RSWAF_REACH))
    return -2 * tanh * (1 - tanh**2) * _per_unit(count, _RSWAF_REACH)


def cheby(u: Tensor, count: int) -> Tensor:
    """Return the Chebyshev polynomials T_1 to T_count by their recurrence, whose slopes at ±1 are finite."""
    return torch.stack(_polynomials(u, count, _cheby_coefficients)[1:], dim=-1)


def cheby_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `cheby` with respect to u."""
    return _polynomial_slopes(u, count, _cheby_coefficients)


def gram(u: Tensor, count: int) -> Tensor:
    """Return Gram polynomials of degree 1 to ``count``: orthogonal on equidistant points, scaled as Legendre's."""
    return torch.stack(_polynomials(u, count, _gram_coefficients)[1:], dim=-1)


def gram_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `gram` with respect to u."""
    return _polynomial_slopes(u, count, _gram_coefficients)


def jacobi(u: Tensor, count: int) -> Tensor:
    """Return Jacobi polynomials with a = b = 1 of degree 1 to ``count``, scaled to 1 at u = 1."""
    return torch.stack(_polynomials(u, count, _jacobi_coefficients)[1:], dim=-1)


def jacobi_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `jacobi` with respect to u."""
    return _polynomial_slopes(u, count, _jacobi_coefficients)


def relu(u: Tensor, count: int) -> Tensor:
    """Return squared products (relu(u - l) relu(h - u))² over four intervals each, scaled to 1 at their middle."""
    a = _relu_distance(u, count)
    return (1 - a * a).clamp(min=0) ** 2


def relu_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `relu` with respect to u."""
    a = _relu_distance(u, count)
    return -4 * a * (1 - a * a).clamp(min=0) * _relu_slope(count)


def fourier(u: Tensor, count: int) -> Tensor:
    """Return sines, then cosines, of ``count / 2`` frequencies, with a period slightly longer than [-1, 1]."""
    angles = _angles(u, count)
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)


def fourier_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `fourier` with respect to u."""
    angles, frequencies = _angles(u, count), _frequencies(u, count)
    return torch.cat([torch.cos(angles) * frequencies, -torch.sin(angles) * frequencies], dim=-1)


def wavelet(u: Tensor, count: int) -> Tensor:
    """Return Mexican hats (1 - t²) exp(-t² / 2) at equidistant centres, t in spacings."""
    t2 = _grid_distance(u, count, _WAVELET_REACH).square_()
    return torch.exp(t2 / -2).mul_(1 - t2)


def wavelet_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `wavelet` with respect to u."""
    t = _grid_distance(u, count, _WAVELET_REACH)
    return t * (t * t - 3) * torch.exp(-t * t / 2) * _per_unit(count, _WAVELET_REACH)


def morlet(u: Tensor, count: int) -> Tensor:
    """Return Morlet wavelets cos(5 t) exp(-t² / 2) at equidistant centres, t in pairs of spacings."""
    t = _grid_distance(u, count, _WAVELET_REACH) / 2
    return torch.cos(_MORLET_FREQUENCY * t) * torch.exp(-t * t / 2)


def morlet_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `morlet` with respect to u."""
    t = _grid_distance(u, count, _WAVELET_REACH) / 2
    phase = _MORLET_FREQUENCY * t
    slope = -(_MORLET_FREQUENCY * torch.sin(phase) + t * torch.cos(phase)) * torch.exp(-t * t / 2)
    return slope * _per_unit(count, _WAVELET_REACH) / 2


def dog(u: Tensor, count: int) -> Tensor:
    """Return first derivatives of a Gaussian, -t exp(-t² / 2), at equidistant centres, t in spacings."""
    t = _grid_distance(u, count, _WAVELET_REACH)
    return -t * torch.exp(-t * t / 2)


def dog_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `dog` with respect to u."""
    t = _grid_distance(u, count, _WAVELET_REACH)
    return (t * t - 1) * torch.exp(-t * t / 2) * _per_unit(count, _WAVELET_REACH)


def shannon(u: Tensor, count: int) -> Tensor:
    """Return Shannon scaling functions sinc(t) at equidistant centres, t in spacings."""
    return torch.sinc(_grid_distance(u, count, _WAVELET_REACH))


def shannon_derivative(u: Tensor, count: int) -> Tensor:
    """Return the derivative of `shannon` with respect to u."""
    t = _grid_distance(u, count, _WAVELET_REACH)
    near = t.abs() < 1e-4
    safe = torch.where(near, torch.ones_like(t), t)
    slope = (torch.cos(math.pi * safe) - torch.sinc(safe)) / safe
    return torch.where(near, -(math.pi**2) / 3 * t, slope) * _per_unit(count, _WAVELET_REACH)


@dataclass(frozen=True)
class Space:
    """A family of basis functions of one variable.

    Attributes
    ----------
    name
        Its name in ``--pool``.
    value, derivative
        From u ``(...)`` in [-1, 1] and the number of functions to ``(..., count)``.
    kind
        ``local``, ``polynomial`` or ``periodic``.
    fewer
        How many functions fewer than cubic splines on the same grid: the paper's polynomials are of low degree.
    even
        Whether the number of functions is even.
    """

    name: str
    value: Function
    derivative: Function
    kind: str
    fewer: int = 0
    even: bool = False

    def count(self, grid: int) -> int:
        """Return the number of functions for a grid of intervals; 5 gives the numbers of the published layers."""
        number = max(grid + 3 - self.fewer, 2)
        return number + number % 2 if self.even else number


SPACES = {
    space.name: space
    for space in (
        Space("bspline", bspline, bspline_derivative, "local"),
        Space("rbf", rbf, rbf_derivative, "local"),
        Space("fastrbf", fastrbf, fastrbf_derivative, "local"),
        Space("rswaf", rswaf, rswaf_derivative, "local"),
        Space("cheby", cheby, cheby_derivative, "polynomial", fewer=4),
        Space("gram", gram, gram_derivative, "polynomial", fewer=5),
        Space("jacobi", jacobi, jacobi_derivative, "polynomial", fewer=4),
        Space("wavelet", wavelet, wavelet_derivative, "local"),
        Space("relu", relu, relu_derivative, "local"),
        Space("fourier", fourier, fourier_derivative, "periodic", even=True),
        Space("morlet", morlet, morlet_derivative, "periodic"),
        Space("dog", dog, dog_derivative, "local"),
        Space("shannon", shannon, shannon_derivative, "local"),
    )
}


def evaluate(space: Space, u: Tensor, count: int) -> Tensor:
    """Return the functions of a space for any u, ``(...)`` to ``(..., count)``; outside [-1, 1] they are linear.

    The backward pass computes the space's ``derivative``, so that the forward pass stores nothing but u.
    """
    return _Evaluate.apply(u, space, count)  # type: ignore[no-any-return]


def evaluate_traceable(space: Space, u: Tensor, count: int) -> Tensor:
    """Return the values of `evaluate` by plain operations, which exporters can trace."""
    inside = u.clamp(-1, 1)
    return space.value(inside, count) + space.derivative(inside, count) * (u - inside).unsqueeze(-1)


def slopes(space: Space, u: Tensor, count: int) -> Tensor:
    """Return the derivative of `evaluate` with respect to u, ``(...)`` to ``(..., count)``."""
    return space.derivative(u.clamp(-1, 1), count)


class _Evaluate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, space: Space, count: int) -> Tensor:
        ctx.save_for_backward(u)
        ctx.space, ctx.count = space, count
        inside = u.clamp(-1, 1)
        values = space.value(inside, count)
        beyond = (u != inside).nonzero(as_tuple=True)
        if len(beyond[0]):
            ends = inside[beyond]
            values[beyond] += space.derivative(ends, count) * (u[beyond] - ends).unsqueeze(-1)
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (u,) = ctx.saved_tensors
        return (gradients[0] * slopes(ctx.space, u, ctx.count)).sum(-1), None, None


def _steps(u: Tensor, count: int) -> Tensor:
    return torch.arange(count, dtype=u.dtype, device=u.device)


def _spline_interval(u: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the number from 0 of the interval that holds each u in [-1, 1], and the position in it, 0 to 1."""
    place = (u + 1) * ((count - 3) / 2)
    interval = place.floor().clamp_(0, count - 4)
    return interval.long(), place - interval


def _spread(first: Tensor, given: tuple[Tensor, ...], count: int) -> Tensor:
    """Return ``count`` functions that are zero but for consecutive given ones, which start at ``first`` for each u."""
    values = given[0].new_zeros((*first.shape, count))
    for step, part in enumerate(given):
        values.scatter_(-1, (first + step).unsqueeze(-1), part.unsqueeze(-1))
    return values


def _per_unit(count: int, reach: float) -> float:
    return (count - 1) / (2 * reach)


def _grid_distance(u: Tensor, count: int, reach: float) -> Tensor:
    """Return the distances of u from ``count`` equidistant centres on [-reach, reach], in spacings."""
    return ((u + reach) * _per_unit(count, reach)).unsqueeze(-1) - _steps(u, count)


def _gaussians(u: Tensor, count: int, reach: float) -> Tensor:
    return _grid_distance(u, count, reach).square_().neg_().exp_()


def _gaussians_derivative(u: Tensor, count: int, reach: float) -> Tensor:
    t = _grid_distance(u, count, reach)
    return -2 * t * torch.exp(-t * t) * _per_unit(count, reach)


def _relu_slope(count: int) -> float:
    """Return the reciprocal of a bump's half-width, which is (degree + 1) / 2 intervals of [-1, 1]."""
    return (count - _RELU_DEGREE) / (_RELU_DEGREE + 1)


def _relu_distance(u: Tensor, count: int) -> Tensor:
    """Return the distances of u from the middle of each bump, in half-widths."""
    intervals = count - _RELU_DEGREE
    middles = (_steps(u, count) - _RELU_DEGREE + (_RELU_DEGREE + 1) / 2) * (2 / intervals) - 1
    return (u.unsqueeze(-1) - middles) * _relu_slope(count)


def _frequencies(u: Tensor, count: int) -> Tensor:
    return (_steps(u, count // 2) + 1) * _FOURIER_BASE


def _angles(u: Tensor, count: int) -> Tensor:
    return u.unsqueeze(-1) * _frequencies(u, count)


def _cheby_coefficients(n: int) -> tuple[float, float]:
    return (2.0, 1.0) if n else (1.0, 0.0)


def _gram_coefficients(n: int) -> tuple[float, float]:
    points = max(_GRAM_POINTS, 4 * (n + 2)) ** 2
    return (2 * n + 1) / (n + 1), n / (n + 1) * (1 - n * n / points)


def _jacobi_coefficients(n: int) -> tuple[float, float]:
    return (2 * n + 3) / (n + 3), n / (n + 3)


def _polynomials(u: Tensor, count: int, coefficients: Recurrence) -> list[Tensor]:
    """Return the values of p_0 to p_count, where p_{n+1} = a_n u p_n - b_n p_{n-1} and p_0 = 1."""
    found = [torch.ones_like(u)]
    for n in range(count):
        a, b = coefficients(n)
        grown = a * u * found[-1]
        found.append(grown.sub_(found[-2], alpha=b) if n else grown)
    return found


def _polynomial_slopes(u: Tensor, count: int, coefficients: Recurrence) -> Tensor:
    """Return the derivatives of p_1 to p_count of `_polynomials`."""
    slopes = [torch.zeros_like(u)]
    for n, value in enumerate(_polynomials(u, count - 1, coefficients)):
        a, b = coefficients(n)
        grown = a * (value + u * slopes[-1])
        slopes.append(grown.sub_(slopes[-2], alpha=b) if n else grown)
    return torch.stack(slopes[1:], dim=-1)
