"""All that a picture of a face is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from vision_cli.phantoms.faces.rig.identities import Colour, Identity, draw_identity
from vision_cli.phantoms.faces.surroundings import Light

MOST_YAW, MOST_PITCH = np.radians(32.0), np.radians(18.0)

_STUDIO_TURN, _STUDIO_ZOOM, _STUDIO_UP = 0.3, 1.34, -0.15
"""Share of a turn that is left in a studio, and zoom and shift that cut a face from brows to chin."""


@dataclass(frozen=True)
class HeadPose:
    """How the head is turned, in radians, and where the eyes look.

    Attributes
    ----------
    yaw, pitch, roll
        Positive to the right of the picture, down, and clockwise.
    gaze
        Angles of the eyes in the head, to the right of the picture and down.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Camera:
    """Where the picture is taken from and what the camera does to it.

    Attributes
    ----------
    distance
        From the camera to the eyes in mm.
    zoom
        1 shows 225 mm around the face from edge to edge.
    x, y
        Shift of the face to the right and down, as a share of the picture's side.
    blur
        Standard deviation in thousandths of the picture's side.
    noise
        Standard deviation as a share of white.
    exposure
        Factor on radiance.
    gamma
        Exponent of the encoding.
    is_grey
        Whether the picture has no colours.
    jpeg
        Quality of compression, 1 to 100; 0 is none.
    """

    distance: float = 900.0
    zoom: float = 1.0
    x: float = 0.0
    y: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    exposure: float = 1.0
    gamma: float = 2.2
    is_grey: bool = False
    jpeg: int = 0


@dataclass(frozen=True)
class FaceParameters:
    """A face in a picture.

    Attributes
    ----------
    identity
        Whose face it is.
    aus
        Intensities of action units, 0 to 5, by the names of `action_units.NAMES`.
    pose, light, camera
        Of this picture.
    clothes
        Linear colour of what is worn.
    seed
        Of the background and of the camera's noise.
    """

    identity: Identity = field(default_factory=Identity)
    aus: Mapping[str, float] = field(default_factory=dict)
    pose: HeadPose = field(default_factory=HeadPose)
    light: Light = field(default_factory=Light)
    camera: Camera = field(default_factory=Camera)
    clothes: Colour = (0.1, 0.15, 0.3)
    seed: int = 0


def draw_face(
    rng: np.random.Generator, aus: Mapping[str, float], *, identity: Identity | None = None
) -> FaceParameters:
    """Draw a picture of a face with given action units: person, pose, light and camera.

    Parameters
    ----------
    rng
        Source of all that is drawn.
    aus
        Intensities, 0 to 5.
    identity
        The person; drawn too by default.
    """
    identity = identity or draw_identity(rng)
    turn = rng.standard_normal(5)
    pose = HeadPose(
        yaw=float(np.clip(np.radians(8) * turn[0], -MOST_YAW, MOST_YAW)),
        pitch=float(np.clip(np.radians(5) * turn[1], -MOST_PITCH, MOST_PITCH)),
        roll=float(np.radians(3.2) * turn[2]),
        gaze=(float(0.13 * turn[3] - 0.5 * np.radians(8) * turn[0]), float(0.06 * turn[4])),
    )
    # Photographers open the lens for dark skin, but not by as much as it is darker.
    bright = (0.30 / float(identity.skin.albedo.mean())) ** 0.3
    camera = Camera(
        distance=float(rng.uniform(600, 1500)),
        zoom=float(rng.uniform(0.92, 1.22)),
        x=float(rng.normal(0, 0.02)),
        y=float(rng.normal(0, 0.02)),
        blur=float(rng.uniform(0, 7)),
        noise=float(rng.uniform(0.002, 0.022)),
        exposure=float(np.clip(bright * np.exp(0.12 * rng.standard_normal()), 0.75, 1.7)),
        gamma=float(rng.uniform(1.9, 2.6)),
        is_grey=bool(rng.random() < 0.08),
        jpeg=int(rng.integers(35, 96)) if rng.random() < 0.5 else 0,
    )
    shade = rng.uniform(0.01, 0.6)
    red, green, blue = shade * rng.uniform(0.4, 1.3, 3)
    return FaceParameters(
        identity=identity,
        aus=dict(aus),
        pose=pose,
        light=Light.random(rng),
        camera=camera,
        clothes=(float(red), float(green), float(blue)),
        seed=int(rng.integers(2**31)),
    )


def in_studio(face: FaceParameters) -> FaceParameters:
    """Return a face as a studio would take it: nearly frontal, in even light, cut close and sharp.

    Person, action units and what else the picture shows stay; a turn of the head becomes a small one.
    """
    pose, camera = face.pose, face.camera
    return replace(
        face,
        pose=HeadPose(
            yaw=_STUDIO_TURN * pose.yaw,
            pitch=_STUDIO_TURN * pose.pitch,
            roll=_STUDIO_TURN * pose.roll,
            gaze=(_STUDIO_TURN * pose.gaze[0], _STUDIO_TURN * pose.gaze[1]),
        ),
        light=Light(),
        camera=replace(
            camera,
            distance=1200.0,
            zoom=_STUDIO_ZOOM,
            x=_STUDIO_TURN * camera.x,
            y=_STUDIO_UP + _STUDIO_TURN * camera.y,
            blur=1.0,
            noise=0.002,
            gamma=2.2,
            is_grey=False,
            jpeg=0,
        ),
    )
