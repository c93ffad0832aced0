"""Generated faces look like faces to a detector, and their truth is that of the picture."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_cli.phantoms.faces.face_paint import Expression, Features
from vision_cli.phantoms.faces.faces import Face
from vision_cli.phantoms.faces.pose import Pose
from vision_cli.phantoms.faces.surroundings import Light, Skin, encode_srgb

SIZE = (240, 320)


def random_picture(rng):
    pose = Pose(
        x=0.5 + rng.uniform(-0.08, 0.08),
        y=0.5 + rng.uniform(-0.05, 0.05),
        scale=rng.uniform(0.25, 0.36),
        yaw=rng.normal(0, 0.12),
        pitch=rng.normal(0, 0.06),
        roll=rng.normal(0, 0.05),
    )
    expression = Expression(smile=rng.uniform(-0.3, 1), brows=rng.uniform(-0.5, 0.5))
    return Face.random(rng).render(SIZE, pose=pose, light=Light.random(rng), expression=expression)


def test_the_haar_detector_finds_the_faces_where_they_are():
    rng = np.random.default_rng(5)
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")
    found = 0
    for _ in range(80):
        drawn = random_picture(rng)
        gray = cv2.cvtColor(encode_srgb(drawn.radiance), cv2.COLOR_RGB2GRAY)
        left, top, width, height = drawn.box
        found += any(
            abs(x + w / 2 - left - width / 2) < 0.2 * width and abs(y + h / 2 - top - height / 2) < 0.25 * height
            for x, y, w, h in cascade.detectMultiScale(gray, 1.1, 3, minSize=(40, 40))
        )
    assert found >= 0.95 * 80


def portrait(**settings):
    return Face(Features(), Skin(0.2), 3).render(SIZE, **settings)


def test_the_same_arguments_give_the_same_picture():
    np.testing.assert_array_equal(portrait().radiance, portrait().radiance)


def test_skin_lies_inside_the_box_and_fills_most_of_it():
    drawn = portrait()
    left, top, width, height = (round(value) for value in drawn.box)
    inside = drawn.skin[top : top + height, left : left + width]
    assert drawn.skin.sum() - inside.sum() < 0.02 * drawn.skin.sum()
    assert 0.4 < inside.mean() < 0.8


def test_eyes_are_darker_than_the_skin_between_them():
    drawn = portrait()
    gray = drawn.radiance.mean(axis=2)
    (x0, y0), (x1, y1) = drawn.eyes
    middle = gray[round((y0 + y1) / 2) + 4, round((x0 + x1) / 2)]
    assert x0 < x1
    assert max(gray[round(y0), round(x0)], gray[round(y1), round(x1)]) < 0.5 * middle


def test_closed_eyes_are_not_dark():
    opened, closed = (portrait(expression=Expression(eyes_closed=c)) for c in (0.0, 1.0))
    x, y = (round(value) for value in opened.eyes[0])
    assert closed.radiance[y, x].mean() > 2 * opened.radiance[y, x].mean()


def test_an_open_mouth_shows_less_skin():
    shut, opened = (portrait(expression=Expression(mouth_open=m)).skin.sum() for m in (0.0, 1.0))
    assert opened < shut - 20


@pytest.mark.parametrize(("melanin", "brighter"), [(0.0, 0.5), (0.5, 1.0)])
def test_more_melanin_reflects_less(melanin, brighter):
    light, dark = (Skin(m).albedo for m in (melanin, brighter))
    assert (light > dark).all()


def test_a_lamp_at_the_right_lights_the_right():
    drawn = portrait(light=Light(azimuth=1.0, ambient=0.3))
    bright = np.where(drawn.skin > 0.9, drawn.radiance.mean(axis=2), np.nan)
    middle = round(drawn.box[0] + drawn.box[2] / 2)
    assert np.nanmean(bright[:, middle:]) > 1.15 * np.nanmean(bright[:, :middle])


def test_a_turned_head_shows_its_nose_to_the_side():
    left, right = (portrait(pose=Pose(yaw=yaw)).eyes for yaw in (-0.3, 0.3))
    assert np.mean([x for x, _ in right]) > np.mean([x for x, _ in left]) + 10


def test_a_rolled_head_has_its_eyes_on_a_slope():
    (x0, y0), (x1, y1) = portrait(pose=Pose(roll=0.2)).eyes
    assert np.arctan2(y1 - y0, x1 - x0) == pytest.approx(0.2, abs=0.01)


def test_a_map_of_the_face_follows_the_head():
    columns = np.tile(np.linspace(-1, 1, 32, dtype=np.float32), (32, 1))
    drawn = portrait()
    spread = drawn.spread(columns)
    middle = round(drawn.box[0] + drawn.box[2] / 2)
    row = round(drawn.box[1] + 0.6 * drawn.box[3])
    assert spread[row, middle] == pytest.approx(0, abs=0.05)
    assert spread[row, middle - 30] < -0.3
    assert spread[0, 0] == 0


def test_a_face_outside_the_picture_leaves_it_empty():
    drawn = portrait(pose=Pose(x=-3.0))
    assert drawn.skin.sum() == 0
    assert drawn.radiance.shape == (*SIZE, 3)
