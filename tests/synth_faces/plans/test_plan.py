"""What each sample shows, by its number and the seed alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.plans.plan import LabelPlan, control_series, picture_name, read_plan
from vision_cli.synth_faces.plans.seeds import sample_seed, word_seed


@given(st.integers(0, 2**40), st.integers(0, 10**8))
def test_a_seed_is_an_int64_of_run_and_number_alone(seed, index):
    assert 0 <= sample_seed(seed, index) < 2**63
    assert sample_seed(seed, index) == sample_seed(seed, index)
    assert len({sample_seed(seed, index), sample_seed(seed + 1, index), sample_seed(seed, index + 1)}) == 3
    assert sample_seed(seed, index) != sample_seed(seed, index, "person")


def test_seeds_stay_as_they_are():
    """Data sets are made again from their seeds: another value here is another data set."""
    assert sample_seed(0, 0) == 8112376067264014840
    assert word_seed(0, "Ann") == 4549261169359063999


@settings(max_examples=20)
@given(st.integers(1, 8), st.integers(0, 60), st.integers(0, 5))
def test_labels_are_balanced_in_every_prefix(kinds, count, seed):
    labels = [f"label {n}" for n in range(kinds)]
    plan = LabelPlan(labels, count, seed)
    assert len(plan) == len(list(plan)) == count
    for stop in range(count + 1):
        counts = Counter(wanted.label for wanted in plan[:stop])
        assert max(counts.values(), default=0) - min((counts[label] for label in labels), default=0) <= 1


def test_a_sample_does_not_depend_on_how_many_there_are():
    few, many = LabelPlan(["a", "b", "c"], 10, 3), LabelPlan(["a", "b", "c"], 1000, 3)
    assert list(few) == list(many[:10])
    assert few[-1] == few[9]
    assert few[7].sample_id == "00000007"
    with pytest.raises(IndexError):
        few[10]


def test_every_shard_of_as_many_as_labels_sees_several_labels():
    plan = LabelPlan(list("abcdefgh"), 400, 0)
    assert all(len({plan[n].label for n in range(shard, 400, 8)}) > 4 for shard in range(8))


def test_pictures_lie_a_thousand_in_a_folder():
    assert picture_name(123) == "images/000/00000123.png"
    assert picture_name(1_234_567, ".jpg") == "images/1234/01234567.jpg"


def test_a_table_says_what_to_make(tmp_path):
    path = tmp_path / "plan.csv"
    path.write_text(
        "label;au;AU25;count;prompt;person;seed\n"
        "happy;12=4,L14=2;3;2;an  old man;ann;\n"
        ";;D;;;ann;\n"
        "sadly angry;;;1;;;7\n",
        encoding="utf-8",
    )
    plan = read_plan(path, seed=5)
    assert [wanted.index for wanted in plan] == [0, 1, 2, 3]
    assert plan[0].aus == plan[1].aus == {"12": 4.0, "25": 3.0, "L14": 2.0}
    assert plan[0].prompt == "an old man"
    assert [wanted.label for wanted in plan] == ["happiness", "happiness", None, "sadly-angry"]
    assert plan[0].seed != plan[1].seed
    assert plan[0].person_seed == plan[1].person_seed == plan[2].person_seed == word_seed(5, "ann")
    assert plan[3].seed == sample_seed(7, 0)
    assert read_plan(path, seed=6)[3] == plan[3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("label\nhapy\n", "row 1: label 'hapy'"),
        ("label,mood\nhappy,1\n", "column 'mood'; label, au, count"),
        ("label,AU99\nhappy,1\n", "column 'AU99'"),
        ("label,AU12,AU_12\nhappy,1,1\n", "AU 12 in two columns"),
        ("au,AU12\n12=3,4\n", "row 1: AU 12 twice"),
        ("AU12\n7\n", "row 1: AU 12 of intensity '7'"),
        ("label,count\nhappy,-1\n", "row 1 has count '-1'"),
        ("label,count\nhappy,0\n", "counts of 0 alone"),
        ("label,count\nhappy,99999999\nsad,2\n", "more than 100000000 samples"),
        ("label,seed\nhappy,x\n", "row 1 has seed 'x'"),
        ("label,person\n,ann\n", "row 1 asks for nothing"),
    ],
)
def test_wrong_tables_are_said(tmp_path, text, message, monkeypatch):
    path = tmp_path / "plan.csv"
    path.write_text(text, encoding="utf-8")
    if "more than" in message:
        monkeypatch.setattr("vision_cli.synth_faces.plans.plan.Wanted", lambda *_: None)
        text = text.replace("99999999", "3")
        monkeypatch.setattr("vision_cli.synth_faces.plans.plan._MOST", 4)
        path.write_text(text, encoding="utf-8")
        message = "more than 4 samples"
    with pytest.raises(InputError, match=message):
        read_plan(path, seed=0)


def test_a_series_has_the_same_persons_at_every_level():
    series = control_series(["12", "L14"], 0, levels=(0, 2.5, 5), repeats=4)
    assert len(series) == 2 * 4 * 3
    assert [wanted.aus for wanted in series[:3]] == [{"12": 0.0}, {"12": 2.5}, {"12": 5.0}]
    assert len({(wanted.seed, wanted.person_seed) for wanted in series[:3]}) == 1
    assert len({wanted.seed for wanted in series}) == 4
    assert [wanted.seed for wanted in series[:12]] == [wanted.seed for wanted in series[12:]]
    with pytest.raises(ValueError, match="level 6"):
        control_series(["12"], 0, levels=(6,))
