"""Training of a text-to-face model from nothing into a run: autoencoder, then UNet and text encoder."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import load_file

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import (
    LAST,
    WEIGHTS,
    LoadingTask,
    Schedule,
    fit,
    open_shared_part,
    shared_directory,
    write_card,
)
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.records import read_metrics
from vision_cli.core.runs.runs import Run
from vision_cli.synth_faces.figures.sheets import draw_sheet
from vision_cli.synth_faces.networks.diffusion.mini_sd import DiffusionParts, MiniShape, build_mini_sd
from vision_cli.synth_faces.options.sets import SetOptions
from vision_cli.synth_faces.options.training import BaseOptions
from vision_cli.synth_faces.pipeline.diffusion_files import (
    LoadedDiffusion,
    MiniAbout,
    pack_pipeline,
    save_as_diffusers_directory,
    tensors_of,
    unpack_pipeline,
)
from vision_cli.synth_faces.pipeline.sampling.loop import Steps, context_of, decoded, denoise, initial_noise
from vision_cli.synth_faces.plans.captions import prompt_of, vocabulary
from vision_cli.synth_faces.plans.labels import BASIC8
from vision_cli.synth_faces.plans.plan import Wanted
from vision_cli.synth_faces.plans.seeds import sample_seed, word_seed
from vision_cli.synth_faces.training.diffusion import autoencoding, denoising
from vision_cli.synth_faces.training.diffusion.captioned import (
    CaptionedFaces,
    as_pictures,
    read_parts,
)
from vision_cli.synth_faces.values import Picture

Batch = TypeVar("Batch")

MODEL, SAMPLES, RECONSTRUCTIONS = "model", "samples.png", "reconstructions.png"
AUTOENCODER, DENOISER = "autoencoder", "unet"
_STEPS_WIDER = 32
_HEADS = (2, 2, 4)
_WARM_UP, _VALIDATIONS, _SAVE_EVERY = 200, 20, 100
_CLIP, _PATIENCE, _DECAY = 1.0, 2, 0.01
_SHEET, _PEOPLE = 8, 8


@dataclass(frozen=True)
class _Stage:
    """The run that is trained in, and where and how it is computed."""

    run: Run | None
    compute: Compute
    output: Output

    def fit(self, name: str, task: LoadingTask[Batch], schedule: Schedule, options: dict[str, object]) -> Path:
        """Train a stage to its end, or take what it has trained already; return its folder."""
        cpu = self.compute.device.type == "cpu"
        with open_shared_part(
            self.run, name, command="synth-faces train-base", options={"stage": name, **options}, cpu=cpu
        ) as shared:
            if not shared.done:
                progress = fit(
                    shared.run, task, schedule, samples=None, compute=self.compute, output=self.output, title=name
                )
                if shared.run is not None:
                    last = progress.rows[-1]
                    shared.run.write_metrics({key[4:]: value for key, value in last.items() if key[:4] == "val_"})
                    shared.run.finish()
        return shared_directory(self.run) / name


def train_base(
    run: Run | None,
    data: Sequence[Path],
    options: BaseOptions,
    faces: SetOptions,
    compute: Compute,
    output: Output,
    *,
    command: str,
) -> None:
    """Train a model; write it as one weight file with its card, as a diffusers directory, and sheets of what it draws.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    data
        Data sets with captions; runs of ``generate`` have those of what they show.
    options, faces, compute
        What is trained, how the data is read, and where.
    output
        Where progress is shown.
    command
        The line that repeats the training, for the card.

    Raises
    ------
    UsageError
        If a size is no multiple of what it must be.
    InputError
        If a data set cannot be used, or has no captions.
    """
    shape = shape_of(options)
    stage = _Stage(run, compute, output)
    training, validation = read_parts(data, options.side, faces, options.val_fraction, compute.seed, output)
    parts = build_mini_sd(vocabulary(), shape, compute.seed)

    parts, shape = _train_autoencoder(stage, parts, shape, training, validation, options)
    _train_denoiser(stage, parts, training, validation, options)
    if run is None:
        return
    with run.output(WEIGHTS) as target:
        pack_pipeline(target, MiniAbout(shape, vocabulary()), parts)
    # What the rounded weights measure and draw, not those of the training.
    loaded = unpack_pipeline(run.directory / WEIGHTS, device=str(compute.device))
    write_model_directory(run, loaded.parts)
    measures = _measures(run, loaded.parts, validation, compute)
    run.write_metrics(measures)
    rows = [(label, sample_faces(loaded, label, compute.seed)) for label in BASIC8]
    _write_sheet(run, SAMPLES, rows)
    words = f"{len(training) + len(validation)} captioned faces"
    write_card(run, measures, data=words, command=command, seed=compute.seed)


def shape_of(options: BaseOptions) -> MiniShape:
    """Return the sizes of the parts.

    Raises
    ------
    UsageError
        If a size is no multiple of what it must be.
    """
    for name, value, unit in (
        ("--side", options.side, 16),
        ("--width", options.width, 8),
        ("--autoencoder-width", options.autoencoder_width, 4),
    ):
        if value % unit:
            raise UsageError(f"{name} {value}; a multiple of {unit} expected.", hint=f"Use {value - value % unit}.")
    first = options.width
    return MiniShape(
        side=options.side,
        autoencoder=options.autoencoder_width,
        unet=(first, first + _STEPS_WIDER, first + 2 * _STEPS_WIDER),
        heads=_HEADS,
    )


def sample_faces(model: LoadedDiffusion, label: str, seed: int, count: int = _PEOPLE) -> list[Picture]:
    """Return faces of a label, those of the same place of each label from the same noise and of the same person."""
    people = [word_seed(seed, f"sheet {number}") for number in range(count)]
    wanted = [Wanted(number, sample_seed(seed, number), person, label) for number, person in enumerate(people)]
    with torch.no_grad():
        context = context_of(model, [prompt_of(one) for one in wanted])
        empty = context_of(model, [""])
    noise = initial_noise(model, [one.seed for one in wanted])
    return decoded(model, denoise(model, context, empty, noise, Steps()))


def _train_autoencoder(
    stage: _Stage,
    parts: DiffusionParts,
    shape: MiniShape,
    training: CaptionedFaces,
    validation: CaptionedFaces,
    options: BaseOptions,
) -> tuple[DiffusionParts, MiniShape]:
    """Train the autoencoder; return the parts with it, and the shape with the scale of its latents."""
    compute = stage.compute
    autoencoder = parts.autoencoder.to(compute.device)
    assert isinstance(autoencoder, AutoencoderTiny)
    task = autoencoding.AutoencoderTask(autoencoder, training, validation, compute.device, seed=compute.seed)
    steps = options.autoencoder_steps
    schedule = _schedule(steps, options.autoencoder_batch_size, options.autoencoder_learning_rate, compute)
    directory = stage.fit(AUTOENCODER, task, schedule, {"steps": steps, "width": options.autoencoder_width})
    autoencoder.load_state_dict(tensors_of("autoencoder.", load_file(directory / LAST)))
    autoencoder.requires_grad_(False).eval()
    shown = validation.chosen(np.arange(len(validation)) < _SHEET)
    if stage.run is not None:
        with torch.no_grad():
            pictures = as_pictures(shown.pictures).to(compute.device)
            found = parts.decode(parts.encode(pictures))
        pixels = found.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
        _write_sheet(
            stage.run, RECONSTRUCTIONS, [("photograph", list(shown.pictures)), ("reconstruction", list(pixels))]
        )
    few = training.chosen(np.arange(len(training)) < autoencoding.MEASURED)
    scale = autoencoding.latent_scale(autoencoding.latents_of(autoencoder, few, compute.device))
    autoencoder.register_to_config(scaling_factor=scale)
    return parts, replace(shape, latent_scale=scale)


def _train_denoiser(
    stage: _Stage,
    parts: DiffusionParts,
    training: CaptionedFaces,
    validation: CaptionedFaces,
    options: BaseOptions,
) -> None:
    """Train UNet and text encoder on the latents; the parts have the averaged weights afterwards."""
    compute = stage.compute
    learned, held_out = (_table(parts, faces, compute) for faces in (training, validation))
    task = denoising.DenoisingTask(parts, learned, held_out, compute.device, seed=compute.seed)
    steps = options.steps
    schedule = _schedule(steps, options.batch_size, options.learning_rate, compute)
    directory = stage.fit(DENOISER, task, schedule, {"steps": steps, "width": options.width})
    tensors = load_file(directory / LAST)
    parts.unet.load_state_dict(tensors_of("average_unet.", tensors))
    parts.text_encoder.load_state_dict(tensors_of("average_text_encoder.", tensors))


def _schedule(steps: int, batch_size: int, learning_rate: float, compute: Compute) -> Schedule:
    return Schedule(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        decay=True,
        warm_up=min(_WARM_UP, max(steps // 10, 1)),
        clip_norm=_CLIP,
        weight_decay=_DECAY,
        validate_every=max(steps // _VALIDATIONS, 1),
        save_every=_SAVE_EVERY,
        patience=_PATIENCE,
        precision=compute.precision,
        seed=compute.seed,
    )


def _table(parts: DiffusionParts, faces: CaptionedFaces, compute: Compute) -> denoising.Latents:
    latents = autoencoding.scaled_latents(parts, faces, compute.device)
    return denoising.Latents(latents, denoising.tokens_of(parts, faces.captions))


def _measures(run: Run, parts: DiffusionParts, validation: CaptionedFaces, compute: Compute) -> dict[str, float]:
    """Return the validation measures of the rounded weights."""
    table = _table(parts, validation, compute)
    task = denoising.DenoisingTask(parts, table, table, compute.device, seed=compute.seed)
    with torch.no_grad():
        loss = task.validation_step(task.network.eval())["loss"]
    best = read_metrics(run.directory / AUTOENCODER)
    return {
        "validation_loss": loss,
        "validation_l1": float(best["l1"]),
        "latent_scale": parts.latent_scale,
        "validation_faces": float(len(validation)),
    }


def write_model_directory(run: Run, parts: DiffusionParts) -> None:
    """Write the model as a diffusers directory."""
    with tempfile.TemporaryDirectory() as place:
        save_as_diffusers_directory(parts, Path(place))
        for path in sorted(Path(place).rglob("*")):
            if path.is_file():
                with run.output(f"{MODEL}/{path.relative_to(place).as_posix()}") as target:
                    target.write_bytes(path.read_bytes())


def _write_sheet(run: Run, name: str, rows: Sequence[tuple[str, Sequence[Picture]]]) -> None:
    from PIL import Image

    with run.output(name) as target:
        Image.fromarray(draw_sheet(rows)).save(target, "PNG")
