"""What an item gave is kept, whatever happens to the next one."""

from __future__ import annotations

import errno
import math
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import InputError, ResourceError
from vision_cli.core.runs import journal
from vision_cli.core.runs.journal import Entry, Journal, item_files, items_table, read_journal, summarise

CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ROWS = st.lists(st.dictionaries(st.sampled_from("abcd"), CELLS), max_size=8)


def test_the_journal_is_read_back_in_the_order_of_the_input(tmp_path):
    writer = Journal(tmp_path)
    writer.add("late", 2, {"dice": 0.5})
    writer.fail("bad", 1, "bad.nii: damaged.")
    writer.add("early", 0, {"dice": 0.25})
    assert [entry.id for entry in writer.entries] == ["early", "bad", "late"]
    assert Journal(tmp_path).entries == writer.entries == read_journal(tmp_path)
    assert Journal(tmp_path).done == {"early", "late"}


def test_a_number_of_a_row_is_one_or_the_row_is_named():
    entry = Entry("scan", 0, {"dice": 0.5, "count": 2, "good": True, "name": "1.5"})
    assert (entry.number("dice"), entry.number("count")) == (0.5, 2.0)
    for column in ("good", "name", "hd95"):
        with pytest.raises(InputError, match=f"scan: {column} is .*; a number expected"):
            entry.number(column)


def test_a_failed_item_is_tried_again_and_its_last_outcome_counts(tmp_path):
    writer = Journal(tmp_path)
    writer.fail("a", 0, "no memory")
    writer.add("a", 0, {"dice": 1})
    assert Journal(tmp_path).done == {"a"}
    assert item_files(read_journal(tmp_path))["failures.csv"] is None


@settings(max_examples=40)
@given(rows=ROWS, length=st.integers(0, 10_000))
def test_a_journal_cut_anywhere_keeps_the_items_before_the_cut(tmp_path_factory, rows, length):
    directory = tmp_path_factory.mktemp("run")
    writer = Journal(directory)
    ends = []
    for position, row in enumerate(rows):
        writer.add(f"item {position}", position, row)
        ends.append(writer.path.stat().st_size)
    if not rows:
        return
    os.truncate(writer.path, min(length, ends[-1]))
    kept = sum(end <= length for end in ends)
    resumed = Journal(directory)
    assert len(resumed.entries) == kept
    for position, row in list(enumerate(rows))[kept:]:
        resumed.add(f"item {position}", position, row)
    assert item_files(resumed.entries) == item_files(writer.entries) == item_files(read_journal(directory))


def test_numbers_of_other_libraries_give_the_bytes_of_a_resumed_run(tmp_path):
    writer = Journal(tmp_path)
    writer.add("a", 0, {"single": np.float32(0.1), "count": np.int64(2), "path": tmp_path, "nan": math.nan})
    assert items_table(writer.entries) == items_table(read_journal(tmp_path))
    assert "0.10000000149011612,2," in items_table(writer.entries)


def test_a_full_disk_ends_the_run_and_spoils_nothing(tmp_path, monkeypatch):
    writer = Journal(tmp_path)
    writer.add("a", 0, {"dice": 1})

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ResourceError, match=r"items\.jsonl: no space left"):
            writer.add("b", 1, {"dice": 2})
    assert writer.done == {"a"}
    writer.add("b", 1, {"dice": 3})
    assert [entry.row["dice"] for entry in read_journal(tmp_path)] == [1, 3]


def test_two_items_of_one_name_are_refused(tmp_path):
    writer = Journal(tmp_path)
    writer.add("a", 0, {})
    with pytest.raises(InputError, match="a: items 1 and 4 of the input have this name"):
        writer.add("a", 3, {})


@pytest.mark.parametrize("line", ["not json", "[1]", '{"id": "a"}', '{"id": "a", "other": 1}'])
def test_a_damaged_line_is_named(tmp_path, line):
    Journal(tmp_path).add("a", 0, {})
    with (tmp_path / journal.JOURNAL).open("a", encoding="utf-8") as stream:
        stream.write(f"{line}\n")
    with pytest.raises(InputError, match="line 2 is damaged"):
        read_journal(tmp_path)


def test_tables_hold_what_succeeded_and_what_failed(tmp_path):
    writer = Journal(tmp_path)
    writer.add("one", 0, {"dice": 0.5, "label": "left, upper"})
    writer.fail("two", 1, 'x.nii: "4D" found;\n3D expected.')
    writer.add("three", 2, {"dice": 0.75, "extra": None})
    assert item_files(writer.entries) == {
        "items.csv": 'id,dice,label,extra\none,0.5,"left, upper",\nthree,0.75,,\n',
        "failures.csv": 'id,error\ntwo,"x.nii: ""4D"" found;\n3D expected."\n',
        "metrics.json": ('{\n  "items": 2,\n  "items_failed": 1,\n  "dice_mean": 0.625,\n  "dice_median": 0.625\n}\n'),
    }


def test_a_summary_counts_numbers_only_and_agrees_with_numpy(tmp_path):
    values = [0.3, 0.1, 0.9, 0.2]
    writer = Journal(tmp_path)
    for position, value in enumerate(values):
        writer.add(str(position), position, {"dice": value, "name": "x", "folds": position > 1, "none": None})
    metrics = summarise(writer.entries)
    assert list(metrics) == ["items", "items_failed", "dice_mean", "dice_median"]
    assert metrics["dice_mean"] == pytest.approx(np.mean(values))
    assert metrics["dice_median"] == pytest.approx(np.median(values))


@pytest.mark.parametrize(
    ("values", "mean", "median"),
    [
        ([1.7e308, 1.7e308], 1.7e308, 1.7e308),
        ([1.7e308, 1.7e308, -1.7e308], 1.7e308 / 3, 1.7e308),
        ([10**400, 1.0, 2.0], math.inf, 2.0),
        ([math.inf, -math.inf, 1.0], math.nan, 1.0),
        ([math.nan, 1.0, 2.0], math.nan, math.nan),
    ],
)
def test_a_summary_bears_all_numbers(tmp_path, values, mean, median):
    writer = Journal(tmp_path)
    for position, value in enumerate(values):
        writer.add(str(position), position, {"size": value})
    metrics = summarise(writer.entries)
    assert metrics["size_mean"] == pytest.approx(mean, nan_ok=True)
    assert metrics["size_median"] == pytest.approx(median, nan_ok=True)


def test_a_mean_over_what_is_no_number_is_none_in_the_file(tmp_path):
    writer = Journal(tmp_path)
    writer.add("a", 0, {"hd95_mm": math.nan})
    writer.add("b", 1, {"hd95_mm": 1.0})
    assert '"hd95_mm_mean": null' in item_files(writer.entries)["metrics.json"]


def test_a_run_over_nothing_has_tables_too(tmp_path):
    assert item_files(Journal(tmp_path).entries) == {
        "items.csv": "id\n",
        "failures.csv": None,
        "metrics.json": '{\n  "items": 0,\n  "items_failed": 0\n}\n',
    }
