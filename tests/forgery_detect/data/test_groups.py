"""Media that must not be parted stay together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from vision_cli.forgery_detect.data.groups import groups_of
from vision_cli.forgery_detect.values import Medium

KEYS = st.sampled_from(["", "a", "b", "c", "d"])
MEDIA = st.lists(st.tuples(KEYS, KEYS, st.lists(KEYS.filter(bool), max_size=2)), max_size=9)


@given(MEDIA)
@settings(max_examples=40)
def test_groups_are_the_connected_components_of_scipy(drawn):
    media = [
        Medium(Path(str(place)), str(place), video=video, source=source, identities=tuple(persons))
        for place, (video, source, persons) in enumerate(drawn)
    ]
    groups = groups_of(media)
    assert sorted(int(one.name) for group in groups for one in group) == list(range(len(media)))
    if not media:
        return
    shared = [
        [
            bool((one[0] and one[0] == other[0]) or (one[1] and one[1] == other[1]) or set(one[2]) & set(other[2]))
            for other in drawn
        ]
        for one in drawn
    ]
    count, wanted = connected_components(csr_array(np.array(shared)))
    assert len(groups) == count
    assert all(len({wanted[int(one.name)] for one in group}) == 1 for group in groups)


def test_equal_words_of_a_video_a_source_and_a_person_are_different_keys():
    media = [Medium(Path("x"), "x", video="a"), Medium(Path("y"), "y", source="a", identities=("b",))]
    assert [len(group) for group in groups_of(media)] == [1, 1]
