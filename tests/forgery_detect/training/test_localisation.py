"""Agreement of heat maps with masks."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from vision_cli.forgery_detect.training.localisation import localisation_loss, unknown_masks
from vision_cli.forgery_detect.values import MASK_CELLS


def test_known_masks_are_compared_cell_by_cell():
    heat = torch.rand(3, MASK_CELLS, MASK_CELLS, generator=torch.Generator().manual_seed(0))
    masks = (torch.rand(3, MASK_CELLS, MASK_CELLS, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    assert float(localisation_loss(heat, masks)) == pytest.approx(float(F.binary_cross_entropy(heat, masks)), rel=1e-4)
    masks[1] = torch.nan
    kept = torch.tensor([0, 2])
    wanted = F.binary_cross_entropy(heat[kept], masks[kept])
    assert float(localisation_loss(heat, masks)) == pytest.approx(float(wanted), rel=1e-4)


def test_coarse_maps_are_compared_with_shares_of_their_cells():
    masks = torch.zeros(1, MASK_CELLS, MASK_CELLS)
    masks[:, : MASK_CELLS // 2] = 1
    right = torch.tensor([[[1.0], [0.0]]])
    assert float(localisation_loss(right, masks)) < 1e-4 < float(localisation_loss(1 - right, masks))


def test_unknown_masks_teach_nothing_and_keep_the_gradient_finite():
    heat = torch.full((2, 7, 7), 0.3, requires_grad=True)
    loss = localisation_loss(heat, unknown_masks(2))
    loss.backward()
    assert float(loss.detach()) == 0
    assert heat.grad is not None
    assert not bool(heat.grad.any())
