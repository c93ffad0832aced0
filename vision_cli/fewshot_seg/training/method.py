"""Training of the whole method into a run: the network on episodes, then the gate that judges its masks."""

from __future__ import annotations

import torch

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import Schedule, fit, measures_of
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.fewshot_seg.data.opening import open_dataset
from vision_cli.fewshot_seg.networks.building import VARIANTS, FewShotNetwork
from vision_cli.fewshot_seg.networks.tavp import Ablation
from vision_cli.fewshot_seg.options import Recipe, TrainingOptions
from vision_cli.fewshot_seg.sam.checkpoints import load_sam_checkpoint
from vision_cli.fewshot_seg.training.batches import EpisodeSource
from vision_cli.fewshot_seg.training.episodes import DECODER, EpisodeTask
from vision_cli.fewshot_seg.training.sources import DatasetEpisodes, GeneratedEpisodes

_VALIDATION, _VALIDATIONS, _SAVE_EVERY = 100, 20, 50


def train_method(
    run: Run | None, options: TrainingOptions, compute: Compute, output: Output, *, command: str
) -> None:
    """Train a network, and then a gate if the recipe has episodes for it.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    options, compute
        What, on what, how long, and where.
    output
        Where progress is shown.
    command
        The line that repeats the training, for the card.

    Raises
    ------
    UsageError
        If preset and checkpoint of SAM do not fit.
    InputError
        If the data set or the checkpoint cannot be used.
    """
    recipe = options.recipe
    torch.manual_seed(compute.seed)
    network = _build(options, recipe)
    source, held_out = _sources(options, compute.seed)
    task = EpisodeTask(
        network,
        source,
        compute.device,
        side=recipe.side,
        batch_size=recipe.batch_size,
        shots=recipe.shots,
        seed=compute.seed,
        validation=_VALIDATION,
        validation_source=held_out,
        freezes_encoder=recipe.backbone is None,
    )
    schedule = Schedule(
        steps=recipe.steps,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        decay=True,
        warm_up=max(recipe.steps // 20, 1),
        clip_norm=1.0,
        weight_decay=0.01,
        validate_every=max(recipe.steps // _VALIDATIONS, 1),
        save_every=_SAVE_EVERY,
        monitor="iou",
        patience=2,
        precision=compute.precision,
        seed=compute.seed,
        rate_factors={DECODER: recipe.decoder_rate},
    )
    progress = fit(run, task, schedule, samples=None, compute=compute, output=output)
    if run is None:
        return
    run.write_metrics({f"validation_{name}": value for name, value in measures_of(progress).items()})


def _build(options: TrainingOptions, recipe: Recipe) -> FewShotNetwork:
    prompts = "fixed" if "prompts" in options.ablate else "generated"
    parts = {name: name not in options.ablate for name in vars(Ablation()) if name != "prompts"}
    ablation = Ablation(**parts, prompts=prompts)
    if recipe.backbone is not None:
        if options.sam_checkpoint is not None:
            raise UsageError(f"--sam-checkpoint with --preset {options.preset}; --preset sam expected.")
        return VARIANTS[recipe.backbone](ablation=ablation)
    if options.sam_checkpoint is None:
        raise UsageError("--preset sam without weights of SAM; --sam-checkpoint FILE expected.")
    return load_sam_checkpoint(options.sam_checkpoint, ablation=ablation)[0]


def _sources(options: TrainingOptions, seed: int) -> tuple[EpisodeSource, EpisodeSource]:
    if options.data_root is None:
        return GeneratedEpisodes.of(seed, "train"), GeneratedEpisodes.of(seed, "validation")
    dataset = open_dataset(
        options.data_root, options.layout, split=options.split or "train", classes=options.classes or None
    )
    return DatasetEpisodes.split(dataset)
