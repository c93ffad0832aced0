"""The shipped sample."""

from __future__ import annotations

import json
import time

import pytest

from tests.pcd_anomaly.conftest import rows_of, run
from vision_cli.pcd_anomaly.runs import sample as bundled


def test_the_shipped_sample_is_small():
    recipe = bundled.SAMPLE
    assert recipe.parts * (recipe.good + recipe.defective) <= 10
    assert recipe.points <= 12_000
    assert recipe.parts * recipe.prototypes * recipe.prototype_points <= 220_000


@pytest.mark.slow
def test_the_shipped_sample_finds_every_defect_and_pose_at_bounded_cost(tmp_path):
    before = time.process_time()
    assert run("--sample", "-o", tmp_path / "out") == 0
    assert time.process_time() - before < 250
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    rows = rows_of(tmp_path / "out" / "results.csv")
    decisions = {f"{row['class']}/{row['sample']}": row["decision"] for row in rows}
    assert decisions == {name: "normal" if name.endswith("good") else "anomalous" for name in decisions}
    assert metrics["poses_right"] == metrics["poses_known"] == len(rows) == 5
    assert metrics["ours/mean/o_auroc"] == 1
    assert metrics["ours/mean/p_auroc"] > 0.98
    assert metrics["ours/mean/aupro@0.3"] > 0.92
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").count("<img ") == 3
