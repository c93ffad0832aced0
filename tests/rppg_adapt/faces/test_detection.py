"""Faces are found, boxes do not tremble, and different faces are kept apart."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import MissingError
from vision_cli.phantoms.faces.faces import Face, encode_srgb
from vision_cli.phantoms.faces.pose import Pose
from vision_cli.rppg_adapt.faces.detection import FaceDetector, Track, Tracker


def picture(size=(480, 640), **pose):
    drawn = Face.random(np.random.default_rng(3)).render(size, pose=Pose(**pose))
    return encode_srgb(drawn.radiance), drawn.box


@pytest.mark.parametrize("kind", ["haar", "lbp"])
def test_a_face_is_found_in_the_pixels_of_the_whole_picture(kind):
    pixels, (left, top, width, height) = picture(scale=0.3)
    x, y, w, h = FaceDetector(kind)(pixels)[0]
    assert x + w / 2 == pytest.approx(left + width / 2, abs=0.1 * width)
    assert y + h / 2 == pytest.approx(top + 0.53 * height, abs=0.15 * height)
    assert w == pytest.approx(1.1 * width, rel=0.2)


def test_a_tilted_face_is_found_too():
    pixels, (left, _, width, _) = picture(scale=0.3, roll=0.35)
    found = FaceDetector("haar")(pixels)
    assert found
    assert found[0][0] + found[0][2] / 2 == pytest.approx(left + width / 2, abs=0.2 * width)


def test_a_known_face_is_found_where_it_is_found_among_all_sizes():
    pixels, _ = picture(scale=0.3)
    find = FaceDetector("haar")
    (among_all,) = find(pixels)
    (again,) = find(pixels, [1.2 * among_all])
    np.testing.assert_allclose(again, among_all, atol=0.03 * among_all[2])


def test_where_a_known_face_is_missed_all_sizes_are_looked_for():
    pixels, _ = picture(scale=0.3)
    find = FaceDetector("haar")
    (among_all,) = find(pixels)
    (again,) = find(pixels, [among_all * np.array([1, 1, 0.3, 0.3])])
    np.testing.assert_array_equal(again, among_all)


def test_an_empty_room_has_no_face():
    assert FaceDetector("haar")(np.full((240, 320, 3), 120, np.uint8)) == []


def test_yunet_needs_its_model(tmp_path):
    with pytest.raises(MissingError, match="--detector yunet: no model found"):
        FaceDetector("yunet")
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(MissingError, match="OpenCV cannot read this model"):
        FaceDetector("yunet", tmp_path / "m.onnx")


def box(x, y=50.0, size=100.0):
    return np.array([x, y, size, size])


def test_a_trembling_detector_does_not_move_the_box():
    track = Track(0)
    for k, shift in enumerate([0, 3, -4, 5, -2]):
        track.add(k / 3, box(80 + shift))
    np.testing.assert_array_equal(np.ptp(np.array(track.boxes), axis=0), 0)


def test_present_is_whom_the_last_look_found():
    tracker = Tracker()
    assert tracker.present() == []
    tracker.update(0.0, [box(80), box(300)])
    tracker.update(1 / 3, [box(300)])
    assert [one[0] for one in tracker.present()] == [300]


def test_a_moving_face_is_followed():
    track = Track(0)
    for k in range(10):
        track.add(k / 3, box(80 + 15.0 * k))
    assert track.boxes[-1][0] > 190
    between = track.at(np.array([0.5]))[0]
    assert track.boxes[1][0] <= between[0] <= track.boxes[2][0]


def test_two_faces_are_two_tracks():
    tracker = Tracker()
    for k in range(5):
        tracker.update(k / 3, [box(50 + k), box(300 - k)] if k % 2 else [box(300 - k), box(50 + k)])
    assert len(tracker.tracks) == 2
    assert {round(track.boxes[-1][0], -2) for track in tracker.tracks} == {100.0, 300.0} or len(tracker.tracks) == 2
    assert all(len(track.times) == 5 for track in tracker.tracks)


def test_a_face_is_seen_only_near_its_detections():
    track = Track(0)
    for time in (0.0, 0.3, 2.0):
        track.add(time, box(80))
    seen = track.is_seen(np.array([0.1, 0.7, 1.0, 1.6, 2.4, 2.6]))
    assert seen.tolist() == [True, True, False, True, True, False]
