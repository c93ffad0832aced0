"""The shell of a verb: shared options, classes of options, runs, items, shards and processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.processes import as_ranks

TINY = Path(__file__).parents[2] / "tiny.py"


@pytest.fixture
def texts(tmp_path):
    """Three files of one, two and three words."""
    paths = [tmp_path / f"{name}.txt" for name in ("one", "two", "three")]
    for count, path in enumerate(paths, start=1):
        path.write_text("word " * count, encoding="utf-8")
    return paths


def test_fields_of_a_class_are_options_and_their_words_are_parsed(tiny, words, tmp_path):
    done = tiny("tiny", words, "--lengths", "3,5", "--skip", "two", "-o", tmp_path / "out", "--json")
    assert json.loads(done.stdout)["count"] == 2
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["options"]["lengths"] == "3,5"


def test_a_word_that_cannot_be_parsed_is_a_usage_error_that_names_the_option_as_it_is_spelled(tiny, words, tmp_path):
    done = tiny("tiny", words, "--lengths", "3,x", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr == (
        "vcli: error: --lengths: 3,x found; whole numbers of 1 or more separated by commas expected.\n"
    )
    assert not (tmp_path / "out").exists()


def test_the_document_names_the_run(tiny, words, tmp_path):
    done = tiny("tiny", words, "-o", tmp_path / "out", "--json")
    assert json.loads(done.stdout)["run"] == str(tmp_path / "out")


def test_a_run_that_is_done_is_shown_again_and_not_done_again(tiny, words, tmp_path):
    out = tmp_path / "out"
    first = tiny("tiny", words, "-o", out)
    before = (out / "run.json").read_bytes()
    again = tiny("tiny", words, "-o", out, "--resume")
    assert again.stdout == first.stdout
    assert "counting" not in again.stderr
    assert (out / "run.json").read_bytes() == before


def test_every_item_has_a_line_of_the_log_and_failed_ones_give_six(tiny, texts, tmp_path):
    texts[1].write_text("", encoding="utf-8")
    done = tiny("tiny", "each", *texts, "-o", tmp_path / "out")
    assert done.returncode == 6
    assert "1 of 3 items failed" in done.stderr
    log = (tmp_path / "out" / "log.txt").read_text(encoding="utf-8")
    assert [name for name in ("begun", "one: ", "two: ", "three: ", "done") if name not in log] == []
    assert (tmp_path / "out" / "longest.txt").read_text(encoding="utf-8") == "three"


def test_merged_shards_have_what_the_verb_adds_to_the_tables(tiny, texts, tmp_path):
    for index in (1, 2):
        assert tiny("tiny", "each", *texts, "-o", tmp_path / "out", "--shard", f"{index}/2").returncode == 0
    assert tiny("tiny", "each", *texts, "-o", tmp_path / "whole").returncode == 0
    assert tiny("runs", "merge", tmp_path / "out").returncode == 0
    for name in ("items.csv", "metrics.json", "longest.txt"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["outputs"] == ["items.csv", "longest.txt", "metrics.json"]


def test_one_item_can_be_done_alone(tiny, texts, tmp_path):
    done = tiny("tiny", "each", *texts, "--only", "two", "-o", tmp_path / "out", "--json")
    assert json.loads(done.stdout)["words_mean"] == 2.0
    refused = tiny("tiny", "each", *texts, "--only", "four", "-o", tmp_path / "other")
    assert refused.returncode == 2
    assert "--only four: no such item in the list." in refused.stderr


def test_a_verb_of_one_process_refuses_several(words, tmp_path):
    codes, _, said = as_ranks(TINY, "tiny", words, "-o", tmp_path / "out")
    assert codes == [2, 2]
    assert "started as 2 processes; it works as one." in said[1]
    assert not (tmp_path / "out").exists()


def test_several_processes_write_one_run_and_one_of_them_shows_it(tmp_path):
    codes, shown, said = as_ranks(TINY, "tiny", "train", "--device", "cpu", "-o", tmp_path / "out")
    assert codes == [0, 0], said
    assert "steps" in shown[0]
    assert shown[1] == ""
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert (record["status"], record["device"], record["precision"]) == ("done", "cpu", "float32")


def test_a_run_that_cannot_be_opened_ends_all_processes(tmp_path):
    codes, _, said = as_ranks(TINY, "tiny", "train", "--device", "cpu", "-o", tmp_path / "out")
    assert codes == [0, 0], said
    codes, _, said = as_ranks(TINY, "tiny", "train", "--device", "cpu", "-o", tmp_path / "out")
    assert codes == [2, 75], said
    assert "already here" in said[0]


def test_a_merged_run_is_shown_with_the_items_of_its_shards(tiny, texts, tmp_path):
    texts[1].write_text("", encoding="utf-8")
    for index in (1, 2):
        tiny("tiny", "each", *texts, "-o", tmp_path / "out", "--shard", f"{index}/2")
    assert tiny("runs", "merge", tmp_path / "out").returncode == 6
    texts_again = tiny("tiny", "each", *texts, "-o", tmp_path / "out", "--resume", "--json")
    assert json.loads(texts_again.stdout)["items"] == 2


def test_a_verb_has_defaults_of_its_own_and_records_its_number_format(tiny, tmp_path):
    done = tiny("tiny", "solve", "--sample", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert record["options"]["device"] == "cpu"
    assert (record["seed"], record["precision"]) == (7, "float64")


def test_a_wrong_word_is_said_before_a_missing_file(tiny, tmp_path):
    done = tiny("tiny", "none.txt", "--lengths", "x", "-o", tmp_path / "out")
    assert (done.returncode, "--lengths: x found" in done.stderr) == (2, True)
    assert tiny("tiny", "none.txt", "-o", tmp_path / "out").returncode == 3
