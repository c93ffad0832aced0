"""Training WiNet: on synthetic pairs, whose truth is known, and on users' own images.

The paper's loss (arXiv:2407.13426, section 2: image similarity and smoothness of the field) stands beside two terms
that synthetic pairs allow: overlap of labels and distance from the known displacement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from vision_cli.core import files
from vision_cli.core.console import Output
from vision_cli.core.devices import Compute
from vision_cli.core.runs import Run
from vision_cli.core.training import BEST, Precision, Progress, Schedule, Trainer
from vision_cli.register import fields
from vision_cli.register.losses import Metric, build_similarity, gradient_penalty, published_gradient_penalty
from vision_cli.register.networks import Prediction, Variant, WiNet
from vision_cli.register.subjects import Subject, generate_subjects, read_subjects, slices_of
from vision_cli.register.synthesis import PairSource, Recipe, SyntheticPair

WEIGHTS = "weights.safetensors"
CARD = "weights.json"

_SQUARINGS = 5
_LABELS_A_STEP = 8
_WINDOW = 5
_TRAINING, _VALIDATION = 0, 1
_SUBJECT_OVER = 0.05
_LEAST_SIZE = 1e-3
_GENERATED = 20
_HELD_OUT = 2


@dataclass(frozen=True)
class Weights:
    """Weights of the losses; 0 leaves one out.

    Attributes
    ----------
    similarity
        Of the image term.
    overlap
        Of one minus the soft Dice of labels.
    endpoint
        Of the mean squared distance from the known displacement, over that displacement's own mean square.
    smoothness
        Of the mean squared gradient of the field in voxels.
    """

    similarity: float = 1.0
    overlap: float = 0.7
    endpoint: float = 0.7
    smoothness: float = 0.15


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
    """

    until: float
    shape: tuple[int, ...]
    spacing: float
    recipe: Recipe
    weights: Weights


# A fresh network moves nothing for hundreds of steps if the pairs differ by less than a voxel, as aligned subjects do;
# it first learns what a displacement is from large ones that are known.
_LARGE = Recipe(across=0.0, shapes=0.25, motion_mm=(2.4, 6.0), misalignment=1.0)
_REAL = Recipe(across=0.6, shapes=0.1, motion_mm=(1.6, 4.0), misalignment=0.4)
_KNOWN_ALONE = Weights(similarity=0.0, overlap=0.0, endpoint=1.0, smoothness=0.1)

PHASES: Mapping[int, tuple[Phase, ...]] = {
    3: (
        Phase(0.12, (32, 48, 32), 4.5, _LARGE, _KNOWN_ALONE),
        Phase(0.55, (32, 48, 32), 4.5, _REAL, Weights()),
        Phase(1.0, (48, 64, 48), 3.0, _REAL, Weights()),
    ),
    2: (
        Phase(0.15, (80, 96), 2.0, _LARGE, _KNOWN_ALONE),
        Phase(1.0, (80, 96), 2.0, _REAL, Weights()),
    ),
}
"""How the shipped weights were trained, by the number of axes."""


@dataclass(frozen=True)
class SyntheticBatch:
    """Pairs of a step, and the phase that it belongs to."""

    pairs: tuple[SyntheticPair, ...]
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
        # Convolutions in 3D take two thirds of the time with the channels last.
        layout = torch.channels_last_3d if network.dim == 3 else torch.channels_last
        self.network: nn.Module = network.to(memory_format=layout)
        self.phases, self.schedule, self.device = tuple(phases), schedule, device
        self.subjects, self.held_out = subjects, held_out
        self.validation_pairs = validation_pairs
        self.measure = _Measure(network.variant, metric, published_penalty)
        self._source: tuple[Phase, PairSource] | None = None
        self._validation: list[SyntheticPair] = []

    def load(self, numbers: Sequence[int]) -> SyntheticBatch:
        """Draw the pairs of these numbers."""
        share = numbers[0] // self.schedule.batch_size / self.schedule.steps
        phase = next((phase for phase in self.phases if share < phase.until), self.phases[-1])
        if self._source is None or (self._source[0].shape, self._source[0].spacing) != (phase.shape, phase.spacing):
            self._source = phase, PairSource(self.subjects, phase.shape, phase.spacing, self.device)
        source = self._source[1]
        pairs = tuple(source.draw(self._seed(_TRAINING, n), phase.recipe, _LABELS_A_STEP) for n in numbers)
        return SyntheticBatch(pairs, phase)

    def training_step(self, network: nn.Module, batch: SyntheticBatch) -> Mapping[str, Tensor]:
        """Losses of a batch: ``similarity``, ``overlap`` (one minus soft Dice), ``endpoint``, ``smoothness``."""
        weights = batch.phase.weights
        rows = []
        for prediction, pair in zip(_predictions(network, batch.pairs), batch.pairs, strict=True):
            row = self.measure(prediction, pair.fixed, pair.moving)
            row["overlap"] = 1 - soft_dice(pair.fixed_shares, pair.moving_shares, row["displacement"])
            row["endpoint"] = _relative_error(pair, row["displacement"])
            rows.append(row)
        means = {name: torch.stack([row[name] for row in rows]).mean() for name in rows[0] if name != "displacement"}
        loss = torch.stack([getattr(weights, name) * value for name, value in means.items()]).sum()
        return {"loss": loss, **means}

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Mean Dice and similarity before and after, endpoint error and folds on pairs that no training sees."""
        if not self._validation:
            last = self.phases[-1]
            source = PairSource(self.held_out, last.shape, last.spacing, self.device)
            recipes = [Recipe(float(across), 0.0, last.recipe.motion_mm, last.recipe.misalignment) for across in (1, 0)]
            self._validation = [
                source.draw(self._seed(_VALIDATION, n), recipes[n % 2]) for n in range(self.validation_pairs)
            ]
        rows = []
        for pair in self._validation:
            (prediction,) = _predictions(network, [pair])
            row = self.measure(prediction, pair.fixed, pair.moving)
            still = torch.zeros_like(row["displacement"])
            error = torch.full((), torch.nan)
            if pair.displacement is not None:
                error = (row["displacement"] - pair.displacement).square().sum(0).sqrt().mean()
            rows.append(
                (
                    float(soft_dice(pair.fixed_shares, pair.moving_shares, still)),
                    float(soft_dice(pair.fixed_shares, pair.moving_shares, row["displacement"]).detach()),
                    float(self.measure.similarity(pair.fixed, pair.moving, still)),
                    float(row["similarity"].detach()),
                    float(error) * self.phases[-1].spacing,
                    float((fields.jacobian_determinant(row["displacement"]) <= 0).sum()),
                )
            )
        means = np.nanmean(np.array(rows), axis=0).tolist()
        names = ("dice_before", "dice", "similarity_before", "similarity", "endpoint_mm", "folds_voxels")
        return dict(zip(names, means, strict=True))

    def _seed(self, stream: int, number: int) -> int:
        # torch takes 32 bits of a seed, so what tells pairs apart is mixed into as many.
        (seed,) = np.random.SeedSequence((self.schedule.seed, stream, number)).generate_state(1)
        return int(seed)


class _Measure:
    """What a prediction is worth on its pair of images, whatever they come from."""

    def __init__(self, variant: Variant, metric: Metric, published_penalty: bool) -> None:
        self.variant, self.metric, self.published_penalty = variant, metric, published_penalty

    def __call__(self, prediction: Prediction, fixed: Tensor, moving: Tensor) -> dict[str, Tensor]:
        """``similarity`` and ``smoothness``, scalars, and the ``displacement`` ``(D, *shape)`` in voxels."""
        field = prediction.in_voxels()[0]
        displacement = fields.exponentiate(field, _SQUARINGS) if self.variant == "diffeo" else field
        if self.published_penalty:
            penalty = published_gradient_penalty(prediction.field[0])
        else:
            penalty = gradient_penalty(field, (1.0,) * field.shape[0])
        return {
            "similarity": self.similarity(fixed, moving, displacement),
            "smoothness": penalty,
            "displacement": displacement,
        }

    def similarity(self, fixed: Tensor, moving: Tensor, displacement: Tensor) -> Tensor:
        """Image term of ``(*shape)`` images, a scalar."""
        points = fields.identity_points(tuple(fixed.shape), fixed.device) + displacement
        return build_similarity(self.metric, fixed, _WINDOW)(fields.sample(moving[None], points)[0])


def soft_dice(fixed: Tensor, moving: Tensor, displacement: Tensor) -> Tensor:
    """Mean soft Dice of the labels that are seen, shares ``(K, *shape)``; the moving ones are warped linearly."""
    points = fields.identity_points(tuple(fixed.shape[1:]), displacement.device) + displacement
    warped = fields.sample(moving, points).flatten(1)
    own = fixed.flatten(1)
    # Squares: a voxel that two labels share agrees with itself.
    sizes = own.square().sum(1) + warped.square().sum(1)
    seen = (sizes > _LEAST_SIZE).float()
    scores = 2 * (own * warped).sum(1) / sizes.clamp(min=_LEAST_SIZE)
    return (scores * seen).sum() / seen.sum().clamp(min=1.0)


def _predictions(network: nn.Module, pairs: Sequence[SyntheticPair]) -> list[Prediction]:
    """Predict the field of every pair, one prediction each with a batch of one."""
    moving, fixed = (torch.stack([getattr(pair, side)[None] for pair in pairs]) for side in ("moving", "fixed"))
    together: Prediction = network(moving, fixed)
    return [
        Prediction(together.field[n : n + 1], (w8[n : n + 1], w4[n : n + 1], w2[n : n + 1]))
        for n, (w8, w4, w2) in [(n, together.coefficients) for n in range(len(pairs))]
    ]


def _relative_error(pair: SyntheticPair, displacement: Tensor) -> Tensor:
    """Mean squared distance from the known displacement inside the subject, over its mean square; 0 if unknown."""
    if pair.displacement is None:
        return displacement.new_zeros(())
    inside = (pair.fixed > _SUBJECT_OVER).float()
    error = ((displacement - pair.displacement).square().sum(0) * inside).sum()
    return error / (pair.displacement.square().sum(0) * inside).sum().clamp(min=1e-6)


@dataclass(frozen=True)
class SyntheticTraining:
    """A training on synthetic pairs; the defaults are those of the shipped weights.

    Attributes
    ----------
    dim
        2 or 3.
    steps, batch_size, learning_rate
        How long and how fast; pairs change with the share of the steps that is done, see :data:`PHASES`.
    label_maps
        Folder of label maps to draw from; None for generated heads.
    width, wavelet, variant, refine, smooth
        Of the network.
    metric, published_penalty
        Image term, and whether the smoothness term is scaled as the published code does.
    precision
        Mixed precision.
    """

    dim: int = 3
    steps: int = 6000
    batch_size: int = 2
    learning_rate: float = 1e-3
    label_maps: Path | None = None
    width: int = 8
    wavelet: str = "haar"
    variant: Variant = "diffeo"
    refine: bool = True
    smooth: bool = True
    metric: Metric = "lncc"
    published_penalty: bool = False
    precision: Precision = "no"


def train_on_synthetic_pairs(
    run: Run | None, options: SyntheticTraining, compute: Compute, output: Output
) -> Mapping[str, float]:
    """Train WiNet on pairs that are drawn as they are needed.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    options, compute
        What to train, and where.
    output
        Where progress is shown.

    Returns
    -------
    Mapping
        Validation measures of the best weights, which ``weights.safetensors`` holds as float16.
    """
    if options.label_maps is None:
        subjects = generate_subjects(_GENERATED, compute.seed)
    else:
        subjects = read_subjects(options.label_maps)
    seen, held_out = subjects[:-_HELD_OUT] or subjects, subjects[-_HELD_OUT:]
    if options.dim == 2:
        seen, held_out = slices_of(seen), slices_of(held_out)
    torch.manual_seed(compute.seed)
    network = WiNet(
        options.dim,
        options.width,
        options.wavelet,
        options.variant,
        refine=options.refine,
        smooth=options.smooth,
    )
    schedule = Schedule(
        options.steps,
        options.batch_size,
        options.learning_rate,
        decay=True,
        warm_up=min(100, options.steps // 10),
        clip_norm=1.0,
        validate_every=max(1, min(500, options.steps // 4)),
        monitor="dice",
        precision=options.precision,
        seed=compute.seed,
    )
    task = SyntheticTask(
        network,
        PHASES[options.dim],
        schedule,
        compute.device,
        subjects=seen,
        held_out=held_out,
        metric=options.metric,
        published_penalty=options.published_penalty,
    )
    trainer = Trainer(
        run, task, schedule, samples=None, load=task.load, device=compute.device.type, metadata=network.description
    )
    return _fit(run, trainer, schedule, output)


def _fit(run: Run | None, trainer: Trainer[SyntheticBatch], schedule: Schedule, output: Output) -> Mapping[str, float]:
    """Train to the end under a progress bar and pack the best weights."""
    with output.progress("training", schedule.steps) as bar:
        shown = 0

        def step_done(row: dict[str, float]) -> None:
            nonlocal shown
            bar.advance(int(row["step"]) - shown, note=f"loss {row['loss']:.4f}")
            shown = int(row["step"])

        progress = trainer.fit(step_done)
    if run is None:
        return {}
    _pack(run)
    return best_measures(progress)


def best_measures(progress: Progress) -> dict[str, float]:
    """Give the validation measures at the step of the best weights; empty without a validation."""
    best = next((row for row in progress.rows if row["step"] == progress.best[1]), {})
    return {name.removeprefix("val_"): value for name, value in best.items() if name.startswith("val_")}


def _pack(run: Run) -> None:
    """Write the best weights once more as float16: half the bytes, and no difference in a field to speak of."""
    from safetensors import safe_open

    best = run.directory / BEST
    with safe_open(best, framework="pt") as stored:
        about = stored.metadata()
    tensors = {name: tensor.half().contiguous() for name, tensor in load_file(best).items()}
    with run.output(WEIGHTS) as path:
        path.write_bytes(save(tensors, about))


def write_card(run: Run, measures: Mapping[str, float], *, data: str, command: str, seed: int) -> None:
    """Write the card of a run's weights, as :class:`vision_cli.core.weights.WeightCard` has it.

    Parameters
    ----------
    run
        The run that holds ``weights.safetensors``.
    measures
        What they measured in validation.
    data, command, seed
        How they were made.
    """
    path = run.directory / WEIGHTS
    document = {
        "task": "register",
        "parameters": sum(tensor.numel() for tensor in load_file(path).values()),
        "data": data,
        "training_command": command,
        "seed": seed,
        "metrics": {name: round(value, 5) for name, value in measures.items()},
        "licence": "Apache-2.0",
        "sha256": files.sha256(path),
    }
    run.write_json(CARD, document)
