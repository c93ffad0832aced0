"""Training of WiNet on synthetic pairs with known labels and displacements."""

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
from vision_cli.register.networks.winet import WiNet
from vision_cli.register.options.registration import Metric
from vision_cli.register.options.training import (
    SYNTHETIC_RATE,
    SYNTHETIC_STEPS,
    LossWeights,
    NetworkOptions,
    SyntheticPairs,
    TrainingOptions,
)
from vision_cli.register.pipeline.weights import describe_network
from vision_cli.register.training.example import Example
from vision_cli.register.training.objective import Objective
from vision_cli.register.training.setup import build_network, channels_last, sample_seed
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
        Fraction of the training at which the phase ends.
    shape, spacing
        Shape of the images in voxels, multiples of 16, and voxel size in mm.
    recipe
        Distribution of the pairs.
    weights
        Weights of the losses.
    restart
        Whether the learning rate returns to its initial value at the start of the phase.
    """

    until: float
    shape: tuple[int, ...]
    spacing: float
    recipe: Recipe
    weights: LossWeights
    restart: bool = False


# A new network predicts no motion for hundreds of steps if the pairs differ by less than a voxel, as aligned subjects
# do; the first phase therefore has large known displacements.
_LARGE = Recipe(across=0.0, shapes=0.25, motion_mm=(2.4, 6.0), misalignment=1.0)
_REAL = Recipe(across=0.6, shapes=0.1, motion_mm=(1.6, 4.0), misalignment=0.4)
# Parts of the subjects at a finer resolution and with small motion, as in the second pass of a registration.
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
"""Phases of the training of the shipped weights, by the number of axes."""


@dataclass(frozen=True)
class SyntheticBatch:
    """The pairs of a step, and its phase."""

    pairs: tuple[Example, ...]
    phase: Phase


class SyntheticTask:
    """Training task: WiNet on pairs that are drawn by their number.

    Parameters
    ----------
    network
        The network.
    phases
        Phases of the training in order; validation pairs are those of the last one.
    schedule
        Schedule of the training.
    device
        Device of the pairs.
    subjects
        Subjects of the training pairs; if empty, pairs show random shapes.
    held_out
        Subjects of the validation pairs.
    validation_pairs
        Number of pairs of a validation; every other one shows two subjects.
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
        self.network: nn.Module = channels_last(network)
        self.phases, self.schedule, self.device = tuple(phases), schedule, device
        self.subjects, self.held_out = subjects, held_out
        self.validation_pairs = validation_pairs
        self.objective = Objective(network.variant, metric, published_penalty=published_penalty)
        self._source: tuple[Phase, PairSource] | None = None
        self._validation: list[Example] = []

    def load(self, numbers: Sequence[int]) -> SyntheticBatch:
        """Return the pairs with these numbers."""
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
        """Return the losses of a batch, see `vision_cli.register.training.objective.Objective`."""
        return self.objective.losses(network, batch.pairs, batch.phase.weights)

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the measures on the held-out pairs."""
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
    """Settings of a training on synthetic pairs; the defaults are those of the shipped weights.

    Attributes
    ----------
    pairs
        Source of the label maps.
    training
        Length, learning rate and image term; for the phases see :data:`PHASES`.
    network
        Architecture of the network.
    """

    pairs: SyntheticPairs = field(default_factory=SyntheticPairs)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    network: NetworkOptions = field(default_factory=NetworkOptions)

    @property
    def steps(self) -> int:
        """Number of optimiser steps."""
        return self.training.steps or SYNTHETIC_STEPS[self.training.dim]


def subjects_of(options: SyntheticTraining, compute: Compute) -> tuple[list[Subject], list[Subject]]:
    """Return the subjects of the training and those of the validation."""
    if options.pairs.label_maps is None:
        subjects = generate_subjects(_GENERATED, compute.seed)
    else:
        subjects = read_subjects(options.pairs.label_maps)
    training_subjects, held_out = subjects[:-_HELD_OUT] or subjects, subjects[-_HELD_OUT:]
    return (
        (slices_of(training_subjects), slices_of(held_out))
        if options.training.dim == 2
        else (training_subjects, held_out)
    )


def _restarts(phases: Sequence[Phase]) -> tuple[float, ...]:
    """Return the fractions of the training at which the learning rate returns to its initial value."""
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
    """Train WiNet on pairs that are drawn on the fly; write its weights, their card and ``metrics.json``.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    options, compute
        Settings of the training; device, threads and seed.
    output
        Console for progress.
    subjects
        Result of `subjects_of`; None to compute it.
    command
        Command line of the training, for the card.

    Returns
    -------
    Mapping
        Validation measures of the best weights, which are written to ``weights.safetensors`` as float16.
    """
    training_subjects, held_out = subjects or subjects_of(options, compute)
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
        subjects=training_subjects,
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
        data=options.pairs.description,
        command=command,
        metadata=describe_network(network),
    )
