"""Source-free domain adaptation: stage 2 of SFDA-rPPG, on unlabelled clips of a target domain.

Inputs are the source model and the clips; neither source data nor labels are used. The weights are selected without
labels too, and the source weights are kept unless an adapted model has a higher score.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.tensor_bytes import tensor_bytes
from vision_cli.core.compute.training import BEST, Schedule, fit, pack
from vision_cli.core.runs.runs import Run
from vision_cli.rppg_adapt.adaptation.anchors import SourceAnchor, TrainingFreeAnchor
from vision_cli.rppg_adapt.adaptation.selection import AgreementScore, BranchScore
from vision_cli.rppg_adapt.adaptation.windows import ClipWindow, UnlabelledClips, split_clip
from vision_cli.rppg_adapt.data.cache import CachedClip
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.networks.inputs import resize_frames
from vision_cli.rppg_adapt.networks.lite import LiteNet
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.networks.physnet import PhysNet
from vision_cli.rppg_adapt.networks.tstc import TSTCNet, make_views
from vision_cli.rppg_adapt.options import Adaptation, Update
from vision_cli.rppg_adapt.training.losses import AdaptationLoss, Anchor
from vision_cli.rppg_adapt.training.source import PATIENCE

TIME_FACTORS = (0.75, 1.25)
CONTEXT_S = 10.0
"""Seconds of context of a window: the length of the clips that the quality index was calibrated on."""

FEWEST_CLIPS = 10
"""Fewest clips whose label-free score is trusted: with five it rose while the error on other clips doubled."""

_DECAY = 1e-4
_TTA_RATE = 2e-4
_TTA_BATCH = 2


@dataclass(frozen=True)
class AdaptationResult:
    """Result of an adaptation.

    Attributes
    ----------
    model
        The adapted model, or the source model.
    source_score, adapted_score
        Label-free scores of both on the clips; see `vision_cli.rppg_adapt.adaptation.selection`.
    reason_to_keep
        Why the source weights were kept; None if they were not.
    """

    model: PulseModel
    source_score: float
    adapted_score: float
    reason_to_keep: str | None

    @property
    def kept_source(self) -> bool:
        """Whether the source weights were kept."""
        return self.reason_to_keep is not None


class AdaptationTask:
    """Adaptation of TSTC-Net, as a task of :class:`vision_cli.core.compute.training.Trainer`.

    Parameters
    ----------
    model
        The source model; a copy of its network is adapted.
    adaptation
        Settings.
    crops
        Crops of each clip, ``(T, S, S, 3)`` uint8 at the network's size, for adaptation and for label-free selection.
    device
        Device of the networks.
    seed
        Seed of windows and views.
    """

    network: nn.Module

    def __init__(
        self,
        model: PulseModel,
        adaptation: Adaptation,
        crops: Sequence[NDArray[np.uint8]],
        device: torch.device,
        seed: int,
    ) -> None:
        self.model, self.adaptation = model, adaptation
        self.loss = AdaptationLoss.of(adaptation.loss, model.settings.fps)
        length = int(np.ceil(adaptation.frames * TIME_FACTORS[1])) + 1
        context = round(CONTEXT_S * model.settings.fps)
        self.clips = UnlabelledClips(crops, length, context, seed)
        self.device, self.seed = device, seed
        network = copy.deepcopy(model.network).to(device)
        self.source = copy.deepcopy(model.network).to(device).eval().requires_grad_(requires_grad=False)
        self.network = network
        segments = [segment for crop in crops for segment in split_clip(crop, context)]
        self.clip_count = len(crops)
        self.agreement = agreement = AgreementScore(segments, model.settings, device)
        self.score: Callable[[nn.Module], float]
        self._anchor: Callable[[Sequence[ClipWindow], Tensor], Anchor]
        if self.loss.uses_training_free_anchor:
            self.score, self._anchor = agreement, TrainingFreeAnchor(self.source, model.settings)
        else:
            self.score = BranchScore(agreement, self.source, TIME_FACTORS)
            self._anchor = SourceAnchor(self.source, model.settings)
        _freeze_other_weights(network, adaptation.update)
        self._branches = TSTCNet(network, model.settings.normalisation)
        # Batch statistics of one clip do not describe a domain.
        self._keeps_statistics = adaptation.batch_size == 1 or len(crops) == 1

    def load(self, numbers: Sequence[int]) -> tuple[list[ClipWindow], int]:
        """Return the windows of these sample numbers."""
        return self.clips.load(numbers)

    def training_step(self, network: nn.Module, batch: tuple[Sequence[ClipWindow], int]) -> Mapping[str, Tensor]:
        """Return the unsupervised loss and its terms."""
        windows, number = batch
        pixels = torch.from_numpy(np.stack([window.frames for window in windows])).to(self.device)
        if self._keeps_statistics:
            _freeze_statistics(network)
        self._branches.network = network
        generator = torch.Generator().manual_seed(_step_seed(self.seed, number))
        low, high = TIME_FACTORS
        factors = (low + (high - low) * torch.rand(len(pixels), generator=generator)).to(self.device)
        views = make_views(pixels, self.adaptation.frames, factors, generator)
        return self.loss(self._branches(views), self._anchor(windows, views.original))

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the label-free score."""
        return {"score": self.score(network)}

    def reason_to_keep(self, adapted: PulseModel, source_score: float, score: float) -> str | None:
        """Return why the source should be kept instead of an adapted model of a label-free score, or None.

        The score rises on the clips that are adapted to, so that a few clips prove nothing about others.
        """
        if self.clip_count < FEWEST_CLIPS:
            return f"{self.clip_count} clips are few; {FEWEST_CLIPS} or more are needed to trust the label-free score"
        if not score > source_score:
            return "no adapted weights had a higher label-free score"
        networks = (adapted.network.to(self.device).eval(), self.source)
        after, before = (self.agreement.agreements(self.agreement.rates(network)) for network in networks)
        change = after - before
        if self.score is self.agreement and change.mean() <= change.std() / np.sqrt(len(change)):
            return "the gain of the label-free score is within its standard error"
        return None


def adapt(
    run: Run, model: PulseModel, clips: Sequence[CachedClip], adaptation: Adaptation, compute: Compute, output: Output
) -> AdaptationResult:
    """Adapt a model to cached clips, and write the selected weights to the run.

    Parameters
    ----------
    run
        The open run.
    model
        The source model.
    clips
        Clips of the target domain; their labels are never read.
    adaptation, compute, output
        Settings of the adaptation, device and seed, and the console for progress.

    Raises
    ------
    InputError
        If there is no clip.
    NumericalError
        If the loss stays non-finite after reductions of the learning rate.
    """
    crops = [resize_frames(clip.frames(), model.settings.size) for clip in clips]
    task = AdaptationTask(model, adaptation, crops, compute.device, compute.seed)
    source_score = task.score(task.source)
    steps = adaptation.steps_over(len(clips))
    validate_every = adaptation.validate_every or max(1, steps // 10)
    schedule = Schedule(
        steps=steps,
        batch_size=adaptation.batch_size,
        learning_rate=adaptation.learning_rate,
        decay=True,
        clip_norm=1.0,
        weight_decay=_DECAY,
        validate_every=validate_every,
        save_every=validate_every,
        monitor="score",
        patience=PATIENCE,
        seed=compute.seed,
    )
    progress = fit(
        run,
        task,
        schedule,
        samples=None,
        compute=compute,
        output=output,
        metadata=model.settings.metadata,
        title="adapting",
    )
    best = float(progress.best[0])
    reason = task.reason_to_keep(load_model(str(run.directory / BEST), compute.device), source_score, best)
    if reason is not None:
        tensors = {name: value.detach().cpu().contiguous() for name, value in model.network.state_dict().items()}
        with run.output(BEST) as path:
            path.write_bytes(tensor_bytes(tensors, model.settings.metadata))
    pack(run)
    adapted = load_model(str(run.directory / BEST), compute.device)
    return AdaptationResult(adapted, source_score, best, reason)


def adapt_to_clip(model: PulseModel, frames: NDArray[np.uint8], steps: int, seed: int = 0) -> PulseModel:
    """Return a model adapted to a single clip ``(T, S, S, 3)`` (test-time adaptation), or the source model if better.

    Batch statistics stay those of the source model; the result is deterministic.
    """
    adaptation = Adaptation(steps=steps, batch_size=_TTA_BATCH, learning_rate=_TTA_RATE)
    crops = resize_frames(frames, model.settings.size)
    device = next(model.network.parameters()).device
    task = AdaptationTask(model, adaptation, [crops], device, seed)
    optimiser = torch.optim.AdamW(task.network.parameters(), adaptation.learning_rate, weight_decay=_DECAY)
    best = task.score(task.source)
    kept: nn.Module = copy.deepcopy(task.source)
    for step in range(steps):
        task.network.train()
        numbers = range(step * adaptation.batch_size, (step + 1) * adaptation.batch_size)
        loss = task.training_step(task.network, task.load(list(numbers)))["loss"]
        if not bool(torch.isfinite(loss)):
            continue
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(task.network.parameters(), 1.0)
        optimiser.step()
        if (step + 1) % 5 == 0 or step == steps - 1:
            score = task.score(task.network)
            if score > best:
                best, kept = score, copy.deepcopy(task.network)
    assert isinstance(kept, PhysNet | LiteNet)
    return PulseModel(kept.eval(), model.settings, model.path, model.sha256)


def _freeze_other_weights(network: nn.Module, update: Update) -> None:
    """Freeze the weights that an adaptation does not update."""
    if update == "all":
        return
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm3d):
            trains = update == "bn" or not _is_decoder(name)
        else:
            trains = update == "encoder" and not _is_decoder(name)
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(requires_grad=trains)


def _is_decoder(name: str) -> bool:
    return name.startswith(("decoder", "mixer", "upsample", "ConvBlock10"))


def _freeze_statistics(network: nn.Module) -> None:
    """Set batch normalisation to evaluation mode."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm3d):
            module.eval()


def _step_seed(seed: int, number: int) -> int:
    """Return the seed of the views of the batch that begins with a sample number."""
    (state,) = np.random.SeedSequence((seed, number)).generate_state(1)
    return int(state)
