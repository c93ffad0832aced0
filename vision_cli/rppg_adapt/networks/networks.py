"""Networks that read a pulse from a clip, and the three branches of SFDA-rPPG (arXiv:2409.12040) around them.

Clips are ``(B, T, S, S, 3)`` pixels; networks take ``(B, 3, T, S, S)`` and give ``(B, T)``: with `diff_normalised`
input the derivative of the pulse wave.

Sources: `PhysNet` is that of Z. Yu, X. Li and G. Zhao, "Remote photoplethysmograph signal measurement from facial
videos using spatio-temporal networks", BMVC 2019 (arXiv:1905.02419), with the names of the layers of rPPG-Toolbox, so
that its weights load. `LiteNet` is ours. The paper does not say its backbone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Backbone = Literal["lite", "physnet"]
Normalisation = Literal["diff", "standard"]

_EPSILON = 1e-3
_STRIDE = 4
_OPPONENT = ((0.577, 0.577, 0.577), (0.0, 0.707, -0.707), (-0.816, 0.408, 0.408))


class PhysNet(nn.Module):
    """PhysNet's encoder and decoder: 768,577 parameters at the published widths.

    Parameters
    ----------
    widths
        Channels after the first, the second and all other blocks.
    """

    def __init__(self, widths: tuple[int, int, int] = (16, 32, 64)) -> None:
        super().__init__()
        first, second, rest = widths
        self.ConvBlock1 = _block(3, first, (1, 5, 5), (0, 2, 2))
        self.ConvBlock2 = _block(first, second)
        self.ConvBlock3 = _block(second, rest)
        self.ConvBlock4 = _block(rest, rest)
        self.ConvBlock5 = _block(rest, rest)
        self.ConvBlock6 = _block(rest, rest)
        self.ConvBlock7 = _block(rest, rest)
        self.ConvBlock8 = _block(rest, rest)
        self.ConvBlock9 = _block(rest, rest)
        self.upsample = _widen(rest)
        self.upsample2 = _widen(rest)
        self.ConvBlock10 = nn.Conv3d(rest, 1, 1)

    def forward(self, clips: Tensor) -> Tensor:
        """``(B, 3, T, S, S)`` to ``(B, T)``; T of any length, S of 16 or more."""
        x, frames = _padded(clips)
        x = functional.max_pool3d(self.ConvBlock1(x), (1, 2, 2))
        x = functional.max_pool3d(self.ConvBlock3(self.ConvBlock2(x)), 2)
        x = functional.max_pool3d(self.ConvBlock5(self.ConvBlock4(x)), 2)
        x = functional.max_pool3d(self.ConvBlock7(self.ConvBlock6(x)), (1, 2, 2))
        x = self.upsample2(self.upsample(self.ConvBlock9(self.ConvBlock8(x))))
        wave: Tensor = self.ConvBlock10(x.mean((3, 4), keepdim=True))
        return wave[:, 0, :frames, 0, 0]


class LiteNet(nn.Module):
    """A small network of PhysNet's kind: little space, much time.

    Changes of light and of blood are told apart first (`opponent_colours`). The encoder works at a quarter of PhysNet's
    rows and columns and half its frames; learnt attention picks places, of which some show a pulse and others what
    disturbs it, and dilated convolutions over time, eight seconds wide, see several beats.

    Parameters
    ----------
    widths
        Channels of the three stages of the encoder.
    width_in_time
        Channels once space is gone.
    dilations
        Of the residual blocks over time.
    heads
        Sets of places that are looked at.
    """

    def __init__(
        self,
        widths: tuple[int, int, int] = (8, 16, 32),
        width_in_time: int = 64,
        dilations: Sequence[int] = (1, 2, 4, 8, 16),
        heads: int = 4,
    ) -> None:
        super().__init__()
        first, second, third = widths
        self.encoder = nn.Sequential(
            _elu_block(3, first, (1, 3, 3)),
            _elu_block(first, second, (3, 3, 3)),
            nn.AvgPool3d((2, 2, 2)),
            _elu_block(second, third, (3, 3, 3)),
            _elu_block(third, third, (1, 3, 3)),
        )
        self.attention = nn.Conv3d(third, heads, 1)
        self.mixer = nn.Sequential(
            nn.Conv1d(heads * third, width_in_time, 1),
            *(_Residual(width_in_time, dilation) for dilation in dilations),
        )
        self.decoder = nn.Sequential(
            nn.Conv1d(width_in_time, third, 3, padding=1, bias=False),
            nn.BatchNorm1d(third),
            nn.ELU(),
            nn.Conv1d(third, 1, 1),
        )

    def forward(self, clips: Tensor) -> Tensor:
        """``(B, 3, T, S, S)`` to ``(B, T)``; T of any length, S of 8 or more."""
        x, frames = _padded(functional.avg_pool3d(clips, (1, 2, 2)))
        x = self.encoder(opponent_colours(x))
        # Attention stands still in time: a weight that moves would itself be a signal.
        where = self.attention(x).mean(2).flatten(2).softmax(-1)
        x = torch.einsum("bcts,bhs->bhct", x.flatten(3), where).flatten(1, 2)
        x = self.mixer(_unit_variance(x - x.mean(-1, keepdim=True), (1, 2)))
        x = functional.interpolate(x, scale_factor=2.0, mode="linear", align_corners=False)
        wave: Tensor = self.decoder(x)
        return wave[:, 0, :frames]


class _Residual(nn.Module):
    """Two convolutions over time beside a straight path: ``(B, C, T)`` to the same."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.ELU(),
            nn.Conv1d(width, width, 1, bias=False),
            nn.BatchNorm1d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T)`` to ``(B, C, T)``."""
        out: Tensor = x + self.path(x)
        return out


def build(backbone: Backbone) -> PhysNet | LiteNet:
    """Build a network with its published, or our, widths."""
    return PhysNet() if backbone == "physnet" else LiteNet()


def normalise(clips: Tensor, kind: Normalisation) -> Tensor:
    """Make pixels ``(B, T, S, S, 3)`` the input of a network, ``(B, 3, T, S, S)``."""
    return diff_normalised(clips) if kind == "diff" else standardised(clips)


def diff_normalised(clips: Tensor) -> Tensor:
    """Relative changes from frame to frame, divided by their standard deviation over the clip.

    As rPPG-Toolbox's DiffNormalized: ``(c[t+1] - c[t]) / (c[t+1] + c[t])``; the last frame is zero.

    Parameters
    ----------
    clips
        ``(B, T, S, S, 3)`` pixels.
    """
    pixels = clips.permute(0, 4, 1, 2, 3).float()
    after, before = pixels[:, :, 1:], pixels[:, :, :-1]
    change = (after - before) / (after + before + _EPSILON)
    change = change / change.std((1, 2, 3, 4), keepdim=True).clamp_min(1e-8)
    return functional.pad(change, (0, 0, 0, 0, 0, 1))


def standardised(clips: Tensor) -> Tensor:
    """Pixels ``(B, T, S, S, 3)`` of zero mean and unit standard deviation over the clip, ``(B, 3, T, S, S)``."""
    pixels = clips.permute(0, 4, 1, 2, 3).float()
    centred = pixels - pixels.mean((1, 2, 3, 4), keepdim=True)
    return centred / centred.std((1, 2, 3, 4), keepdim=True).clamp_min(1e-8)


@dataclass(frozen=True)
class Views:
    """A clip and what the branches make of it.

    Attributes
    ----------
    original, spatial, temporal
        ``(B, T, S, S, 3)``.
    factors
        ``(B,)``: the temporal view's frequencies are those of the original times these.
    """

    original: Tensor
    spatial: Tensor
    temporal: Tensor
    factors: Tensor


@dataclass(frozen=True)
class Branches:
    """What the network reads from each view, ``(B, T)``; `factors` as in `Views`."""

    original: Tensor
    spatial: Tensor
    temporal: Tensor
    factors: Tensor


def opponent_colours(clips: Tensor) -> Tensor:
    """Turn relative changes of colours into those of brightness and two that the light leaves alone.

    Each is divided by its own standard deviation over the clip: a moving shadow is a hundred times a pulse, but hardly
    in the plane orthogonal to white, which is POS's (W. Wang et al., IEEE TBME 2017, eq. 24-25).

    Parameters
    ----------
    clips
        ``(B, 3, T, S, S)`` red, green and blue.
    """
    turned_colours = torch.einsum(
        "oc,bcthw->bothw", torch.tensor(_OPPONENT, device=clips.device, dtype=clips.dtype), clips
    )
    return _unit_variance(turned_colours, (2, 3, 4))


def _unit_variance(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return x / x.std(axes, keepdim=True).clamp_min(_EPSILON)


class TSTCNet(nn.Module):
    """Three branches that share one network: original, turned in space, and resampled in time.

    Source: SFDA-rPPG's three-branch spatio-temporal consistency network; inference uses the original branch alone.

    Parameters
    ----------
    network
        The network of all branches.
    normalisation
        Of its input.
    """

    def __init__(self, network: nn.Module, normalisation: Normalisation = "diff") -> None:
        super().__init__()
        self.network, self.normalisation = network, normalisation

    def forward(self, views: Views) -> Branches:
        """Read the three views together, so that batch statistics are those of all."""
        batch = len(views.original)
        together = torch.cat([views.original, views.spatial, views.temporal])
        waves = self.network(normalise(together, self.normalisation))
        return Branches(waves[:batch], waves[batch : 2 * batch], waves[2 * batch :], views.factors)


def make_views(clips: Tensor, frames: int, factors: Tensor, generator: torch.Generator) -> Views:
    """Make the views of clips.

    Parameters
    ----------
    clips
        ``(B, L, S, S, 3)`` pixels; L is at least ``frames`` times the greatest factor.
    frames
        Frames of a view, T.
    factors
        ``(B,)`` factors of time; a view with 1.25 shows what takes 1.25 s in 1 s.
    generator
        Draws quarter turns and mirrorings.
    """
    original = clips[:, :frames].float()
    return Views(original, turned(original, generator), resampled(clips, frames, factors), factors)


def turned(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Turn clips ``(B, T, S, S, 3)`` by quarters and mirror them, as a batch."""
    quarters = int(torch.randint(0, 4, (1,), generator=generator))
    mirror = bool(torch.randint(0, 2, (1,), generator=generator))
    out = torch.rot90(clips, quarters, (2, 3))
    return out.flip(3) if mirror else out


def resampled(clips: Tensor, frames: int, factors: Tensor) -> Tensor:
    """Run clips ``(B, L, S, S, 3)`` faster by ``factors``, linear between frames: ``(B, frames, S, S, 3)``."""
    last = clips.shape[1] - 1
    times = torch.arange(frames, device=clips.device)[None] * factors[:, None]
    # The last frame stands still where a clip is too short.
    before = times.floor().long().clamp(max=last)
    share = (times - before).clamp(0, 1)[..., None, None, None].to(torch.float32)
    rows = torch.arange(len(clips), device=clips.device)[:, None]
    after = (before + 1).clamp(max=last)
    return clips[rows, before].float() * (1 - share) + clips[rows, after].float() * share


def at_speed(clips: Tensor, speed: float) -> Tensor:
    """Run whole clips ``(B, L, S, S, 3)`` at a speed, linear between frames: about ``L / speed`` frames."""
    frames = int((clips.shape[1] - 1) / speed) + 1
    return resampled(clips, frames, torch.full((len(clips),), speed, device=clips.device))


def _padded(x: Tensor) -> tuple[Tensor, int]:
    """Repeat the last frame up to a multiple of four."""
    frames = x.shape[2]
    extra = -frames % _STRIDE
    return (torch.cat([x, x[:, :, -1:].expand(-1, -1, extra, -1, -1)], 2) if extra else x), frames


def _block(
    inputs: int, outputs: int, kernel: tuple[int, int, int] = (3, 3, 3), padding: tuple[int, int, int] = (1, 1, 1)
) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(inputs, outputs, kernel, padding=padding), nn.BatchNorm3d(outputs), nn.ReLU(True))


def _elu_block(inputs: int, outputs: int, kernel: tuple[int, int, int]) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, kernel, padding=padding, bias=False), nn.BatchNorm3d(outputs), nn.ELU()
    )


def _widen(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose3d(width, width, (4, 1, 1), stride=(2, 1, 1), padding=(1, 0, 0)),
        nn.BatchNorm3d(width),
        nn.ELU(),
    )
