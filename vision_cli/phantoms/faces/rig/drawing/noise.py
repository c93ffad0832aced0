"""Irregularities of skin and hair: fixed periodic textures of which every person has another piece."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vision_cli.phantoms.faces.rig.packing import Packed

_SIDE = 256
_SEED = 20090


@dataclass(frozen=True)
class Noise:
    """Periodic textures of zero mean and unit variance, ``(1, 1, N + 1, N + 1)`` each."""

    smooth: Tensor
    fine: Tensor
    streaks: Tensor

    def blotches(self, faces: Packed, places: Tensor) -> Tensor:
        """Return irregularities of about 15 mm, ``(P, 1)``."""
        return _sample(
            self.smooth, places[:, :1] / 220 + faces.offsets[:, 0:1], places[:, 1:2] / 220 + faces.offsets[:, 1:2]
        )

    def grain(self, faces: Packed, places: Tensor, footprint: Tensor) -> Tensor:
        """Return irregularities of about 1 mm, ``(P, 1)``; they fade where a pixel is larger."""
        shown = (1.6 / footprint).clamp(max=1)
        found = _sample(
            self.fine, places[:, :1] / 150 + faces.offsets[:, 2:3], places[:, 1:2] / 150 + faces.offsets[:, 3:4]
        )
        return shown * found

    def strands(self, faces: Packed, across: Tensor, along: Tensor) -> Tensor:
        """Return streaks of about 1.5 mm across and 20 mm along, ``(P, 1)``."""
        return _sample(self.streaks, across / 190 + faces.offsets[:, 4:5], along / 260 + faces.offsets[:, 5:6])


@cache
def noise_textures(device: torch.device) -> Noise:
    """Draw the textures; they are the same on every machine."""
    rng = np.random.default_rng(_SEED)
    frequencies = np.hypot(*np.meshgrid(*(np.fft.fftfreq(_SIDE) * _SIDE,) * 2, indexing="ij"))
    row = np.abs(np.fft.fftfreq(_SIDE) * _SIDE)
    down, across = np.meshgrid(row, row, indexing="ij")

    def texture(spectrum: np.ndarray) -> Tensor:
        white = np.fft.fft2(rng.standard_normal((_SIDE, _SIDE)))
        values = np.fft.ifft2(white * spectrum).real
        values = np.pad((values - values.mean()) / values.std(), ((0, 1), (0, 1)), mode="wrap")
        return torch.as_tensor(values[None, None].astype(np.float32), device=device)

    return Noise(
        smooth=texture(np.exp(-((frequencies / 14) ** 2))),
        fine=texture(np.exp(-((frequencies / 90) ** 2)) * (1 - np.exp(-((frequencies / 25) ** 2)))),
        streaks=texture(np.exp(-((across / 70) ** 2) - (down / 9) ** 2)),
    )


def _sample(texture: Tensor, u: Tensor, v: Tensor) -> Tensor:
    grid = torch.cat([u - u.floor(), v - v.floor()], 1)[None, None] * 2 - 1
    return functional.grid_sample(texture, grid, mode="bilinear", align_corners=True)[0, 0, 0][:, None]
