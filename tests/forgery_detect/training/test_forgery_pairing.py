"""Pairs of a forgery and its source, and parts that share no person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.data.groups import groups_of
from vision_cli.forgery_detect.pipeline.example_tables import FaceInputs
from vision_cli.forgery_detect.training.pairing import features_of_pairs, split_faces
from vision_cli.forgery_detect.values import Examples, Medium

INPUT = None


def examples_of(labels, sources):
    count = len(labels)
    nothing = np.zeros((count, 3, 1, 1), np.uint8)
    coherence = np.arange(count, dtype=np.float32)[:, None]
    ids, words = np.zeros(count, np.int64), ("",) * count
    labels, sources = np.array(labels, np.int64), np.array(sources, np.int64)
    return Examples(nothing, nothing, coherence, labels, sources, ids, ("d",), words, words, words)


def test_each_forgery_stands_beside_the_first_real_face_of_its_source():
    examples = examples_of([1, 0, 0, 1, 1, 0], [7, 7, 7, 7, 8, 9])
    real, fake = features_of_pairs(examples)
    assert real.ravel().tolist() == [1, 1]
    assert fake.ravel().tolist() == [0, 3]


def test_fewer_than_two_pairs_are_refused():
    with pytest.raises(InputError, match="1 pairs of a forgery and its source; two or more expected") as caught:
        features_of_pairs(examples_of([1, 0, 1], [0, 0, 1]))
    assert "vcli forgery-detect synth" in caught.value.hint


def media_of(persons):
    return [
        Medium(Path(str(place)), str(place), place % 2, source=f"s{place // 2}", identities=(f"p{person}",))
        for place, person in enumerate(persons)
    ]


def faces_of(media):
    return FaceInputs(tuple(range(len(media))), (0,) * len(media), (INPUT,) * len(media), (None,) * len(media))


@given(st.lists(st.integers(0, 12), min_size=20, max_size=40), st.integers(0, 3))
@settings(max_examples=10)
def test_no_group_is_on_both_sides(persons, seed):
    media = media_of(persons)
    try:
        learned, held_out = split_faces(media, faces_of(media), 0.4, seed)
    except InputError:
        return
    assert sorted(learned.media + held_out.media) == list(range(len(media)))
    for group in groups_of(media):
        assert len({int(one.name) in held_out.media for one in group}) == 1


def test_a_share_of_the_persons_is_held_out_by_the_seed():
    media = media_of([place // 2 for place in range(200)])
    _, held_out = split_faces(media, faces_of(media), 0.3, 0)
    # Two faces a person: 30 of 100 persons.
    assert len(held_out.media) == 60
    _, other = split_faces(media, faces_of(media), 0.3, 1)
    assert other.media != held_out.media
    few = media_of([0, 0, 1, 1, 2, 2])
    assert (
        len(split_faces(few, faces_of(few), 0.05, 0)[1].media)
        == len(split_faces(few, faces_of(few), 0.3, 0)[1].media)
        == 2
    )


def test_one_person_makes_no_two_parts():
    media = media_of([0, 0, 0, 0])
    with pytest.raises(InputError, match="1 persons or sources; enough for two parts expected"):
        split_faces(media, faces_of(media), 0.3, 0)
