from __future__ import annotations

import pytest
import torch
from scipy import ndimage

from vision_cli.phantoms.brains.blobs import draw_blobs, smooth_noise

CPU = torch.device("cpu")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(40, 48), (24, 20, 22)])
def test_a_map_has_the_labels_it_was_asked_for_in_shapes_larger_than_voxels(shape):
    labels = draw_blobs(shape, 6, generator(), CPU)
    assert labels.shape == shape
    assert set(labels.unique().tolist()) == set(range(6))
    same = [(labels.diff(dim=axis) == 0).float().mean() for axis in range(len(shape))]
    assert min(float(share) for share in same) > 0.7
    pieces = sum(ndimage.label((labels == label).numpy())[1] for label in range(6))
    assert pieces < labels.numel() / 50


def test_the_same_seed_gives_the_same_map_and_another_one_another():
    one, again, other = (draw_blobs((32, 32), 5, generator(seed), CPU) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("step", [1.0, 4.0, 100.0])
def test_noise_is_as_smooth_as_its_step(step):
    noise = smooth_noise(64, (33, 33), step, generator(), CPU)
    assert noise.shape == (64, 33, 33)
    assert float(noise[:, 0, 0].std()) == pytest.approx(1.0, abs=0.3)
    # Linear between the coarse points: neighbours differ by about the spread over the step, less across it.
    slope = float(noise.diff(dim=1).std()) * min(step, 32)
    assert 0.5 * 2**0.5 < slope < 1.1 * 2**0.5
