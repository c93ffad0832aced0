"""Pictures of the rig: repeatable, independent of the batch, and true to their landmarks."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from vision_cli.phantoms.faces.rig.expressions import draw_aus
from vision_cli.phantoms.faces.rig.identities import Hair, Identity
from vision_cli.phantoms.faces.rig.parameters import Camera, FaceParameters, HeadPose, draw_face
from vision_cli.phantoms.faces.rig.prototypes import BASIC
from vision_cli.phantoms.faces.rig.rendering import _render, render
from vision_cli.phantoms.faces.surroundings import Light, Skin

PORTRAIT = FaceParameters(Identity(skin=Skin(0.2)), light=Light(0.0, 0.3))


def random_faces(seed, count):
    rng = np.random.default_rng(seed)
    labels = list(BASIC)
    return [draw_face(rng, draw_aus(rng, labels[k % len(labels)])) for k in range(count)]


def test_a_face_does_not_depend_on_its_batch():
    faces = random_faces(1, 3)
    together = render(faces, 48)
    for k, face in enumerate(faces):
        alone = render([face], 48)
        for name in ("pictures", "landmarks", "masks", "poses"):
            np.testing.assert_array_equal(getattr(together, name)[k], getattr(alone, name)[0])


def test_faces_in_a_common_array_look_the_same():
    # So they are drawn on a GPU; rounding may differ.
    faces = random_faces(4, 3)
    together, alone = _render(faces, 32, torch.device("cpu")), render(faces, 32)
    difference = np.abs(together.pictures.astype(int) - alone.pictures)
    assert np.mean(difference > 1) < 0.002
    np.testing.assert_allclose(together.landmarks, alone.landmarks, atol=1e-3)


def test_bytes_do_not_depend_on_threads_which_are_given_back():
    face = random_faces(2, 1)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        two = render(face, 32)
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)
        np.testing.assert_array_equal(render(face, 32).pictures, two.pictures)
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_draws_the_same_faces():
    faces = random_faces(3, 4)
    ours, theirs = render(faces, 48), render(faces, 48, device="cuda")
    difference = np.abs(ours.pictures.astype(int) - theirs.pictures)
    assert np.mean(difference > 2) < 0.01
    np.testing.assert_allclose(ours.landmarks, theirs.landmarks, atol=1e-2)


def test_landmarks_of_a_frontal_face_are_where_its_features_are():
    drawn = render([replace(PORTRAIT, camera=Camera(distance=1e5))], 64)
    marks, scale = drawn.landmarks[0], 64 / 225
    middle = 31.5
    np.testing.assert_allclose(marks[36:48, 0].mean(), middle, atol=0.1)
    # Outer corners of the eyes are 88 mm apart, corners of the mouth 50 mm.
    assert np.ptp(marks[36:48, 0]) == pytest.approx(88 * scale, rel=0.04)
    assert marks[54, 0] - marks[48, 0] == pytest.approx(50 * scale, rel=0.06)
    assert (np.diff(marks[:17, 0]) > 0).all()
    assert marks[8, 1] > marks[57, 1] > marks[51, 1] > marks[33, 1] > marks[27, 1] > marks[19, 1]
    gray = drawn.pictures[0].mean(axis=2)
    pupils = marks[[37, 38, 40, 41]].mean(axis=0), marks[[43, 44, 46, 47]].mean(axis=0)
    cheek = gray[round(pupils[0][1]) + 12, round(pupils[0][0])]
    for x, y in pupils:
        assert gray[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].min() < 0.5 * cheek


def test_a_turned_head_shows_its_nose_to_the_side_and_a_nod_lowers_it():
    marks = {
        name: render([replace(PORTRAIT, pose=pose)], 48).landmarks[0]
        for name, pose in {
            "front": HeadPose(),
            "right": HeadPose(yaw=0.4),
            "down": HeadPose(pitch=0.3),
            "rolled": HeadPose(roll=0.3),
        }.items()
    }
    assert marks["right"][30, 0] > marks["front"][30, 0] + 4
    assert marks["down"][30, 1] > marks["front"][30, 1] + 2
    eyes = marks["rolled"][45] - marks["rolled"][36]
    assert np.arctan2(eyes[1], eyes[0]) == pytest.approx(0.3, abs=0.03)


def test_the_left_of_the_face_is_on_the_right_of_the_picture():
    still, winking = (render([replace(PORTRAIT, aus=aus)], 48).landmarks[0] for aus in ({}, {"L12": 5.0}))
    moved = np.linalg.norm(winking - still, axis=1)
    assert moved[54] > 1
    assert moved[48] < 0.05


def test_the_mask_is_skin_of_the_face():
    drawn = render([PORTRAIT], 48)
    mask, marks = drawn.masks[0] / 255, drawn.landmarks[0]
    nose, cheek = marks[30], 0.5 * (marks[2] + marks[31])
    assert mask[round(nose[1]), round(nose[0])] > 0.9
    assert mask[round(cheek[1]), round(cheek[0])] > 0.9
    assert mask[:, :3].max() == mask[-3:].max() == 0
    bearded = render([replace(PORTRAIT, identity=replace(PORTRAIT.identity, beard=0.9))], 48)
    assert bearded.masks.sum() < drawn.masks.sum()


def test_a_lamp_at_the_right_lights_the_right_and_casts_the_shadow_of_the_nose():
    bright = render([replace(PORTRAIT, light=Light(1.0, 0.2, ambient=0.3))], 48)
    gray, marks = bright.pictures[0].mean(axis=2), bright.landmarks[0]
    height = round(marks[30, 1])
    left, right = (gray[height, round(marks[30, 0]) + k] for k in (-7, 7))
    assert right > 1.3 * left


def test_more_melanin_is_darker_and_long_hair_hides_more():
    def mean(identity):
        drawn = render([replace(PORTRAIT, identity=identity)], 32)
        return drawn.pictures[0][drawn.masks[0] > 200].mean()

    light, dark = (mean(replace(PORTRAIT.identity, skin=Skin(m))) for m in (0.0, 1.0))
    assert light > 1.5 * dark
    bald, long = (
        render([replace(PORTRAIT, identity=Identity(hair=Hair(style=style)))], 32).masks.sum()
        for style in ("bald", "long")
    )
    assert bald > 1.1 * long


def test_teeth_show_only_in_an_open_mouth():
    pictures = [render([replace(PORTRAIT, aus=aus)], 64) for aus in ({"12": 5.0}, {"12": 5.0, "25": 5.0}, {"27": 5.0})]
    marks = pictures[0].landmarks[0]
    x, y = round(marks[62, 0]), round(marks[62, 1])
    mouths = [p.pictures[0][y - 2 : y + 3, x - 4 : x + 5].astype(int) for p in pictures]
    saturation = [np.min(m.max(axis=2) - m.min(axis=2) - 0.3 * m.mean(axis=2)) for m in mouths]
    assert mouths[1].max() > mouths[0].max()
    assert mouths[2].min() < 60
    assert saturation[1] < saturation[0]


def test_the_camera_blurs_compresses_and_forgets_colour():
    plain = render([PORTRAIT], 48).pictures[0].astype(float)
    blurred, grey, noisy, packed = (
        render([replace(PORTRAIT, camera=camera)], 48).pictures[0].astype(float)
        for camera in (Camera(blur=30), Camera(is_grey=True), Camera(noise=0.05), Camera(jpeg=30))
    )
    assert np.abs(np.diff(blurred, axis=1)).mean() < 0.7 * np.abs(np.diff(plain, axis=1)).mean()
    assert np.ptp(grey, axis=2).max() <= 1
    assert (noisy - plain).std() == pytest.approx(0.05 * 255, rel=0.2)
    assert 0.5 < (packed - plain).std() < 20


@pytest.mark.slow
def test_a_detector_trained_on_photographs_finds_the_faces():
    from skimage import data
    from skimage.feature import Cascade

    cascade = Cascade(data.lbp_frontal_face_cascade_filename())
    faces = random_faces(11, 120)
    found = 0
    for face in faces:
        gray = cv2.cvtColor(render([face], 96).pictures[0], cv2.COLOR_RGB2GRAY)
        found += any(
            cascade.detect_multi_scale(img=g, scale_factor=1.15, step_ratio=1, min_size=(40, 40), max_size=(96, 96))
            for g in (gray, cv2.equalizeHist(gray))
        )
    assert found >= 0.93 * len(faces)
