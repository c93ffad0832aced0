"""Training of the curve network on darkened pictures, without references.

Half of the pictures are generated scenes, half are squares of the photographs behind them; both are darkened as a
camera would see them: less light, photon noise, read noise, 8 bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.enhance_eval.data.night_scenes import NightWorld
from vision_cli.enhance_eval.networks.curve_net import CurveNet
from vision_cli.enhance_eval.pipeline.darkness.physical import expose
from vision_cli.enhance_eval.pipeline.tasks.builtin import as_batch
from vision_cli.enhance_eval.training.clear_pictures import to_batch
from vision_cli.enhance_eval.training.curve_losses import curve_losses
from vision_cli.enhance_eval.values import Picture
from vision_cli.io.pictures.srgb import encode_srgb

SIDE = 128
"""Rows and columns of a training picture."""

_EVS = (-6.0, 0.5)
_FULL_WELLS = (2000.0, 20000.0)
_READ_NOISES = (2.0, 6.0)
_VARIATIONS = 13
_VALIDATION_EVS = (-1.0, -2.0, -3.0, -4.0)


class DarkPictures:
    """Dark pictures without end.

    Parameters
    ----------
    world
        Of the scenes, and of the photographs.
    """

    def __init__(self, world: NightWorld) -> None:
        self.world = world

    def draw(self, number: int) -> Picture:
        """Return the picture of a number, always the same, sRGB-encoded ``(128, 128, 3)``."""
        rng = np.random.default_rng((self.world.seed, _VARIATIONS, number))
        light = self._square(rng) if number % 2 else self.world.scene(number).radiance
        full_well, read_noise = np.exp(rng.uniform(*np.log(_FULL_WELLS))), rng.uniform(*_READ_NOISES)
        return expose(light, float(rng.uniform(*_EVS)), rng, full_well=float(full_well), read_noise=float(read_noise))

    def _square(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return a square of a photograph, linear."""
        import cv2

        photo = self.world.photos[rng.integers(len(self.world.photos))]
        height, width = photo.shape[:2]
        side = int(rng.integers(SIDE, min(height, width) + 1))
        top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
        square = photo[top : top + side, left : left + side]
        if rng.random() < 0.5:
            square = square[:, ::-1]
        return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA), dtype=np.float32)


class CurveTask:
    """The curve network and its dark pictures, as `vision_cli.core.compute.training` takes them.

    Parameters
    ----------
    network
        What is trained.
    pictures
        Pictures to train on.
    held_out
        Radiance of scenes, to compare enhanced pictures with.
    device
        Where it is computed.
    """

    network: nn.Module

    def __init__(
        self, network: CurveNet, pictures: DarkPictures, held_out: Sequence[Picture], device: torch.device
    ) -> None:
        self.network = network
        self.pictures, self.held_out, self.device = pictures, held_out, device

    def load(self, numbers: Sequence[int]) -> Tensor:
        """Return the pictures of these numbers, ``(B, 3, 128, 128)``."""
        return to_batch([self.pictures.draw(number) for number in numbers])

    def training_step(self, network: nn.Module, batch: Tensor) -> Mapping[str, Tensor]:
        """Return the losses, see `vision_cli.enhance_eval.training.curve_losses`."""
        pictures = batch.to(self.device)
        enhanced, maps = network(pictures)
        return curve_losses(pictures, enhanced, maps)

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return the mean PSNR of enhanced scenes to the clear ones; it is written down, and chooses nothing."""
        return {"psnr_db": enhancement_score(network, self.held_out, self.device)}


@torch.no_grad()
def enhancement_score(network: nn.Module, lights: Sequence[Picture], device: torch.device) -> float:
    """Return the mean PSNR in dB of enhanced dark scenes to the clear ones, at -1 to -4 stops in turn."""
    scores = []
    for number, light in enumerate(lights):
        ev = _VALIDATION_EVS[number % len(_VALIDATION_EVS)]
        dark = expose(light, ev, np.random.default_rng(number), full_well=_FULL_WELLS[0], read_noise=_READ_NOISES[0])
        enhanced = network(as_batch([dark], device))[0][0].permute(1, 2, 0).cpu().numpy()
        scores.append(-10 * np.log10(np.mean((enhanced - encode_srgb(light)) ** 2)))
    return float(np.mean(scores))
