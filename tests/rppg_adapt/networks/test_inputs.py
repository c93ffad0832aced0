"""Inputs of the networks are normalised as in rPPG-Toolbox, and frames are resized by area means."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.rppg_adapt.networks.inputs import diff_normalised, pad_frames, resize_frames, standardised


def pixels(batch=2, frames=20, size=16, seed=0):
    return torch.randint(1, 255, (batch, frames, size, size, 3), generator=torch.Generator().manual_seed(seed))


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


def test_differences_do_not_depend_on_the_brightness_of_a_clip():
    clip = pixels(1, 6, 4).float()
    torch.testing.assert_close(diff_normalised(clip), diff_normalised(0.4 * clip), atol=5e-3, rtol=1e-2)


def test_standardised_clips_have_zero_mean_and_unit_deviation():
    found = standardised(pixels())
    assert found.shape == (2, 3, 20, 16, 16)
    assert float(found[0].mean()) == pytest.approx(0, abs=1e-5)
    assert float(found[0].std()) == pytest.approx(1, abs=1e-4)


def test_a_constant_clip_has_finite_inputs():
    still = torch.full((1, 8, 4, 4, 3), 100)
    assert torch.isfinite(diff_normalised(still)).all()
    assert torch.isfinite(standardised(still)).all()


def test_smaller_frames_are_area_means():
    frames = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3), dtype=np.uint8)
    found = resize_frames(frames, 4)
    np.testing.assert_allclose(found[0, 0, 0], frames[0, :2, :2].mean(axis=(0, 1)), atol=1)
    assert resize_frames(frames, 8) is frames


def test_the_last_frame_is_repeated_up_to_a_multiple_of_four():
    x = torch.arange(5.0).view(1, 1, 5, 1, 1)
    padded, frames = pad_frames(x)
    assert frames == 5
    assert padded.flatten().tolist() == [0, 1, 2, 3, 4, 4, 4, 4]
    assert pad_frames(x[:, :, :4])[0].shape[2] == 4
