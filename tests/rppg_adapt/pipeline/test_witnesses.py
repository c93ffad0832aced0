"""Halves of a face share a pulse; motion and background betray a rhythm that is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.rppg_adapt.conftest import clip_of, make_traces
from vision_cli.rppg_adapt.pipeline.witnesses import Witnesses, rigid_motion
from vision_cli.rppg_adapt.signals.spectra import HeartRate, heart_rate_band

SIZE, COUNT = 24, 300
TIMES = np.arange(COUNT) / 30
BAND = heart_rate_band(30.0)
BPM = 72.0


def texture():
    rng = np.random.default_rng(3)
    return cv2.GaussianBlur(rng.uniform(0.6, 1.4, (SIZE, SIZE)).astype(np.float32), (0, 0), 2)


def face(*, alive=True, motion=None, background=None, noise=2.0):
    """Return a face that pulses or not, as a clip of pictures."""
    rng = np.random.default_rng(5)
    traces, _ = make_traces(BPM, 10, flicker=0.002)
    if not alive:
        traces = np.repeat(traces.mean(axis=0, keepdims=True), COUNT, axis=0)
    pixels = traces[:, None, None] * texture()[None, ..., None]
    if motion is not None:
        moves = [np.float32([[1, 0, x], [0, 1, 0]]) for x in motion]
        pixels = np.stack(
            [cv2.warpAffine(p, m, (SIZE, SIZE), borderMode=1) for p, m in zip(pixels, moves, strict=True)]
        )
    frames = np.clip(np.rint(pixels + rng.normal(0, noise, pixels.shape)), 0, 255).astype(np.uint8)
    return clip_of(
        frames.mean(axis=(1, 2)), frames=frames, skin=np.ones((SIZE, SIZE), np.float32), background=background
    )


def said_of(clip, bpm=BPM):
    rate = HeartRate(bpm, 0.0, 0.5, 0.1, 1.0)
    return Witnesses.of(clip, TIMES, 30.0, BAND).evidence(0.0, 10.0, {"pos": rate})["pos"]


def test_the_halves_of_a_face_share_its_pulse():
    alive, dead = said_of(face()), said_of(face(alive=False))
    assert alive.halves_agree == 1
    assert alive.halves_correlate > 0.9
    assert dead.halves_agree <= 0.25
    assert alive.motion < 0.1
    assert alive.background == 0
    # The wave is .77 % of green at its heights; what is left of the noise of 576 pixels is far weaker.
    assert 0.003 < alive.amplitude < 0.008
    assert dead.amplitude < 2.5e-4


def test_a_rhythm_of_the_head_is_found():
    motion = 0.8 * np.sin(2 * np.pi * BPM / 60 * TIMES)
    assert said_of(face(alive=False, motion=motion)).motion > 0.7
    assert said_of(face(alive=False, motion=motion), 130.0).motion < 0.1


def test_a_rhythm_of_the_light_is_found_in_the_background():
    light = 1 + 0.01 * np.sin(2 * np.pi * BPM / 60 * TIMES)
    still = np.full((COUNT, 3), 100.0) + np.random.default_rng(0).normal(0, 0.05, (COUNT, 3))
    assert said_of(face(background=still * light[:, None])).background > 0.7
    assert said_of(face(background=still)).background < 0.1


def test_clips_without_pictures_have_no_witnesses():
    said = said_of(clip_of(make_traces(BPM, 10)[0]))
    assert (said.halves_agree, said.halves_correlate, said.motion, said.background) == (None, None, 0.0, 0.0)
    assert said.amplitude is None


def test_a_rate_that_is_none_has_no_evidence():
    assert said_of(face(), float("nan")).halves_agree is None


@pytest.mark.parametrize("gain", [1.0, 1.02])
def test_small_motions_are_measured_whatever_the_brightness(gain):
    moved = np.linspace(-0.5, 0.5, 11)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    frames = [100 + 60 * np.sin((columns - x) / 3) * np.cos(rows / 4) for x in moved]
    frames = np.clip(np.rint(np.stack(frames)[..., None].repeat(3, axis=3) * gain), 0, 255).astype(np.uint8)
    found = rigid_motion(frames)
    np.testing.assert_allclose(found[:, 0], moved, atol=0.05)
    np.testing.assert_allclose(found[:, 1], 0, atol=0.05)
