"""Tracks follow moving faces, keep different faces apart, and do not repeat the jitter of a detector."""

from __future__ import annotations

import numpy as np

from vision_cli.io.faces.tracking import FaceTracker, Track


def box(x, y=50.0, size=100.0):
    return np.array([x, y, size, size])


def test_jitter_of_the_detector_does_not_move_the_box():
    track = Track(0)
    for k, shift in enumerate([0, 3, -4, 5, -2]):
        track.add(k / 3, box(80 + shift))
    np.testing.assert_array_equal(np.ptp(np.array(track.boxes), axis=0), 0)


def test_current_boxes_are_those_of_the_last_update():
    tracker = FaceTracker()
    assert tracker.current_boxes() == []
    tracker.update(0.0, [box(80), box(300)])
    tracker.update(1 / 3, [box(300)])
    assert [one[0] for one in tracker.current_boxes()] == [300]


def test_a_moving_face_is_followed_and_interpolated():
    track = Track(0)
    for k in range(10):
        track.add(k / 3, box(80 + 15.0 * k))
    assert track.boxes[-1][0] > 190
    between = track.boxes_at(np.array([0.5]))[0]
    assert track.boxes[1][0] <= between[0] <= track.boxes[2][0]


def test_two_faces_are_two_tracks_whatever_the_order_of_their_boxes():
    tracker = FaceTracker()
    for k in range(5):
        tracker.update(k / 3, [box(50 + k), box(300 - k)] if k % 2 else [box(300 - k), box(50 + k)])
    assert sorted(round(track.boxes[-1][0], -2) for track in tracker.tracks) == [0.0, 300.0]
    assert all(len(track.times) == 5 for track in tracker.tracks)


def test_a_second_box_on_a_known_face_begins_no_track():
    tracker = FaceTracker()
    tracker.update(0.0, [box(80)])
    tracker.update(1 / 3, [box(80), box(110)])
    assert len(tracker.tracks) == 1


def test_a_face_is_seen_only_near_its_detections():
    track = Track(0)
    for time in (0.0, 0.3, 2.0):
        track.add(time, box(80))
    seen = track.is_seen(np.array([0.1, 0.7, 1.0, 1.6, 2.4, 2.6]))
    assert seen.tolist() == [True, True, False, True, True, False]
