"""A detector of any method with the task object that trains it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vision_cli.core.compute.training import Schedule
from vision_cli.core.errors import UsageError
from vision_cli.forgery_detect.coherence.features import NAMES
from vision_cli.forgery_detect.options.training import TrainOptions
from vision_cli.forgery_detect.pipeline.about import CLIP, About
from vision_cli.forgery_detect.pipeline.clip_files import ClipWeights, clip_vision
from vision_cli.forgery_detect.pipeline.model_files import build_network
from vision_cli.forgery_detect.training.faces import standardise
from vision_cli.forgery_detect.training.gmdf.task import GmDfTask
from vision_cli.forgery_detect.training.mfclip.task import FaceTask
from vision_cli.forgery_detect.training.recipes import left_out, pretraining_steps
from vision_cli.forgery_detect.values import Examples

_SMALLEST_SIDE = 16
"""Side of the face and the tile of detectors that see neither, px."""


@dataclass(frozen=True)
class Prepared:
    """A training that can begin.

    Attributes
    ----------
    about
        How the detector is built.
    task
        For the training loop.
    detector
        The detector, of which `task` trains the tensors.
    state_of
        Returns the detector's tensors among those of the task's network.
    complete
        Sets what is computed from the trained detector.
    """

    about: About
    task: FaceTask | GmDfTask
    detector: nn.Module
    state_of: Callable[[Mapping[str, Tensor]], dict[str, Tensor]]
    complete: Callable[[], None]

    def finish(self, state: Mapping[str, Tensor]) -> nn.Module:
        """Return the detector with the tensors of the task's network, in evaluation mode."""
        self.detector.load_state_dict(self.state_of(state))
        self.detector.eval()
        self.complete()
        return self.detector


def about_of(options: TrainOptions, clip: ClipWeights | None = None) -> About:
    """Return how the detector of a training is built.

    Parameters
    ----------
    options
        Method, size, and parts left out.
    clip
        CLIP of a linear probe, or for GM-DF's encoder.

    Raises
    ------
    UsageError
        If the method has no such size or part.
    InputError
        If there is no vision tower.
    """
    parts = left_out(options)
    features = 0 if "coherence" in parts else len(NAMES)
    small = _SMALLEST_SIDE
    if clip is not None and (options.method, options.variant) != ("gmdf", "base") and options.method != "linear":
        raise UsageError(
            f"--backbone: {options.method} {options.variant} takes none.",
            hint="--method linear and --method gmdf --variant base do.",
        )
    if options.method == "coherence":
        return About("coherence", "", small, small, features)
    if options.method == "linear":
        if clip is None:
            return About("linear", "", small, small, features)
        sizes = clip_vision(clip).sizes
        numbers = {name: getattr(sizes, name) for name in ("side", "patch", "width", "depth", "heads", "hidden")}
        numbers["outputs"] = sizes.outputs
        return About("linear", CLIP, sizes.side, small, features, tower=numbers, activation=sizes.activation)
    if options.method == "gmdf":
        from vision_cli.forgery_detect.networks.gmdf.building import side_of

        if options.variant not in {"nano", "base"}:
            raise UsageError(f"--variant {options.variant}: nano or base of gmdf expected.")
        side = side_of(options.variant)  # type: ignore[arg-type]
        return About("gmdf", options.variant, side, small, features, expert_dim=options.expert_dim)
    from vision_cli.forgery_detect.networks.mfclip.building import sides

    if options.variant not in {"nano", "vcli", "paper"}:
        raise UsageError(f"--variant {options.variant}: nano, vcli or paper of {options.method} expected.")
    side, patch = sides(options.variant)  # type: ignore[arg-type]
    return About(options.method, options.variant, side, patch, features, has_noise="noise" not in parts)


def prepare(
    about: About,
    options: TrainOptions,
    learned: Examples,
    held_out: Examples | None,
    schedule: Schedule,
    device: torch.device,
    *,
    clip: ClipWeights | None = None,
    advance: Callable[[], object] | None = None,
) -> Prepared:
    """Return a detector with random weights, ready to be trained; GM-DF's encoder is pretrained here.

    Parameters
    ----------
    about
        How the detector is built, see `about_of`.
    options
        What is trained.
    learned
        Faces to learn from.
    held_out
        Faces to validate with; None for none.
    schedule
        Of the training.
    device
        Where it is computed.
    clip
        As in `about_of`.
    advance
        Called after each step of the pretraining.

    Raises
    ------
    InputError
        If there is one class only, or one domain only for GM-DF.
    """
    torch.manual_seed(schedule.seed)
    if not about.features:
        learned = _without_coherence(learned)
        held_out = None if held_out is None else _without_coherence(held_out)
    if about.method == "gmdf":
        return _prepare_gmdf(about, options, learned, held_out, schedule, device, clip, advance)
    return _prepare_face(about, options, learned, held_out, schedule, device, clip)


def _without_coherence(examples: Examples) -> Examples:
    return replace(examples, coherence=np.zeros((len(examples), 0), np.float32))


def _prepare_face(
    about: About,
    options: TrainOptions,
    learned: Examples,
    held_out: Examples | None,
    schedule: Schedule,
    device: torch.device,
    clip: ClipWeights | None,
) -> Prepared:
    from vision_cli.forgery_detect.networks.clip.probe import ClipProbe
    from vision_cli.forgery_detect.networks.mfclip.building import build_guide
    from vision_cli.forgery_detect.training.mfclip.batches import prompts_of
    from vision_cli.forgery_detect.training.mfclip.learning import ERM, LINEAR, MFCLIP, PAPER
    from vision_cli.forgery_detect.training.mfclip.task import detector_state

    detector: Any = build_network(about)
    if clip is not None:
        detector = ClipProbe(clip_vision(clip), features=about.features)
    if about.features:
        standardise(detector.coherence, learned)
    guide = None
    plan = {"erm": ERM, "linear": LINEAR, "mfclip": PAPER if about.variant == "paper" else MFCLIP}[about.method]
    if about.method == "mfclip":
        variant: Any = about.variant
        generator = torch.Generator().manual_seed(schedule.seed)
        guide = build_guide(
            variant,
            prompts_of(learned)[0],
            pool="first" if options.published_pooling else "last",
            has_attention="attention" not in left_out(options),
            generator=generator,
        ).to(device)
    detector = detector.to(device)
    task = FaceTask(detector, guide, learned, held_out, plan, device, seed=schedule.seed)
    return Prepared(about, task, detector, detector_state, lambda: None)


def _prepare_gmdf(
    about: About,
    options: TrainOptions,
    learned: Examples,
    held_out: Examples | None,
    schedule: Schedule,
    device: torch.device,
    clip: ClipWeights | None,
    advance: Callable[[], object] | None,
) -> Prepared:
    from vision_cli.forgery_detect.networks.gmdf.building import build_gmdf, build_masked_decoder
    from vision_cli.forgery_detect.training.gmdf.meta import META, PRETRAINING
    from vision_cli.forgery_detect.training.gmdf.task import (
        detector_state,
        prototypes,
        require_two_domains,
        take_over,
    )

    # Before the minutes of pretraining, which would do with one.
    require_two_domains(learned.domain_names)
    about = replace(about, domains=learned.domain_names)
    generator = torch.Generator().manual_seed(schedule.seed)
    variant: Any = about.variant
    kinds: dict[str, Any] = {"domains": about.domains, "features": about.features, "generator": generator}
    detector = build_gmdf(variant, expert_dim=about.expert_dim or None, **kinds).to(device)
    decoder = build_masked_decoder(variant, generator).to(device)
    common = {"seed": schedule.seed, "batch_size": schedule.batch_size}
    if clip is not None:
        detector.encoder.load_clip(clip.tensors)
    if steps := pretraining_steps(options):
        plain = build_gmdf(variant, experts=0, **kinds).to(device)
        first = replace(schedule, steps=steps, warm_up=max(min(schedule.warm_up, steps // 10), 1), monitor=None)
        train_in_memory(GmDfTask(plain, decoder, learned, None, PRETRAINING, device, **common), first, advance)
        take_over(detector, plain)
    if about.features:
        standardise(detector.coherence, learned)
    # A short pretraining is no frozen CLIP: the encoder goes on learning.
    plan = replace(META, is_second_order=options.second_order, trains_encoder=clip is None)

    def complete() -> None:
        detector.set_prototypes(*prototypes(detector, learned, device=device))

    task = GmDfTask(detector, decoder, learned, held_out, plan, device, **common)
    return Prepared(about, task, detector, detector_state, complete)


def train_in_memory(
    task: FaceTask | GmDfTask, schedule: Schedule, advance: Callable[[], object] | None = None
) -> dict[str, Tensor]:
    """Train without checkpoints, for what is short; return the tensors of the best validation, or the last ones.

    Parameters
    ----------
    task
        What is trained.
    schedule
        Its rates, clipping, validation and ``monitor`` are used.
    advance
        Called after each step.
    """
    network = task.network
    optimiser = torch.optim.AdamW(
        [one for one in network.parameters() if one.requires_grad],
        schedule.learning_rate,
        weight_decay=schedule.weight_decay,
    )
    best: tuple[float, dict[str, Tensor]] | None = None
    network.train()
    for step in range(schedule.steps):
        for group in optimiser.param_groups:
            group["lr"] = schedule.rate(step)
        first = step * schedule.batch_size
        batch: Any = task.load(range(first, first + schedule.batch_size))
        losses = task.training_step(network, batch)
        optimiser.zero_grad()
        losses["loss"].backward()
        if schedule.clip_norm is not None:
            nn.utils.clip_grad_norm_(network.parameters(), schedule.clip_norm)
        optimiser.step()
        is_last = step + 1 == schedule.steps
        if schedule.monitor is not None and ((step + 1) % schedule.validate_every == 0 or is_last):
            value = task.validation_step(network).get(schedule.monitor, 0.0)
            network.train()
            if best is None or value > best[0]:
                best = value, {name: one.detach().clone() for name, one in network.state_dict().items()}
        if advance is not None:
            advance()
    return best[1] if best is not None else network.state_dict()
