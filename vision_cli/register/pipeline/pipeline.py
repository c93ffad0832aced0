"""Registration of a pair of images: linear alignment, optimisation of the field, inverse and measures.

Usable from Python: `vision_cli.register.pipeline.inputs.read_pair`, then `register`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
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
from vision_cli.register.optimisation.contrast import relate_intensities
from vision_cli.register.optimisation.images import Image
from vision_cli.register.optimisation.losses import LocalCorrelation
from vision_cli.register.optimisation.optimise import Settings, State, Step, WaveletOptimiser
from vision_cli.register.optimisation.stiffness import stiffness
from vision_cli.register.options.registration import Init, Method, Metric, Preset, RegistrationOptions
from vision_cli.register.pipeline.inputs import Pair, grid_of, require_similar_sizes
from vision_cli.register.pipeline.orientation import check_orientation, choose_orientation
from vision_cli.register.pipeline.prediction import NetworkContribution, NetworkPredictor
from vision_cli.register.pipeline.resolution import work_grid
from vision_cli.register.pipeline.result import ImageTerm, InverseError, LevelContribution, Registration, Similarity
from vision_cli.register.transforms import fields
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.itk_files import read_matrix
from vision_cli.register.transforms.regularity import LEAST_DETERMINANT, regularity
from vision_cli.register.transforms.slices import matrix_in_plane
from vision_cli.register.transforms.transforms import AffineTransform, DisplacementTransform

Matrix = NDArray[np.float64]

_ITERATIONS: Mapping[Preset, tuple[int, ...]] = {
    "fast": (20, 20, 20, 20, 20),
    "default": Settings.iterations,
    "accurate": (60, 60, 60, 30, 40),
}
# At half of the resolution fields bend less: with the weaker penalty they are still more regular than those of
# ``default``.
_VOLUME_WEIGHTS: Mapping[Preset, float] = {"fast": 0.3, "default": Settings.volume, "accurate": Settings.volume}

# The network predicts before the first stage whose voxels are at most this many times as large as its own.
_NETWORK_STAGE_RATIO = 1.5
# A predicted field that is only a little better leads to a different result, not a better one; it is used where the
# optimisation has failed.
_MARGIN = 0.25
# Resolution of the network's grid in each pass without an optimisation, relative to that of its training.
_PASSES = (1.5, 1.5)
# Standard deviation, in working voxels, of the blur before images are sampled on a coarser grid: half of the usual one
# leaves some aliasing, but keeps thin structures, and the overlap is higher.
_WORK_BLUR = 0.25
# Written values are rounded to multiples of 1/4096 mm and 1/1024: negligible, and a third of the compressed size.
_STEPS_PER_MM = 4096.0
_STEPS_PER_LOG = 1024.0


@dataclass(frozen=True)
class Checkpoint:
    """State of an interrupted registration.

    Attributes
    ----------
    matrix
        The linear alignment, fixed RAS mm -> moving RAS mm.
    state
        State of the optimiser.
    """

    matrix: Matrix
    state: State


def register(
    pair: Pair,
    options: RegistrationOptions,
    compute: Compute,
    *,
    start: Matrix | None = None,
    on_step: Callable[[Step], None] = lambda _step: None,
    on_plan: Callable[[int], None] = lambda _total: None,
    resume_from: Checkpoint | None = None,
    on_interrupt: Callable[[Checkpoint], None] = lambda _checkpoint: None,
) -> Registration:
    """Register a pair.

    Parameters
    ----------
    pair
        Images, masks, labels and landmarks, see `vision_cli.register.pipeline.inputs.read_pair`.
    options
        Settings of the registration.
    compute
        Device and threads.
    start
        Matrix to start from instead of ``options.init``, fixed RAS mm -> moving RAS mm.
    on_step, on_plan
        Called after each iteration, and once before the first with the number of iterations.
    resume_from
        Checkpoint of an interrupted registration of the same pair and options.
    on_interrupt
        Called with a checkpoint when a signal or an error stops the optimisation, before the exception is raised.

    Raises
    ------
    NumericalError
        If the optimisation diverges, or the affine turns by more than ``max_rotation_deg``.
    ResourceError
        If the registration does not fit into the memory, or into ``max_memory_gb`` at any resolution.
    InputError
        If the sizes of the two images differ by more than a factor of 4.
    """
    clock = _Clock()
    fixed = _prepared(pair.fixed, pair.fixed_mask, compute)
    moving = _prepared(pair.moving, pair.moving_mask, compute)
    notes = list(pair.notes)
    clock.lap("read")
    metric: Metric = "lncc" if options.metric == "auto" else options.metric
    mirrored = None
    if resume_from is None:
        if start is None and options.init in get_args(Init):
            require_similar_sizes(pair)
        if not _overlap(fixed, moving):
            if start is None and options.init == "header":
                raise NumericalError(
                    "the two images do not overlap in space; an overlap expected with --init header.",
                    hint="Use --init moments or --init search.",
                )
            notes.append("the images do not overlap with the positions in their headers; started from their centres")
        linear = affine.register_linear(
            fixed,
            moving.filled(),
            kind="rigid" if options.transform == "rigid" else "affine",
            metric=metric,
            init=_starting_point(options.init, pair) if start is None else start,
            on_step=lambda _name, _loss: interrupts.check(),
        )
        matrix, mirrored = linear.matrix, linear.mirrored
    else:
        matrix = resume_from.matrix
    clock.lap("affine")

    limit = None if options.max_memory_gb is None else options.max_memory_gb * 1e9
    work, note = work_grid(fixed, spacing=options.spacing, halved=options.preset == "fast", max_memory=limit)
    notes += note
    spacing = float(work.spacing.min())
    identity = np.eye(work.ndim + 1)
    target = images.resample(fixed.blurred_to(spacing, _WORK_BLUR), work, identity)
    source = moving.blurred_to(spacing, _WORK_BLUR)
    inside = images.resample(Image(images.foreground(fixed).float(), fixed.grid), work, identity) > 0.5
    quality = LocalCorrelation(target, 5, inside.float() if bool(inside.any()) else None)
    if mirrored is not None:
        matrix, chosen = choose_orientation(matrix, mirrored, partial(_correlation, quality, source, work))
        notes += chosen
    notes += check_orientation(matrix, options.max_rotation_deg)
    term = ImageTerm(metric)
    if options.metric == "auto":
        relation = relate_intensities(fixed, moving, work, matrix)
        term = ImageTerm(metric, not relation.is_increasing, relation.explained, relation.increasing)
        if term.mapped:
            moving = relation.mapped(moving)
            source = moving.blurred_to(spacing, _WORK_BLUR)
            notes.append(
                "the images have different contrasts: local correlation is that of the moving intensities mapped to "
                "those expected in the fixed image (--metric lncc compares them as they are)"
            )
    affine_only = images.resample(source, work, matrix)
    before, with_affine = _correlation(quality, source, work, identity), -float(quality(affine_only))
    if options.transform == "rigid" or options.transform == "affine":
        return Registration(
            affine=AffineTransform(matrix),
            foreground_voxels=int(inside.sum()),
            similarity=Similarity(before, with_affine, with_affine),
            work_grid=work,
            seconds=clock.laps,
            notes=tuple(notes),
            image_term=term,
        )

    settings = Settings(
        kind=options.transform,
        metric=metric,
        smoothness=options.smoothness,
        volume=_VOLUME_WEIGHTS[options.preset] if options.volume_weight is None else options.volume_weight,
        wavelet=options.wavelet,
        iterations=options.iterations or _ITERATIONS[options.preset],
        symmetric=options.symmetric,
    )
    weight = None
    if fixed.mask is not None:
        weight = images.resample(Image(fixed.mask.float(), fixed.grid), work, identity)
    valid = None
    if moving.mask is not None:
        valid = images.resample(Image(moving.mask.float(), moving.grid), work, matrix)
    # The optimiser sees a continuation of the image where the mask hides it; the measures see the image itself.
    shown = affine_only
    if valid is not None:
        moving = moving.filled()
        shown = images.resample(moving.blurred_to(spacing, _WORK_BLUR), work, matrix)
    firm = stiffness(Image(target, work), Image(shown, work), inside)
    optimiser = WaveletOptimiser(target, shown, work, settings, weight, valid, firm)
    if resume_from is not None:
        optimiser.state = resume_from.state
    predictor = None
    if consults_network(options):
        predictor = NetworkPredictor(options.weights, fixed, moving, matrix, work, options.transform)
    network = None
    on_plan(0 if options.method == "network" else optimiser.total_iterations)

    def step_done(step: Step) -> None:
        on_step(step)
        interrupts.check()

    try:
        if predictor is not None:
            network = _predict_field(predictor, optimiser, options.method, step_done)
        optimiser.run(step_done)
        affine_kept = optimiser.keep_better_of_zero(with_penalties=options.method != "network")
        if settings.kind == "diffeo" and not affine_kept:
            optimiser.repair_folds(inside)
    except BaseException:
        on_interrupt(Checkpoint(matrix, optimiser.state))
        raise
    after = -float(quality(fields.sample(affine_only[None], _points(work, optimiser.displacement_voxels()))[0]))
    if settings.metric == "lncc" and after < with_affine:
        # The loss counts windows outside of the subject as well; the reported measure does not.
        optimiser.set_zero()
        affine_kept = True
    if affine_kept:
        after = with_affine
        notes.append(
            f"no deformation fits better than the affine (local correlation {with_affine:.4f}); the affine was kept, "
            "and the warp is zero"
        )
    clock.lap("optimise")
    if network is not None:
        clock.split("optimise", "network", network.seconds)
    del source, affine_only, shown, target, quality
    return_freed_memory()
    found = _result_on_fixed_grid(fixed, optimiser, matrix)
    fields.identity_points.cache_clear()
    clock.lap("fields")
    return replace(
        found,
        similarity=Similarity(before, with_affine, after),
        seconds=clock.laps,
        notes=(*notes, *found.notes),
        network=network,
        affine_kept=affine_kept,
        image_term=term,
    )


def consults_network(options: RegistrationOptions) -> bool:
    """Return whether a deformation by these settings needs the weights of the network.

    With ``auto`` the network only replaces an optimisation that has failed, at a fifth of the time of the preset
    ``fast``, which leaves it out unless weights are named.
    """
    if options.method == "auto" and options.preset == "fast":
        return options.weights != RegistrationOptions.weights
    return options.method != "optimize"


def _correlation(quality: LocalCorrelation, moving: Image, work: Grid, matrix: Matrix) -> float:
    """Return the local correlation of the images under a linear transform."""
    return -float(quality(images.resample(moving, work, matrix)))


def _starting_point(init: str, pair: Pair) -> Init | Matrix:
    """Return the start of the linear alignment: the word itself, or the matrix of a file, fixed -> moving RAS mm."""
    words: tuple[Init, ...] = get_args(Init)
    for word in words:
        if word == init:
            return word
    matrix = read_matrix(Path(init))
    if matrix is None:
        raise UsageError(f"{init} found; header, moments, search or the file of an affine transform expected.")
    if len(matrix) == 4 and pair.fixed.plane is not None:
        return matrix_in_plane(matrix, pair.fixed.plane, pair.moving.plane)
    if len(matrix) != pair.fixed.ndim + 1:
        raise UsageError(f"--init: {init}: {len(matrix) - 1}D found; {pair.fixed.ndim}D, as the images, expected.")
    return matrix


def _predict_field(
    predictor: NetworkPredictor, optimiser: WaveletOptimiser, method: Method, on_step: Callable[[Step], None]
) -> NetworkContribution:
    """Let the network predict the whole field, or what is left to do after the coarse stages (see `Method`)."""
    if method == "network":
        field_voxels = optimiser.field_voxels()
        for fineness in _PASSES:
            field_voxels = predictor.add_prediction(field_voxels, optimiser.field_grid, fineness)
        optimiser.set_final_field(field_voxels)
        return predictor.contribution
    stage = optimiser.stage_of(_NETWORK_STAGE_RATIO * float(predictor.grid().spacing.max()))
    optimiser.run(on_step, until=stage)
    losses = optimiser.state.compared
    if losses is None:
        proposed_voxels = predictor.add_prediction(optimiser.field_voxels(), optimiser.field_grid)
        losses = optimiser.compare_with(proposed_voxels, _MARGIN)
    return replace(
        predictor.contribution,
        stage=stage,
        loss_affine=losses.affine,
        loss_optimised=losses.optimised,
        loss_proposed=losses.proposed,
        used=losses.favour_proposed(_MARGIN),
    )


def _result_on_fixed_grid(fixed: Image, optimiser: WaveletOptimiser, matrix: Matrix) -> Registration:
    """Return the optimised field on the grid of the fixed image, with its inverse and its Jacobian."""
    work, grid = optimiser.grid, fixed.grid
    inside = images.foreground(fixed)
    while True:
        work_voxels = optimiser.displacement_voxels()
        warp_voxels = fields.transfer(work_voxels, work, grid)
        determinant = fields.jacobian_determinant_by_rows(warp_voxels)
        folded = torch.nonzero((determinant <= 0) & inside)
        # A finer grid meets slopes between the voxels of the working grid, where no voxel folds.
        if optimiser.settings.kind != "diffeo" or not len(folded):
            break
        if not optimiser.smooth_near(_voxels_near(folded, grid, work), work_voxels):
            break
    inverse_work_voxels = optimiser.inverse_displacement_voxels(work_voxels)
    over_foreground, over_grid = regularity(determinant, inside), regularity(determinant)
    inverse_voxels = fields.transfer(inverse_work_voxels, work, grid)
    if not _share_lattice(work, grid):
        # Interpolation from a coarser grid makes two fields that were inverse to each other less so.
        inverse_voxels = fields.invert(warp_voxels, inverse_voxels, iterations=1)
    error = _inverse_error(warp_voxels, inverse_voxels, inside)
    warp = DisplacementTransform(_to_mm(warp_voxels, grid), grid)
    del warp_voxels
    inverse = DisplacementTransform(_to_mm(inverse_voxels, grid), grid)
    return Registration(
        affine=AffineTransform(matrix),
        warp=warp,
        inverse_warp=inverse,
        log_jacobian=_rounded(determinant.clamp(min=LEAST_DETERMINANT).log_(), _STEPS_PER_LOG),
        folded_voxels=over_foreground.folded_voxels,
        foreground_voxels=over_foreground.voxels,
        sdlogj=over_foreground.sdlogj,
        jacobian_range=over_foreground.jacobian_range,
        over_grid=over_grid,
        inverse_error=error,
        history=tuple(optimiser.state.history),
        levels=_level_contributions(optimiser),
        coefficients=tuple(c.cpu().numpy() for c in optimiser.state.coefficients),
        field_grid=optimiser.field_grid,
        kind=optimiser.settings.kind,
        wavelet=optimiser.settings.wavelet,
        work_grid=work,
        repairs=optimiser.state.repairs,
    )


def _voxels_near(voxels: torch.Tensor, grid: Grid, onto: Grid) -> torch.Tensor:
    """Return the voxels of another grid ``(*onto.shape)`` bool that are nearest to voxels ``(N, D)`` of a grid."""
    matrix = np.linalg.inv(onto.vox2ras) @ grid.vox2ras
    points = np.rint(voxels.cpu().numpy() @ matrix[:-1, :-1].T + matrix[:-1, -1]).astype(np.int64)
    marked = torch.zeros(onto.shape, dtype=torch.bool)
    marked[tuple(torch.from_numpy(points.clip(0, np.asarray(onto.shape) - 1).T))] = True
    return marked.to(voxels.device)


def _share_lattice(one: Grid, other: Grid) -> bool:
    """Return whether two grids have the same voxel centres where they overlap."""
    steps = np.linalg.inv(other.vox2ras) @ one.vox2ras
    offset = steps[:-1, -1]
    return bool(np.allclose(steps[:-1, :-1], np.eye(one.ndim)) and np.allclose(offset, np.round(offset), atol=1e-6))


def _level_contributions(optimiser: WaveletOptimiser) -> tuple[LevelContribution, ...]:
    """Return root mean square and share of the energy of each level's part of the field, coarsest first."""
    spacing = torch.as_tensor(optimiser.field_grid.spacing, dtype=torch.float32)
    energies = {
        name: float(((part.cpu() * spacing.view(-1, *([1] * (part.ndim - 1)))) ** 2).sum(0).mean())
        for name, part in optimiser.level_fields_voxels().items()
    }
    total = sum(energies.values()) or 1.0
    return tuple(LevelContribution(name, math.sqrt(energy), energy / total) for name, energy in energies.items())


def _inverse_error(warp_voxels: torch.Tensor, inverse_voxels: torch.Tensor, inside: torch.Tensor) -> InverseError:
    """Return the distance of both compositions from the identity, over the voxels ``inside``."""
    if not bool(inside.any()):
        inside = torch.ones_like(inside)
    lengths = []
    for start, stop in fields.row_ranges(tuple(inside.shape)):
        index = torch.nonzero(inside[start:stop]).T
        index[0] += start
        for first_voxels, second_voxels in ((warp_voxels, inverse_voxels), (inverse_voxels, warp_voxels)):
            own_voxels = first_voxels[:, *index]
            residual_voxels = own_voxels + fields.sample(second_voxels, index + own_voxels, padding="border")
            lengths.append(residual_voxels.square().sum(0).sqrt())
    values = torch.cat(lengths)
    return InverseError(float(values.mean()), float(np.quantile(values.cpu().numpy(), 0.99)))


def _to_mm(displacement_voxels: torch.Tensor, grid: Grid) -> NDArray[np.float32]:
    """Convert a displacement ``(D, *grid)`` in voxels to RAS mm ``(*grid, D)``, rounded to 1/4096 mm."""
    return _rounded(fields.in_mm(displacement_voxels, grid), _STEPS_PER_MM)


def _rounded(values: torch.Tensor, steps: float) -> NDArray[np.float32]:
    """Round to multiples of ``1 / steps``, in place, so that files compress better and agree to the bit."""
    return values.mul_(steps).round_().div_(steps).cpu().numpy()


def _points(grid: Grid, displacement_voxels: torch.Tensor) -> torch.Tensor:
    return fields.identity_points(grid.shape, displacement_voxels.device) + displacement_voxels


def _prepared(volume: Volume, mask: Volume | None, compute: Compute) -> Image:
    values = images.normalise(volume.data, compute.device)
    image = Image(values, grid_of(volume))
    if mask is None:
        return image
    own = Image(torch.as_tensor(mask.data, dtype=torch.float32, device=compute.device), grid_of(mask))
    inside = images.resample(own, image.grid, np.eye(image.grid.ndim + 1)) > 0.5
    if not bool(inside.any()):
        raise InputError(
            f"{mask.path}: no voxel of the mask inside {volume.path} found; one or more expected.",
            hint="Check the header of the mask.",
        )
    return Image(values, image.grid, inside)


def _overlap(fixed: Image, moving: Image) -> bool:
    """Return whether the bounding boxes of the two images overlap in space."""
    low, high = zip(*(_bounds(image.grid) for image in (fixed, moving)), strict=True)
    return bool(np.all(np.maximum(*low) < np.minimum(*high)))


def _bounds(grid: Grid) -> tuple[Matrix, Matrix]:
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in grid.shape], indexing="ij"), -1).reshape(-1, grid.ndim)
    points = corners @ grid.vox2ras[:-1, :-1].T + grid.vox2ras[:-1, -1]
    return points.min(0), points.max(0)


class _Clock:
    """Wall time in seconds of each phase."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, phase: str) -> None:
        now = time.monotonic()
        self.laps[phase] = round(now - self._last, 3)
        self._last = now

    def split(self, phase: str, part: str, seconds: float) -> None:
        """Move some seconds of a phase to a phase of its own."""
        self.laps[part] = seconds
        self.laps[phase] = round(self.laps[phase] - seconds, 3)
