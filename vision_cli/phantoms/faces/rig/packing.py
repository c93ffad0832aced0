"""Faces as tensors: one row a face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from vision_cli.phantoms.faces.rig.action_units import BILATERAL, side_intensities
from vision_cli.phantoms.faces.rig.parameters import FaceParameters

_STYLES = ("bald", "cropped", "short", "tied", "long", "afro")


@dataclass(frozen=True)
class Packed:
    """B faces; all are float32 and ``(B, 1)`` unless another shape is given.

    Attributes
    ----------
    modes
        ``(B, M)``.
    sides
        Intensities of action units from 0 to 1, left and right, ``(B, N, 2)``.
    yaw, pitch, roll, gaze_x, gaze_y
        Radians.
    skin, hair, iris, clothes, lamp_colour
        Linear colours, ``(B, 3)``.
    lamp
        Unit vector to the lamp with y up, ``(B, 3)``.
    style
        One-hot of the hair styles, ``(B, 6)``.
    offsets
        Where a person's irregularities are in the shared noise, ``(B, 8)`` in [0, 1).
    """

    modes: Tensor
    sides: Tensor
    yaw: Tensor
    pitch: Tensor
    roll: Tensor
    gaze_x: Tensor
    gaze_y: Tensor
    distance: Tensor
    zoom: Tensor
    shift_x: Tensor
    shift_y: Tensor
    skin: Tensor
    melanin: Tensor
    hair: Tensor
    iris: Tensor
    clothes: Tensor
    lamp: Tensor
    lamp_colour: Tensor
    ambient: Tensor
    gloss: Tensor
    is_male: Tensor
    age: Tensor
    blush: Tensor
    spots: Tensor
    brows: Tensor
    lipstick: Tensor
    eyeliner: Tensor
    beard: Tensor
    moustache: Tensor
    glasses: Tensor
    style: Tensor
    hair_volume: Tensor
    hair_line: Tensor
    fringe: Tensor
    parting: Tensor
    hair_length: Tensor
    offsets: Tensor

    def au(self, number: str) -> Tensor:
        """Return the intensities of an action unit, left and right, ``(B, 2)``."""
        return self.sides[:, BILATERAL.index(number)]

    def both(self, number: str) -> Tensor:
        """Return the mean intensity of an action unit, ``(B, 1)``."""
        return self.au(number).mean(1, keepdim=True)

    def styled(self, *names: str) -> Tensor:
        """Return 1 where the hair has one of these styles, ``(B, 1)``."""
        return self.style[:, [_STYLES.index(name) for name in names]].sum(1, keepdim=True)

    def over_grids(self) -> Packed:
        """Return the faces with an axis more, so that ``(B, 1, 1)`` broadcasts against grids ``(B, R, C)``."""
        return Packed(**{f.name: getattr(self, f.name)[..., None] for f in fields(self)})

    def at(self, faces: Tensor) -> Packed:
        """Return the rows of these faces, ``(P, ...)``; of one face alone, views that broadcast."""
        if len(self.yaw) == 1:
            return self
        return Packed(**{f.name: getattr(self, f.name)[faces] for f in fields(self)})


def pack(faces: Sequence[FaceParameters], device: torch.device) -> Packed:
    """Stack faces."""
    rows = [_row(face) for face in faces]
    stacked = {name: np.stack([np.atleast_1d(row[name]) for row in rows]) for name in rows[0]}
    return Packed(**{n: torch.as_tensor(v.astype(np.float32), device=device) for n, v in stacked.items()})


def _row(face: FaceParameters) -> dict[str, ArrayLike]:
    person, hair, pose, light, camera = face.identity, face.identity.hair, face.pose, face.light, face.camera
    lamp = light.direction
    return {
        "modes": person.modes,
        "sides": side_intensities(face.aus),
        "yaw": pose.yaw,
        "pitch": pose.pitch,
        "roll": pose.roll,
        "gaze_x": pose.gaze[0],
        "gaze_y": pose.gaze[1],
        "distance": camera.distance,
        "zoom": camera.zoom,
        "shift_x": camera.x,
        "shift_y": camera.y,
        "skin": person.skin.albedo,
        "melanin": person.skin.melanin,
        "hair": hair.colour,
        "iris": person.iris,
        "clothes": face.clothes,
        # Rows of a picture go down, the rig's y goes up.
        "lamp": (lamp[0], -lamp[1], lamp[2]),
        "lamp_colour": light.colour,
        "ambient": light.ambient,
        "gloss": light.gloss,
        "is_male": float(person.is_male),
        "age": (person.age - 18) / 60,
        "blush": person.blush,
        "spots": person.spots,
        "brows": person.brows,
        "lipstick": person.lipstick,
        "eyeliner": person.eyeliner,
        "beard": person.beard,
        "moustache": person.moustache,
        "glasses": person.glasses,
        "style": [float(hair.style == name) for name in _STYLES],
        "hair_volume": hair.volume,
        "hair_line": hair.line,
        "fringe": hair.fringe,
        "parting": hair.parting,
        "hair_length": hair.length,
        "offsets": np.random.default_rng(person.seed).random(8),
    }
