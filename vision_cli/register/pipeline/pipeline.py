"""From two image files to a registration: read, align linearly, optimise, and say what was found.

Usable from Python without the command line: :func:`vision_cli.register.pipeline.inputs.read_pair`, then
:func:`register`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.compute.devices import Compute, return_freed_memory
from vision_cli.core.errors import InputError, NumericalError, UsageError
from vision_cli.core.runs import interrupts
from vision_cli.io.volumes.volumes import Volume
from vision_cli.register.optimisation import affine, images
from vision_cli.register.optimisation.images import Image
from vision_cli.register.optimisation.losses import LocalCorrelation
from vision_cli.register.optimisation.optimise import Settings, State, Step, WaveletOptimiser, worth_taking
from vision_cli.register.options.registration import Init, Method, Preset, RegistrationOptions
from vision_cli.register.pipeline.inputs import Pair, grid_of
from vision_cli.register.pipeline.prediction import NetworkShare, Proposer
from vision_cli.register.pipeline.resolution import work_grid
from vision_cli.register.transforms import fields
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.itk_files import read_matrix
from vision_cli.register.transforms.transforms import AffineTransform, DisplacementTransform, Transform

Matrix = NDArray[np.float64]

_ITERATIONS: Mapping[Preset, tuple[int, ...]] = {
    "fast": (20, 20, 20, 20, 20),
    "default": Settings.iterations,
    "accurate": (60, 60, 60, 30, 40),
}


# The network is asked before the stage whose images have voxels of at most this many of its own.
_FINE_ENOUGH = 1.5
# A network's field that is a little better leads to another result, not to a better one: it is taken where the
# optimisation has gone astray.
_MARGIN = 0.25
# How fine the grids are, one after the other, that it sees if there is no optimisation.
_PASSES = (1.5, 1.5)
# Far below any meaning, and a third of the bytes.
_STEPS_PER_MM = 4096.0
_STEPS_PER_LOG = 1024.0


@dataclass(frozen=True)
class Registration:
    """A registration found.

    Attributes
    ----------
    affine
        Fixed RAS mm -> moving RAS mm.
    warp, inverse_warp
        Displacements on the fixed image's grid, None for a linear transform. The whole map is ``y = A(x + u(x))``, the
        inverse ``x = y' + u_inv(y')`` with ``y' = A^-1 y``.
    log_jacobian
        Log of the determinant of the warp on the fixed grid; None for a linear transform.
    folds
        Voxels of the fixed foreground whose determinant is not positive.
    sdlogj
        Standard deviation of the log-determinant over the fixed foreground.
    jacobian_range
        Least and greatest determinant over the fixed foreground.
    inverse_error
        Mean and 99 % quantile of ``|inverse(warp(x)) - x|`` and ``|warp(inverse(x)) - x|`` together, over the fixed
        foreground, in voxels.
    similarity
        LNCC (mean squared local correlation in [0, 1]) under the header, the affine and the whole transform.
    history
        The iterations.
    scales
        RMS displacement in mm and share of the energy of each level, by name.
    coefficients
        Wavelet coefficients, coarsest first, with the grid they belong to; empty for a linear transform.
    field_grid
        Grid of the field that the coefficients give.
    work_grid
        Grid that the images were compared on.
    repairs
        Rounds of fold repair.
    seconds
        Wall time by phase.
    notes
        What the user should know.
    network
        What the network contributed; None where there was none.
    """

    affine: AffineTransform
    work_grid: Grid
    foreground_voxels: int
    similarity: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    warp: DisplacementTransform | None = None
    inverse_warp: DisplacementTransform | None = None
    log_jacobian: NDArray[np.float32] | None = None
    folds: int | None = None
    sdlogj: float | None = None
    jacobian_range: tuple[float, float] | None = None
    inverse_error: tuple[float, float] | None = None
    history: tuple[Step, ...] = ()
    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    coefficients: tuple[NDArray[np.float32], ...] = ()
    field_grid: Grid | None = None
    repairs: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    network: NetworkShare | None = None

    @property
    def chain(self) -> tuple[Transform, ...]:
        """Transforms that take fixed points to moving points, in the order they apply."""
        return (self.affine,) if self.warp is None else (self.warp, self.affine)


def register(
    pair: Pair,
    options: RegistrationOptions,
    compute: Compute,
    *,
    start: Matrix | None = None,
    on_step: Callable[[Step], None] = lambda _step: None,
    on_plan: Callable[[int], None] = lambda _total: None,
    resume_from: tuple[Matrix, State] | None = None,
    on_interrupt: Callable[[Matrix, State], None] = lambda _matrix, _state: None,
) -> Registration:
    """Register a pair.

    Parameters
    ----------
    pair
        From :func:`vision_cli.register.pipeline.inputs.read_pair`.
    options
        What to do.
    compute
        Device and threads.
    start
        Fixed RAS mm -> moving RAS mm to start from in place of ``options.init``.
    on_step, on_plan
        Called after each iteration, and once with the number of iterations to come.
    resume_from
        Affine and optimiser state of an interrupted registration of the same pair and options.
    on_interrupt
        Called with the affine and the state when a signal stops the optimisation, before the error goes on.

    Raises
    ------
    NumericalError
        If the optimisation diverges, or its result fits worse than the affine.
    ResourceError
        If the work does not fit into ``max_memory`` at any resolution.
    """
    clock = _Clock()
    fixed = _prepared(pair.fixed, pair.fixed_mask, compute)
    moving = _prepared(pair.moving, pair.moving_mask, compute)
    notes = list(pair.notes)
    clock.lap("read")
    if resume_from is None:
        if not _overlap(fixed, moving):
            if start is None and options.init == "header":
                raise NumericalError(
                    "the two images do not overlap in space; an overlap expected with --init header.",
                    hint="Use --init moments or --init search.",
                )
            notes.append("the images do not overlap where their headers put them; started from their centres")
        linear = affine.register_linear(
            fixed,
            moving,
            kind="rigid" if options.transform == "rigid" else "affine",
            metric=options.metric,
            init=_starting_point(options.init) if start is None else start,
            on_step=lambda _name, _loss: interrupts.check(),
        )
        matrix = linear.matrix
        notes += linear.notes
    else:
        matrix = resume_from[0]
    clock.lap("affine")

    limit = None if options.max_memory_gb is None else options.max_memory_gb * 1e9
    work, note = work_grid(fixed, spacing=options.spacing, halved=options.preset == "fast", max_memory=limit)
    notes += note
    spacing = float(work.spacing.min())
    identity = np.eye(work.ndim + 1)
    target = images.resample(fixed.blurred_to(spacing), work, identity)
    source = moving.blurred_to(spacing)
    affine_only = images.resample(source, work, matrix)
    inside = images.resample(Image(images.foreground(fixed).float(), fixed.grid), work, identity) > 0.5
    quality = LocalCorrelation(target, 5, inside.float() if bool(inside.any()) else None)
    before = -float(quality(images.resample(source, work, identity)))
    with_affine = -float(quality(affine_only))
    if options.transform == "rigid" or options.transform == "affine":
        return Registration(
            affine=AffineTransform(matrix),
            foreground_voxels=int(inside.sum()),
            similarity=(before, with_affine, with_affine),
            work_grid=work,
            seconds=clock.laps,
            notes=tuple(notes),
        )

    settings = Settings(
        kind=options.transform,
        metric=options.metric,
        smoothness=options.smoothness,
        volume=options.volume_weight,
        wavelet=options.wavelet,
        iterations=options.iterations or _ITERATIONS[options.preset],
        symmetric=options.symmetric,
    )
    weight = None
    if fixed.mask is not None:
        weight = images.resample(Image(fixed.mask.float(), fixed.grid), work, identity)
    optimiser = WaveletOptimiser(target, affine_only, work, settings, weight)
    if resume_from is not None:
        optimiser.state = resume_from[1]
    proposer = None
    if options.method != "optimize":
        proposer = Proposer(options.weights, fixed, moving, matrix, work, options.transform)
    share = None
    on_plan(0 if options.method == "network" else optimiser.total_iterations)

    def step_done(step: Step) -> None:
        on_step(step)
        interrupts.check()

    try:
        if proposer is not None:
            share = _asked(proposer, optimiser, options.method, step_done)
        optimiser.run(step_done)
        if settings.kind == "diffeo":
            optimiser.repair_folds(inside)
    except BaseException:
        on_interrupt(matrix, optimiser.state)
        raise
    after = -float(quality(fields.sample(affine_only[None], _points(work, optimiser.displacement()))[0]))
    if after < with_affine:
        raise NumericalError(
            f"the deformation fits worse than the affine (LNCC {after:.3f} against {with_affine:.3f}).",
            hint="Use --transform affine, a larger --lambda, or --metric mi for images of different kinds.",
        )
    clock.lap("optimise")
    if share is not None:
        clock.split("optimise", "network", share.seconds)
    del source, affine_only, target, quality
    return_freed_memory()
    found = _finished(fixed, optimiser, matrix)
    fields.identity_points.cache_clear()
    clock.lap("fields")
    return replace(
        found,
        similarity=(before, with_affine, after),
        seconds=clock.laps,
        notes=(*notes, *found.notes),
        network=share,
    )


def _starting_point(init: str) -> Init | Matrix:
    """Return where the linear alignment starts: a word as it is, or the matrix of a file, fixed -> moving RAS mm."""
    words: tuple[Init, ...] = get_args(Init)
    for word in words:
        if word == init:
            return word
    matrix = read_matrix(Path(init))
    if matrix is None:
        raise UsageError(f"{init} found; header, moments, search or the file of an affine transform expected.")
    return matrix


def _asked(
    proposer: Proposer, optimiser: WaveletOptimiser, method: Method, on_step: Callable[[Step], None]
) -> NetworkShare:
    """Have the network add to the field, once the images are as fine as those that it sees; keep what is worth it."""
    if method == "network":
        field = optimiser.field()
        for fineness in _PASSES:
            field = proposer.improved(field, optimiser.field_grid, fineness)
        optimiser.take(field)
        return proposer.share
    stage = optimiser.stage_of(_FINE_ENOUGH * float(proposer.grid().spacing.max()))
    optimiser.run(on_step, until=stage)
    if optimiser.state.meeting is None:
        optimiser.meet(proposer.improved(optimiser.field(), optimiser.field_grid), _MARGIN)
    losses = optimiser.state.meeting or (math.nan,) * 3
    return replace(
        proposer.share,
        stage=stage,
        loss_affine=losses[0],
        loss_optimised=losses[1],
        loss_proposed=losses[2],
        used=worth_taking(losses, _MARGIN),
    )


def _finished(fixed: Image, optimiser: WaveletOptimiser, matrix: Matrix) -> Registration:
    """Bring the optimised field to the fixed image's grid, with its inverse and its Jacobian."""
    work, grid = optimiser.grid, fixed.grid
    forward = optimiser.displacement()
    backward = optimiser.inverse_displacement(forward)
    inside = images.foreground(fixed)
    on_fixed = fields.transfer(forward, work, grid)
    determinant = fields.determinant_map(on_fixed)
    values = determinant[inside] if bool(inside.any()) else determinant.reshape(-1)
    back_on_fixed = fields.transfer(backward, work, grid)
    error = _inverse_error(on_fixed, back_on_fixed, inside)
    warp = DisplacementTransform(_in_mm(on_fixed, grid), grid)
    del on_fixed
    inverse = DisplacementTransform(_in_mm(back_on_fixed, grid), grid)
    return Registration(
        affine=AffineTransform(matrix),
        warp=warp,
        inverse_warp=inverse,
        log_jacobian=_rounded(determinant.clamp(min=1e-9).log_(), _STEPS_PER_LOG),
        folds=int((values <= 0).sum()),
        foreground_voxels=int(values.numel()),
        sdlogj=float(torch.log(values.clamp(min=1e-9)).std()),
        jacobian_range=(float(values.min()), float(values.max())),
        inverse_error=error,
        history=tuple(optimiser.state.history),
        scales=_scales(optimiser),
        coefficients=tuple(c.cpu().numpy() for c in optimiser.state.coefficients),
        field_grid=optimiser.field_grid,
        work_grid=work,
        repairs=optimiser.state.repairs,
    )


def _scales(optimiser: WaveletOptimiser) -> dict[str, tuple[float, float]]:
    """RMS in mm and share of the energy of each level's part of the field: the paper's account of what a scale does."""
    spacing = torch.as_tensor(optimiser.field_grid.spacing, dtype=torch.float32)
    energies = {
        name: float(((part.cpu() * spacing.view(-1, *([1] * (part.ndim - 1)))) ** 2).sum(0).mean())
        for name, part in optimiser.scale_fields().items()
    }
    total = sum(energies.values()) or 1.0
    return {name: (math.sqrt(energy), energy / total) for name, energy in energies.items()}


def _inverse_error(forward: torch.Tensor, backward: torch.Tensor, inside: torch.Tensor) -> tuple[float, float]:
    """Mean and 99 % quantile over the voxels inside of the two compositions' distance from the identity, in voxels."""
    if not bool(inside.any()):
        inside = torch.ones_like(inside)
    lengths = []
    for start, stop in fields.row_ranges(tuple(inside.shape)):
        index = torch.nonzero(inside[start:stop]).T
        index[0] += start
        for first, second in ((forward, backward), (backward, forward)):
            own = first[:, *index]
            residual = own + fields.sample(second, index + own, padding="border")
            lengths.append(residual.square().sum(0).sqrt())
    values = torch.cat(lengths)
    return float(values.mean()), float(np.quantile(values.cpu().numpy(), 0.99))


def _in_mm(displacement: torch.Tensor, grid: Grid) -> NDArray[np.float32]:
    """Voxel displacement ``(D, *grid)`` as RAS mm ``(*grid, D)``."""
    axes = torch.as_tensor(grid.vox2ras[:-1, :-1], dtype=torch.float32, device=displacement.device)
    return _rounded(torch.einsum("ij,j...->...i", axes, displacement).contiguous(), _STEPS_PER_MM)


def _rounded(values: torch.Tensor, steps: float) -> NDArray[np.float32]:
    """Round to whole steps, in place: what is written packs better, and files made from it agree to the bit."""
    return values.mul_(steps).round_().div_(steps).cpu().numpy()


def _points(grid: Grid, displacement: torch.Tensor) -> torch.Tensor:
    return fields.identity_points(grid.shape, displacement.device) + displacement


def _prepared(volume: Volume, mask: Volume | None, compute: Compute) -> Image:
    values = images.normalise(volume.data, compute.device)
    image = Image(values, grid_of(volume))
    if mask is None:
        return image
    own = Image(torch.as_tensor(mask.data, dtype=torch.float32, device=compute.device), grid_of(mask))
    inside = images.resample(own, image.grid, np.eye(image.grid.ndim + 1)) > 0.5
    if not bool(inside.any()):
        raise InputError(f"{mask.path}: the mask does not touch {volume.path}.", hint="Check the mask's header.")
    return Image(values, image.grid, inside)


def _overlap(fixed: Image, moving: Image) -> bool:
    """Whether the boxes of the two images meet in space."""
    low, high = zip(*(_bounds(image.grid) for image in (fixed, moving)), strict=True)
    return bool(np.all(np.maximum(*low) < np.minimum(*high)))


def _bounds(grid: Grid) -> tuple[Matrix, Matrix]:
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in grid.shape], indexing="ij"), -1).reshape(-1, grid.ndim)
    points = corners @ grid.vox2ras[:-1, :-1].T + grid.vox2ras[:-1, -1]
    return points.min(0), points.max(0)


class _Clock:
    """Wall seconds by phase."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, phase: str) -> None:
        now = time.monotonic()
        self.laps[phase] = round(now - self._last, 3)
        self._last = now

    def split(self, phase: str, part: str, seconds: float) -> None:
        """Count some of a phase as one of its own."""
        self.laps[part] = seconds
        self.laps[phase] = round(self.laps[phase] - seconds, 3)
