"""Instance optimisation of the wavelet coefficients of a displacement or velocity field, coarse to fine.

The parametrisation is that of the paper (WiNet, arXiv:2407.13426: coefficients per scale, assembled by a parameter-free
IDWT); the coefficients are optimised for one pair instead of predicted by a network. A stage compares images that are
downsampled by a factor. Its field has half their resolution and is exponentiated at that resolution; only the
displacement is upsampled to the image grid. Each octave adds one level of detail coefficients; the coarser ones are
optimised further.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from vision_cli.core.compute.devices import one_thread_below
from vision_cli.core.errors import NumericalError
from vision_cli.register.optimisation.comparison import ComparedLosses
from vision_cli.register.optimisation.correlation import WarpedCorrelation
from vision_cli.register.optimisation.images import coarsened, shrink_factors
from vision_cli.register.optimisation.losses import (
    box_sum,
    build_similarity,
    divergence_penalty,
    fold_penalty,
    gradient_penalty,
)
from vision_cli.register.options.registration import Metric, RegistrationOptions
from vision_cli.register.transforms import fields
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.wavelets import WaveletPyramid, apply_per_axis

DeformableKind = Literal["displacement", "diffeo"]

_MOMENTUM = 0.8
_SECOND_MOMENT = 0.95
_STEP = 0.1
_STEP_DECAY = 0.5
_LAST_STEP = 0.2
_WARM_UP = 5
_SQUARINGS = 3
_FINAL_SQUARINGS = 7
_COARSEST_LEVEL = 8
_FOLD_WEIGHT = 10.0
_MAX_REPAIRS = 20
_WAYPOINTS = 5
_INVERSE_STEPS = 2
_INVERSE_BALANCE = 0.4


@dataclass(frozen=True)
class Settings:
    """Settings of the optimiser.

    Attributes
    ----------
    kind
        What the coefficients represent: ``"diffeo"`` a stationary velocity field, ``"displacement"`` a displacement.
    metric
        Image term.
    smoothness
        Weight of the mean squared gradient of the field.
    volume
        Weight of the mean squared divergence. It penalises changes of volume without penalising shear (figures in the
        card of the task).
    wavelet
        PyWavelets name of the synthesis wavelet.
    iterations
        Iterations of each stage, the finest last; the first number also holds for further coarse stages.
    window
        LNCC window in voxels of the stage.
    symmetric
        Also compare the moving image with the fixed image warped by the inverse.
    """

    kind: DeformableKind = "diffeo"
    metric: Metric = "lncc"
    smoothness: float = RegistrationOptions.smoothness
    volume: float = 0.45
    wavelet: str = RegistrationOptions.wavelet
    iterations: tuple[int, ...] = (20, 20, 20, 12, 14)
    window: int = 5
    symmetric: bool = RegistrationOptions.symmetric


@dataclass(frozen=True)
class Step:
    """One iteration, as reported to the caller and written to ``loss.csv``."""

    stage: int
    iteration: int
    similarity: float
    regularisation: float
    step: float


@dataclass
class State:
    """State of an optimisation; an interrupted one continues from it with the same numbers.

    Attributes
    ----------
    stage, iteration
        The next iteration to compute.
    coefficients, momentum
        One tensor for each level, see :class:`~vision_cli.register.wavelets.WaveletPyramid`.
    second_moment
        Running mean square of the gradient, one number for each level.
    history
        The iterations so far.
    repairs
        Rounds of fold repair so far.
    compared
        Losses of the comparison with a proposed field; None before it.
    """

    coefficients: list[Tensor]
    stage: int = 0
    iteration: int = 0
    momentum: list[Tensor] = field(default_factory=list)
    second_moment: list[float] = field(default_factory=list)
    history: list[Step] = field(default_factory=list)
    repairs: int = 0
    compared: ComparedLosses | None = None


class WaveletOptimiser:
    """Registers a pair of images that are aligned linearly and sampled on one grid.

    Parameters
    ----------
    fixed, moving
        ``(*grid)`` intensities near [0, 1].
    grid
        The working grid.
    settings
        Settings of the optimisation.
    mask
        ``(*grid)`` weights of the image term, or None.
    moving_mask
        ``(*grid)``, 1 where the moving image counts and 0 elsewhere, as in a lesion; None where all counts. The same
        voxels of the fixed image do not count.
    stiffness
        ``(*grid)`` factor of the penalties, see `vision_cli.register.optimisation.stiffness`; None for 1.
    """

    def __init__(
        self,
        fixed: Tensor,
        moving: Tensor,
        grid: Grid,
        settings: Settings,
        mask: Tensor | None = None,
        moving_mask: Tensor | None = None,
        stiffness: Tensor | None = None,
    ) -> None:
        self.fixed = fixed
        self.moving = moving
        self.grid = grid
        self.settings = settings
        self.mask = mask
        self.moving_mask = moving_mask
        self.stiffness = stiffness
        self.field_grid = coarsened(grid, 2.0 * float(grid.spacing.min()))
        self.pyramid = WaveletPyramid(
            self.field_grid.shape,
            tuple(self.field_grid.spacing),
            settings.wavelet,
            coarsest=_COARSEST_LEVEL,
            device=fixed.device,
        )
        self.shrink_factors = shrink_factors(grid)
        self.state = State([self.pyramid.zeros(0)])

    @property
    def total_iterations(self) -> int:
        """Number of iterations of all stages, without fold repair."""
        return sum(self._iterations(stage) for stage in range(len(self.shrink_factors)))

    def stage_of(self, spacing: float) -> int:
        """Return the first stage whose images are as fine as ``spacing`` mm; the last one if none is."""
        finest = float(self.grid.spacing.min())
        fine = (n for n, shrink in enumerate(self.shrink_factors) if shrink * finest <= spacing)
        return next(fine, len(self.shrink_factors) - 1)

    def compare_with(self, field_voxels: Tensor, margin: float) -> ComparedLosses:
        """Compare the current field with a proposed one by the loss of the current stage; use the better one.

        Parameters
        ----------
        field_voxels
            ``(D, *field_grid)`` in voxels of the field grid, a velocity or a displacement (see `Settings.kind`).
        margin
            See `ComparedLosses.favour_proposed`.
        """
        problem = _Stage(self, self.state.stage)
        proposed = self.pyramid.analyse(field_voxels)[: problem.levels]
        candidates = [[torch.zeros_like(c) for c in proposed], self.state.coefficients, proposed]
        with torch.no_grad(), one_thread_below(problem.voxels):
            losses = ComparedLosses(*(float(sum(problem.losses(coefficients))) for coefficients in candidates))
        self.state.compared = losses
        if losses.favour_proposed(margin):
            self.state.coefficients = proposed
        return losses

    def set_final_field(self, field_voxels: Tensor) -> None:
        """Set the field ``(D, *field_grid)`` as the result, with no stage left to optimise."""
        self.state.coefficients = self.pyramid.analyse(field_voxels)
        self.state.stage = len(self.shrink_factors)

    def keep_better_of_zero(self, *, with_penalties: bool = True) -> bool:
        """Set the field to zero if the optimised one is not better on the finest images; return whether it was set.

        Steps have a fixed length, so images that agree already are moved by noise.

        Parameters
        ----------
        with_penalties
            Compare the whole loss; False for the image term alone.
        """
        problem = _Stage(self, len(self.shrink_factors) - 1)
        zero = [torch.zeros_like(c) for c in self.state.coefficients]
        with torch.no_grad(), one_thread_below(problem.voxels):
            without, found = (problem.losses(coefficients) for coefficients in (zero, self.state.coefficients))
        terms = slice(None) if with_penalties else slice(1)
        if float(sum(found[terms])) < float(sum(without[terms])):
            return False
        self.set_zero()
        return True

    def set_zero(self) -> None:
        """Set the field to zero."""
        self.state.coefficients = [torch.zeros_like(c) for c in self.state.coefficients]

    def run(self, on_step: Callable[[Step], None] = lambda _step: None, until: int | None = None) -> None:
        """Optimise from the current state; if ``on_step`` raises, the state can be continued later.

        Parameters
        ----------
        on_step
            Called after each iteration.
        until
            Stage to stop before; None to run all stages.

        Raises
        ------
        NumericalError
            If the loss is not finite even after a restart of the stage with half the step.
        """
        while self.state.stage < (len(self.shrink_factors) if until is None else until):
            before = [c.clone() for c in self.state.coefficients]
            problem = _Stage(self, self.state.stage)
            with one_thread_below(problem.voxels):
                finite = self._run_stage(problem, on_step, _STEP)
                if not finite:
                    self.state.coefficients, self.state.iteration = before, 0
                    finite = self._run_stage(problem, on_step, 0.5 * _STEP)
            if not finite:
                raise NumericalError(
                    "the image term is not a finite number, even with half the step.",
                    hint="Try --metric mi or a larger --lambda.",
                )
            self.state.stage += 1
            self.state.iteration = 0

    def repair_folds(self, inside: Tensor) -> int:
        """Smooth the field near folded voxels, round by round, until no voxel folds.

        Parameters
        ----------
        inside
            ``(*grid)`` bool, the voxels that must not fold.

        Returns
        -------
        int
            Number of voxels that still fold.
        """
        with torch.no_grad():
            while True:
                displacement_voxels = self.displacement_voxels()
                folded = (fields.jacobian_determinant(displacement_voxels) <= 0) & inside
                if not bool(folded.any()) or not self.smooth_near(folded, displacement_voxels):
                    return int(folded.sum())

    def smooth_near(self, folded: Tensor, displacement_voxels: Tensor) -> bool:
        """Smooth the field once near folded voxels; return False, and leave it, where no round of repair is left.

        Parameters
        ----------
        folded
            ``(*grid)`` bool.
        displacement_voxels
            See `displacement_voxels`.
        """
        if self.state.repairs == _MAX_REPAIRS:
            return False
        self.state.repairs += 1
        share = self._neighbourhood(folded, displacement_voxels)
        field_voxels = self.field_voxels()
        smooth_voxels = fields.gaussian_blur(field_voxels, tuple(float(n > 1) for n in self.field_grid.shape))
        self.state.coefficients = self.pyramid.analyse(field_voxels + share * (smooth_voxels - field_voxels))
        return True

    def _neighbourhood(self, folded: Tensor, displacement_voxels: Tensor) -> Tensor:
        """Return weights in [0, 1] on the field's grid, ``(*field_grid)``: 1 along the paths of the folded voxels."""
        start = torch.nonzero(folded)
        way = displacement_voxels[:, folded].T
        shape = self.field_grid.shape
        limit = torch.tensor([n - 1 for n in shape], device=start.device)
        scale = limit / torch.tensor([max(n - 1, 1) for n in self.grid.shape], device=start.device)
        weights = torch.zeros(shape, device=start.device)
        for part in torch.linspace(0, 1, _WAYPOINTS).tolist():
            here = ((start + part * way) * scale).round().long()
            weights[tuple(torch.minimum(here.clamp(min=0), limit).T)] = 1
        # Two rings of neighbours, then a soft edge.
        near = box_sum(weights, 5) > 0
        return fields.gaussian_blur(near[None].float(), tuple(float(n > 1) for n in shape))[0]

    def field_voxels(self) -> Tensor:
        """Return the velocity (or displacement) field, ``(D, *field_grid)`` in voxels of the field grid."""
        with torch.no_grad():
            return self.pyramid.synthesise(self.state.coefficients)

    def displacement_voxels(self) -> Tensor:
        """Return the displacement on the working grid, ``(D, *grid)`` in its voxels."""
        generator_voxels = self.field_voxels()
        if self.settings.kind == "diffeo":
            generator_voxels = fields.exponentiate(generator_voxels, _FINAL_SQUARINGS)
        return fields.rescale(generator_voxels, self.grid.shape)

    def inverse_displacement_voxels(self, forward_voxels: Tensor) -> Tensor:
        """Return the inverse of `displacement_voxels`, which is given, ``(D, *grid)`` in voxels.

        ``exp(-v)`` is the inverse up to the interpolation of the half-resolution field. Two Newton steps on the working
        grid remove most of that error, and a last step balances the errors of the two compositions.
        """
        if self.settings.kind == "displacement":
            exact_voxels = fields.invert(forward_voxels)
        else:
            guess_voxels = fields.rescale(fields.exponentiate(-self.field_voxels(), _FINAL_SQUARINGS), self.grid.shape)
            exact_voxels = fields.invert(forward_voxels, guess_voxels, iterations=_INVERSE_STEPS)
        return fields.balance_inverse(forward_voxels, exact_voxels, _INVERSE_BALANCE)

    def level_fields_voxels(self) -> Mapping[str, Tensor]:
        """Return the contribution of each level to the field by name, ``(D, *field_grid)``; their sum is the field."""
        parts: dict[str, Tensor] = {}
        coefficients = self.state.coefficients
        zeros = [torch.zeros_like(c) for c in coefficients]
        finest = float(self.field_grid.spacing.min())
        with torch.no_grad():
            for index, own in enumerate(coefficients):
                only = [own if i == index else z for i, z in enumerate(zeros)]
                level = self.pyramid.depth - max(index, 1) + 1
                name = (
                    f"approximation {finest * 2**level:.3g} mm" if index == 0 else f"detail {finest * 2**level:.3g} mm"
                )
                parts[name] = self.pyramid.synthesise(only)
        return parts

    def _iterations(self, stage: int) -> int:
        numbers = self.settings.iterations
        return numbers[max(0, len(numbers) - len(self.shrink_factors) + stage)]

    def _run_stage(self, problem: _Stage, on_step: Callable[[Step], None], step: float) -> bool:
        """Run the remaining iterations of a stage; return False if the loss is not finite."""
        state = self.state
        while len(state.coefficients) < problem.levels:
            state.coefficients.append(self.pyramid.zeros(len(state.coefficients)))
        if state.iteration == 0:
            state.momentum = [torch.zeros_like(c) for c in state.coefficients]
            state.second_moment = [0.0] * len(state.coefficients)
        while state.iteration < problem.iterations:
            variables = [c.requires_grad_() for c in state.coefficients]
            similarity, regularisation = problem.losses(variables)
            gradients = torch.autograd.grad(similarity + regularisation, variables)
            value = float(similarity.detach()), float(regularisation.detach())
            state.coefficients = [c.detach() for c in variables]
            if not all(map(math.isfinite, value)):
                return False
            length = step * problem.step * (1 - (1 - _LAST_STEP) * state.iteration / problem.iterations)
            length *= min(1.0, (state.iteration + 1) / _WARM_UP)
            self._descend(gradients, length)
            state.history.append(Step(state.stage, state.iteration, *value, length))
            state.iteration += 1
            on_step(state.history[-1])
        return True

    def _descend(self, gradients: tuple[Tensor, ...], length: float) -> None:
        """Update the coefficients: momentum, with one second moment for each level.

        One second moment for each coefficient, as in Adam, overfits.
        """
        state = self.state
        age = state.iteration + 1
        for level, gradient in enumerate(gradients):
            state.momentum[level].mul_(_MOMENTUM).add_(gradient, alpha=1 - _MOMENTUM)
            square = float((gradient * gradient).mean())
            state.second_moment[level] = _SECOND_MOMENT * state.second_moment[level] + (1 - _SECOND_MOMENT) * square
            rms = (state.second_moment[level] / (1 - _SECOND_MOMENT**age)) ** 0.5
            rate = length * _STEP_DECAY**level / (1 - _MOMENTUM**age) / (rms + 1e-20)
            state.coefficients[level].sub_(state.momentum[level], alpha=rate)


class _Stage:
    """The pair downsampled by one factor, and the loss of coefficients at that resolution."""

    def __init__(self, optimiser: WaveletOptimiser, stage: int) -> None:
        settings = optimiser.settings
        self.optimiser = optimiser
        self.shrink = optimiser.shrink_factors[stage]
        octave = math.floor(math.log2(self.shrink))
        self.iterations = optimiser._iterations(stage)
        finest = float(optimiser.grid.spacing.min())
        self.image_grid = coarsened(optimiser.grid, finest * self.shrink)
        self.field_grid = coarsened(optimiser.grid, finest * 2 ** (octave + 1))
        self.step = 2.0**octave
        self.level = min(octave, optimiser.pyramid.depth)
        self.levels = optimiser.pyramid.depth - self.level + 1
        self.to_field_grid = optimiser.pyramid.resampling_matrices(self.level, self.field_grid.shape)
        self.voxels = math.prod(self.image_grid.shape)
        dim = optimiser.grid.ndim
        factors = [
            (new - 1) / (base - 1) if base > 1 else 1.0
            for new, base in zip(self.field_grid.shape, optimiser.field_grid.shape, strict=True)
        ]
        self.to_stage = torch.tensor(factors, device=optimiser.fixed.device).view(-1, *([1] * dim))
        self.fixed = self._shrunk(optimiser.fixed)
        self.moving = self._shrunk(optimiser.moving)
        weight = None if optimiser.mask is None else self._shrunk(optimiser.mask)
        self.stiffness = None
        if optimiser.stiffness is not None:
            self.stiffness = fields.resize(optimiser.stiffness[None], self.field_grid.shape)[0]
        # The mask stays where the linear alignment puts it. If it moved with the field, voxels that have just left it
        # would be pulled further and none back, until the field avoids what the mask hides.
        valid = None if optimiser.moving_mask is None else self._inside(optimiser.moving_mask)
        self.forward = self._image_term(self.fixed, self.moving, weight, valid)
        self.backward = None
        if settings.symmetric:
            # Here the moving image stays and the fixed one is warped, so the masks change roles.
            within = None if optimiser.mask is None or valid is None else self._inside(optimiser.mask)
            self.backward = self._image_term(self.moving, self.fixed, weight if valid is None else valid, within)

    def losses(self, coefficients: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the image term and the weighted sum of the penalties, scalars."""
        settings = self.optimiser.settings
        generator_voxels = apply_per_axis(
            self.to_field_grid, self.optimiser.pyramid.synthesise(coefficients, self.level)
        )
        generator_voxels = generator_voxels * self.to_stage
        displacement_voxels = self._displacement_voxels(generator_voxels)
        similarity = self.forward(displacement_voxels)
        if self.backward is not None:
            similarity = 0.5 * (similarity + self.backward(self._displacement_voxels(-generator_voxels)))
        spacing = tuple(self.field_grid.spacing)
        penalty = settings.smoothness * gradient_penalty(generator_voxels, spacing, self.stiffness)
        if settings.volume > 0:
            penalty = penalty + settings.volume * divergence_penalty(generator_voxels, self.stiffness)
        if settings.kind == "diffeo":
            penalty = penalty + _FOLD_WEIGHT * fold_penalty(displacement_voxels)
        return similarity, penalty

    def _image_term(
        self, fixed: Tensor, moving: Tensor, weight: Tensor | None, valid: Tensor | None
    ) -> Callable[[Tensor], Tensor]:
        """Return the image term as a function of the displacement on the stage's field grid, in its voxels."""
        settings = self.optimiser.settings
        if settings.metric == "lncc":
            return WarpedCorrelation(fixed, moving, self.field_grid.shape, settings.window, weight, valid=valid)
        similarity = build_similarity(settings.metric, fixed, settings.window, weight)
        points = fields.identity_points(self.image_grid.shape, fixed.device)

        def term(displacement_voxels: Tensor) -> Tensor:
            shift_voxels = fields.rescale(displacement_voxels, self.image_grid.shape)
            return similarity(fields.sample(moving[None], points + shift_voxels)[0], valid)

        return term

    def _displacement_voxels(self, generator_voxels: Tensor) -> Tensor:
        if self.optimiser.settings.kind == "displacement":
            return generator_voxels
        return fields.exponentiate(generator_voxels, _SQUARINGS)

    def _inside(self, mask: Tensor) -> Tensor:
        """Return the voxels of the stage's image grid inside a mask of the working grid, 0 or 1."""
        return (self._shrunk(mask) > 0.5).to(mask)

    def _shrunk(self, image: Tensor) -> Tensor:
        """Return ``(*grid)`` blurred and resampled to the stage's image grid."""
        ratio = self.image_grid.spacing / self.optimiser.grid.spacing
        sigma = tuple(float(0.5 * r) if r > 1.2 else 0.0 for r in ratio)
        return fields.resize(fields.gaussian_blur(image[None], sigma), self.image_grid.shape)[0]
