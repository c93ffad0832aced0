"""TSTC-Net: SFDA-rPPG's three-branch spatio-temporal consistency network (arXiv:2409.12040), and its views of a clip.

Which rotations and which time factors the paper uses is not known; those here are chosen by this project.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vision_cli.rppg_adapt.networks.inputs import Normalisation, normalise


@dataclass(frozen=True)
class Views:
    """The three views of a batch of clips.

    Attributes
    ----------
    original, spatial, temporal
        Pixels ``(B, T, S, S, 3)`` of the clips, of the rotated clips, and of the clips resampled in time.
    factors
        ``(B,)``: frequencies of the temporal view are those of the original multiplied by these.
    """

    original: Tensor
    spatial: Tensor
    temporal: Tensor
    factors: Tensor


@dataclass(frozen=True)
class BranchWaves:
    """Derivatives of the pulse wave that the network predicts from each view, ``(B, T)``; `factors` as in `Views`."""

    original: Tensor
    spatial: Tensor
    temporal: Tensor
    factors: Tensor


class TSTCNet(nn.Module):
    """Three branches that share one network; inference uses the original branch only.

    Parameters
    ----------
    network
        The network of all branches.
    normalisation
        Normalisation of its input.
    """

    def __init__(self, network: nn.Module, normalisation: Normalisation = "diff") -> None:
        super().__init__()
        self.network, self.normalisation = network, normalisation

    def forward(self, views: Views) -> BranchWaves:
        """Return the waves of the three views, computed as one batch so that they share its batch statistics."""
        batch = len(views.original)
        pixels = torch.cat([views.original, views.spatial, views.temporal])
        waves = self.network(normalise(pixels, self.normalisation))
        return BranchWaves(waves[:batch], waves[batch : 2 * batch], waves[2 * batch :], views.factors)


def make_views(clips: Tensor, frames: int, factors: Tensor, generator: torch.Generator) -> Views:
    """Return the three views of clips.

    Parameters
    ----------
    clips
        Pixels ``(B, L, S, S, 3)``; L is at least ``frames`` times the largest factor.
    frames
        Frames of a view, T.
    factors
        ``(B,)`` time factors; a view with 1.25 shows 1.25 s of the clip in 1 s.
    generator
        Generator of the rotation and the reflection.
    """
    original = clips[:, :frames].float()
    return Views(original, rotate_and_flip(original, generator), resample_in_time(clips, frames, factors), factors)


def rotate_and_flip(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Return clips ``(B, T, S, S, 3)``, all rotated by one random multiple of 90 degrees and all reflected or not."""
    quarter_turns = int(torch.randint(0, 4, (1,), generator=generator))
    flips = bool(torch.randint(0, 2, (1,), generator=generator))
    out = torch.rot90(clips, quarter_turns, (2, 3))
    return out.flip(3) if flips else out


def resample_in_time(clips: Tensor, frames: int, factors: Tensor) -> Tensor:
    """Return clips played faster by ``factors`` ``(B,)``: ``(B, frames, S, S, 3)`` of ``(B, L, S, S, 3)``.

    Frames are interpolated linearly; past the end of a clip its last frame is repeated.
    """
    last = clips.shape[1] - 1
    times = torch.arange(frames, device=clips.device)[None] * factors[:, None]
    before = times.floor().long().clamp(max=last)
    share = (times - before).clamp(0, 1)[..., None, None, None].to(torch.float32)
    rows = torch.arange(len(clips), device=clips.device)[:, None]
    after = (before + 1).clamp(max=last)
    return clips[rows, before].float() * (1 - share) + clips[rows, after].float() * share


def resample_to_speed(clips: Tensor, speed: float) -> Tensor:
    """Return whole clips ``(B, L, S, S, 3)`` played at a speed: about ``L / speed`` frames."""
    frames = int((clips.shape[1] - 1) / speed) + 1
    return resample_in_time(clips, frames, torch.full((len(clips),), speed, device=clips.device))
