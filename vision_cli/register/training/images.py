"""Training of WiNet on images of a data set, with or without labels."""

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
from vision_cli.register.networks.winet import WiNet
from vision_cli.register.options.registration import Metric
from vision_cli.register.options.training import (
    IMAGE_RATE,
    IMAGE_STEPS,
    LossWeights,
    NetworkOptions,
    TrainingImages,
    TrainingOptions,
)
from vision_cli.register.pipeline.weights import describe_network, load_network
from vision_cli.register.training.dataset import Matrix, PairDataset, build_dataset
from vision_cli.register.training.example import Example
from vision_cli.register.training.objective import Objective
from vision_cli.register.training.setup import build_network, channels_last, sample_seed
from vision_cli.register.transforms import fields

ALIGNMENTS = "alignments.json"

_LABELS_A_STEP = 8
_VALIDATION_LABELS = 40
_VALIDATION_PAIRS = 16
_TRAINING, _VALIDATION = 2, 3
_TURN_DEG, _ZOOM, _SHIFT = 6.0, 0.06, 0.03
_GAMMA = 0.2


class ImageTask:
    """Training task: WiNet on the pairs of a data set.

    Parameters
    ----------
    network
        The network.
    dataset
        Images and pairs.
    schedule
        Schedule of the training.
    device
        Device of the computation.
    weights
        Weights of the losses; that of the endpoint error is ignored, since the displacement is not known.
    metric
        Image term.
    published_penalty
        Scale the smoothness term as the published code does.
    augment
        Rotate, shift, scale, mirror and change the gamma of both images of a pair in the same way.
    """

    def __init__(
        self,
        network: WiNet,
        dataset: PairDataset,
        schedule: Schedule,
        device: torch.device,
        *,
        weights: LossWeights,
        metric: Metric = "lncc",
        published_penalty: bool = False,
        augment: bool = True,
    ) -> None:
        self.network: nn.Module = channels_last(network)
        self.dataset, self.schedule, self.device, self.augment = dataset, schedule, device, augment
        self.weights = replace(weights, endpoint=0.0)
        self.objective = Objective(
            network.variant, metric, published_penalty=published_penalty, reference=network.reference
        )
        self._order = Order(len(dataset.training), 1, schedule.seed)

    def load(self, numbers: Sequence[int]) -> list[Example]:
        """Return the pairs with these numbers, one pass over the data set after another."""
        return [self._draw(number) for number in numbers]

    def training_step(self, network: nn.Module, batch: Sequence[Example]) -> Mapping[str, Tensor]:
        """Return the losses of a batch, see `vision_cli.register.training.objective.Objective`."""
        return self.objective.losses(network, batch, self.weights)

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the measures on held-out pairs and the gain of the image term; empty without held-out pairs."""
        if not self.dataset.validation:
            return {}
        count = min(_VALIDATION_PAIRS, len(self.dataset.validation))
        chosen = np.linspace(0, len(self.dataset.validation) - 1, count).round().astype(int)
        pairs = [self.dataset.validation[n] for n in chosen]
        examples = [
            self.dataset.example(pair, self.device, self._choose_labels(pair, _VALIDATION, 0)) for pair in pairs
        ]
        measured = dict(self.objective.measures(network, examples, self.dataset.spacing))
        return {**measured, "similarity_gain": measured["similarity_before"] - measured["similarity"]}

    def _draw(self, number: int) -> Example:
        (position,) = self._order.samples(number)
        pair = self.dataset.training[position]
        example = self.dataset.example(pair, self.device, self._choose_labels(pair, _TRAINING, number))
        if not self.augment:
            return example
        generator = torch.Generator().manual_seed(sample_seed(self.schedule.seed, _TRAINING, number))
        return _augmented(example, generator)

    def _choose_labels(self, pair: tuple[int, int], stream: int, number: int) -> list[int]:
        """Return the labels of a pair that its example contains, drawn at random."""
        labels = self.dataset.shared_labels(pair)
        count = _LABELS_A_STEP if stream == _TRAINING else _VALIDATION_LABELS
        generator = np.random.default_rng((self.schedule.seed, stream, number))
        return sorted(generator.permutation(labels)[:count].tolist())


@dataclass(frozen=True)
class ImageTraining:
    """Settings of a training on images of a data set.

    Attributes
    ----------
    data
        Path of the data set, see `vision_cli.register.data.layouts.read_collection`.
    images
        Layout, alignment, spacing and initial weights.
    training
        Length, learning rate and image term.
    network
        Architecture of the network.
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
    """Train WiNet on images of a data set; write its weights, their card and ``metrics.json``.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    options, compute
        Settings of the training; device, threads and seed.
    output
        Console for progress.
    command
        Command line of the training, for the card.

    Returns
    -------
    Mapping
        Validation measures of the best weights, which are written to ``weights.safetensors`` as float16. Without
        validation pairs these are the last weights, and the measures are the first and the last loss.

    Raises
    ------
    InputError
        If the data cannot be used, or the initial weights belong to another network.
    """
    images, training = options.images, options.training
    collection = read_collection(options.data, images.layout, training.dim)
    if images.atlas is not None:
        added = ImageFile("atlas", images.atlas)
        collection = replace(collection, images=(*collection.images, added), atlas=added.id, pairs=())
    dataset = _load_dataset(run, collection, images, compute, output)
    torch.manual_seed(compute.seed)
    network = build_network(options.network, tuple(dataset.images.shape[1:]))
    if images.weights != "none":
        _load_initial_weights(network, images.weights, output)
    steps = training.steps or IMAGE_STEPS
    if training.epochs is not None:
        steps = math.ceil(training.epochs * len(dataset.training) / training.batch_size)
    labelled = dataset.labels is not None
    monitor = ("dice" if labelled else "similarity_gain") if dataset.validation else None
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
        dataset,
        schedule,
        compute.device,
        weights=options.losses,
        metric=training.metric,
        published_penalty=training.published_penalty,
        augment=images.augment,
    )
    shape = " x ".join(map(str, dataset.images.shape[1:]))
    output.info(
        f"{len(dataset.training)} pairs to train on, {len(dataset.validation)} to validate on, "
        f"{shape} voxels of {dataset.spacing:.2f} mm"
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
        metadata=describe_network(network),
    )


def _longest_sides(choice: str) -> Mapping[int, int]:
    """Return the voxels along the longest side by the number of axes, as in the training of the initial weights."""
    if choice in ("default", "none"):
        networks = [load_network(resolve_weights("default", "register", f"winet-{dim}d").path) for dim in (2, 3)]
    else:
        networks = [load_network(resolve_weights(choice, "register").path)]
    return {network.dim: network.longest_side for network in networks}


def _load_dataset(
    run: Run | None, collection: Collection, options: TrainingImages, compute: Compute, output: Output
) -> PairDataset:
    """Read and align the images; the first process stores the alignments for the others and for a resumed run."""
    directory = shared_directory(run, cpu=compute.device.type == "cpu")
    with PartialState(cpu=compute.device.type == "cpu").main_process_first():
        stored = directory / ALIGNMENTS
        known: dict[str, Matrix] = {}
        if stored.exists():
            known = {name: np.asarray(rows) for name, rows in json.loads(stored.read_text(encoding="utf-8")).items()}
        else:
            output.info(f"reading and aligning {len(collection.images)} images")
        dataset = build_dataset(
            collection,
            spacing=options.spacing,
            longest_sides=_longest_sides(options.weights),
            align=options.align,
            known=known,
            val_fraction=options.val_fraction,
        )
        if run is not None:
            run.write_json(ALIGNMENTS, {name: matrix.tolist() for name, matrix in dataset.matrices.items()})
    return dataset


def _load_initial_weights(network: WiNet, choice: str, output: Output) -> None:
    """Load the initial weights into a new network.

    Shipped weights of another network are ignored with a note; those of a given file are an error.
    """
    found = load_network(resolve_weights(choice, "register", f"winet-{network.dim}d").path)
    reference, found.reference = found.reference, network.reference
    found.longest_side = network.longest_side
    if describe_network(found) == describe_network(network):
        network.load_state_dict(found.state_dict())
        # The parameters predict in the normalised coordinates of their own training.
        network.reference = reference
    elif choice == "default":
        output.info("the shipped weights are of another network; training begins with none")
    else:
        raise InputError(
            f"--weights: {choice}: weights of another network found; those of the requested network expected.",
            hint="Leave out --wavelet, --width and the like, or give --weights none.",
        )


def _augmented(example: Example, generator: torch.Generator) -> Example:
    """Return a pair with the same random change of both images and their labels."""
    shape = tuple(example.fixed.shape)
    dim = len(shape)
    draw = torch.randn(dim, dim, generator=generator)
    turn = (draw - draw.T) / 2 * math.radians(_TURN_DEG)
    zoom = torch.diag(torch.randn(dim, generator=generator) * _ZOOM)
    shift = torch.randn(dim, generator=generator) * _SHIFT * max(shape)
    place = fields.centred_matrix(shape, torch.linalg.matrix_exp(turn + zoom), shape, shift)
    points = fields.transform_points(place, fields.identity_points(shape, example.fixed.device))
    if bool(torch.rand(1, generator=generator) < 0.5):
        points = points.flip(1)
    gamma = math.exp(float(torch.randn(1, generator=generator)) * _GAMMA)

    def varied(image: Tensor, shares: Tensor | None) -> tuple[Tensor, Tensor | None]:
        sampled = fields.sample(image[None] if shares is None else torch.cat([image[None], shares]), points)
        return sampled[0].clamp(0, 1) ** gamma, None if shares is None else sampled[1:]

    fixed, fixed_soft_labels = varied(example.fixed, example.fixed_soft_labels)
    moving, moving_soft_labels = varied(example.moving, example.moving_soft_labels)
    return Example(fixed, moving, fixed_soft_labels, moving_soft_labels)
