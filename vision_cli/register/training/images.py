"""Training WiNet on users' own images, with labels or without."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from torch import Tensor, nn

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import Order, Schedule, shared_directory, train_run
from vision_cli.core.compute.weights import resolve_weights
from vision_cli.core.errors import InputError
from vision_cli.core.runs.runs import Run
from vision_cli.register.data.layouts import Collection, ImageFile, read_collection
from vision_cli.register.networks import WiNet, load_network
from vision_cli.register.options.registration import Metric
from vision_cli.register.options.training import (
    IMAGE_RATE,
    IMAGE_STEPS,
    LossWeights,
    NetworkOptions,
    TrainingImages,
    TrainingOptions,
)
from vision_cli.register.training.dataset import Cohort, Matrix, gather
from vision_cli.register.training.example import Example
from vision_cli.register.training.objective import Objective
from vision_cli.register.training.setup import build_network, laid_out, sample_seed
from vision_cli.register.transforms import fields

ALIGNMENTS = "alignments.json"

_LABELS_A_STEP = 8
_VALIDATION_LABELS = 40
_VALIDATION_PAIRS = 16
_TRAINING, _VALIDATION = 2, 3
_TURN_DEG, _ZOOM, _SHIFT = 6.0, 0.06, 0.03
_GAMMA = 0.2


class ImageTask:
    """WiNet on the pairs of a cohort.

    Parameters
    ----------
    network
        The network.
    cohort
        The images.
    schedule
        Of the training.
    device
        Where it is computed.
    weights
        Of the losses; nobody knows the displacement, so that its error does not count.
    metric
        Image term.
    published_penalty
        Scale the smoothness term as the published code does.
    augment
        Turn, shift, enlarge, mirror and brighten both images of a pair alike.
    """

    def __init__(
        self,
        network: WiNet,
        cohort: Cohort,
        schedule: Schedule,
        device: torch.device,
        *,
        weights: LossWeights,
        metric: Metric = "lncc",
        published_penalty: bool = False,
        augment: bool = True,
    ) -> None:
        self.network: nn.Module = laid_out(network)
        self.cohort, self.schedule, self.device, self.augment = cohort, schedule, device, augment
        self.weights = replace(weights, endpoint=0.0)
        self.objective = Objective(
            network.variant, metric, published_penalty=published_penalty, reference=network.reference
        )
        self._order = Order(len(cohort.training), 1, schedule.seed)

    def load(self, numbers: Sequence[int]) -> list[Example]:
        """Give the pairs of these numbers: one pass over the pairs after another."""
        return [self._drawn(number) for number in numbers]

    def training_step(self, network: nn.Module, batch: Sequence[Example]) -> Mapping[str, Tensor]:
        """Losses of a batch, see :class:`vision_cli.register.training.objective.Objective`."""
        return self.objective.losses(network, batch, self.weights)

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Measures on the pairs that are held out, and by how much the image term fell; empty without any."""
        if not self.cohort.validation:
            return {}
        count = min(_VALIDATION_PAIRS, len(self.cohort.validation))
        chosen = np.linspace(0, len(self.cohort.validation) - 1, count).round().astype(int)
        pairs = [self.cohort.validation[n] for n in chosen]
        examples = [self.cohort.example(pair, self.device, self._some(pair, _VALIDATION, 0)) for pair in pairs]
        measured = dict(self.objective.measures(network, examples, self.cohort.spacing))
        return {**measured, "similarity_gain": measured["similarity_before"] - measured["similarity"]}

    def _drawn(self, number: int) -> Example:
        (position,) = self._order.samples(number)
        pair = self.cohort.training[position]
        example = self.cohort.example(pair, self.device, self._some(pair, _TRAINING, number))
        if not self.augment:
            return example
        generator = torch.Generator().manual_seed(sample_seed(self.schedule.seed, _TRAINING, number))
        return _augmented(example, generator)

    def _some(self, pair: tuple[int, int], stream: int, number: int) -> list[int]:
        """Labels of a pair that an example is given."""
        labels = self.cohort.shared_labels(pair)
        count = _LABELS_A_STEP if stream == _TRAINING else _VALIDATION_LABELS
        generator = np.random.default_rng((self.schedule.seed, stream, number))
        return sorted(generator.permutation(labels)[:count].tolist())


@dataclass(frozen=True)
class ImageTraining:
    """A training on users' images.

    Attributes
    ----------
    data
        What :func:`vision_cli.register.data.layouts.read_collection` reads.
    images
        How the images are taken.
    training
        How long and how fast.
    network
        Which network.
    losses
        Weights of the losses.
    """

    data: Path
    images: TrainingImages = field(default_factory=TrainingImages)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    network: NetworkOptions = field(default_factory=NetworkOptions)
    losses: LossWeights = field(default_factory=LossWeights)


def train_on_images(
    run: Run | None, options: ImageTraining, compute: Compute, output: Output, *, command: str
) -> Mapping[str, float]:
    """Train WiNet on images of one's own; write its weights, their card and ``metrics.json``.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    options, compute
        What to train, and where.
    output
        Where progress is shown.
    command
        The command line that trains it, for the card.

    Returns
    -------
    Mapping
        Validation measures of the best weights, which ``weights.safetensors`` holds as float16. Without anything to
        validate on these are the last weights, and the measures the loss in the beginning and in the end.

    Raises
    ------
    InputError
        If the data cannot be used, or the weights to start from are of another network.
    """
    images, training = options.images, options.training
    collection = read_collection(options.data, images.layout, training.dim)
    if images.atlas is not None:
        added = ImageFile("atlas", images.atlas)
        collection = replace(collection, images=(*collection.images, added), atlas=added.id, pairs=())
    cohort = _gathered(run, collection, images, compute, output)
    torch.manual_seed(compute.seed)
    network = build_network(options.network, tuple(cohort.images.shape[1:]))
    if images.weights != "none":
        _begin_with(network, images.weights, output)
    steps = training.steps or IMAGE_STEPS
    if training.epochs is not None:
        steps = math.ceil(training.epochs * len(cohort.training) / training.batch_size)
    labelled = cohort.labels is not None
    monitor = ("dice" if labelled else "similarity_gain") if cohort.validation else None
    schedule = Schedule(
        steps,
        training.batch_size,
        IMAGE_RATE if training.learning_rate is None else training.learning_rate,
        decay=True,
        warm_up=min(50, steps // 10),
        clip_norm=1.0,
        validate_every=max(1, min(200, steps // 4)),
        save_every=50,
        monitor=monitor,
        precision=compute.precision,
        seed=compute.seed,
    )
    task = ImageTask(
        network,
        cohort,
        schedule,
        compute.device,
        weights=options.losses,
        metric=training.metric,
        published_penalty=training.published_penalty,
        augment=images.augment,
    )
    shape = " x ".join(map(str, cohort.images.shape[1:]))
    output.info(
        f"{len(cohort.training)} pairs to train on, {len(cohort.validation)} to validate on, "
        f"{shape} voxels of {cohort.spacing:.2f} mm"
    )
    return train_run(
        run,
        task,
        schedule,
        samples=None,
        compute=compute,
        output=output,
        data=f"{images.layout} images of {options.data.name}",
        command=command,
        metadata=network.description,
    )


def _longest_sides(choice: str) -> Mapping[int, int]:
    """Voxels along the longest side where no spacing is asked for: as the weights to begin with were trained."""
    if choice in ("default", "none"):
        networks = [load_network(resolve_weights("default", "register", f"winet-{dim}d").path) for dim in (2, 3)]
    else:
        networks = [load_network(resolve_weights(choice, "register").path)]
    return {network.dim: network.longest_side for network in networks}


def _gathered(
    run: Run | None, collection: Collection, options: TrainingImages, compute: Compute, output: Output
) -> Cohort:
    """Read and align the images; the first process keeps the alignments for the others and for a resumed run."""
    directory = shared_directory(run, cpu=compute.device.type == "cpu")
    with PartialState(cpu=compute.device.type == "cpu").main_process_first():
        stored = directory / ALIGNMENTS
        known: dict[str, Matrix] = {}
        if stored.exists():
            known = {name: np.asarray(rows) for name, rows in json.loads(stored.read_text(encoding="utf-8")).items()}
        else:
            output.info(f"reading and aligning {len(collection.images)} images")
        cohort = gather(
            collection,
            spacing=options.spacing,
            longest_sides=_longest_sides(options.weights),
            align=options.align,
            known=known,
            val_fraction=options.val_fraction,
        )
        if run is not None:
            run.write_json(ALIGNMENTS, {name: matrix.tolist() for name, matrix in cohort.matrices.items()})
    return cohort


def _begin_with(network: WiNet, choice: str, output: Output) -> None:
    """Give a new network the weights to begin with.

    The shipped weights serve only the network that they are of; a file that was asked for has to fit.
    """
    found = load_network(resolve_weights(choice, "register", f"winet-{network.dim}d").path)
    units, found.reference = found.reference, network.reference
    found.longest_side = network.longest_side
    if found.description == network.description:
        network.load_state_dict(found.state_dict())
        # Its units stay those that its parameters are of.
        network.reference = units
    elif choice == "default":
        output.info("the shipped weights are of another network; training begins with none")
    else:
        raise InputError(
            f"--weights: {choice}: weights of another network found; of the one asked for expected.",
            hint="Leave out --wavelet, --width and the like, or give --weights none.",
        )


def _augmented(example: Example, generator: torch.Generator) -> Example:
    """Vary both images of a pair alike, and their labels."""
    shape = tuple(example.fixed.shape)
    dim = len(shape)
    draw = torch.randn(dim, dim, generator=generator)
    turn = (draw - draw.T) / 2 * math.radians(_TURN_DEG)
    zoom = torch.diag(torch.randn(dim, generator=generator) * _ZOOM)
    shift = torch.randn(dim, generator=generator) * _SHIFT * max(shape)
    place = fields.centred_matrix(shape, torch.linalg.matrix_exp(turn + zoom), shape, shift)
    points = fields.mapped(place, fields.identity_points(shape, example.fixed.device))
    if bool(torch.rand(1, generator=generator) < 0.5):
        points = points.flip(1)
    gamma = math.exp(float(torch.randn(1, generator=generator)) * _GAMMA)

    def varied(image: Tensor, shares: Tensor | None) -> tuple[Tensor, Tensor | None]:
        seen = fields.sample(image[None] if shares is None else torch.cat([image[None], shares]), points)
        return seen[0].clamp(0, 1) ** gamma, None if shares is None else seen[1:]

    fixed, fixed_shares = varied(example.fixed, example.fixed_shares)
    moving, moving_shares = varied(example.moving, example.moving_shares)
    return Example(fixed, moving, fixed_shares, moving_shares)
