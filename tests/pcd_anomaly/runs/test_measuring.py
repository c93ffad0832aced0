"""The tables that people are shown of a measured run."""

from __future__ import annotations

import pytest

from vision_cli.core.runs import files
from vision_cli.pcd_anomaly.evaluation.ablation import RUNGS
from vision_cli.pcd_anomaly.evaluation.measures import COLUMNS
from vision_cli.pcd_anomaly.options import OURS
from vision_cli.pcd_anomaly.runs.measuring import MEASURED, measures_tables

LEAD = ("o_auroc_lead", "o_auroc_lead_low", "o_auroc_lead_high")
COLUMNS_OF_ALL = ("method", *COLUMNS, *LEAD)


def write(directory, values):
    """Write measures of a class and of the mean, where a measure is not given it is missing."""
    rows = [
        [{"method": method, "class": name, **measures}.get(column) for column in COLUMNS_OF_ALL]
        for method, measures in values.items()
        for name in ("=cast", "mean")
    ]
    (directory / MEASURED).write_text(files.csv_text(COLUMNS_OF_ALL, rows), encoding="utf-8")


def test_measures_and_leads_are_read_as_numbers(tmp_path):
    write(tmp_path, {OURS: {"o_auroc": 0.9, "n_good": 4}, "c2plane": {"o_auroc": 0.8, "o_auroc_lead": 0.1}})
    measures, leads = measures_tables(tmp_path)
    first = dict(zip(measures.columns, measures.rows[0], strict=True))
    assert (first["class"], first["o_auroc"], first["n_good"], first["p_auroc"]) == ("=cast", 0.9, 4, None)
    assert leads.rows == [["c2plane", 0.1, None, None]]


def test_the_ladder_has_its_bars_and_one_that_was_not_measured(tmp_path):
    steps = {name: {"o_auroc": 0.5 + 0.1 * number} for number, name in enumerate((*RUNGS, OURS))}
    write(tmp_path, {OURS: steps[OURS], **steps})
    *_, bars = measures_tables(tmp_path)
    assert bars.rows[0][2] == pytest.approx(0.5)
    assert [row[3] for row in bars.rows] == ["yes", "not measured", "yes"]
