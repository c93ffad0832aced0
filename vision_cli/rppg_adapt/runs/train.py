"""``train``: train a network on the clips of a cache or on generated clips, and write its weights and their card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import HISTORY
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.phantoms.faces.pulse_clips import TRAINING
from vision_cli.phantoms.faces.pulse_videos import STYLES
from vision_cli.rppg_adapt.data.cache import LabelledWindows, read_cache, split_subjects
from vision_cli.rppg_adapt.networks.model import ModelSettings, PulseModel
from vision_cli.rppg_adapt.options import NetworkChoice, SourceTraining
from vision_cli.rppg_adapt.runs.report import report_training
from vision_cli.rppg_adapt.training.source import ClipSource, GeneratedClips, heart_rate_errors, train_source


@dataclass(frozen=True)
class TrainingSet:
    """Clips of a training.

    Attributes
    ----------
    clips
        Source of the clips.
    count
        Number of clips; None if it is unlimited.
    description
        Description for the card of the weights.
    """

    clips: ClipSource
    count: int | None
    description: str


def choose_settings(choice: NetworkChoice, start: PulseModel | None) -> ModelSettings:
    """Return the settings of a new network, or those of the model that the training starts from.

    Raises
    ------
    UsageError
        If both a choice and a model are given.
    """
    if start is None:
        return ModelSettings.of(choice)
    if choice != NetworkChoice():
        raise UsageError(
            "train: --weights with --backbone, --size or --input found; one or the other expected.",
            hint="Network, size and input are stored in the weight file.",
        )
    return start.settings


def find_clips(
    cache: Path | None,
    preset: Literal["all", "easy", "hard", "shift"],
    settings: ModelSettings,
    training: SourceTraining,
    seed: int,
) -> TrainingSet:
    """Return the clips of a cache, split by subjects, or generated clips of a preset if ``cache`` is None.

    Raises
    ------
    InputError
        If the cache cannot be read, or has clips without labels.
    UsageError
        If it has a single subject.
    """
    if cache is None:
        style = TRAINING if preset == "all" else STYLES[preset]
        described = "generated clips" if preset == "all" else f"generated clips of the preset {preset}"
        return TrainingSet(GeneratedClips(settings, training.frames, seed, style), None, described)
    held_out, used = split_subjects(read_cache(cache), training.val_fraction, seed)
    if not used:
        raise UsageError(
            f"{cache}: one subject found; two or more expected.",
            hint="Training and validation need different subjects.",
        )
    clips = LabelledWindows(used, held_out, settings.size, training.frames, seed)
    return TrainingSet(clips, len(used), f"{len(used)} clips of {cache.name}")


def train_network(
    run: Run | None,
    settings: ModelSettings,
    training: SourceTraining,
    data: TrainingSet,
    start: PulseModel | None,
    compute: Compute,
    output: Output,
    *,
    command: str,
) -> None:
    """Train a network; write its weights, their card, ``metrics.json`` and the report.

    Parameters
    ----------
    run
        The open run; None on all processes but the first of several.
    settings, training, data, start, compute, output
        See :func:`vision_cli.rppg_adapt.training.source.train_source`.
    command
        Command line of the training, for the card.
    """
    training = replace(training, steps=training.steps_over(data.count))
    described = data.description
    if run is not None and start is not None:
        run.record(weights={"path": str(start.path), "sha256": start.sha256})
        described += f", from weights {start.sha256}"
    measures = train_source(
        run, settings, training, data.clips, compute, output, start, data=described, command=command
    )
    if run is None:
        return
    held_out, before = data.clips.validation(), None
    if start is not None:
        errors = heart_rate_errors(start.network.to(compute.device), held_out, settings, compute.device)
        before = float(errors.mean())
    history = read_csv_table(run.directory / HISTORY, ("step", "loss"))
    report_training(run, measures, history, clips=len(held_out.frames), before=before)
