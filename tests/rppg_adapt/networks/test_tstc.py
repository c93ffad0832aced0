"""The branches share one network, and views are resampled and rotated as they say."""

from __future__ import annotations

import torch

from vision_cli.rppg_adapt.networks.build import build
from vision_cli.rppg_adapt.networks.inputs import normalise
from vision_cli.rppg_adapt.networks.tstc import TSTCNet, make_views, resample_in_time, resample_to_speed


def pixels(batch=2, frames=20, size=16, seed=0):
    return torch.randint(1, 255, (batch, frames, size, size, 3), generator=torch.Generator().manual_seed(seed))


def test_resampling_plays_a_clip_faster():
    ramp = torch.arange(30.0)[None, :, None, None, None].expand(1, 30, 2, 2, 3)
    fast = resample_in_time(ramp, 20, torch.tensor([1.25]))
    torch.testing.assert_close(fast[0, :, 0, 0, 0], 1.25 * torch.arange(20.0))
    torch.testing.assert_close(resample_in_time(ramp, 20, torch.tensor([1.0])), ramp[:, :20])


def test_the_last_frame_is_repeated_past_the_end_of_a_clip():
    ramp = torch.arange(10.0)[None, :, None, None, None].expand(1, 10, 1, 1, 3)
    assert float(resample_in_time(ramp, 12, torch.tensor([1.2]))[0, -1, 0, 0, 0]) == 9


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


def test_a_whole_clip_at_a_lower_speed_has_more_frames():
    slow = resample_to_speed(torch.arange(10.0)[None, :, None, None, None].expand(1, 10, 1, 1, 3), 0.6)
    torch.testing.assert_close(slow[0, :, 0, 0, 0], 0.6 * torch.arange(16.0))
