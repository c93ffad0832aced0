"""The report of a registration."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_cli.io.volumes.volumes import Volume
from vision_cli.register.evaluation.measures import LabelEvaluation, LabelScore
from vision_cli.register.pipeline.inputs import Pair
from vision_cli.register.runs.metrics import PairMetrics
from vision_cli.register.runs.report import pair_report, result_table

METRICS = PairMetrics(
    dice_mean=0.7,
    dice_affine_mean=0.6,
    dice_before_mean=0.4,
    lncc_before=0.1,
    lncc_affine=0.2,
    lncc_after=0.5,
    folds_voxels=0,
    folds_pct=0.0,
)


def test_the_table_has_the_measures_that_there_are():
    rows = {row[0]: row[1:] for row in result_table(METRICS).rows}
    assert rows["local correlation"] == (0.1, 0.2, 0.5)
    assert rows["Dice, mean"] == (0.4, 0.6, 0.7)
    assert rows["folded voxels"] == (None, None, 0)
    assert "landmark error mm" not in rows
    assert [row[0] for row in result_table(PairMetrics()).rows] == ["local correlation"]


def test_the_report_lists_the_worst_labels_first():
    image = Volume(np.zeros((4, 4), np.float32), np.eye(3), np.dtype("f4"), Path("image.nii"))
    scores = tuple(LabelScore(n, "", 0.1, float("nan"), dice, 1.0, 8.0, 9.0) for n, dice in ((1, 0.9), (2, 0.5)))
    labels = LabelEvaluation(scores, (), (), np.zeros((4, 4), np.int32))
    report = pair_report(Pair(image, image), METRICS, labels, [])
    assert report.level == "good"
    assert report.summary["mean Dice"] == 0.7
    assert [row[0] for row in report.tables[1].rows] == [2, 1]
    # A linear registration has no measure after the affine alone.
    assert report.tables[1].rows[0][3] is None
