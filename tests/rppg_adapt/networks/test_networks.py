"""The networks have the published sizes and names, take any length, and branches share them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.rppg_adapt.networks.networks import (
    LiteNet,
    PhysNet,
    TSTCNet,
    build,
    diff_normalised,
    make_views,
    normalise,
    resampled,
    standardised,
)


def pixels(batch=2, frames=20, size=16, seed=0):
    return torch.randint(1, 255, (batch, frames, size, size, 3), generator=torch.Generator().manual_seed(seed))


def test_physnet_has_the_published_size_and_the_names_of_the_toolbox():
    network = PhysNet()
    assert sum(p.numel() for p in network.parameters()) == 768_577
    names = {name.split(".")[0] for name in network.state_dict()}
    assert names == {*(f"ConvBlock{k}" for k in range(1, 11)), "upsample", "upsample2"}
    assert network.state_dict()["ConvBlock1.0.weight"].shape == (16, 3, 1, 5, 5)
    assert network.state_dict()["upsample.0.weight"].shape == (64, 64, 4, 1, 1)


def test_the_small_network_is_small():
    assert 80_000 < sum(p.numel() for p in LiteNet().parameters()) < 300_000


@pytest.mark.parametrize("backbone", ["lite", "physnet"])
@pytest.mark.parametrize("frames", [16, 19])
def test_any_length_is_read(backbone, frames):
    clip = normalise(pixels(1, frames), "diff")
    with torch.no_grad():
        assert build(backbone).eval()(clip).shape == (1, frames)


def test_differences_are_those_of_the_toolbox():
    clip = pixels(1, 6, 4)
    found = diff_normalised(clip)[0].permute(1, 2, 3, 0).numpy()
    data = clip[0].numpy().astype(np.float64)
    expected = np.zeros_like(data)
    for k in range(5):
        expected[k] = (data[k + 1] - data[k]) / (data[k + 1] + data[k] + 1e-7)
    expected[:5] /= expected[:5].std()
    np.testing.assert_allclose(found, expected, rtol=5e-3, atol=1e-6)
    assert (found[-1] == 0).all()


def test_differences_do_not_see_how_bright_a_clip_is():
    clip = pixels(1, 6, 4).float()
    torch.testing.assert_close(diff_normalised(clip), diff_normalised(0.4 * clip), atol=5e-3, rtol=1e-2)


def test_standardised_clips_have_no_mean_and_unit_spread():
    found = standardised(pixels())
    assert found.shape == (2, 3, 20, 16, 16)
    assert float(found[0].mean()) == pytest.approx(0, abs=1e-5)
    assert float(found[0].std()) == pytest.approx(1, abs=1e-4)


def test_a_clip_without_change_is_no_fault():
    still = torch.full((1, 8, 4, 4, 3), 100)
    assert torch.isfinite(diff_normalised(still)).all()
    assert torch.isfinite(standardised(still)).all()


def test_resampling_runs_faster():
    ramp = torch.arange(30.0)[None, :, None, None, None].expand(1, 30, 2, 2, 3)
    fast = resampled(ramp, 20, torch.tensor([1.25]))
    torch.testing.assert_close(fast[0, :, 0, 0, 0], 1.25 * torch.arange(20.0))
    torch.testing.assert_close(resampled(ramp, 20, torch.tensor([1.0])), ramp[:, :20])


def test_past_its_end_a_clip_stands_still():
    ramp = torch.arange(10.0)[None, :, None, None, None].expand(1, 10, 1, 1, 3)
    assert float(resampled(ramp, 12, torch.tensor([1.2]))[0, -1, 0, 0, 0]) == 9


def test_branches_share_one_network_and_views_are_repeatable():
    torch.manual_seed(0)
    network = TSTCNet(build("lite")).eval()
    clips = pixels(2, 26)
    with torch.no_grad():
        results = []
        for _ in range(2):
            views = make_views(clips, 20, torch.tensor([0.9, 1.2]), torch.Generator().manual_seed(3))
            results.append(network(views))
    assert results[0].original.shape == results[0].spatial.shape == results[0].temporal.shape == (2, 20)
    torch.testing.assert_close(results[0].temporal, results[1].temporal)
    alone = network.network(normalise(clips[:, :20], "diff"))
    torch.testing.assert_close(results[0].original, alone, atol=1e-5, rtol=1e-4)
    assert sorted(views.spatial.flatten().tolist()) == sorted(views.original.flatten().tolist())
