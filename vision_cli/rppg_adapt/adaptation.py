"""Source-free adaptation: SFDA-rPPG's second stage, on unlabelled clips of a target domain.

The source model and the clips are all there is: no source data, no labels. The weights that are kept are chosen without
labels too, and they are the source's own unless the choice finds better ones.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor, nn

from vision_cli.core.console import Output
from vision_cli.core.devices import Compute
from vision_cli.core.errors import InputError
from vision_cli.core.runs import Run
from vision_cli.core.training import BEST, Order, Schedule
from vision_cli.rppg_adapt.classical import METHODS
from vision_cli.rppg_adapt.data import CachedClip
from vision_cli.rppg_adapt.losses import AdaptLoss, Anchor, peak_sureness
from vision_cli.rppg_adapt.models import PulseModel, load_model, resize_frames
from vision_cli.rppg_adapt.networks import LiteNet, PhysNet, TSTCNet, make_views, normalise
from vision_cli.rppg_adapt.training import PATIENCE, fit, pack
from vision_cli.rppg_adapt.witnesses import Testimony, surest

Update = Literal["all", "bn", "encoder"]

FACTORS = (0.75, 1.25)
CONTEXT_S = 10.0
"""What the quality index was calibrated on."""

_DECAY = 1e-4
_SAME_BPM = 5.0
_COLLAPSED_BPM = 1.0
_TTA_RATE = 2e-4
_TTA_BATCH = 4


@dataclass(frozen=True)
class Adaptation:
    """How a network is adapted.

    Attributes
    ----------
    loss
        Of the branches.
    update
        All weights, those of batch normalisation alone, or all but the decoder's.
    frames
        Frames of a view.
    steps, batch_size, learning_rate
        How long and how fast.
    validate_every
        Steps between two looks at the unlabelled score.
    """

    loss: AdaptLoss = field(default_factory=AdaptLoss)
    update: Update = "all"
    frames: int = 160
    steps: int = 150
    batch_size: int = 4
    learning_rate: float = 1e-3
    validate_every: int = 15


@dataclass(frozen=True)
class Outcome:
    """What an adaptation came to.

    Attributes
    ----------
    model
        The adapted model, or the source model.
    source_score, adapted_score
        Unlabelled scores of both on the clips; see `UnlabelledScore`.
    kept_source
        Whether nothing was better than the source, or what was adapted had collapsed.
    """

    model: PulseModel
    source_score: float
    adapted_score: float
    kept_source: bool


@dataclass(frozen=True)
class Window:
    """A window of a clip without labels, and what lies about it: of ten seconds a rate is read better than of five.

    Attributes
    ----------
    frames
        ``(L, S, S, 3)``.
    context
        ``(C, S, S, 3)``, of which the window is a part.
    start
        Where it begins there.
    """

    frames: NDArray[np.uint8]
    context: NDArray[np.uint8]
    start: int

    @staticmethod
    def of(clip: NDArray[np.uint8], start: int, length: int, context: int) -> Window:
        """Cut ``length`` frames from ``start`` of a clip that has as many, with ``context`` frames about them."""
        reach = max(context, length)
        first = min(max(start - (reach - length) // 2, 0), max(len(clip) - reach, 0))
        return Window(clip[start : start + length], clip[first : first + reach], start - first)


class UnlabelledClips:
    """Windows of clips without labels.

    Parameters
    ----------
    frames
        Crops of each clip, ``(T, S, S, 3)``; of the network's size.
    length
        Frames of a window; of shorter clips the last frame is repeated.
    context
        Frames that a window's pulse is read from without the network.
    seed
        Of the places of windows.
    """

    def __init__(self, frames: Sequence[NDArray[np.uint8]], length: int, context: int, seed: int) -> None:
        if not frames:
            raise InputError("no clip to adapt to; one or more expected.")
        self._clips = [_filled(clip, length) for clip in frames]
        self._length, self._context, self._seed = length, context, seed
        self._order = Order(len(frames), 1, seed)

    def load(self, numbers: Sequence[int]) -> tuple[list[Window], int]:
        """Give windows, and the number of the first for what is drawn for them."""
        found = []
        for number in numbers:
            clip = self._clips[self._order.samples(number)[0]]
            rng = np.random.default_rng((self._seed, number))
            start = int(rng.integers(0, len(clip) - self._length + 1))
            found.append(Window.of(clip, start, self._length, self._context))
        return found, numbers[0]


class AdaptTask:
    """The three branches around a network, as :class:`vision_cli.core.training.Trainer` takes them.

    Parameters
    ----------
    model
        The source model; a copy of its network is adapted.
    adaptation
        How.
    crops
        Of each clip, ``(T, S, S, 3)``, of the network's size: windows of them are adapted to, and choose the weights.
    device
        Where it is computed.
    seed
        Of views.
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
        length = int(np.ceil(adaptation.frames * FACTORS[1])) + 1
        context = round(CONTEXT_S * model.settings.fps)
        self.clips = UnlabelledClips(crops, length, context, seed)
        self.score = UnlabelledScore([part for crop in crops for part in _windows(crop, context)], model, device)
        self.device, self.seed = device, seed
        network = copy.deepcopy(model.network).to(device)
        self.source = copy.deepcopy(model.network).to(device).eval().requires_grad_(requires_grad=False)
        self.network = network
        _choose_weights(network, adaptation.update)
        self._branches = TSTCNet(network, model.settings.normalisation)
        # Statistics of one clip are no statistics of a domain.
        self._keeps_statistics = adaptation.batch_size == 1 or len(crops) == 1

    def load(self, numbers: Sequence[int]) -> tuple[list[Window], int]:
        """Give the windows of these numbers."""
        return self.clips.load(numbers)

    def training_step(self, network: nn.Module, batch: tuple[Sequence[Window], int]) -> Mapping[str, Tensor]:
        """Give the unsupervised loss and its terms."""
        cut, number = batch
        windows = _stacked(cut).to(self.device)
        if self._keeps_statistics:
            _freeze_statistics(network)
        self._branches.network = network
        generator = torch.Generator().manual_seed(_mixed(self.seed, number))
        low, high = FACTORS
        factors = (low + (high - low) * torch.rand(len(windows), generator=generator)).to(self.device)
        views = make_views(windows, self.adaptation.frames, factors, generator)
        return self.adaptation.loss(self._branches(views), self._anchor(views.original, cut))

    @torch.no_grad()
    def _anchor(self, original: Tensor, cut: Sequence[Window]) -> Anchor:
        settings = self.model.settings
        waves = self.source(normalise(original, settings.normalisation))
        if not self.adaptation.loss.witnesses:
            return Anchor(waves, peak_sureness(waves, settings.fps))
        told = [Testimony.of(one.context, settings.fps) for one in cut]
        return surest(told, [one.start for one in cut], waves)

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Give the unlabelled score."""
        return {"score": self.score(network)}


class UnlabelledScore:
    """How often the rates that a network reads are borne out, without knowing the right ones; 0 to 1.

    The mean share of the methods without training that read the same rate, over windows. Rates alone count: adaptation
    makes any spectrum sharper, a wrong one too. All clips that are adapted to are asked, since none has a label that
    could be learnt by heart, and a few clips tell little. A network that reads one rate everywhere has collapsed and
    scores 0.

    Parameters
    ----------
    windows
        ``(C, S, S, 3)`` each.
    model
        Whose settings are used.
    device
        Where it is computed.
    """

    def __init__(self, windows: Sequence[NDArray[np.uint8]], model: PulseModel, device: torch.device) -> None:
        self.windows, self.settings, self.device = windows, model.settings, device
        self.testimonies = [Testimony.of(one, model.settings.fps, tuple(METHODS)) for one in windows]

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> float:
        """Score a network, which is set to evaluation."""
        network.eval()
        rates = []
        for window, testimony in zip(self.windows, self.testimonies, strict=True):
            pixels = torch.from_numpy(window)[None].to(self.device)
            derivative = network(normalise(pixels, self.settings.normalisation))[0]
            rates.append(testimony.rate_of(derivative.double().cpu().numpy()).bpm)
        if len(rates) > 2 and float(np.std(rates)) < _COLLAPSED_BPM:
            return 0.0
        shares = [one.share_near(rate, _SAME_BPM) for one, rate in zip(self.testimonies, rates, strict=True)]
        return float(np.mean(shares))


def adapt(
    run: Run, model: PulseModel, clips: Sequence[CachedClip], adaptation: Adaptation, compute: Compute, output: Output
) -> Outcome:
    """Adapt a model to cached clips and write the weights that are kept.

    Parameters
    ----------
    run
        The open run.
    model
        The source model.
    clips
        Clips of the target domain; their labels are never opened.
    adaptation, compute, output
        How, where, and where progress is shown.

    Raises
    ------
    InputError
        If there is no clip.
    NumericalError
        If the loss stays no number, whatever the learning rate.
    """
    crops = [resize_frames(clip.frames(), model.settings.size) for clip in clips]
    task = AdaptTask(model, adaptation, crops, compute.device, compute.seed)
    source_score = task.score(task.source)
    schedule = Schedule(
        steps=adaptation.steps,
        batch_size=adaptation.batch_size,
        learning_rate=adaptation.learning_rate,
        decay=True,
        clip_norm=1.0,
        weight_decay=_DECAY,
        validate_every=adaptation.validate_every,
        save_every=adaptation.validate_every,
        monitor="score",
        patience=PATIENCE,
        seed=compute.seed,
    )
    progress = fit(run, task, schedule, model.settings, compute, output, title="adapting")
    best = progress.best[0]
    kept_source = not best > source_score
    if kept_source:
        tensors = {name: value.detach().cpu().contiguous() for name, value in model.network.state_dict().items()}
        with run.output(BEST) as path:
            path.write_bytes(save(tensors, model.settings.metadata))
    pack(run, model.settings)
    adapted = load_model(str(run.directory / BEST), compute.device)
    return Outcome(adapted, source_score, float(best), kept_source)


def adapt_to_clip(model: PulseModel, frames: NDArray[np.uint8], steps: int, seed: int = 0) -> PulseModel:
    """Adapt a model to a single clip ``(T, S, S, 3)`` before it is read; keep the source's where nothing is better.

    Batch statistics stay those of the source; the same clip gives the same model.
    """
    adaptation = Adaptation(steps=steps, batch_size=min(_TTA_BATCH, 2), learning_rate=_TTA_RATE)
    crops = resize_frames(frames, model.settings.size)
    device = next(model.network.parameters()).device
    task = AdaptTask(model, adaptation, [crops], device, seed)
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


def _choose_weights(network: nn.Module, update: Update) -> None:
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
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm3d):
            module.eval()


def _filled(clip: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    missing = length - len(clip)
    return np.concatenate([clip, np.repeat(clip[-1:], missing, axis=0)]) if missing > 0 else clip


def _windows(clip: NDArray[np.uint8], length: int) -> list[NDArray[np.uint8]]:
    """Cut a clip ``(T, S, S, 3)`` into as few windows as reach from its first frame to its last."""
    spare = max(len(clip) - length, 0)
    starts = np.linspace(0, spare, 1 + -(-spare // length)).astype(int)
    return [clip[start : start + length] for start in starts]


def _stacked(windows: Sequence[Window]) -> Tensor:
    return torch.from_numpy(np.stack([window.frames for window in windows]))


def _mixed(seed: int, number: int) -> int:
    (mixed,) = np.random.SeedSequence((seed, number)).generate_state(1)
    return int(mixed)
