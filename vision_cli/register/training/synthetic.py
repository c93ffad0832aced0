"""Training WiNet on synthetic pairs, whose truth is known."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import Schedule, train_run
from vision_cli.core.runs.runs import Run
from vision_cli.register.networks import WiNet
from vision_cli.register.options.registration import Metric
from vision_cli.register.options.training import (
    SYNTHETIC_RATE,
    SYNTHETIC_STEPS,
    LossWeights,
    NetworkOptions,
    SyntheticPairs,
    TrainingOptions,
)
from vision_cli.register.training.example import Example
from vision_cli.register.training.objective import Objective
from vision_cli.register.training.setup import build_network, laid_out, sample_seed
from vision_cli.register.training.subjects import Subject, generate_subjects, read_subjects, slices_of
from vision_cli.register.training.synthesis import PairSource, Recipe

_LABELS_A_STEP = 8
_TRAINING, _VALIDATION = 0, 1
_GENERATED = 20
_HELD_OUT = 2


@dataclass(frozen=True)
class Phase:
    """A part of a training on synthetic pairs.

    Attributes
    ----------
    until
        Share of the training at which it ends.
    shape, spacing
        Voxels of the pairs, multiples of 16, and their size in mm.
    recipe
        What the pairs are like.
    weights
        Of the losses.
    restart
        Whether the decay of the learning rate begins anew with it.
    """

    until: float
    shape: tuple[int, ...]
    spacing: float
    recipe: Recipe
    weights: LossWeights
    restart: bool = False


# A fresh network moves nothing for hundreds of steps if the pairs differ by less than a voxel, as aligned subjects do;
# it first learns what a displacement is from large ones that are known.
_LARGE = Recipe(across=0.0, shapes=0.25, motion_mm=(2.4, 6.0), misalignment=1.0)
_REAL = Recipe(across=0.6, shapes=0.1, motion_mm=(1.6, 4.0), misalignment=0.4)
# Parts of the subjects at twice the resolution: what is left when a coarser pass was there before.
_DETAIL = Recipe(across=0.6, shapes=0.1, motion_mm=(1.0, 3.0), misalignment=0.3, offset_mm=20.0)
_KNOWN_ALONE = LossWeights(similarity=0.0, overlap=0.0, endpoint=1.0, smoothness=0.1)

PHASES: Mapping[int, tuple[Phase, ...]] = {
    3: (
        Phase(0.09, (32, 48, 32), 4.5, _LARGE, _KNOWN_ALONE),
        Phase(0.4125, (32, 48, 32), 4.5, _REAL, LossWeights()),
        Phase(0.75, (48, 64, 48), 3.0, _REAL, LossWeights()),
        Phase(1.0, (48, 64, 48), 2.0, _DETAIL, LossWeights(), restart=True),
    ),
    2: (
        Phase(0.15, (80, 96), 2.0, _LARGE, _KNOWN_ALONE),
        Phase(1.0, (80, 96), 2.0, _REAL, LossWeights()),
    ),
}
"""How the shipped weights were trained, by the number of axes."""


@dataclass(frozen=True)
class SyntheticBatch:
    """Pairs of a step, and the phase that it belongs to."""

    pairs: tuple[Example, ...]
    phase: Phase


class SyntheticTask:
    """WiNet on pairs drawn by number.

    Parameters
    ----------
    network
        The network.
    phases
        Of the training, in order; validation is done as in the last one.
    schedule
        Of the training.
    device
        Where the pairs are drawn.
    subjects
        To draw training pairs from; without any, pairs show random shapes.
    held_out
        Subjects to draw validation pairs from.
    validation_pairs
        How many pairs a validation scores; every other one shows two subjects.
    metric
        Image term.
    published_penalty
        Scale the smoothness term as the published code does.
    """

    def __init__(
        self,
        network: WiNet,
        phases: Sequence[Phase],
        schedule: Schedule,
        device: torch.device,
        *,
        subjects: Sequence[Subject] = (),
        held_out: Sequence[Subject] = (),
        validation_pairs: int = 8,
        metric: Metric = "lncc",
        published_penalty: bool = False,
    ) -> None:
        self.network: nn.Module = laid_out(network)
        self.phases, self.schedule, self.device = tuple(phases), schedule, device
        self.subjects, self.held_out = subjects, held_out
        self.validation_pairs = validation_pairs
        self.objective = Objective(network.variant, metric, published_penalty=published_penalty)
        self._source: tuple[Phase, PairSource] | None = None
        self._validation: list[Example] = []

    def load(self, numbers: Sequence[int]) -> SyntheticBatch:
        """Draw the pairs of these numbers."""
        share = numbers[0] // self.schedule.batch_size / self.schedule.steps
        phase = next((phase for phase in self.phases if share < phase.until), self.phases[-1])
        if self._source is None or (self._source[0].shape, self._source[0].spacing) != (phase.shape, phase.spacing):
            self._source = phase, PairSource(self.subjects, phase.shape, phase.spacing, self.device)
        source = self._source[1]
        pairs = tuple(
            source.draw(sample_seed(self.schedule.seed, _TRAINING, n), phase.recipe, _LABELS_A_STEP) for n in numbers
        )
        return SyntheticBatch(pairs, phase)

    def training_step(self, network: nn.Module, batch: SyntheticBatch) -> Mapping[str, Tensor]:
        """Losses of a batch, see :class:`vision_cli.register.training.objective.Objective`."""
        return self.objective.losses(network, batch.pairs, batch.phase.weights)

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Measures on pairs that no training sees."""
        last = self.phases[-1]
        if not self._validation:
            source = PairSource(self.held_out, last.shape, last.spacing, self.device)
            recipes = [replace(last.recipe, across=float(across), shapes=0.0) for across in (1, 0)]
            self._validation = [
                source.draw(sample_seed(self.schedule.seed, _VALIDATION, n), recipes[n % 2])
                for n in range(self.validation_pairs)
            ]
        return self.objective.measures(network, self._validation, last.spacing)


@dataclass(frozen=True)
class SyntheticTraining:
    """A training on synthetic pairs; the defaults are those of the shipped weights.

    Attributes
    ----------
    pairs
        What they are drawn from.
    training
        How long and how fast; pairs change with the share of the steps that is done, see :data:`PHASES`.
    network
        Which network.
    """

    pairs: SyntheticPairs = field(default_factory=SyntheticPairs)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    network: NetworkOptions = field(default_factory=NetworkOptions)

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return self.training.steps or SYNTHETIC_STEPS[self.training.dim]


def subjects_of(options: SyntheticTraining, compute: Compute) -> tuple[list[Subject], list[Subject]]:
    """Subjects to train on, and those to validate on."""
    if options.pairs.label_maps is None:
        subjects = generate_subjects(_GENERATED, compute.seed)
    else:
        subjects = read_subjects(options.pairs.label_maps)
    seen, held_out = subjects[:-_HELD_OUT] or subjects, subjects[-_HELD_OUT:]
    return (slices_of(seen), slices_of(held_out)) if options.training.dim == 2 else (seen, held_out)


def _restarts(phases: Sequence[Phase]) -> tuple[float, ...]:
    """Shares of the training at which phases begin with the learning rate at its height."""
    return tuple(before.until for before, phase in itertools.pairwise(phases) if phase.restart)


def train_on_synthetic_pairs(
    run: Run | None,
    options: SyntheticTraining,
    compute: Compute,
    output: Output,
    subjects: tuple[list[Subject], list[Subject]] | None = None,
    *,
    command: str,
) -> Mapping[str, float]:
    """Train WiNet on pairs that are drawn as they are needed; write its weights, their card and ``metrics.json``.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    options, compute
        What to train, and where.
    output
        Where progress is shown.
    subjects
        What :func:`subjects_of` gave, if that was asked before.
    command
        The command line that trains it, for the card.

    Returns
    -------
    Mapping
        Validation measures of the best weights, which ``weights.safetensors`` holds as float16.
    """
    seen, held_out = subjects or subjects_of(options, compute)
    training, phases = options.training, PHASES[options.training.dim]
    torch.manual_seed(compute.seed)
    network = build_network(options.network, phases[-1].shape)
    schedule = Schedule(
        options.steps,
        training.batch_size,
        SYNTHETIC_RATE if training.learning_rate is None else training.learning_rate,
        decay=True,
        restarts=_restarts(phases),
        warm_up=min(100, options.steps // 10),
        clip_norm=1.0,
        validate_every=max(1, min(500, options.steps // 4)),
        monitor="dice",
        precision=compute.precision,
        seed=compute.seed,
    )
    task = SyntheticTask(
        network,
        phases,
        schedule,
        compute.device,
        subjects=seen,
        held_out=held_out,
        metric=training.metric,
        published_penalty=training.published_penalty,
    )
    return train_run(
        run,
        task,
        schedule,
        samples=None,
        compute=compute,
        output=output,
        data=options.pairs.described,
        command=command,
        metadata=network.description,
    )
