"""Where training readings come from."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.training.sources import PhantomReadings, RecordedReadings, split_recordings
from vision_cli.gaze_predict.values import GazeDataset, Recording, ScanPath

PATH = ScanPath(np.full((1, 2), 0.5, np.float32), np.ones(1, np.float32), np.zeros(1, np.float32))


def test_generated_readings_follow_from_their_numbers():
    one, two = (PhantomReadings()(np.random.default_rng(5), side=64, sentences=3) for _ in range(2))
    np.testing.assert_array_equal(one.pixels, two.pixels)
    assert [reading.sentence for reading in one.readings] == [reading.sentence for reading in two.readings]
    assert one.pixels.shape == (64, 64)
    assert len(one.readings) == 3
    for reading in one.readings:
        assert reading.density.shape == (16, 16)
        assert reading.density.sum() == pytest.approx(1, abs=1e-4)
        assert reading.points.shape == (8, 2)


def test_recordings_are_drawn_with_their_own_film(recordings):
    source = RecordedReadings(recordings)
    assert len(source) == 3
    seen = set()
    for number in range(12):
        drawn = source(np.random.default_rng(number), side=64, sentences=2)
        assert drawn.pixels.shape == (64, 64)
        for reading in drawn.readings:
            matching = [one for one in recordings if len(one.path) == len(reading.points)]
            truth = [one for one in matching if np.array_equal(one.path.points, reading.points)]
            assert [one.sentence for one in truth] == [reading.sentence]
            seen.add(truth[0].film.name)
            # The density is highest near a fixation.
            row, column = np.unravel_index(reading.density.argmax(), reading.density.shape)
            peak = (np.array([column, row]) + 0.5) / 16
            assert np.linalg.norm(reading.points - peak, axis=1).min() < 0.12
    assert seen == {"filma", "filmb", "filmc"}


def test_recordings_without_films_cannot_be_trained_on(recordings):
    without = [dataclasses.replace(one, film=None) for one in recordings]
    with pytest.raises(InputError, match="no recording with a film; films are needed to train"):
        RecordedReadings(without)


def test_the_parts_of_a_data_set_are_kept(recordings):
    training, validation = split_recordings(GazeDataset("csv", tuple(recordings)), 0)
    assert {one.split for one in training} == {"train"}
    assert {one.split for one in validation} == {"val"}


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40), st.integers(0, 9))
def test_parts_never_share_a_patient(drawn, seed):
    listed = tuple(
        Recording(f"{number}", None, "", PATH, subject=f"p{subject}", split="test" if is_test and subject < 3 else None)
        for number, (subject, is_test) in enumerate(drawn)
    )
    training, validation = split_recordings(GazeDataset("csv", listed), seed)
    assert not {one.subject for one in training} & {one.subject for one in validation}
    assert len(training) + len(validation) == sum(one.split != "test" for one in listed)
    if len({one.subject for one in training + validation}) > 1:
        assert training
        assert validation
