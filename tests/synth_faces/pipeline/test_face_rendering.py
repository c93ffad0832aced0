"""Samples drawn by the rig: what is asked for, what is told of it, and what they depend on."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.synth_faces.pipeline.rendering import draw, face_of
from vision_cli.synth_faces.plans.labels import LABELS
from vision_cli.synth_faces.plans.plan import Wanted

SIZE = 32


@pytest.fixture(scope="module")
def smile():
    return draw(Wanted(0, 11, 5, aus={"12": 4.0, "L6": 2.0}), SIZE)


def test_a_face_has_the_action_units_that_are_asked_for(smile):
    assert smile.aus == {"6": 2.0, "12": 4.0, "L6": 2.0, "R6": 0.0, "L12": 4.0, "R12": 4.0}
    assert smile.picture.shape == (SIZE, SIZE, 3)
    assert smile.picture.dtype == np.uint8


def test_facts_are_those_of_the_parameters(smile):
    face = face_of(Wanted(0, 11, 5, aus={"12": 4.0}))
    assert smile.facts["age"] == pytest.approx(face.identity.age, abs=1e-3)
    assert smile.facts["sex"] == ("male" if face.identity.is_male else "female")
    assert smile.facts["yaw_deg"] == pytest.approx(np.degrees(face.pose.yaw), abs=1e-3)
    assert smile.facts["face_left_px"] == pytest.approx(smile.landmarks[:, 0].min(), abs=1e-3)
    assert smile.facts["face_left_px"] < smile.facts["face_right_px"]


def test_samples_of_a_series_differ_in_their_action_units_alone():
    weak, strong = (face_of(Wanted(number, 3, 4, aus={"1": level})) for number, level in enumerate((0.0, 5.0)))
    assert (weak.identity, weak.pose, weak.light, weak.camera, weak.seed) == (
        strong.identity,
        strong.pose,
        strong.light,
        strong.camera,
        strong.seed,
    )
    assert weak.aus != strong.aus


def test_the_person_depends_on_its_own_seed():
    first, other = face_of(Wanted(0, 1, 9, "anger")), face_of(Wanted(1, 2, 9, "fear"))
    assert first.identity == other.identity
    assert first.pose != other.pose


@pytest.mark.parametrize("label", [label for label in LABELS if label != "neutral"])
def test_every_label_is_drawn_with_action_units(label):
    assert face_of(Wanted(0, 1, 1, label)).aus


def test_a_sample_without_a_label_shows_action_units_of_its_own():
    assert face_of(Wanted(0, 1, 1)).aus != face_of(Wanted(1, 2, 1)).aus
