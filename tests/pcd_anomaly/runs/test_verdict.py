"""The verdict on scored scans follows from decisions, measures and statuses of poses."""

from __future__ import annotations

import pytest

from vision_cli.core.runs.journal import Entry
from vision_cli.pcd_anomaly.runs.verdict import GOOD_AUROC, LEAST_AUROC, judge, judge_measured


def scan(name, decision="normal", status="ok", score=1.0):
    return Entry(name, 0, {"decision": decision, "reg_status": status, "score": score, "threshold": 2.0})


GOOD = scan("good")
WEAK = scan("weak", status="weak")
REFUSED = scan("refused", "undetermined", "failed")
DENTED, HOLED = scan("dented", "anomalous", score=3.0), scan("holed", "anomalous", score=9.0)
BROKEN = Entry("broken", 0, {}, "no points found; some expected.")


@pytest.mark.parametrize(
    ("entries", "level"),
    [
        ([GOOD, GOOD], "good"),
        ([GOOD, scan("given", status="given")], "good"),
        ([GOOD, WEAK], "caution"),
        ([GOOD, REFUSED], "caution"),
        ([GOOD, DENTED, WEAK], "bad"),
        ([GOOD, BROKEN], "bad"),
        ([BROKEN], "bad"),
        ([], "plain"),
    ],
)
def test_the_level_of_scans_follows_from_decisions_and_poses(entries, level):
    assert judge(entries).level == level


def test_anomalous_scans_are_named_the_highest_score_first():
    assert judge([GOOD, DENTED, HOLED, WEAK, REFUSED, BROKEN]).text == (
        "2 of 5 scans are anomalous: holed (score 9, limit 2), dented (score 3, limit 2). "
        "1 undetermined, for the pose was refused or is weak: refused. "
        "1 decided on a weak pose, to be checked by eye: weak. 1 failed to be read: broken."
    )


def test_scans_without_anomalies_are_told_so():
    assert judge([GOOD, GOOD]).text == "None of 2 scans is anomalous."
    assert judge([GOOD]).text == "The scan is not anomalous."
    assert judge([BROKEN]).text == "No scan was scored. 1 failed to be read: broken."


@pytest.mark.parametrize(
    ("scans", "points", "entries", "level"),
    [
        (GOOD_AUROC, GOOD_AUROC, [GOOD, DENTED], "good"),
        (0.99, GOOD_AUROC - 0.01, [GOOD, DENTED], "caution"),
        (LEAST_AUROC - 0.01, 0.9, [GOOD, DENTED], "bad"),
        (0.99, None, [GOOD, DENTED], "good"),
        (None, None, [GOOD, DENTED], "caution"),
        (0.99, 0.99, [GOOD, WEAK], "caution"),
        (0.99, 0.99, [GOOD, BROKEN], "bad"),
    ],
)
def test_the_level_of_an_evaluation_follows_from_its_measures(scans, points, entries, level):
    verdict = judge_measured(entries, {"ours/mean/o_auroc": scans, "ours/mean/p_auroc": points})
    assert verdict.level == level


def test_an_evaluation_tells_its_measures_first():
    assert judge_measured([GOOD, DENTED], {"ours/mean/o_auroc": 0.98, "ours/mean/p_auroc": 0.914}).text == (
        "AUROC 0.98 at telling defective scans from good ones. AUROC 0.91 at telling defective points from good ones. "
        "1 of 2 scans is anomalous: dented (score 3, limit 2)."
    )
