"""Supervised training of the source model: stage 1 of SFDA-rPPG, on generated clips or a cache of labelled videos."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import Schedule, train_run
from vision_cli.core.runs.runs import Run
from vision_cli.phantoms.faces.pulse_clips import TRAINING, ClipStyle, make_clip
from vision_cli.rppg_adapt.data.cache import LabelledClips
from vision_cli.rppg_adapt.networks.build import build
from vision_cli.rppg_adapt.networks.inputs import normalise
from vision_cli.rppg_adapt.networks.lite import LiteNet
from vision_cli.rppg_adapt.networks.model import ModelSettings, PulseModel
from vision_cli.rppg_adapt.networks.physnet import PhysNet
from vision_cli.rppg_adapt.options import SourceTraining
from vision_cli.rppg_adapt.training.losses import SourceLoss, integrated, power_spectra

PATIENCE = 2
"""Consecutive non-finite losses tolerated; see :class:`vision_cli.core.compute.training.Schedule`."""

_TRAINING_STREAM, _VALIDATION_STREAM = 0, 1
_USES, _REPLAY, _SPARE = 4, 60, 40
"""Uses of a generated clip, clips between two of them, and frames of a clip beyond those of a window."""
_VALIDATION_CLIPS = 48
_VALIDATION_FRAMES = 300
_WARM_UP = 50
_DECAY = 1e-2
_HR_BAND = (40 / 60, 200 / 60)


class ClipSource(Protocol):
    """Source of training clips; ``count`` is their number, or None if it is unlimited."""

    count: int | None

    def load(self, numbers: Sequence[int]) -> LabelledClips:
        """Return the clips of these sample numbers; the same numbers give the same clips."""
        ...

    def validation(self) -> LabelledClips:
        """Return clips that are never trained on."""
        ...


class GeneratedClips:
    """An unlimited number of generated clips, each used four times, because generating one takes as long as a use.

    Uses of a clip are far apart. A use is a window of the clip, and every second one is reflected.

    Parameters
    ----------
    settings
        Size and frame rate of the clips.
    frames
        Frames of a window.
    seed
        Seed of all clips.
    style
        Distribution of skins, lights and motions.
    """

    count: int | None = None

    def __init__(self, settings: ModelSettings, frames: int, seed: int, style: ClipStyle = TRAINING) -> None:
        self.settings, self.frames, self.seed, self.style = settings, frames, seed, style
        self._kept: OrderedDict[int, tuple[Tensor, Tensor]] = OrderedDict()
        self._validation: LabelledClips | None = None

    def load(self, numbers: Sequence[int]) -> LabelledClips:
        """Return the windows of these sample numbers; one in four is of a new clip."""
        found = []
        for number in numbers:
            use = number % _USES
            frames, wave = self._clip(max(number // _USES - _REPLAY * use, 0))
            start = int(np.random.default_rng((self.seed, number)).integers(_SPARE + 1))
            window = slice(start, start + self.frames)
            found.append((frames[window].flip(2) if use % 2 else frames[window], wave[window]))
        return LabelledClips(torch.stack([f for f, _ in found]), torch.stack([w for _, w in found]))

    def validation(self) -> LabelledClips:
        """Return 48 clips of ten seconds, from another random stream than the training clips."""
        if self._validation is None:
            clips = [self._draw(_VALIDATION_STREAM, number, _VALIDATION_FRAMES) for number in range(_VALIDATION_CLIPS)]
            self._validation = LabelledClips(torch.stack([f for f, _ in clips]), torch.stack([w for _, w in clips]))
        return self._validation

    def _clip(self, number: int) -> tuple[Tensor, Tensor]:
        if number not in self._kept:
            self._kept[number] = self._draw(_TRAINING_STREAM, number, self.frames + _SPARE)
            while len(self._kept) > _USES * _REPLAY:
                self._kept.popitem(last=False)
        return self._kept[number]

    def _draw(self, stream: int, number: int, frames: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng((self.seed, stream, number))
        clip = make_clip(rng, frames=frames, size=self.settings.size, fps=self.settings.fps, style=self.style)
        return torch.from_numpy(clip.frames), torch.from_numpy(clip.wave)


class SourceTask:
    """Supervised training, as a task of :class:`vision_cli.core.compute.training.Trainer`.

    Parameters
    ----------
    network
        The network.
    settings
        Input of the network.
    clips
        Source of the clips.
    device
        Device of the network.
    """

    network: nn.Module

    def __init__(
        self, network: PhysNet | LiteNet, settings: ModelSettings, clips: ClipSource, device: torch.device
    ) -> None:
        self.network, self.settings, self.clips, self.device = network, settings, clips, device
        self.loss = SourceLoss(settings.fps)

    def load(self, numbers: Sequence[int]) -> LabelledClips:
        """Return the clips of these sample numbers."""
        return self.clips.load(numbers)

    def training_step(self, network: nn.Module, batch: LabelledClips) -> Mapping[str, Tensor]:
        """Return the supervised loss and its terms."""
        pixels = normalise(batch.frames.to(self.device), self.settings.normalisation)
        return self.loss(network(pixels), batch.waves.to(self.device))

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the errors of heart rates (bpm) on held-out clips; ``score`` is highest for the best weights."""
        held_out = self.clips.validation()
        errors = heart_rate_errors(network, held_out, self.settings, self.device)
        mae = float(errors.mean())
        # A few clips with a hardly visible pulse dominate the mean error, so the share of correct rates counts too.
        within = float((errors < 3).double().mean())
        score = within - mae / 60
        return {"mae_bpm": mae, "median_bpm": float(errors.median()), "within_3_bpm": within, "score": score}


@torch.no_grad()
def heart_rate_errors(
    network: nn.Module, clips: LabelledClips, settings: ModelSettings, device: torch.device, *, batch: int = 8
) -> Tensor:
    """Return the absolute errors of the heart rates that a network predicts for clips, in bpm, ``(N,)``."""
    network.eval()
    found = []
    for start in range(0, len(clips.frames), batch):
        pixels = normalise(clips.frames[start : start + batch].to(device), settings.normalisation)
        found.append(network(pixels).cpu())
    predicted = power_spectra(integrated(torch.cat(found)), settings.fps, band=_HR_BAND)
    true = power_spectra(clips.waves, settings.fps, band=_HR_BAND)
    rates = [60 * one.frequencies[one.power.argmax(-1)] for one in (predicted, true)]
    return (rates[0] - rates[1]).abs()


def train_source(
    run: Run | None,
    settings: ModelSettings,
    training: SourceTraining,
    clips: ClipSource,
    compute: Compute,
    output: Output,
    start: PulseModel | None = None,
    *,
    data: str,
    command: str,
) -> Mapping[str, float]:
    """Train a network; write its weights, their card and ``metrics.json``.

    Parameters
    ----------
    run
        The open run; None on all processes but the first of several.
    settings
        Backbone and input of the network.
    training, clips, compute, output
        Settings of the training, its clips, device and seed, and the console for progress.
    start
        Model whose weights the training starts from; None for random weights.
    data, command
        Description of the clips, and the command line, for the card.

    Returns
    -------
    Mapping
        Validation measures of the weights that are kept; empty without a run.
    """
    torch.manual_seed(compute.seed)
    network = build(settings.backbone).to(compute.device)
    if start is not None:
        network.load_state_dict(start.network.state_dict())
    task = SourceTask(network, settings, clips, compute.device)
    steps = training.steps_over(None)
    schedule = Schedule(
        steps=steps,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        decay=True,
        warm_up=min(_WARM_UP, max(steps // 10, 1)),
        clip_norm=1.0,
        weight_decay=_DECAY,
        validate_every=training.validate_every,
        save_every=training.save_every,
        monitor="score",
        patience=PATIENCE,
        seed=compute.seed,
    )
    return train_run(
        run,
        task,
        schedule,
        samples=clips.count,
        compute=compute,
        output=output,
        data=data,
        command=command,
        metadata=settings.metadata,
        keep=training.keep,
    )
