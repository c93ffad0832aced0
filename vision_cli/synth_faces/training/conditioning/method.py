"""Trainings of adapter and annotator into runs, from data sets to weights and their cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import BEST, WEIGHTS, Progress, Schedule, fit, measures_of, write_card
from vision_cli.core.errors import InputError
from vision_cli.core.runs.runs import Run
from vision_cli.synth_faces.networks.annotation import build_annotator, mini_shape, sd_shape
from vision_cli.synth_faces.networks.conditioning.adapter import build_adapter
from vision_cli.synth_faces.networks.diffusion.lora import add_lora, merge_lora
from vision_cli.synth_faces.options.sets import FaceSetOptions, SetOptions
from vision_cli.synth_faces.options.training import AdapterOptions, AnnotatorOptions, BaseOptions
from vision_cli.synth_faces.pipeline.adapter_files import write_adapter
from vision_cli.synth_faces.pipeline.annotation import Seer, make_seer
from vision_cli.synth_faces.pipeline.annotator_files import AnnotatorAbout, sizes_of, write_annotator
from vision_cli.synth_faces.pipeline.diffusion_files import LoadedDiffusion, tensors_of
from vision_cli.synth_faces.pipeline.sampling.loop import context_of
from vision_cli.synth_faces.pipeline.sampling.opening import open_model
from vision_cli.synth_faces.training.conditioning import adapter_task, annotator_task
from vision_cli.synth_faces.training.conditioning.frozen_task import MONITORED, FrozenModelTask, UnitLatents
from vision_cli.synth_faces.training.conditioning.lora_task import Updated
from vision_cli.synth_faces.training.diffusion.autoencoding import scaled_latents
from vision_cli.synth_faces.training.diffusion.captioned import CaptionedFaces, read_parts
from vision_cli.synth_faces.training.diffusion.method import write_model_directory
from vision_cli.synth_faces.values import EXPRESSIONS

_WARM_UP, _VALIDATIONS, _SAVE_EVERY = 100, 10, 200
_CLIP, _PATIENCE = 1.0, 2
_ADAPTER_DECAY, _ANNOTATOR_DECAY = 0.01, 0.05
_TEXTS = 64
_WIDE = 300
"""Channels of a feature map from which on a UNet is one of the size of Stable Diffusion."""


def train_adapter(
    run: Run | None,
    data: Sequence[Path],
    options: AdapterOptions,
    faces: SetOptions,
    compute: Compute,
    output: Output,
    *,
    command: str,
) -> None:
    """Train an adapter of action units; write its weights as float16, their card and ``metrics.json``.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    data
        Data sets with action units, generated or real.
    options, faces, compute
        What is trained, how the data is read, and where.
    output
        Where progress is shown.
    command
        The line that repeats the training, for the card.

    Raises
    ------
    MissingError, InputError
        If the model cannot be read, or a data set cannot be used.
    """
    model = _frozen(options.model, compute)
    split = options.val_fraction, compute.seed
    training, validation = read_parts(data, model.side, faces, *split, output, need="aus")
    adapter = build_adapter(model.parts.unet, options.au_encoder, generator=torch.Generator().manual_seed(compute.seed))
    adapter.install(model.parts.unet)
    with torch.no_grad():
        empty = context_of(model, [""])[0].cpu()
    tables = _unit_latents(model, training), _unit_latents(model, validation)
    task = adapter_task.AdapterTask(
        adapter, model.parts.unet, model.parts.scheduler, empty, *tables, compute.device, seed=compute.seed
    )
    schedule = _schedule(options, compute, monitor=MONITORED, decay=_ADAPTER_DECAY)
    progress = fit(run, task, schedule, samples=None, compute=compute, output=output)
    if run is None:
        return
    tensors = tensors_of(adapter_task.ADAPTER, load_file(run.directory / BEST))
    with run.output(WEIGHTS) as target:
        write_adapter(target, adapter.shape, tensors)
    measures = _measures(progress, training, validation)
    run.write_metrics({**measures, "model": model.sha256})
    write_card(
        run,
        measures,
        data=f"{len(training) + len(validation)} faces with action units",
        command=command,
        seed=compute.seed,
    )


def tune_base(
    run: Run | None,
    data: Sequence[Path],
    options: BaseOptions,
    faces: SetOptions,
    compute: Compute,
    output: Output,
    *,
    command: str,
) -> None:
    """Train low-rank updates of a model on captions, and write the model with them as a directory of diffusers.

    Parameters as those of `train_adapter`.

    Raises
    ------
    MissingError, InputError
        If the model cannot be read, or a data set cannot be used.
    """
    model = _frozen(str(options.model), compute)
    split = options.val_fraction, compute.seed
    training, validation = read_parts(data, model.side, faces, *split, output)
    unet = model.parts.unet
    added = add_lora(unet, options.rank, torch.Generator().manual_seed(compute.seed))
    with torch.no_grad():
        empty = context_of(model, [""])[0].cpu()
    tables = _unit_latents(model, training), _unit_latents(model, validation)
    network = Updated(added, unet)
    task = FrozenModelTask(network, model.parts.scheduler, empty, *tables, compute.device, seed=compute.seed)
    before = float(task.validation_errors(network).mean())
    schedule = _schedule(options, compute, monitor=MONITORED, decay=_ADAPTER_DECAY)
    progress = fit(run, task, schedule, samples=None, compute=compute, output=output)
    if run is None:
        return
    added.load_state_dict(tensors_of("added.", load_file(run.directory / BEST)))
    merge_lora(unet, added)
    write_model_directory(run, model.parts)
    measures = _measures(progress, training, validation)
    run.write_metrics({**measures, "validation_loss_before": before, "model": model.sha256})


def train_annotator(
    run: Run | None,
    data: Sequence[Path],
    options: AnnotatorOptions,
    faces: FaceSetOptions,
    compute: Compute,
    output: Output,
    *,
    command: str,
) -> None:
    """Train an annotator on what the model sees of faces and of their mirror images; parameters as `train_adapter`.

    Raises
    ------
    MissingError, InputError
        If the model cannot be read, a data set cannot be used, or there are fewer than two expressions.
    """
    model = _frozen(options.model, compute)
    split = options.val_fraction, compute.seed
    training, validation = read_parts(data, model.side, faces, *split, output, need="expression", crop=faces.crop)
    classes = tuple(name for name in EXPRESSIONS if name in training.expressions)
    if len(classes) < 2:
        raise InputError(f"expressions {', '.join(classes) or 'none'} in the data; two or more expected.")
    validation = validation.chosen(np.array([name in classes for name in validation.expressions]))
    if not len(validation):
        raise InputError(
            "no face to validate with has an expression that faces to train on have; one or more expected.",
            hint="Give more faces, or a greater --val-fraction.",
        )
    parts = model.parts
    narrow = make_seer(
        parts.unet, parts.text_encoder, parts.tokenizer, parts.scheduler, classes=classes,
        blocks=options.feat_blocks, side=8,
    )  # fmt: skip
    channels, scales = sizes_of(narrow, model.latent_side)
    shape = (sd_shape if max(channels) >= _WIDE else mini_shape)(channels, scales, classes)
    seer = replace(narrow, side=shape.side)
    learned, held_out = (
        _seen(seer, model, one, classes, mirrors) for one, mirrors in ((training, True), (validation, False))
    )
    network = build_annotator(shape, torch.Generator().manual_seed(compute.seed))
    task = annotator_task.AnnotatorTask(network, learned, held_out, compute.device, seed=compute.seed)
    schedule = _schedule(options, compute, monitor=annotator_task.MONITORED, decay=_ANNOTATOR_DECAY)
    progress = fit(run, task, schedule, samples=None, compute=compute, output=output)
    if run is None:
        return
    about = AnnotatorAbout(shape, options.feat_blocks, model.sha256)
    with run.output(WEIGHTS) as target:
        write_annotator(target, about, load_file(run.directory / BEST))
    measures = _measures(progress, training, validation)
    run.write_metrics({**measures, "model": model.sha256})
    write_card(
        run, measures, data=f"{len(training) + len(validation)} labelled faces", command=command, seed=compute.seed
    )


def _frozen(choice: str, compute: Compute) -> LoadedDiffusion:
    """Return a model in float32, whatever numbers the training computes in."""
    return open_model(choice, replace(compute, precision="float32"))


def _schedule(
    options: AdapterOptions | AnnotatorOptions | BaseOptions, compute: Compute, *, monitor: str, decay: float
) -> Schedule:
    steps = options.steps
    return Schedule(
        steps=steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        decay=True,
        warm_up=min(_WARM_UP, max(steps // 10, 1)),
        clip_norm=_CLIP,
        weight_decay=decay,
        validate_every=max(steps // _VALIDATIONS, 1),
        save_every=_SAVE_EVERY,
        monitor=monitor,
        patience=_PATIENCE,
        precision=compute.precision,
        seed=compute.seed,
    )


def _measures(progress: Progress, training: CaptionedFaces, validation: CaptionedFaces) -> dict[str, float]:
    found = {name: value for name, value in measures_of(progress).items() if name != MONITORED}
    measures = {f"validation_{name}": value for name, value in found.items()}
    return {**measures, "training_faces": float(len(training)), "validation_faces": float(len(validation))}


@torch.no_grad()
def _unit_latents(model: LoadedDiffusion, faces: CaptionedFaces) -> UnitLatents:
    captions = sorted(set(faces.captions))
    number = {caption: row for row, caption in enumerate(captions)}
    texts = [
        context_of(model, captions[start : start + _TEXTS]).half().cpu() for start in range(0, len(captions), _TEXTS)
    ]
    return UnitLatents(
        scaled_latents(model.parts, faces, model.device),
        torch.cat(texts),
        torch.tensor([number[caption] for caption in faces.captions]),
        torch.from_numpy(faces.intensities),
    )


def _seen(
    seer: Seer, model: LoadedDiffusion, faces: CaptionedFaces, classes: Sequence[str], mirrors: bool
) -> annotator_task.SeenFaces:
    """Return what is seen of faces, and of their mirror images if they are wanted too."""
    labels = np.array([classes.index(str(name)) for name in faces.expressions], np.int64)
    if not mirrors:
        return annotator_task.SeenFaces(seer.see_all(scaled_latents(model.parts, faces, model.device)), labels)
    mirrored = replace(faces, pictures=np.ascontiguousarray(faces.pictures[:, :, ::-1]))
    latents = torch.cat(
        [scaled_latents(model.parts, faces, model.device), scaled_latents(model.parts, mirrored, model.device)]
    )
    return annotator_task.SeenFaces(seer.see_all(latents), np.concatenate([labels, labels]))
