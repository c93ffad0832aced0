"""Scan paths of another program, put to the recordings that they are of."""

from __future__ import annotations

import dataclasses

import pytest

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.evaluation.matching import match_predictions


def renamed(recordings, **changes):
    return [dataclasses.replace(one, id=f"other-{n}", **changes) for n, one in enumerate(recordings)]


def test_ids_come_first_then_films_and_sentences(recordings):
    truth = {one.id: one.path for one in recordings}
    assert match_predictions(recordings, recordings[::-1]) == truth
    assert match_predictions(recordings, renamed(recordings)) == truth
    assert match_predictions(recordings, renamed(recordings, reader="7")) == truth
    shouted = [dataclasses.replace(one, sentence=f" {one.sentence.upper()}..") for one in renamed(recordings)]
    assert match_predictions(recordings, shouted) == truth
    assert match_predictions(recordings, renamed(recordings, sentence="?", reader="7")) == truth


def test_a_key_that_several_predictions_share_is_not_used(recordings):
    twice = [*renamed(recordings[:1]), dataclasses.replace(recordings[0], id="again"), recordings[1]]
    assert set(match_predictions(recordings, twice)) == {recordings[1].id}


def test_no_prediction_of_a_recording(recordings):
    strangers = [dataclasses.replace(one, film=None) for one in renamed(recordings)]
    with pytest.raises(InputError, match="none of 9 predicted scan paths is of one of the 9 recordings"):
        match_predictions(recordings, strangers)
