"""A network together with the clips that it was trained for: their size, frame rate and normalisation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.networks.build import Backbone
from vision_cli.rppg_adapt.networks.inputs import Normalisation, normalise, resize_frames
from vision_cli.rppg_adapt.networks.lite import LiteNet
from vision_cli.rppg_adapt.networks.physnet import PhysNet
from vision_cli.rppg_adapt.options import NetworkChoice

TOOLBOX_SIZE = 72
"""Rows and columns of the clips of rPPG-Toolbox's PhysNet."""

_WINDOW = 300
_FEWEST_FRAMES = 8


@dataclass(frozen=True)
class ModelSettings:
    """Kind of a network, and the clips that it takes.

    Attributes
    ----------
    backbone
        The network.
    size
        Rows and columns of a clip.
    fps
        Frames per second of a clip.
    normalisation
        Normalisation of its pixels.
    """

    backbone: Backbone = "lite"
    size: int = 36
    fps: float = 30.0
    normalisation: Normalisation = "diff"

    @staticmethod
    def of(choice: NetworkChoice) -> ModelSettings:
        """Return the settings of a new network."""
        default = ModelSettings(size=TOOLBOX_SIZE) if choice.backbone == "physnet" else ModelSettings()
        return replace(
            default,
            backbone=choice.backbone or default.backbone,
            size=choice.size or default.size,
            normalisation=choice.normalisation or default.normalisation,
        )

    @property
    def metadata(self) -> dict[str, str]:
        """The settings as the metadata of a weight file."""
        return {
            "backbone": self.backbone,
            "size": str(self.size),
            "fps": f"{self.fps:g}",
            "normalisation": self.normalisation,
        }


@dataclass(frozen=True)
class PulseModel:
    """A network that predicts the derivative of the pulse wave.

    Attributes
    ----------
    network
        The network, in evaluation mode.
    settings
        Clips that it takes.
    path, sha256
        Weight file that it is from, and its digest; None for a new network.
    """

    network: PhysNet | LiteNet
    settings: ModelSettings
    path: Path | None = None
    sha256: str | None = None

    @torch.no_grad()
    def predict_batch(self, clips: Tensor) -> Tensor:
        """Return derivatives of the pulse wave ``(B, T)`` of clips ``(B, T, S, S, 3)`` at the model's size and rate."""
        self.network.eval()
        device = next(self.network.parameters()).device
        found: Tensor = self.network(normalise(clips.to(device), self.settings.normalisation))
        return found.cpu()

    def predict_clip(self, frames: NDArray[np.uint8], *, window: int = _WINDOW) -> NDArray[np.float64]:
        """Return the derivative of the pulse wave of one clip of any length, ``(T,)``.

        The network sees windows that overlap by half; their waves are standardised and blended, so that memory does not
        grow with the clip.

        Parameters
        ----------
        frames
            ``(T, H, W, 3)`` uint8 at the model's frame rate; of any size.
        window
            Frames of a window.

        Raises
        ------
        InputError
            If there are fewer than eight frames.
        """
        clip = resize_frames(frames, self.settings.size)
        count = len(clip)
        if count < _FEWEST_FRAMES:
            raise InputError(f"a clip of {count} frames; {_FEWEST_FRAMES} or more expected.")
        window = min(window, count)
        starts = sorted({*range(0, count - window + 1, max(window // 2, 1)), count - window})
        total, weight = np.zeros(count), np.zeros(count)
        fade = np.hanning(window + 2)[1:-1] + 1e-3
        for start in starts:
            part = torch.from_numpy(clip[start : start + window])[None]
            wave = self.predict_batch(part)[0].double().numpy()
            wave = (wave - wave.mean()) / (wave.std() + 1e-12)
            total[start : start + window] += fade * wave
            weight[start : start + window] += fade
        return total / weight
