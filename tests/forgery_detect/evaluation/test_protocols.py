"""Protocols divide media so that nothing is on both sides."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import InputError, UsageError
from vision_cli.forgery_detect.data.leaks import find_leaks
from vision_cli.forgery_detect.evaluation.protocols import PROTOCOLS, divide, groups_of, make_trials
from vision_cli.forgery_detect.values import Manifest, Medium


def medium(name, label, generator="", domain="d", source="", forgery="", persons=(), split=None):
    return Medium(Path(name), name, label, domain, generator, forgery, "", name, source or name, tuple(persons), split)


def paired(domains=("x", "y"), generators=("A", "B"), clips=20):
    media = []
    for domain in domains:
        for clip in range(clips):
            source = f"{domain}:{clip}"
            media.append(medium(f"{source}/real", 0, domain=domain, source=source))
            media += [
                medium(f"{source}/{name}", 1, name, domain, source, "swap" if name == "A" else "synthesis")
                for name in generators
            ]
    return Manifest("test", tuple(media))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_trial_has_anything_on_both_sides(protocol):
    trials = make_trials(paired(), protocol, seed=1)
    for trial in trials:
        for test in trial.tests.values():
            assert find_leaks(trial.train, test, contents=False) == ()
            assert {m.label for m in test.media} == {0, 1}
    assert all(trial.tests == trials[0].tests for trial in trials)
    assert make_trials(paired(), protocol, seed=1) == trials
    assert make_trials(paired(), protocol, seed=2) != trials


def test_each_protocol_trains_on_what_it_says():
    manifest = paired()
    (whole,) = make_trials(manifest, "within")
    assert {m.generator for m in whole.train.media} == {"", "A", "B"}
    for trial in make_trials(manifest, "cross-generator"):
        assert {m.generator for m in trial.train.media} == {"", trial.name}
        assert [{m.generator for m in test.media} for test in trial.tests.values()] == [{"", "A"}, {"", "B"}]
    assert [trial.name for trial in make_trials(manifest, "cross-forgery")] == ["swap", "synthesis"]
    for trial in make_trials(manifest, "cross-dataset"):
        assert {m.domain for m in trial.train.media} == {trial.name}
    for trial in make_trials(paired(("x", "y", "z")), "lodo"):
        assert {m.domain for m in trial.train.media} == {"x", "y", "z"} - {trial.name}
        assert list(trial.tests) == ["x", "y", "z"]


def test_reals_without_forgeries_are_shared_by_all_generators():
    reals = [medium(f"r{n}", 0, domain="ffhq") for n in range(40)]
    fakes = [medium(f"{name}{n}", 1, name, name) for name in ("A", "B") for n in range(20)]
    trials = make_trials(Manifest("test", (*reals, *fakes)), "cross-generator")
    tested = [{m.name for m in test.media if m.label == 0} for test in trials[0].tests.values()]
    assert tested[0] == tested[1]
    assert len(tested[0]) == 12
    assert tested[0].isdisjoint(m.name for m in trials[0].train.media)


def test_the_split_of_a_data_set_is_kept():
    media = [medium(f"{n}", n % 2, split=("train", "val", "test")[n % 3]) for n in range(30)]
    train, test = divide(media, seed=0)
    assert {m.split for m in test} == {"test"}
    assert {m.split for m in train} == {"train", "val"}


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.lists(st.integers(0, 6), max_size=2), st.integers(0, 1)),
        min_size=1,
        max_size=30,
    )
)
def test_groups_are_closed_and_parts_share_nothing(rows):
    media = [
        medium(f"m{n}", label, source=f"s{source}", persons=[f"p{p}" for p in persons])
        for n, (source, persons, label) in enumerate(rows)
    ]
    groups = groups_of(media)
    assert sorted(m.name for group in groups for m in group) == sorted(m.name for m in media)
    train, test = divide(media, seed=0)
    assert len(train) + len(test) == len(media)
    assert find_leaks(Manifest("t", tuple(train)), Manifest("t", tuple(test)), contents=False) == ()


def test_what_cannot_be_tried_is_said():
    with pytest.raises(UsageError, match="protocol 'cross'"):
        make_trials(paired(), "cross")
    with pytest.raises(InputError, match=r"1 generator \(A\); two or more expected"):
        make_trials(paired(generators=("A",)), "cross-generator")
    with pytest.raises(InputError, match=r"1 data set \(x\)"):
        make_trials(paired(("x",)), "lodo")
    fakes = Manifest("test", tuple(medium(f"f{n}", 1, "A") for n in range(4)))
    with pytest.raises(InputError, match="no real medium to train all on"):
        make_trials(fakes, "within")
