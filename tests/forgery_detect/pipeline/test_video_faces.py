"""Faces of pictures and of videos."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.options.faces import FaceOptions
from vision_cli.forgery_detect.pipeline.faces import FaceFinder, spread
from vision_cli.io.videos.videos import VideoWriter


@pytest.mark.parametrize(("frames", "count", "expected"), [(3, 8, [0, 1, 2]), (270, 3, [45, 135, 225]), (5, 1, [2])])
def test_frames_are_spread_over_the_whole_video(frames, count, expected):
    assert spread(frames, count).tolist() == expected


def test_the_face_of_a_portrait_keeps_the_pixels_of_its_file(portrait, tmp_path):
    path = tmp_path / "face.png"
    Image.fromarray(portrait).save(path)
    (face,) = FaceFinder(FaceOptions()).in_file(path)
    left, top, right, bottom = (int(value) for value in face.crop.box)
    assert np.array_equal(face.crop.picture, portrait[top:bottom, left:right])
    assert face.crop.is_found
    assert right - left > 0.5 * len(portrait)


def test_a_picture_without_a_face_has_none_or_its_middle():
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    assert FaceFinder(FaceOptions()).in_picture(noise) == ()
    (middle,) = FaceFinder(FaceOptions(without_face="centre")).in_picture(noise)
    assert not middle.crop.is_found
    (whole,) = FaceFinder(FaceOptions(face_detector="none")).in_picture(noise)
    assert whole.crop.picture.shape == (120, 120, 3)


def test_a_picture_of_a_few_pixels_is_refused(tmp_path):
    path = tmp_path / "tiny.png"
    Image.new("RGB", (8, 8)).save(path)
    with pytest.raises(InputError, match=r"tiny\.png: 8 x 8 pixels"):
        FaceFinder(FaceOptions()).in_file(path)


def test_a_mask_of_another_size_is_refused(portrait, tmp_path):
    Image.fromarray(portrait).save(tmp_path / "face.png")
    Image.new("L", (10, 10)).save(tmp_path / "mask.png")
    with pytest.raises(InputError, match=r"mask\.png: .*expected"):
        FaceFinder(FaceOptions()).in_file(tmp_path / "face.png", tmp_path / "mask.png")


def test_a_face_keeps_its_number_through_a_video(portrait, tmp_path):
    path = tmp_path / "face.mp4"
    with VideoWriter(path, portrait.shape[:2], codec="h264", fps=10.0) as writer:
        for step in range(12):
            writer.write(np.roll(portrait, 2 * step, axis=1))
    frames = list(FaceFinder(FaceOptions()).in_video(path, 4))
    assert [frame.index for frame in frames] == [1, 4, 7, 10]
    assert [[face.number for face in frame.faces] for frame in frames] == [[0]] * 4
    centres = [float(frame.faces[0].crop.box[[0, 2]].mean()) for frame in frames]
    assert centres[0] <= centres[1] <= centres[-1] < centres[0] + 20
