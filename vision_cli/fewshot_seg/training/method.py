"""Training of the whole method into a run: the network on episodes, then the gate that judges its masks."""

from __future__ import annotations

import torch
from safetensors.torch import load_file

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import BEST, WEIGHTS, Schedule, fit, measures_of, write_card
from vision_cli.core.errors import UsageError
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.runs import Run
from vision_cli.fewshot_seg.data.opening import open_dataset
from vision_cli.fewshot_seg.gate.training import Lesson, grow_gate, measure_gate, take_lesson, training_episodes
from vision_cli.fewshot_seg.networks.building import VARIANTS, FewShotNetwork
from vision_cli.fewshot_seg.options import Recipe, TrainingOptions
from vision_cli.fewshot_seg.pipeline.methods import network_method
from vision_cli.fewshot_seg.pipeline.sam_checkpoints import load_sam_checkpoint
from vision_cli.fewshot_seg.pipeline.weight_files import About, ablation_of, read_method, write_method
from vision_cli.fewshot_seg.training.batches import EpisodeSource
from vision_cli.fewshot_seg.training.episodes import DECODER, EpisodeTask
from vision_cli.fewshot_seg.training.sources import DatasetEpisodes, GeneratedEpisodes
from vision_cli.fewshot_seg.values import Segmenter
from vision_cli.phantoms.episodes.photographs import Split

_VALIDATION, _VALIDATIONS, _SAVE_EVERY = 100, 20, 50


def train_method(run: Run | None, options: TrainingOptions, compute: Compute, output: Output, *, command: str) -> None:
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
    network, variant = _build(options, recipe)
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
    tensors = load_file(run.directory / BEST)
    about = About(
        variant=variant,
        side=recipe.used_side,
        has_encoder=recipe.backbone is not None,
        ablation=options.ablate,
    )
    measures = {f"validation_{name}": value for name, value in measures_of(progress).items()}
    gate = None
    # The gate judges the network as it will be used: in half precision.
    with run.output(WEIGHTS) as path:
        write_method(path, about, tensors, None)
    if recipe.gate_episodes:
        method = read_method(run.directory / WEIGHTS, device=str(compute.device), sam=options.sam_checkpoint)
        extra = network_method("tavp", method)
        gate = grow_gate(
            _lessons(compute.seed, recipe.gate_episodes, "train", extra, output), compute.seed, extra_name=extra.name
        )
        unseen = _lessons(compute.seed + 1, max(2, recipe.gate_episodes // 3), "validation", extra, output)
        measures |= {f"gate_{name}": value for name, value in measure_gate(gate, unseen).items()}
        with run.output(WEIGHTS) as path:
            write_method(path, about, tensors, gate)
    run.write_metrics(measures)
    write_card(run, measures, data=_data(options, recipe), command=command, seed=compute.seed)


def _lessons(seed: int, count: int, split: Split, extra: Segmenter, output: Output) -> list[Lesson]:
    """Return what the gate learns from, or is measured on."""
    lessons = []
    with output.progress(f"episodes of the gate ({split})", count) as bar:
        for number, episode in enumerate(training_episodes(seed, count, split=split)):
            interrupts.check()
            lessons.append(take_lesson(episode, number, extra=extra))
            bar.advance()
    return lessons


def _data(options: TrainingOptions, recipe: Recipe) -> str:
    """Return what was learned from, for the card."""
    words = f"generated episodes of vision_cli.phantoms.episodes, {recipe.side} px"
    if options.data_root is not None:
        words = f"{options.data_root.name}, {recipe.side} px"
    return f"{words}; gate: {recipe.gate_episodes} generated episodes" if recipe.gate_episodes else words


def _build(options: TrainingOptions, recipe: Recipe) -> tuple[FewShotNetwork, str]:
    ablation = ablation_of(options.ablate)
    if recipe.backbone is not None:
        if options.sam_checkpoint is not None:
            raise UsageError(f"--sam-checkpoint with --preset {options.preset}; --preset sam expected.")
        return VARIANTS[recipe.backbone](ablation=ablation), recipe.backbone
    if options.sam_checkpoint is None:
        raise UsageError("--preset sam without weights of SAM; --sam-checkpoint FILE expected.")
    return load_sam_checkpoint(options.sam_checkpoint, ablation=ablation)


def _sources(options: TrainingOptions, seed: int) -> tuple[EpisodeSource, EpisodeSource]:
    if options.data_root is None:
        return GeneratedEpisodes.of(seed, "train"), GeneratedEpisodes.of(seed, "validation")
    dataset = open_dataset(
        options.data_root, options.layout, split=options.split, classes=options.classes or None, for_training=True
    )
    return DatasetEpisodes.split(dataset)
