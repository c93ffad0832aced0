"""What a scan takes is known before: steps get smaller, and then it is refused with the number that is needed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.errors import ResourceError
from vision_cli.pcd_anomaly.pipeline.chunking import rows_within
from vision_cli.pcd_anomaly.scoring.bank import ROWS_AT_ONCE, nearest_in_bank


def test_less_memory_means_smaller_steps_and_then_a_refusal(tmp_path):
    limits = (64e9, 2.0e9, 1.85e9)
    rows = [rows_within(limit, tmp_path / "a.ply", 1_000_000, 10_000) for limit in limits]
    assert rows[0] == ROWS_AT_ONCE
    assert ROWS_AT_ONCE > rows[1] > rows[2] >= 64
    with pytest.raises(ResourceError, match=r"a\.ply: 1,000,000 points take about 1\.8 GB; 1\.5 GB are allowed"):
        rows_within(1.5e9, tmp_path / "a.ply", 1_000_000, 10_000)


def test_the_size_of_the_steps_changes_no_distance():
    generator = torch.Generator().manual_seed(0)
    queries, bank = torch.randn(500, 8, generator=generator), torch.randn(300, 8, generator=generator)
    places, bank_places = torch.rand(500, 3, generator=generator), torch.rand(300, 3, generator=generator)
    whole = nearest_in_bank(queries, bank, places, bank_places, 0.2)
    parts = nearest_in_bank(queries, bank, places, bank_places, 0.2, rows=64)
    assert np.allclose(whole[0], parts[0], atol=1e-5)
    assert torch.equal(whole[1], parts[1])
