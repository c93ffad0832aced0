"""The record of a run is read whole, or refused with its name."""

from __future__ import annotations

import json

import pytest

from vision_cli.core.errors import InputError
from vision_cli.core.runs.records import read_metrics, read_run

GOOD = {
    "schema_version": 1,
    "command": "register pair",
    "status": "done",
    "options": {"seed": 0},
    "device": "cpu",
}


def test_a_record_is_read(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps(GOOD), encoding="utf-8")
    record = read_run(tmp_path)
    assert (record.directory, record.command, record.status) == (tmp_path, "register pair", "done")
    assert record.options == {"seed": 0}
    assert record.document == GOOD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        json.dumps({**GOOD, "options": 3}),
        json.dumps({**GOOD, "schema_version": "x"}),
    ],
)
def test_a_damaged_record_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"run\.json: damaged record of a run"):
        read_run(tmp_path)


def test_a_record_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "run.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="damaged record"):
        read_run(tmp_path)


def test_a_record_of_a_later_version_is_refused(tmp_path):
    (tmp_path / "run.json").write_text(json.dumps({**GOOD, "schema_version": 2}), encoding="utf-8")
    with pytest.raises(InputError, match="schema version 2 found; at most 1 expected"):
        read_run(tmp_path)


@pytest.mark.parametrize("make", ["mkdir", "touch", "exists"])
def test_what_is_no_run_is_refused(tmp_path, make):
    getattr(tmp_path / "out", make)()
    with pytest.raises(InputError, match=r"out: no run\.json found; the directory of a run expected"):
        read_run(tmp_path / "out")


def test_metrics_are_read_and_may_be_absent(tmp_path):
    assert read_metrics(tmp_path) == {}
    (tmp_path / "metrics.json").write_text('{"dice_mean": 0.5}', encoding="utf-8")
    assert read_metrics(tmp_path) == {"dice_mean": 0.5}
    (tmp_path / "metrics.json").write_text('{"dice_mean": 0.', encoding="utf-8")
    with pytest.raises(InputError, match=r"metrics\.json: damaged"):
        read_metrics(tmp_path)
