"""DeepGlobe cut into tiles."""

from __future__ import annotations

import numpy as np

from vision_cli.fewshot_seg.data.preparing import cut_deepglobe

_URBAN, _WATER = (0, 255, 255), (0, 0, 255)


def test_tiles_hold_every_class_that_shares_them(tmp_path, put):
    picture = np.random.default_rng(0).integers(0, 255, (60, 60, 3), dtype=np.uint8)
    mask = np.zeros((60, 60, 3), np.uint8)
    mask[:, :] = _URBAN
    mask[:10, 5:10] = _WATER
    mask[50:, 50:] = 0
    mask[50:, 50:53] = _WATER
    image, truth = put(tmp_path / "7_sat.png", picture), put(tmp_path / "7_mask.png", mask)
    found = {(one.folder, one.name): one for one in cut_deepglobe("7", image, truth)}
    # Tiles of one class, and those of a class beside the unknown alone, are left out.
    assert set(found) == {("1", "7_00"), ("5", "7_00")}
    np.testing.assert_array_equal(found["5", "7_00"].picture, picture[:10, :10])
    np.testing.assert_array_equal(found["1", "7_00"].mask, ~found["5", "7_00"].mask)
    assert found["5", "7_00"].mask.mean() == 0.5
