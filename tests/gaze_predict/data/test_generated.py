"""Recordings of generated films."""

from __future__ import annotations

import numpy as np

from vision_cli.gaze_predict.data.generated import EVALUATION, PRIORS, SYNTHESIS, generate_reading


def test_a_reading_follows_from_seed_stream_and_number():
    one, two = (generate_reading(4, seed=1, stream=EVALUATION, side=64) for _ in range(2))
    np.testing.assert_array_equal(one.film.levels, two.film.levels)
    np.testing.assert_array_equal(one.recording.path.points, two.recording.path.points)
    np.testing.assert_array_equal(one.second.points, two.second.points)
    assert (one.recording.path.points != one.second.points).any()
    others = [generate_reading(4, seed=1, stream=stream, side=64) for stream in (PRIORS, SYNTHESIS)]
    others.append(generate_reading(5, seed=1, stream=EVALUATION, side=64))
    assert all((one.film.levels != other.film.levels).any() for other in others)


def test_films_of_evaluation_are_not_those_of_training():
    training = [np.random.default_rng((0, stream, 3)).integers(2**62) for stream in (0, 1)]
    held_out = [np.random.default_rng((0, stream, 3)).integers(2**62) for stream in (EVALUATION, PRIORS, SYNTHESIS)]
    assert not set(training) & set(held_out)


def test_sentences_about_a_finding_on_demand_and_parts_by_number():
    made = [generate_reading(n, seed=0, stream=SYNTHESIS, side=64, needs_finding=True).recording for n in range(10)]
    assert all(one.finding and one.sentence for one in made)
    assert [one.split for one in made] == ["train"] * 8 + ["val", "test"]
    assert len({one.subject for one in made}) == 10
    film = made[0].film.read()
    assert film.pixels.dtype == np.float32
    assert 0 <= film.pixels.min() < film.pixels.max() <= 1
