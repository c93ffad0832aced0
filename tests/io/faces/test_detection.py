"""Faces are found in the pixels of the whole picture, and landmarks with them where a detector has any."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_cli.core.errors import MissingError
from vision_cli.io.faces.detection import FaceDetector
from vision_cli.phantoms.faces.faces import Face
from vision_cli.phantoms.faces.pose import Pose
from vision_cli.phantoms.faces.surroundings import encode_srgb


def picture(size=(480, 640), **pose):
    drawn = Face.random(np.random.default_rng(3)).render(size, pose=Pose(**pose))
    return encode_srgb(drawn.radiance), drawn.box


@pytest.mark.parametrize("kind", ["haar", "lbp"])
def test_a_face_is_found_in_the_pixels_of_the_whole_picture(kind):
    pixels, (left, top, width, height) = picture(scale=0.3)
    face = FaceDetector(kind)(pixels)[0]
    x, y, w, h = face.box
    assert x + w / 2 == pytest.approx(left + width / 2, abs=0.1 * width)
    assert y + h / 2 == pytest.approx(top + 0.53 * height, abs=0.15 * height)
    assert w == pytest.approx(1.1 * width, rel=0.2)
    assert face.landmarks is None


def test_a_tilted_face_is_found():
    pixels, (left, _, width, _) = picture(scale=0.3, roll=0.35)
    box = FaceDetector("haar")(pixels)[0].box
    assert box[0] + box[2] / 2 == pytest.approx(left + width / 2, abs=0.2 * width)


def test_a_search_near_the_known_size_finds_the_same_box_as_a_full_search():
    pixels, _ = picture(scale=0.3)
    find = FaceDetector("haar")
    (full,) = find(pixels)
    (near,) = find(pixels, [1.2 * full.box])
    np.testing.assert_allclose(near.box, full.box, atol=0.03 * full.box[2])


def test_a_known_face_that_is_missed_is_searched_for_in_all_sizes():
    pixels, _ = picture(scale=0.3)
    find = FaceDetector("haar")
    (full,) = find(pixels)
    (again,) = find(pixels, [full.box * np.array([1, 1, 0.3, 0.3])])
    np.testing.assert_array_equal(again.box, full.box)


def test_a_uniform_picture_has_no_face():
    assert FaceDetector("haar")(np.full((240, 320, 3), 120, np.uint8)) == []


def test_yunet_needs_its_model(tmp_path):
    with pytest.raises(MissingError, match="yunet: no file given; the file of the model expected"):
        FaceDetector("yunet")
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(MissingError, match="OpenCV cannot read this model"):
        FaceDetector("yunet", tmp_path / "m.onnx")


def test_landmarks_of_yunet_are_in_the_pixels_of_the_whole_picture(tmp_path, monkeypatch):
    class Network:
        """Returns two detections in a picture of 320 x 240 pixels: box, five landmarks, score."""

        def setInputSize(self, size):
            assert size == (320, 240)

        def detect(self, pixels):
            landmarks = [110, 60, 130, 60, 120, 70, 112, 80, 128, 80]
            return 2, np.array([[10, 20, 20, 30, *landmarks, 0.7], [100, 40, 40, 50, *landmarks, 0.9]], np.float32)

    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: Network())
    (tmp_path / "m.onnx").touch()
    first, second = FaceDetector("yunet", tmp_path / "m.onnx")(np.zeros((480, 640, 3), np.uint8))
    np.testing.assert_allclose(first.landmarks, [[220, 120], [260, 120], [240, 140], [224, 160], [256, 160]])
    np.testing.assert_allclose(first.box[:2] + first.box[2:] / 2, [240, 138])
    assert first.box[2] > second.box[2]
