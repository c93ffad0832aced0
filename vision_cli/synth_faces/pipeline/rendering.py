"""A wanted sample, drawn by the rig with its exact truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.faces.rig.expressions import FREE, draw_aus
from vision_cli.phantoms.faces.rig.identities import HAIR_COLOURS as RIG_COLOURS
from vision_cli.phantoms.faces.rig.identities import Hair, draw_identity
from vision_cli.phantoms.faces.rig.parameters import FaceParameters, draw_face, in_studio
from vision_cli.phantoms.faces.rig.rendering import render
from vision_cli.synth_faces.plans.action_units import completed_aus
from vision_cli.synth_faces.plans.captions import HAIR_COLOURS
from vision_cli.synth_faces.plans.plan import Wanted
from vision_cli.synth_faces.values import AUS, Picture

_AUS_STREAM = 1


@dataclass(frozen=True)
class Drawn:
    """A face with what is true of it.

    Attributes
    ----------
    picture
        ``(size, size, 3)``.
    aus
        Intensities of the action units that are not 0, 0 to 5, with both sides and the whole named.
    facts
        Age in years, sex, melanin from 0 to 1, hair, beard and glasses, angles of the head and of the light in degrees,
        and the box around the landmarks in pixels.
    landmarks
        68 points, column and row in pixels.
    """

    picture: Picture = field(repr=False)
    aus: Mapping[str, float]
    facts: Mapping[str, str | float]
    landmarks: NDArray[np.float32] = field(repr=False)


def face_of(wanted: Wanted) -> FaceParameters:
    """Return the parameters of a wanted face.

    Person, action units and the rest come from random numbers of their own, so that samples of the same seeds differ
    only in what they ask for.
    """
    if wanted.aus:
        aus: Mapping[str, float] = wanted.aus
    else:
        label = FREE if wanted.label is None else wanted.label.replace("-", "_")
        aus = draw_aus(np.random.default_rng((wanted.seed, _AUS_STREAM)), label)
    person = draw_identity(np.random.default_rng(wanted.person_seed))
    return draw_face(np.random.default_rng(wanted.seed), aus, identity=person)


def draw(wanted: Wanted, size: int, *, device: str = "cpu", studio: bool = False) -> Drawn:
    """Draw a wanted face; it depends on the sample and the size alone.

    Parameters
    ----------
    wanted
        What is shown.
    size
        Rows and columns.
    device
        Where it is drawn, as torch names it.
    studio
        Whether the face is nearly frontal, in even light, and cut from brows to chin.
    """
    face = in_studio(face_of(wanted)) if studio else face_of(wanted)
    rendered = render([face], size, device=device)
    points = np.asarray(rendered.landmarks[0], np.float32)
    known = {name: value for name, value in face.aus.items() if name in AUS}
    return Drawn(rendered.pictures[0], completed_aus(known), _facts(face, rendered.poses[0], points), points)


def _facts(face: FaceParameters, pose: NDArray[np.float32], points: NDArray[np.float32]) -> Mapping[str, str | float]:
    person = face.identity
    low, high = points.min(axis=0), points.max(axis=0)
    numbers = {
        "age": person.age,
        "melanin": person.skin.melanin,
        "beard": person.beard,
        "light_deg": np.degrees(face.light.azimuth),
        "yaw_deg": np.degrees(pose[0]),
        "pitch_deg": np.degrees(pose[1]),
        "roll_deg": np.degrees(pose[2]),
        "face_left_px": low[0],
        "face_top_px": low[1],
        "face_right_px": high[0],
        "face_bottom_px": high[1],
    }
    words = {
        "sex": "male" if person.is_male else "female",
        "hair": person.hair.style,
        "hair_colour": _hair_colour(person.hair),
        "glasses": "yes" if person.glasses > 0 else "no",
        "is_grey": "yes" if face.camera.is_grey else "no",
    }
    return {**words, **{name: round(float(value), 3) for name, value in numbers.items()}}


def _hair_colour(hair: Hair) -> str:
    """Return the name of the rig's colour that is nearest, by the logarithms of red, green and blue."""
    away = np.abs(np.log(np.array(RIG_COLOURS)) - np.log(np.array(hair.colour))).sum(axis=1)
    return HAIR_COLOURS[int(away.argmin())]
