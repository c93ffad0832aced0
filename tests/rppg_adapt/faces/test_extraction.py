"""One pass over a video gives its faces, at its times; what cannot be read is said."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.rppg_adapt.conftest import make_traces
from vision_cli.core.errors import InputError
from vision_cli.io.videos.videos import Frame
from vision_cli.phantoms.faces.face_paint import Features
from vision_cli.phantoms.faces.faces import Face
from vision_cli.phantoms.faces.pose import Pose
from vision_cli.phantoms.faces.surroundings import Skin, encode_srgb
from vision_cli.rppg_adapt.faces.extraction import FaceClip, NoFace, extract_faces, read_faces, resample_clip


class Frames:
    """Frames from a function of time."""

    def __init__(self, draw, seconds=6.0, fps=15.0, times=None):
        self.times = np.arange(round(seconds * fps)) / fps if times is None else times
        self.draw, self.damage, self.notes, self.is_gray = draw, None, (), False

    def __iter__(self):
        for k, time_s in enumerate(self.times):
            yield Frame(k, float(time_s), self.draw(float(time_s)))


PEOPLE = [Face(Features(), Skin(0.2), 1), Face(Features(width=0.72, long_hair=True), Skin(0.6), 2)]
EMPTY = np.full((120, 160, 3), 90, np.uint8)


def portrait(number=0, **pose):
    return encode_srgb(PEOPLE[number].render((120, 160), pose=Pose(scale=0.33, **pose)).radiance)


FACE = portrait()


def test_a_face_is_cut_out_of_every_frame():
    (clip,) = extract_faces(Frames(lambda _: FACE), "v")
    assert clip.frames.shape == (90, 36, 36, 3)
    assert clip.traces.shape == (90, 3)
    assert clip.coverage == 1
    assert clip.fps == pytest.approx(15)
    np.testing.assert_array_equal(np.ptp(clip.frames, axis=0), 0)
    np.testing.assert_allclose(np.ptp(clip.traces, axis=0), 0, atol=1e-4)


def test_a_video_without_a_face_is_refused_never_read_whole():
    with pytest.raises(NoFace, match=r"v: no face found in 90 frames; a face expected") as caught:
        extract_faces(Frames(lambda _: EMPTY), "v")
    assert caught.value.exit_code == 4


def test_a_face_that_is_mostly_away_is_refused_with_its_share():
    with pytest.raises(NoFace, match=r"v: a face in \d\d % of the frames found; 70 % expected"):
        extract_faces(Frames(lambda t: FACE if t < 3.4 else EMPTY), "v")


def test_a_short_absence_is_bridged():
    (clip,) = extract_faces(Frames(lambda t: EMPTY if 2.9 < t < 3.9 else FACE, 8), "v")
    assert 0.7 < clip.coverage < 1
    np.testing.assert_allclose(np.ptp(clip.traces[:, 1]), 0, atol=3)


def test_less_than_five_seconds_are_refused():
    with pytest.raises(InputError, match=r"v: 2\.9 s of video found; 5 s or more expected"):
        extract_faces(Frames(lambda _: FACE, 3), "v")


def test_a_box_replaces_the_detector():
    (clip,) = extract_faces(Frames(lambda _: EMPTY), "v", roi=(10, 10, 40, 40))
    np.testing.assert_allclose(clip.boxes, [[10, 10, 40, 40]] * 90)
    np.testing.assert_allclose(clip.traces, 90, atol=1e-3)


def test_two_faces_are_read_if_asked_for():
    both = np.concatenate([FACE, portrait(1)], axis=1)
    one, two = (extract_faces(Frames(lambda _: both), "v", faces=count) for count in (1, 2))
    assert len(one) == 1
    assert "2 faces found; 1 read, the largest first" in one[0].notes
    assert len(two) == 2
    assert abs(two[0].boxes[0, 0] - two[1].boxes[0, 0]) > 60


def test_a_face_of_another_size_that_comes_later_is_found():
    large = cv2.resize(FACE, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    alone, both = (np.concatenate([large, np.vstack([beside, EMPTY])], axis=1) for beside in (EMPTY, portrait(1)))
    first, second = extract_faces(Frames(lambda t: alone if t < 2 else both, 12), "v", faces=2)
    assert first.times[0] == 0
    assert first.boxes[0, 2] > 1.7 * second.boxes[0, 2]
    # A full look comes every second.
    assert 2 <= second.times[0] <= 3.1


def test_a_moving_face_stays_in_its_crop():
    (clip,) = extract_faces(Frames(lambda t: portrait(x=0.5 + 0.1 * np.sin(t))), "v")
    assert np.ptp(clip.boxes[:, 0]) > 15
    assert np.abs(clip.frames.astype(int) - clip.frames[0]).mean() < 25


def test_gray_frames_are_noticed():
    gray = np.repeat(FACE.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    (clip,) = extract_faces(Frames(lambda _: gray), "v")
    assert clip.is_gray
    assert any("methods that compare colours cannot work" in note for note in clip.notes)


def test_too_much_light_is_said():
    (clip,) = extract_faces(Frames(lambda _: np.clip(FACE.astype(int) * 2.2, 0, 255).astype(np.uint8)), "v")
    assert any("of the skin is white" in note for note in clip.notes)


def test_missing_frames_are_counted():
    times = np.delete(np.arange(120) / 15, [40, 41, 70])
    assert extract_faces(Frames(lambda _: FACE, times=times), "v")[0].dropped == 3


def test_a_video_file_is_read(face_video):
    (clip,) = read_faces(face_video)
    assert len(clip.times) == 300
    assert clip.seconds == pytest.approx(10, abs=0.05)


def test_equal_steps_follow_the_clock_not_the_count():
    times = np.sort(np.random.default_rng(0).uniform(0, 8, 240))
    traces, _ = make_traces(72, 8, times=times, noise=0)
    frames = np.clip(traces, 0, 255).astype(np.uint8)[:, None, None, :].repeat(2, 1).repeat(2, 2)
    clip = FaceClip(
        0, times, frames, traces, np.zeros((240, 4)), np.ones(240, bool), np.ones((2, 2), np.float32), 30, 0, False
    )
    even, smooth, crops = resample_clip(clip, 30)
    np.testing.assert_allclose(np.diff(even), 1 / 30)
    expected, _ = make_traces(72, 8, times=even, noise=0)
    assert np.abs(smooth - expected)[5:-5].mean() < 0.1
    assert crops.shape == (len(even), 2, 2, 3)
