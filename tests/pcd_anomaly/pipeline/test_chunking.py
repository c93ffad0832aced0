"""Memory of a scan: chunks get smaller, and a scan that does not fit is refused."""

from __future__ import annotations

import pytest

from vision_cli.core.errors import ResourceError
from vision_cli.pcd_anomaly.pipeline.chunking import rows_within
from vision_cli.pcd_anomaly.scoring.bank import ROWS_AT_ONCE


def test_less_memory_means_smaller_steps_and_then_a_refusal(tmp_path):
    limits = (64e9, 2.0e9, 1.85e9)
    rows = [rows_within(limit, tmp_path / "a.ply", 1_000_000, 10_000) for limit in limits]
    assert rows[0] == ROWS_AT_ONCE
    assert ROWS_AT_ONCE > rows[1] > rows[2] >= 64
    with pytest.raises(ResourceError, match=r"a\.ply: 1,000,000 points take about 1\.8 GB; 1\.5 GB are allowed"):
        rows_within(1.5e9, tmp_path / "a.ply", 1_000_000, 10_000)
