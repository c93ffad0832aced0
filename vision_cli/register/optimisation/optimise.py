"""Instance optimisation of the wavelet coefficients of a displacement or velocity field, coarse to fine.

The paper's parametrisation (WiNet, arXiv:2407.13426: coefficients per scale, assembled by a parameter-free IDWT) with
the pair's own images in place of a training set. A stage works on images shrunk by a factor; its field lives one
octave coarser still, is exponentiated there, and only the displacement is brought up to the image grid. Each octave
opens one more level of detail coefficients and goes on optimising the coarser ones.
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
from vision_cli.register.optimisation.correlation import WarpedCorrelation
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
_COARSEST_IMAGE = 16
# Half as many iterations on the finest images give the overlap of twice as many, if the field's finest level has
# settled on images of a third of the voxels before.
_FINE_SHRINKS = (1.5, 1.0)
_COARSEST_LEVEL = 8
_FOLD_WEIGHT = 10.0
_MAX_REPAIRS = 20
_WAYPOINTS = 5
_INVERSE_STEPS = 2
_INVERSE_BALANCE = 0.4


@dataclass(frozen=True)
class Settings:
    """What the optimiser is told.

    Attributes
    ----------
    kind
        ``"diffeo"``: the coefficients are of a stationary velocity field; ``"displacement"``: of the displacement.
    metric
        Image term.
    smoothness
        Weight of the mean squared gradient of the field.
    volume
        Weight of the mean squared divergence: it holds volume changes down where the gradient alone would have to hold
        back shear as well, and buys both overlap and a quieter Jacobian (figures in the task's README).
    wavelet
        PyWavelets name of the synthesis wavelet.
    iterations
        Iterations a stage, the finest stage last; further coarse stages take the first number.
    window
        LNCC window in voxels of the stage.
    symmetric
        Also pull the fixed image onto the moving one.
    """

    kind: DeformableKind = "diffeo"
    metric: Metric = RegistrationOptions.metric
    smoothness: float = RegistrationOptions.smoothness
    volume: float = RegistrationOptions.volume_weight
    wavelet: str = RegistrationOptions.wavelet
    iterations: tuple[int, ...] = (20, 20, 20, 12, 14)
    window: int = 5
    symmetric: bool = RegistrationOptions.symmetric


@dataclass(frozen=True)
class Step:
    """One iteration, as it is reported and written to ``loss.csv``."""

    stage: int
    iteration: int
    similarity: float
    regularisation: float
    step: float


@dataclass
class State:
    """Everything an interrupted optimisation needs to go on with the same numbers.

    Attributes
    ----------
    stage, iteration
        The next iteration to compute.
    coefficients, momentum
        A tensor a level each, see :class:`~vision_cli.register.wavelets.WaveletPyramid`.
    second_moment
        Running mean square of the gradient, a number a level.
    history
        The iterations so far.
    repairs
        Rounds of local smoothing that folds called for.
    meeting
        Losses that :meth:`WaveletOptimiser.meet` compared: of no field, of the own and of the other one.
    """

    coefficients: list[Tensor]
    stage: int = 0
    iteration: int = 0
    momentum: list[Tensor] = field(default_factory=list)
    second_moment: list[float] = field(default_factory=list)
    history: list[Step] = field(default_factory=list)
    repairs: int = 0
    meeting: tuple[float, float, float] | None = None


class WaveletOptimiser:
    """Registers one pair that is already aligned linearly and sampled on one grid.

    Parameters
    ----------
    fixed, moving
        ``(*grid)`` intensities near [0, 1].
    grid
        The working grid.
    settings
        What to optimise.
    mask
        ``(*grid)`` weights of the image term, or None.
    """

    def __init__(
        self, fixed: Tensor, moving: Tensor, grid: Grid, settings: Settings, mask: Tensor | None = None
    ) -> None:
        self.fixed = fixed
        self.moving = moving
        self.grid = grid
        self.settings = settings
        self.mask = mask
        self.field_grid = _coarsened(grid, 2.0 * float(grid.spacing.min()))
        self.pyramid = WaveletPyramid(
            self.field_grid.shape,
            tuple(self.field_grid.spacing),
            settings.wavelet,
            coarsest=_COARSEST_LEVEL,
            device=fixed.device,
        )
        self.shrinks = _shrinks(grid)
        self.state = State([self.pyramid.zeros(0)])

    @property
    def total_iterations(self) -> int:
        """Iterations of all stages, without fold repair."""
        return sum(self._iterations(stage) for stage in range(len(self.shrinks)))

    def stage_of(self, spacing: float) -> int:
        """First stage whose images are as fine as ``spacing`` mm, the last one if none is."""
        finest = float(self.grid.spacing.min())
        fine = (n for n, shrink in enumerate(self.shrinks) if shrink * finest <= spacing)
        return next(fine, len(self.shrinks) - 1)

    def meet(self, field: Tensor, margin: float) -> bool:
        """Compare the present field with another one by the loss of the present stage; take it if it is worth it.

        Parameters
        ----------
        field
            ``(D, *field_grid)`` in voxels of the field grid, a velocity or displacement as the settings have it.
        margin
            The other field is taken if its loss is lower by more than this share of what the present one has gained.

        Returns
        -------
        bool
            Whether it is.
        """
        problem = _Stage(self, self.state.stage)
        other = self.pyramid.analyse(field)[: problem.levels]
        fields_compared = [[torch.zeros_like(c) for c in other], self.state.coefficients, other]
        with torch.no_grad(), one_thread_below(problem.voxels):
            none, own, new = (float(sum(problem.losses(coefficients))) for coefficients in fields_compared)
        self.state.meeting = none, own, new
        taken = worth_taking(self.state.meeting, margin)
        if taken:
            self.state.coefficients = other
        return taken

    def take(self, field: Tensor) -> None:
        """Have the coefficients of a field ``(D, *field_grid)``, and no stage left to optimise."""
        self.state.coefficients = self.pyramid.analyse(field)
        self.state.stage = len(self.shrinks)

    def run(self, on_step: Callable[[Step], None] = lambda _step: None, until: int | None = None) -> None:
        """Optimise from the present state to the end; whatever ``on_step`` raises leaves a state that can go on.

        Parameters
        ----------
        on_step
            Called after every iteration.
        until
            The stage to stop before; None for the end.

        Raises
        ------
        NumericalError
            If the loss is not finite, also after a restart of the stage with half the step.
        """
        while self.state.stage < (len(self.shrinks) if until is None else until):
            before = [c.clone() for c in self.state.coefficients]
            problem = _Stage(self, self.state.stage)
            with one_thread_below(problem.voxels):
                finite = self._run_stage(problem, on_step, _STEP)
                if not finite:
                    self.state.coefficients, self.state.iteration = before, 0
                    finite = self._run_stage(problem, on_step, 0.5 * _STEP)
            if not finite:
                raise NumericalError(
                    "the image term is not a finite number, also with half the step.",
                    hint="Try --metric mi or a larger --lambda.",
                )
            self.state.stage += 1
            self.state.iteration = 0

    def repair_folds(self, inside: Tensor) -> int:
        """Smooth the field where it folds, and nowhere else, round by round until no voxel folds.

        Parameters
        ----------
        inside
            ``(*grid)`` bool, the voxels that must not fold.

        Returns
        -------
        int
            Voxels that still fold.
        """
        with torch.no_grad():
            while True:
                displacement = self.displacement()
                folded = (fields.jacobian_determinant(displacement) <= 0) & inside
                folds = int(folded.sum())
                if folds == 0 or self.state.repairs == _MAX_REPAIRS:
                    return folds
                self.state.repairs += 1
                share = self._neighbourhood(folded, displacement)
                field = self.field()
                smooth = fields.gaussian_blur(field, tuple(float(n > 1) for n in self.field_grid.shape))
                self.state.coefficients = self.pyramid.analyse(field + share * (smooth - field))

    def _neighbourhood(self, folded: Tensor, displacement: Tensor) -> Tensor:
        """Weights in [0, 1] on the field's grid, ``(*field_grid)``: one along the ways that the voxels take."""
        start = torch.nonzero(folded)
        way = displacement[:, folded].T
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

    def field(self) -> Tensor:
        """Synthesise the velocity (or displacement) field, ``(D, *field_grid)`` in voxels of the field grid."""
        with torch.no_grad():
            return self.pyramid.synthesise(self.state.coefficients)

    def displacement(self) -> Tensor:
        """Displacement of the working grid, ``(D, *grid)`` in its voxels."""
        generator = self.field()
        if self.settings.kind == "diffeo":
            generator = fields.exponentiate(generator, _FINAL_SQUARINGS)
        return fields.rescale(generator, self.grid.shape)

    def inverse_displacement(self, forward: Tensor) -> Tensor:
        """Inverse of ``forward``, the optimiser's own displacement, ``(D, *grid)``.

        ``exp(-v)`` is the inverse up to the interpolation of the half-resolution field; two Newton steps on the working
        grid remove most of what is left, and a last step evens the errors of the two compositions out.
        """
        if self.settings.kind == "displacement":
            exact = fields.invert(forward)
        else:
            guess = fields.rescale(fields.exponentiate(-self.field(), _FINAL_SQUARINGS), self.grid.shape)
            exact = fields.invert(forward, guess, iterations=_INVERSE_STEPS)
        return fields.balance_inverse(forward, exact, _INVERSE_BALANCE)

    def scale_fields(self) -> Mapping[str, Tensor]:
        """Part of the field that each level contributes, by name, ``(D, *field_grid)``; they add up to the field."""
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
        return numbers[max(0, len(numbers) - len(self.shrinks) + stage)]

    def _run_stage(self, problem: _Stage, on_step: Callable[[Step], None], step: float) -> bool:
        """Run the remaining iterations of a stage; False if the loss is not finite."""
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
        """Momentum with one running second moment a level; scaling every coefficient by its own over-fits."""
        state = self.state
        age = state.iteration + 1
        for level, gradient in enumerate(gradients):
            state.momentum[level].mul_(_MOMENTUM).add_(gradient, alpha=1 - _MOMENTUM)
            square = float((gradient * gradient).mean())
            state.second_moment[level] = _SECOND_MOMENT * state.second_moment[level] + (1 - _SECOND_MOMENT) * square
            rms = (state.second_moment[level] / (1 - _SECOND_MOMENT**age)) ** 0.5
            rate = length * _STEP_DECAY**level / (1 - _MOMENTUM**age) / (rms + 1e-20)
            state.coefficients[level].sub_(state.momentum[level], alpha=rate)


def worth_taking(losses: tuple[float, float, float], margin: float) -> bool:
    """Whether :meth:`WaveletOptimiser.meet`, which found these losses, took the other field."""
    none, own, other = losses
    # A loss that is no number is not lower.
    return other < own - margin * max(none - own, 0.0)


class _Stage:
    """The pair at one shrink factor, with the loss of coefficients there."""

    def __init__(self, optimiser: WaveletOptimiser, stage: int) -> None:
        settings = optimiser.settings
        self.optimiser = optimiser
        self.shrink = optimiser.shrinks[stage]
        octave = math.floor(math.log2(self.shrink))
        self.iterations = optimiser._iterations(stage)
        finest = float(optimiser.grid.spacing.min())
        self.image_grid = _coarsened(optimiser.grid, finest * self.shrink)
        self.field_grid = _coarsened(optimiser.grid, finest * 2 ** (octave + 1))
        self.step = 2.0**octave
        self.level = min(octave, optimiser.pyramid.depth)
        self.levels = optimiser.pyramid.depth - self.level + 1
        self.reach = optimiser.pyramid.reach(self.level, self.field_grid.shape)
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
        self.forward = self._match(self.fixed, self.moving, weight)
        self.backward = self._match(self.moving, self.fixed, weight) if settings.symmetric else None

    def losses(self, coefficients: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Image term and weighted penalties, scalars."""
        settings = self.optimiser.settings
        generator = apply_per_axis(self.reach, self.optimiser.pyramid.synthesise(coefficients, self.level))
        generator = generator * self.to_stage
        displacement = self._displacement(generator)
        similarity = self.forward(displacement)
        if self.backward is not None:
            similarity = 0.5 * (similarity + self.backward(self._displacement(-generator)))
        spacing = tuple(self.field_grid.spacing)
        penalty = settings.smoothness * gradient_penalty(generator, spacing)
        if settings.volume > 0:
            penalty = penalty + settings.volume * divergence_penalty(generator)
        if settings.kind == "diffeo":
            penalty = penalty + _FOLD_WEIGHT * fold_penalty(displacement)
        return similarity, penalty

    def _match(self, fixed: Tensor, moving: Tensor, weight: Tensor | None) -> Callable[[Tensor], Tensor]:
        """Image term of a displacement of the stage's field grid."""
        settings = self.optimiser.settings
        if settings.metric == "lncc":
            return WarpedCorrelation(fixed, moving, self.field_grid.shape, settings.window, weight)
        similarity = build_similarity(settings.metric, fixed, settings.window, weight)
        points = fields.identity_points(self.image_grid.shape, fixed.device)
        return lambda displacement: similarity(
            fields.sample(moving[None], points + fields.rescale(displacement, self.image_grid.shape))[0]
        )

    def _displacement(self, generator: Tensor) -> Tensor:
        if self.optimiser.settings.kind == "displacement":
            return generator
        return fields.exponentiate(generator, _SQUARINGS)

    def _shrunk(self, image: Tensor) -> Tensor:
        """Blur and resample ``(*grid)`` to the stage's image grid."""
        ratio = self.image_grid.spacing / self.optimiser.grid.spacing
        sigma = tuple(float(0.5 * r) if r > 1.2 else 0.0 for r in ratio)
        return fields.resize(fields.gaussian_blur(image[None], sigma), self.image_grid.shape)[0]


def _coarsened(grid: Grid, spacing: float) -> Grid:
    """Thin a grid out to about ``spacing`` mm along each axis; axes that are thicker already stay as they are."""
    return grid.resized(
        tuple(
            n if own > 0.7 * spacing or n < 4 else max(2, -(-round(n * own * 1000) // round(spacing * 1000)))
            for n, own in zip(grid.shape, grid.spacing, strict=True)
        )
    )


def _shrinks(grid: Grid) -> tuple[float, ...]:
    """Shrink factors of the images by stage, coarsest first: powers of two down to 2, then 1.5 and 1."""
    longest = max(n * s for n, s in zip(grid.shape, grid.spacing, strict=True)) / float(grid.spacing.min())
    count = 1
    while longest / 2**count >= _COARSEST_IMAGE:
        count += 1
    return (*(2.0**k for k in range(count - 1, 0, -1)), *_FINE_SHRINKS)
