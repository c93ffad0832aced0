"""Episodes: who is drawn, and lists that are read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.fewshot_seg.data.datasets import FewShotDataset, MaskFile, NoMask, Pair
from vision_cli.fewshot_seg.data.opening import open_dataset, open_unlabelled
from vision_cli.fewshot_seg.evaluation.episodes import (
    Episode,
    load_episode,
    read_episodes,
    sample_absent,
    sample_episodes,
    write_episodes,
)


def dataset(**classes):
    made = {
        name: tuple(Pair(picture, Path(f"{picture}.jpg"), MaskFile(Path("m.png"))) for picture in pictures)
        for name, pictures in classes.items()
    }
    return FewShotDataset("folder", made)


THREE = dataset(cat=list("abcdef"), dog=list("cdefgh"), bus=list("xyz"))


def test_classes_take_turns_and_no_query_is_a_support():
    episodes, notes = sample_episodes(THREE, "pets", shots=2, count=300, seed=3)
    assert [episode.class_name for episode in episodes[:6]] == ["cat", "dog", "bus"] * 2
    assert notes == ()
    for episode in episodes:
        assert len({episode.query, *episode.supports}) == 3
        assert {episode.query, *episode.supports} <= {pair.name for pair in THREE.classes[episode.class_name]}
    assert len({episode.id for episode in episodes}) == len({episode.seed for episode in episodes}) == 300
    counts = [sum(e.query == name for e in episodes) for name in "abcdef"]
    assert min(counts) > 5


def test_a_long_list_begins_as_a_short_one_and_seeds_differ():
    long, _ = sample_episodes(THREE, "pets", count=40, seed=1)
    assert sample_episodes(THREE, "pets", count=10, seed=1)[0] == long[:10]
    assert sample_episodes(THREE, "pets", count=40, seed=2)[0] != long


def test_each_picture_is_the_query_once_without_a_count():
    episodes, _ = sample_episodes(THREE, "pets", shots=1)
    assert [(episode.class_name, episode.query) for episode in episodes] == [
        (name, pair.name) for name, pairs in THREE.classes.items() for pair in pairs
    ]


def test_classes_of_too_few_pictures_are_named():
    episodes, notes = sample_episodes(THREE, "pets", shots=4, count=4)
    assert {episode.class_name for episode in episodes} == {"cat", "dog"}
    assert notes == ("1 classes have fewer than 5 pictures and were left out: bus (3).",)
    with pytest.raises(InputError, match=r"no class of 11 pictures or more: cat \(6\), dog \(6\), bus \(3\)"):
        sample_episodes(THREE, "pets", shots=10, count=4)
    with pytest.raises(UsageError, match="0 supports"):
        sample_episodes(THREE, "pets", shots=0)


def test_absent_queries_do_not_have_the_class():
    episodes, _ = sample_episodes(THREE, "pets", count=200)
    for episode, twin in zip(episodes, sample_absent(episodes, {"pets": THREE}), strict=True):
        assert not twin.is_present
        assert twin.supports == episode.supports
        assert twin.query not in {pair.name for pair in THREE.classes[episode.class_name]}
        assert THREE.pair(twin.query_class, twin.query)


def test_absent_queries_of_another_set_or_none_at_all():
    other = FewShotDataset("unlabelled", {"cat": (Pair("far", Path("far.jpg"), NoMask(Path("far.jpg"))),)})
    episodes, _ = sample_episodes(THREE, "pets", count=3)
    twins = sample_absent(episodes, {"pets": THREE, "air": other}, query_set="air")
    assert {(twin.query_set, twin.query, twin.is_present) for twin in twins} == {("air", "far", False)}
    alone = dataset(cat=list("ab"))
    with pytest.raises(InputError, match="every picture has the class cat"):
        sample_absent(sample_episodes(alone, "one", count=1)[0], {"one": alone})


def test_a_list_comes_back_as_it_was_written(tmp_path):
    episodes, _ = sample_episodes(THREE, "pets", shots=2, count=9)
    odd = Episode("odd-1", "=set", "a,b;c", 'q"1"', ("-x\u00e9", "@y"), 5, "=set", "a,b;c")
    listed = (*episodes, *sample_absent(episodes, {"pets": THREE}), odd)
    write_episodes(tmp_path / "e.csv", listed)
    assert read_episodes(tmp_path / "e.csv") == listed


def test_a_list_needs_only_five_columns(tmp_path):
    (tmp_path / "e.csv").write_text("id,set,class,query,supports,I,U\n1,pets,cat,a,b|c,5,6\n")
    (found,) = read_episodes(tmp_path / "e.csv")
    assert found == Episode("1", "pets", "cat", "a", ("b", "c"), 0, "pets", "cat")


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("1,pets,cat,a,a|b,0", "the query a is one of its supports"),
        ("1,pets,cat,a,|,0", "names with"),
        ("1,pets,cat,a,b,x", "a whole number expected"),
        ("1,pets,cat,a,b,-3", "a whole number expected"),
        ("1,pets,,a,b,0", "has no class"),
    ],
)
def test_damaged_lists_are_input_errors(tmp_path, row, error):
    (tmp_path / "e.csv").write_text(f"id,set,class,query,supports,seed\n{row}\n")
    with pytest.raises(InputError, match=error):
        read_episodes(tmp_path / "e.csv")


@pytest.mark.parametrize("name", ["a|b", " a", ""])
def test_names_that_a_list_cannot_hold_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="a list of episodes cannot hold it"):
        write_episodes(tmp_path / "e.csv", [Episode("1", "s", "c", name, ("x",), 0, "s", "c")])


def test_episodes_are_loaded_and_absent_ones_have_empty_truth(tmp_path, put, put_pair):
    for name in ("cat", "dog"):
        for number in range(3):
            place = f"{name}/{number}"
            put_pair(tmp_path / "images" / f"{place}.jpg", tmp_path / "masks" / f"{place}.png")
    put(tmp_path / "air" / "far.jpg", np.zeros((5, 7, 3), dtype=np.uint8))
    sets = {"pets": open_dataset(tmp_path), "air": open_unlabelled(tmp_path / "air")}
    episodes, _ = sample_episodes(sets["pets"], "pets", shots=2, count=2)
    loaded = load_episode(episodes[0], sets)
    assert [support.name for support in loaded.supports] == list(episodes[0].supports)
    assert loaded.query.mask.sum() == 20
    for twin in (*sample_absent(episodes, sets), *sample_absent(episodes, sets, query_set="air")):
        assert load_episode(twin, sets).query.is_negative
    with pytest.raises(InputError, match="data set 'pets' of the episodes is not given; air found"):
        load_episode(episodes[0], {"air": sets["air"]})
