"""Rigid and affine registration: multi-start from the centroids, then L-BFGS-B over three scales.

A transform is the matrix ``fixed_to_moving`` ``(D+1, D+1)`` that maps fixed RAS mm to moving RAS mm. It is optimised
as ``y = c_m + t + exp(G) R0 (x - c_f)``: ``c`` are the foreground centroids, ``R0`` the rotation of the start, ``G`` a
generator that is antisymmetric for a rigid transform and unconstrained for an affine one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.compute.devices import one_thread_below
from vision_cli.register.optimisation.images import Image, centroid, crop_to_foreground, foreground, resample
from vision_cli.register.optimisation.losses import build_similarity
from vision_cli.register.options.registration import Init, Metric
from vision_cli.register.transforms import fields

Matrix = NDArray[np.float64]
LinearKind = Literal["rigid", "affine"]

_SAMPLES_ALONG_LONGEST = (22, 44, 88)
_WINDOW = 5
_EVALUATIONS = 20
_MARGIN_VOXELS = 4
_START_ANGLE = np.deg2rad(30.0)
_WITHIN_REACH = 0.1
"""Relative loss of a mirrored transform beside the proper one up to which it is refined further, with ``search``."""


@dataclass(frozen=True)
class LinearResult:
    """A linear registration.

    Attributes
    ----------
    matrix
        ``fixed_to_moving``, ``(D+1, D+1)``, RAS mm.
    loss
        Value of the image term at the finest scale.
    mirrored
        The best matrix that mirrors the image, to be compared with ``matrix``; only with ``init="search"``, and None
        where it is clearly worse.
    """

    matrix: Matrix
    loss: float
    mirrored: Matrix | None = None


class _Scale:
    """A pair of images at one sampling distance, and the loss of a matrix at this scale."""

    def __init__(self, fixed: Image, moving: Image, spacing: float, metric: Metric) -> None:
        box = crop_to_foreground(fixed, margin=_MARGIN_VOXELS * spacing)
        shape = tuple(
            max(2, round(n * s / spacing)) if s < spacing and n > 1 else n
            for n, s in zip(box.shape, box.spacing, strict=True)
        )
        self.shape = shape
        grid = box.resized(shape)
        moving = moving.blurred_to(spacing)
        identity = np.eye(box.ndim + 1)
        target = resample(fixed.blurred_to(spacing), grid, identity)
        # Windows outside of the subject would favour its outline. A histogram needs the background: within the subject
        # alone, background that the moving image shows there looks like its dark tissue.
        weight = None
        if metric != "mi" or fixed.mask is not None:
            weight = (resample(Image(foreground(fixed).float(), fixed.grid), grid, identity) > 0.5).float()
        self.similarity = build_similarity(metric, target, _WINDOW, weight)
        mask = moving.mask
        self.moving = moving.values[None] if mask is None else torch.stack([moving.values, mask.to(moving.values)])
        points = fields.identity_points(shape, target.device).reshape(box.ndim, -1).T
        self.points = torch.cat([points, points.new_ones(len(points), 1)], 1)
        # From RAS mm to normalised coordinates of the moving image, the last axis first, as grid_sample expects.
        to_unit = np.diag([*(2.0 / max(n - 1, 1) for n in moving.grid.shape), 1.0])
        to_unit[:-1, -1] = -1.0
        order = [*reversed(range(box.ndim)), box.ndim]
        self.ras2unit = torch.as_tensor((to_unit @ np.linalg.inv(moving.grid.vox2ras))[order])
        self.vox2ras = torch.as_tensor(grid.vox2ras)

    def loss(self, matrix: Tensor) -> Tensor:
        """Return the image term under a matrix ``(D+1, D+1)``, float64 on the CPU, differentiable."""
        voxel2unit = (self.ras2unit @ matrix @ self.vox2ras).to(self.points)[:-1]
        sampled = fields.sample_normalised(self.moving, self.points @ voxel2unit.T).reshape(-1, *self.shape)
        valid = (sampled[1].detach() > 0.5).to(sampled) if len(sampled) > 1 else None
        return self.similarity(sampled[0], valid)


@dataclass
class _Candidate:
    """A candidate transform: rotation of its start, parameters (generator, translation) and current loss."""

    rotation: Matrix
    generator: Tensor
    shift: Tensor
    loss: float


class _Problem:
    """Parametrisation of the linear transforms of one pair."""

    def __init__(self, fixed: Image, moving: Image, centre_fixed: Matrix, centre_moving: Matrix, radius: float) -> None:
        self.dim = fixed.grid.ndim
        self.centre_fixed = torch.as_tensor(centre_fixed, dtype=torch.float64)
        self.centre_moving = torch.as_tensor(centre_moving, dtype=torch.float64)
        self.radius = radius

    def start(self, rotation: Matrix) -> _Candidate:
        zeros = torch.zeros(self.dim, self.dim, dtype=torch.float64)
        return _Candidate(rotation, zeros, torch.zeros(self.dim, dtype=torch.float64), np.inf)

    def matrix(self, candidate: _Candidate, rigid: bool) -> Tensor:
        generator = candidate.generator
        if rigid:
            generator = 0.5 * (generator - generator.T)
        linear = torch.linalg.matrix_exp(generator) @ torch.as_tensor(candidate.rotation)
        offset = self.centre_moving + candidate.shift * self.radius - linear @ self.centre_fixed
        top = torch.cat([linear, offset[:, None]], 1)
        bottom = torch.tensor([[0.0] * self.dim + [1.0]], dtype=torch.float64)
        return torch.cat([top, bottom])

    def refine(self, candidate: _Candidate, scale: _Scale, *, rigid: bool) -> _Candidate:
        """Return the candidate with the loss at a scale minimised."""
        from scipy.optimize import minimize

        split = self.dim * self.dim

        def unpacked(values: Matrix) -> tuple[Tensor, Tensor]:
            both = torch.as_tensor(values, dtype=torch.float64)
            return both[:split].reshape(self.dim, self.dim), both[split:]

        def objective(values: Matrix) -> tuple[float, Matrix]:
            generator, shift = (part.clone().requires_grad_() for part in unpacked(values))
            loss = scale.loss(self.matrix(_Candidate(candidate.rotation, generator, shift, np.inf), rigid))
            slopes = torch.autograd.grad(loss, (generator, shift))
            return float(loss.detach()), np.concatenate([slope.numpy().ravel() for slope in slopes])

        start = np.concatenate([candidate.generator.numpy().ravel(), candidate.shift.numpy()])
        limits = {"maxfun": _EVALUATIONS, "ftol": 1e-7, "gtol": 1e-6}
        with one_thread_below(len(scale.points)):
            # torch.optim.LBFGS would import torch's compiler, which takes six seconds.
            found = minimize(objective, start, jac=True, method="L-BFGS-B", options=limits)
        return _Candidate(candidate.rotation, *unpacked(found.x), float(found.fun))


def register_linear(
    fixed: Image,
    moving: Image,
    *,
    kind: LinearKind = "affine",
    metric: Metric = "lncc",
    init: Init | Matrix = "moments",
    on_step: Callable[[str, float], None] = lambda _name, _loss: None,
) -> LinearResult:
    """Return the rigid or affine transform from the fixed to the moving image.

    Parameters
    ----------
    fixed, moving
        Prepared images (:func:`vision_cli.register.optimisation.images.normalise`), 2D or 3D.
    kind
        ``"rigid"`` or ``"affine"`` (12 degrees of freedom in 3D).
    metric
        Image term, see :mod:`vision_cli.register.optimisation.losses`.
    init
        Start: ``"header"`` for the positions in the headers; ``"moments"`` for aligned centroids and rotations of up to
        30 degrees; ``"search"`` for all proper axis permutations as well, and the best mirrored transform beside the
        best proper one; or a ``(D+1, D+1)`` matrix.
    on_step
        Called with the name and loss of each scale.
    """
    box = crop_to_foreground(fixed, margin=0.06 * _extent(fixed))
    extent = float(max(n * s for n, s in zip(box.shape, box.spacing, strict=True)))
    scales = _scales(fixed, moving, extent, metric)
    centre_fixed = centroid(fixed)
    if isinstance(init, str):
        centre_moving = centre_fixed if init == "header" else centroid(moving, within_subject=True)
        rotations = _start_rotations(box.ndim, init)
    else:
        centre_moving = init[:-1, :-1] @ centre_fixed + init[:-1, -1]
        rotations = [init[:-1, :-1]]
    problem = _Problem(fixed, moving, centre_fixed, centre_moving, extent / 2)

    rigid = kind == "rigid"
    fine = scales[-1]
    best = _best_of(problem, scales, rotations, rigid, on_step)
    mirrored = None
    if isinstance(init, str) and init == "search":
        flip = np.diag([-1.0] + [1.0] * (problem.dim - 1))
        mirrored = _best_of(problem, scales, [rotation @ flip for rotation in rotations], rigid, on_step)
        # The finest scale takes most of the time and does not change what is clearly worse.
        if mirrored.loss > best.loss + _WITHIN_REACH * abs(best.loss):
            mirrored = None
        else:
            mirrored = problem.refine(mirrored, fine, rigid=rigid)
    best = problem.refine(best, fine, rigid=rigid)
    on_step("fine", best.loss)
    with torch.no_grad():
        return LinearResult(
            problem.matrix(best, rigid).numpy(),
            best.loss,
            None if mirrored is None else problem.matrix(mirrored, rigid).numpy(),
        )


def initial_matrix(fixed: Image, moving: Image, init: Literal["header", "moments"]) -> Matrix:
    """Return the matrix of a start without optimisation: the identity, or the shift between the centroids."""
    matrix = np.eye(fixed.grid.ndim + 1)
    if init == "moments":
        matrix[:-1, -1] = centroid(moving) - centroid(fixed)
    return matrix


def axis_rotations(dim: int) -> list[Matrix]:
    """Return the proper rotations that map axes to axes: 24 in 3D, 4 in 2D."""
    rotations = []
    for order in itertools.permutations(range(dim)):
        for signs in itertools.product((1.0, -1.0), repeat=dim):
            matrix = np.zeros((dim, dim))
            matrix[np.arange(dim), order] = signs
            if np.linalg.det(matrix) > 0:
                rotations.append(matrix)
    return rotations


def _best_of(
    problem: _Problem,
    scales: Sequence[_Scale],
    rotations: Sequence[Matrix],
    rigid: bool,
    on_step: Callable[[str, float], None],
) -> _Candidate:
    """Return the best candidate of the given starts, refined at the coarse and the middle scale."""
    coarse, middle, _ = scales
    starts = [problem.start(rotation) for rotation in rotations]
    with torch.no_grad(), one_thread_below(len(coarse.points)):
        for start in starts:
            start.loss = float(coarse.loss(problem.matrix(start, rigid=True)))
    kept = _distinct(sorted(starts, key=lambda start: start.loss), 6)
    kept = sorted((problem.refine(s, coarse, rigid=True) for s in kept), key=lambda s: s.loss)[:2]
    on_step("coarse", kept[0].loss)
    best = min((problem.refine(s, middle, rigid=rigid) for s in kept), key=lambda s: s.loss)
    on_step("middle", best.loss)
    return best


def _scales(fixed: Image, moving: Image, extent: float, metric: Metric) -> list[_Scale]:
    """Return the scales, coarsest first, each built from images as fine as the next finer scale."""
    scales = []
    for count in reversed(_SAMPLES_ALONG_LONGEST):
        spacing = max(extent / count, float(fixed.grid.spacing.min()))
        scales.append(_Scale(fixed, moving, spacing, metric))
        if count != _SAMPLES_ALONG_LONGEST[0]:
            fixed, moving = fixed.reduced_to(spacing), moving.reduced_to(spacing)
    return scales[::-1]


def _extent(image: Image) -> float:
    return float(max(n * s for n, s in zip(image.grid.shape, image.grid.spacing, strict=True)))


def _start_rotations(dim: int, init: str) -> list[Matrix]:
    if init == "header":
        return [np.eye(dim)]
    steps = (0.0, -_START_ANGLE, _START_ANGLE)
    if dim == 2:
        small = [_rotation(dim, (0, 1), angle) for angle in steps]
    else:
        small = [
            _rotation(dim, (1, 2), a) @ _rotation(dim, (0, 2), b) @ _rotation(dim, (0, 1), c)
            for a, b, c in itertools.product(steps, repeat=3)
        ]
    if init == "moments":
        return small
    return [rotation @ turn for turn in axis_rotations(dim) for rotation in small]


def _rotation(dim: int, plane: tuple[int, int], angle: float) -> Matrix:
    matrix = np.eye(dim)
    a, b = plane
    matrix[a, a] = matrix[b, b] = np.cos(angle)
    matrix[a, b], matrix[b, a] = -np.sin(angle), np.sin(angle)
    return matrix


def _distinct(ordered: Sequence[_Candidate], count: int) -> list[_Candidate]:
    """Return the best candidates whose rotations differ, so that they do not all lie in one local minimum."""
    kept: list[_Candidate] = []
    for candidate in ordered:
        angles = [np.trace(candidate.rotation.T @ other.rotation) for other in kept]
        near = len(candidate.rotation) - 2 * (1 - np.cos(0.8 * _START_ANGLE))
        if all(angle < near for angle in angles):
            kept.append(candidate)
        if len(kept) == count:
            break
    return kept
