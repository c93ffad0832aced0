"""The measures of a pair as they are read back."""

from __future__ import annotations

from dataclasses import asdict

from vision_cli.register.runs.metrics import PairMetrics


def test_measures_are_read_from_a_row_and_other_columns_are_ignored():
    row = {"id": "a", "dice_mean": 0.5, "folds_voxels": 3, "sdlogj": None, "lncc_after": "", "mask_used": "fixed"}
    metrics = PairMetrics.read(row)
    assert metrics == PairMetrics(dice_mean=0.5, folds_voxels=3, mask_used="fixed")
    assert PairMetrics.read(asdict(metrics)) == metrics
