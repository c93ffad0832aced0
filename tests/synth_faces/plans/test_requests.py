"""From options to samples."""

from __future__ import annotations

from collections import Counter

import pytest

from vision_cli.core.errors import UsageError
from vision_cli.synth_faces.options.generating import GenerateOptions
from vision_cli.synth_faces.plans.requests import sample_plan, wanted_samples, warnings_of
from vision_cli.synth_faces.values import EXPRESSIONS


def test_labels_are_the_eight_basic_expressions_by_default():
    wanted = wanted_samples(GenerateOptions(count=16), seed=3)
    assert Counter(one.label for one in wanted) == dict.fromkeys(EXPRESSIONS, 2)


def test_so_many_of_each_label():
    wanted = wanted_samples(GenerateOptions(per_label=3, labels="happy,awed"), seed=3)
    assert Counter(one.label for one in wanted) == {"happiness": 3, "awed": 3}


def test_action_units_alone_have_no_label():
    wanted = wanted_samples(GenerateOptions(count=2, aus="12=4"), seed=0)
    assert [(one.label, dict(one.aus)) for one in wanted] == [(None, {"12": 4.0})] * 2
    assert len({one.person_seed for one in wanted}) == 2


def test_a_series_varies_each_action_unit_alone():
    wanted = wanted_samples(GenerateOptions(series="12, L14,12", repeats=2), seed=0)
    assert [(one.varied, dict(one.aus)) for one in wanted[:2]] == [("12", {"12": 0.0}), ("12", {"12": 1.0})]
    assert Counter(one.varied for one in wanted) == {"12": 12, "L14": 12}
    assert len({one.person_seed for one in wanted}) == 2


def test_a_share_has_no_label_and_the_others_stay_as_they_were():
    plain = wanted_samples(GenerateOptions(count=400), seed=1)
    free = wanted_samples(GenerateOptions(count=400, free_share=0.25), seed=1)
    without = [one.index for one in free if one.label is None]
    assert 70 < len(without) < 130
    assert all(one == plain[one.index] for one in free if one.label is not None)
    longer = wanted_samples(GenerateOptions(count=500, free_share=0.25), seed=1)
    assert list(longer[:400]) == list(free)


def test_the_sample_shows_the_same_people_in_every_expression():
    wanted = sample_plan(0)
    people = {label: [one.person_seed for one in wanted if one.label == label] for label in EXPRESSIONS}
    assert len({tuple(seeds) for seeds in people.values()}) == 1
    assert [one.index for one in wanted] == list(range(48))
    assert len({one.seed for one in wanted}) == 48


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (GenerateOptions(count=3, per_label=2), "--count with --per-label"),
        (GenerateOptions(per_label=3, aus="12=1"), "--per-label with --au"),
        (GenerateOptions(count=3, labels="smug"), "smug"),
        (GenerateOptions(count=3, aus="12=9"), "0 to 5 expected"),
        (GenerateOptions(count=3, series="12"), "--series with --count"),
        (GenerateOptions(series="12,x"), "x"),
        (GenerateOptions(series=","), "names no action unit"),
    ],
)
def test_options_that_exclude_each_other_are_refused(options, words):
    with pytest.raises(UsageError, match=words):
        wanted_samples(options, seed=0)


def test_a_plan_says_all(tmp_path):
    plan = tmp_path / "plan.csv"
    plan.write_text("label,count\nfear,2\n", encoding="utf-8")
    assert [one.label for one in wanted_samples(GenerateOptions(plan=plan), seed=0)] == ["fear", "fear"]
    with pytest.raises(UsageError, match="--plan with --count"):
        wanted_samples(GenerateOptions(plan=plan, count=3), seed=0)


def test_conflicting_action_units_are_told_once():
    wanted = wanted_samples(GenerateOptions(count=5, aus="12=4,15=3"), seed=0)
    assert len(warnings_of(wanted)) == 1
    assert "AU 12 and 15" in warnings_of(wanted)[0]


def test_a_prompt_stands_alone_or_takes_the_labels():
    alone = wanted_samples(GenerateOptions(count=2, prompt=" an old  man "), seed=3)
    assert [(one.label, one.prompt) for one in alone] == [(None, "an old man")] * 2
    labelled = wanted_samples(GenerateOptions(count=8, prompt="a {label} man"), seed=3)
    assert {one.label for one in labelled} == set(EXPRESSIONS)
    with pytest.raises(UsageError, match="--per-label with --prompt and no label"):
        wanted_samples(GenerateOptions(per_label=2, prompt="an old man"), seed=3)
