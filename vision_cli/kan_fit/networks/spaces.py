"""The activation spaces that a node selects from: the nine of the paper's pool, Fourier, and three more wavelets.

A space is a family of functions of one variable, given by two functions under one contract: ``value(u, count)`` and
``derivative(u, count)`` take ``(...)`` and give ``(..., count)``, for u within [-1, 1], where the layers put the range
that a node was observed in. Outside it every space goes on as a straight line. What the published layers wrap around
their bases (norms, squashing, an activation behind them) is left out: it would differ between the modes of one node.

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
"""Coefficients a_n and b_n of a number n."""

_RBF_REACH = 2.0
_FASTRBF_REACH = 2.0 / math.sqrt(3.0)
_RSWAF_REACH = 1.2
_RELU_DEGREE = 3
_FOURIER_BASE = 0.9 * math.pi / 1.1
_GRAM_POINTS = 64
_MORLET_FREQUENCY = 5.0
_WAVELET_REACH = 1.1


def bspline(u: Tensor, count: int) -> Tensor:
    """Cubic B-splines on ``count - 3`` equal intervals of [-1, 1]: of each u, the four that are not zero there."""
    interval, t = _spline_interval(u, count)
    rest, t2 = 1 - t, t * t
    first, last = rest * rest * rest / 6, t2 * t / 6
    second = torch.add(2 / 3 - t2, last, alpha=3)
    third = 1 - first - second - last
    return _spread(interval, (first, second, third, last), count)


def bspline_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `bspline` by u."""
    interval, t = _spline_interval(u, count)
    per_unit = (count - 3) / 2
    rest = 1 - t
    first, last = rest * rest * (-per_unit / 2), t * t * (per_unit / 2)
    second = torch.sub(3 * last, t, alpha=2 * per_unit)
    third = -first - second - last
    return _spread(interval, (first, second, third, last), count)


def rbf(u: Tensor, count: int) -> Tensor:
    """Gaussians exp(-((u - c) / h)²) with centres on [-2, 2], a spacing apart of h."""
    return _gaussians(u, count, _RBF_REACH)


def rbf_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `rbf` by u."""
    return _gaussians_derivative(u, count, _RBF_REACH)


def fastrbf(u: Tensor, count: int) -> Tensor:
    """Gaussians with centres on [-2, 2] standard deviations of a node that is even over [-1, 1]."""
    return _gaussians(u, count, _FASTRBF_REACH)


def fastrbf_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `fastrbf` by u."""
    return _gaussians_derivative(u, count, _FASTRBF_REACH)


def rswaf(u: Tensor, count: int) -> Tensor:
    """Reflectional switches 1 - tanh²((u - c) / h) with centres on [-1.2, 1.2]."""
    return torch.tanh(_grid_distance(u, count, _RSWAF_REACH)).square_().neg_().add_(1)


def rswaf_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `rswaf` by u."""
    bent = torch.tanh(_grid_distance(u, count, _RSWAF_REACH))
    return -2 * bent * (1 - bent**2) * _per_unit(count, _RSWAF_REACH)


def cheby(u: Tensor, count: int) -> Tensor:
    """Chebyshev polynomials T_1 to T_count by their recurrence, which has finite slopes at both ends."""
    return torch.stack(_polynomials(u, count, _cheby_coefficients)[1:], dim=-1)


def cheby_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `cheby` by u."""
    return _polynomial_slopes(u, count, _cheby_coefficients)


def gram(u: Tensor, count: int) -> Tensor:
    """Gram polynomials of degree 1 to ``count``, orthogonal on equal steps, of the size of Legendre's."""
    return torch.stack(_polynomials(u, count, _gram_coefficients)[1:], dim=-1)


def gram_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `gram` by u."""
    return _polynomial_slopes(u, count, _gram_coefficients)


def jacobi(u: Tensor, count: int) -> Tensor:
    """Jacobi polynomials with a = b = 1 of degree 1 to ``count``, 1 at u = 1."""
    return torch.stack(_polynomials(u, count, _jacobi_coefficients)[1:], dim=-1)


def jacobi_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `jacobi` by u."""
    return _polynomial_slopes(u, count, _jacobi_coefficients)


def relu(u: Tensor, count: int) -> Tensor:
    """Squared products (relu(u - l) relu(h - u))² over four intervals each, 1 in their middle."""
    a = _relu_distance(u, count)
    return (1 - a * a).clamp(min=0) ** 2


def relu_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `relu` by u."""
    a = _relu_distance(u, count)
    return -4 * a * (1 - a * a).clamp(min=0) * _relu_slope(count)


def fourier(u: Tensor, count: int) -> Tensor:
    """Sines, then cosines, of ``count / 2`` frequencies; their period is a little longer than the range."""
    angles = _angles(u, count)
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)


def fourier_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `fourier` by u."""
    angles, frequencies = _angles(u, count), _frequencies(u, count)
    return torch.cat([torch.cos(angles) * frequencies, -torch.sin(angles) * frequencies], dim=-1)


def wavelet(u: Tensor, count: int) -> Tensor:
    """Mexican hats (1 - t²) exp(-t² / 2) on equal centres, a spacing wide."""
    t2 = _grid_distance(u, count, _WAVELET_REACH).square_()
    return torch.exp(t2 / -2).mul_(1 - t2)


def wavelet_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `wavelet` by u."""
    t = _grid_distance(u, count, _WAVELET_REACH)
    return t * (t * t - 3) * torch.exp(-t * t / 2) * _per_unit(count, _WAVELET_REACH)


def morlet(u: Tensor, count: int) -> Tensor:
    """Morlet wavelets cos(5 t) exp(-t² / 2), two spacings wide."""
    t = _grid_distance(u, count, _WAVELET_REACH) / 2
    return torch.cos(_MORLET_FREQUENCY * t) * torch.exp(-t * t / 2)


def morlet_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `morlet` by u."""
    t = _grid_distance(u, count, _WAVELET_REACH) / 2
    phase = _MORLET_FREQUENCY * t
    slope = -(_MORLET_FREQUENCY * torch.sin(phase) + t * torch.cos(phase)) * torch.exp(-t * t / 2)
    return slope * _per_unit(count, _WAVELET_REACH) / 2


def dog(u: Tensor, count: int) -> Tensor:
    """First derivatives of a Gaussian, -t exp(-t² / 2), a spacing wide."""
    t = _grid_distance(u, count, _WAVELET_REACH)
    return -t * torch.exp(-t * t / 2)


def dog_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `dog` by u."""
    t = _grid_distance(u, count, _WAVELET_REACH)
    return (t * t - 1) * torch.exp(-t * t / 2) * _per_unit(count, _WAVELET_REACH)


def shannon(u: Tensor, count: int) -> Tensor:
    """Shannon's scaling functions sinc(t) on equal centres, a spacing wide."""
    return torch.sinc(_grid_distance(u, count, _WAVELET_REACH))


def shannon_derivative(u: Tensor, count: int) -> Tensor:
    """Differentiate `shannon` by u."""
    t = _grid_distance(u, count, _WAVELET_REACH)
    near = t.abs() < 1e-4
    safe = torch.where(near, torch.ones_like(t), t)
    slope = (torch.cos(math.pi * safe) - torch.sinc(safe)) / safe
    return torch.where(near, -(math.pi**2) / 3 * t, slope) * _per_unit(count, _WAVELET_REACH)


@dataclass(frozen=True)
class Space:
    """A family of functions of one variable.

    Attributes
    ----------
    name
        The word of ``--pool``.
    value, derivative
        ``(...)`` within [-1, 1] and the number of functions to ``(..., count)``.
    fewer
        Functions fewer than a grid of cubic splines has; the polynomials of the paper's layers are of low degree.
    even
        Whether the functions come in pairs.
    kind
        What it can follow, for people: local, polynomial, periodic.
    """

    name: str
    value: Function
    derivative: Function
    kind: str
    fewer: int = 0
    even: bool = False

    def count(self, grid: int) -> int:
        """Functions at a grid of so many intervals: with 5, the numbers of the published layers."""
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
    """Functions of a space anywhere, ``(...)`` to ``(..., count)``: straight lines outside [-1, 1].

    The slope with respect to u is that of the space's ``derivative``, computed anew when it is asked for: nothing but u
    is kept for it.
    """
    return _Evaluated.apply(u, space, count)  # type: ignore[no-any-return]


def evaluate_plainly(space: Space, u: Tensor, count: int) -> Tensor:
    """`evaluate` in plain operations, which exporters can follow; u is kept within 1e3 of the range."""
    inside = u.clamp(-1, 1)
    return space.value(inside, count) + space.derivative(inside, count) * (u - inside).unsqueeze(-1)


def slopes(space: Space, u: Tensor, count: int) -> Tensor:
    """Differentiate `evaluate` by u, ``(...)`` to ``(..., count)``."""
    return space.derivative(u.clamp(-1, 1), count)


class _Evaluated(torch.autograd.Function):
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
    """Interval that each u within [-1, 1] lies in, from 0, and its place there, 0 to 1."""
    place = (u + 1) * ((count - 3) / 2)
    interval = place.floor().clamp_(0, count - 4)
    return interval.long(), place - interval


def _spread(first: Tensor, given: tuple[Tensor, ...], count: int) -> Tensor:
    """Put the functions given, which start at number ``first`` for each u, among ``count`` that are zero otherwise."""
    values = given[0].new_zeros((*first.shape, count))
    for step, part in enumerate(given):
        values.scatter_(-1, (first + step).unsqueeze(-1), part.unsqueeze(-1))
    return values


def _per_unit(count: int, reach: float) -> float:
    return (count - 1) / (2 * reach)


def _grid_distance(u: Tensor, count: int, reach: float) -> Tensor:
    """Distance from ``count`` equal centres on [-reach, reach], in spacings."""
    return ((u + reach) * _per_unit(count, reach)).unsqueeze(-1) - _steps(u, count)


def _gaussians(u: Tensor, count: int, reach: float) -> Tensor:
    return _grid_distance(u, count, reach).square_().neg_().exp_()


def _gaussians_derivative(u: Tensor, count: int, reach: float) -> Tensor:
    t = _grid_distance(u, count, reach)
    return -2 * t * torch.exp(-t * t) * _per_unit(count, reach)


def _relu_slope(count: int) -> float:
    """Half-widths of a bump in [-1, 1] are (degree + 1) / 2 intervals long."""
    return (count - _RELU_DEGREE) / (_RELU_DEGREE + 1)


def _relu_distance(u: Tensor, count: int) -> Tensor:
    """Distance from the middle of each bump, in half-widths."""
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
    """Values of p_0 to p_count, where p_{n+1} = a_n u p_n - b_n p_{n-1} and p_0 = 1."""
    found = [torch.ones_like(u)]
    for n in range(count):
        a, b = coefficients(n)
        grown = a * u * found[-1]
        found.append(grown.sub_(found[-2], alpha=b) if n else grown)
    return found


def _polynomial_slopes(u: Tensor, count: int, coefficients: Recurrence) -> Tensor:
    """Slopes of p_1 to p_count of `_polynomials`."""
    slopes = [torch.zeros_like(u)]
    for n, value in enumerate(_polynomials(u, count - 1, coefficients)):
        a, b = coefficients(n)
        grown = a * (value + u * slopes[-1])
        slopes.append(grown.sub_(slopes[-2], alpha=b) if n else grown)
    return torch.stack(slopes[1:], dim=-1)
