"""Samples of prompts and seeds: in batches that fit into memory, and once more in float32 where numbers broke."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from vision_cli.core.errors import ResourceError
from vision_cli.synth_faces.pipeline.diffusion_files import LoadedDiffusion, ready
from vision_cli.synth_faces.pipeline.guidance.steps import Outcome
from vision_cli.synth_faces.pipeline.sampling.conditions import Asked, Conditions, Denoised, denoised
from vision_cli.synth_faces.pipeline.sampling.loop import Steps, decoded
from vision_cli.synth_faces.values import Picture

NOT_FINITE = "the latents are not finite"


@dataclass(frozen=True)
class Sampled:
    """A sample.

    Attributes
    ----------
    picture
        ``(S, S, 3)``; None where sampling failed.
    problem
        Why it failed; empty where it did not.
    is_repeated
        Whether it was computed a second time, in float32.
    outcome, first_loss, last_loss
        Of semantic guidance, nats; None where there was none.
    """

    picture: Picture | None = field(repr=False)
    problem: str = ""
    is_repeated: bool = False
    outcome: Outcome | None = None
    first_loss: float | None = None
    last_loss: float | None = None


Make = Callable[[LoadedDiffusion, Sequence[Asked], Steps, Conditions], Denoised]


def sample(
    model: LoadedDiffusion,
    asked: Sequence[Asked],
    steps: Steps,
    *,
    batch_size: int = 8,
    conditions: Conditions | None = None,
    make: Make = denoised,
) -> Iterator[Sampled]:
    """Yield the samples in their order; each depends on its prompt and its seed alone, up to rounding.

    Parameters
    ----------
    model
        The model.
    asked
        Prompts and seeds.
    steps
        How they are denoised.
    batch_size
        Samples at once; halved each time the memory does not suffice.
    conditions
        What they are drawn under beside their text; nothing by default.
    make
        Denoises a batch.

    Raises
    ------
    ResourceError
        If the memory does not suffice for one sample.
    """
    beside = Conditions() if conditions is None else conditions
    start = 0
    while start < len(asked):
        batch = asked[start : start + batch_size]
        try:
            found = _batch(model, batch, steps, beside, make)
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            if batch_size == 1:
                raise ResourceError(
                    "the memory does not suffice for one sample.",
                    hint="Use --precision bfloat16, a smaller model, or a machine with more memory.",
                ) from error
            batch_size = max(1, min(batch_size, len(batch)) // 2)
            continue
        yield from found
        start += len(batch)


def _batch(
    model: LoadedDiffusion, asked: Sequence[Asked], steps: Steps, conditions: Conditions, make: Make
) -> list[Sampled]:
    found, finite = _once(model, asked, steps, conditions, make)
    broken = [place for place, is_finite in enumerate(finite) if not is_finite]
    if not broken:
        return found
    if model.dtype == torch.float32:
        again = [Sampled(None, NOT_FINITE) for _ in broken]
    else:
        exact, own = in_float32(model), [asked[place] for place in broken]
        repeated, right = _once(exact, own, steps, conditions, make)
        again = [
            replace(one, is_repeated=True) if is_finite else Sampled(None, NOT_FINITE, is_repeated=True)
            for one, is_finite in zip(repeated, right, strict=True)
        ]
    for place, one in zip(broken, again, strict=True):
        found[place] = one
    return found


def _once(
    model: LoadedDiffusion, asked: Sequence[Asked], steps: Steps, conditions: Conditions, make: Make
) -> tuple[list[Sampled], list[bool]]:
    """Return samples, and which of them are finite; the pictures of the others mean nothing."""
    made = make(model, asked, steps, conditions)
    finite: list[bool] = made.latents.isfinite().flatten(1).all(dim=1).tolist()
    pictures = decoded(model, made.latents.nan_to_num(0.0, 0.0, 0.0))
    if (state := made.state) is None:
        return [Sampled(picture) for picture in pictures], finite
    losses = zip(state.outcomes, _numbers(state.first_loss), _numbers(state.last_loss), strict=True)
    return [
        Sampled(picture, outcome=outcome, first_loss=first, last_loss=last)
        for picture, (outcome, first, last) in zip(pictures, losses, strict=True)
    ], finite


def _numbers(losses: Tensor) -> list[float | None]:
    return [loss if math.isfinite(loss) else None for loss in losses.tolist()]


def in_float32(model: LoadedDiffusion) -> LoadedDiffusion:
    """Return a copy of a model in float32."""
    own = model.parts
    parts = replace(
        own,
        text_encoder=copy.deepcopy(own.text_encoder),
        autoencoder=copy.deepcopy(own.autoencoder),
        unet=copy.deepcopy(own.unet),
    )
    return ready(parts, model.side, model.sha256, device=str(model.device), dtype=torch.float32)


def _is_out_of_memory(error: BaseException) -> bool:
    is_named = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return is_named or "can't allocate memory" in str(error)
