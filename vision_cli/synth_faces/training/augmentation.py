"""Faces varied as cameras and detectors vary them: mirrored, moved, scaled, turned, brighter, noisier, covered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_SHIFT, _SCALE, _TURN_DEG = 0.05, 0.10, 9.0
_GAMMA, _GAIN, _NOISE = 0.35, 0.25, 0.05
_COVER_CHANCE, _COVER = 0.25, 0.30
_BLUR_CHANCE = 0.3


def vary(faces: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
    """Return varied faces.

    Action units of both sides stay true when a face is mirrored.

    Parameters
    ----------
    faces
        ``(B, 1, S, S)`` in 0 to 1.
    generators
        One a face.
    """
    side = faces.shape[-1]
    frames, rows = [], []
    noise = np.empty((len(faces), 1, side, side), np.float32)
    for number, rng in enumerate(generators):
        turn, grow = np.radians(rng.normal(0, _TURN_DEG / 2)), 1 + rng.uniform(-_SCALE, _SCALE)
        mirror = -1.0 if rng.random() < 0.5 else 1.0
        across, down = rng.normal(0, _SHIFT, 2)
        cos, sin = np.cos(turn) * grow, np.sin(turn) * grow
        frames.append([[mirror * cos, -sin, across], [mirror * sin, cos, down]])
        rows.append([np.exp(rng.normal(0, _GAMMA)), np.exp(rng.normal(0, _GAIN)), rng.random() < _BLUR_CHANCE])
        noise[number] = rng.standard_normal((1, side, side), np.float32) * rng.uniform(0, _NOISE)
    grid = functional.affine_grid(torch.tensor(np.array(frames), dtype=torch.float32), list(faces.shape), False)
    moved = functional.grid_sample(faces, grid, padding_mode="border", align_corners=False)
    gamma, gain, blurs = torch.tensor(np.array(rows, np.float32)).T[..., None, None, None]
    blurred = functional.avg_pool2d(functional.pad(moved, (1, 1, 1, 1), mode="replicate"), 3, 1)
    shown = torch.where(blurs > 0, blurred, moved)
    shown = gain * shown.clamp(1e-3, 1) ** gamma + torch.from_numpy(noise)
    for number, rng in enumerate(generators):
        if rng.random() < _COVER_CHANCE:
            tall, wide = (rng.uniform(0.1, _COVER, 2) * side).astype(int)
            top, left = rng.integers(0, side - tall), rng.integers(0, side - wide)
            shown[number, :, top : top + tall, left : left + wide] = float(rng.random())
    limited: Tensor = shown.clamp(0, 1)
    return limited
