from __future__ import annotations

import numpy as np
import pytest

from vision_cli.phantoms.brains.rendering import Scanner

PERFECT = Scanner(noise=0.0, shading=0.0, texture=0.0, blur_voxels=0.0)
SPACING = (2.0, 2.0, 2.0)


def blocks(shape=(24, 24, 24)):
    labels = np.zeros(shape, np.uint8)
    labels[8:] = 1
    labels[16:] = 2
    return labels


def test_a_perfect_scanner_shows_the_means():
    image = PERFECT.take({1: 0.4, 2: 0.9}, [blocks()], SPACING, np.random.default_rng(0))
    assert image.dtype == np.float32
    np.testing.assert_allclose(image[[0, 10, 20], 5, 5], [0, 0.4, 0.9], atol=1e-6)


def test_a_voxel_of_two_tissues_is_their_mixture():
    other = blocks()
    other[8] = 0
    image = PERFECT.take({1: 0.4, 2: 0.9}, [blocks(), other], SPACING, np.random.default_rng(0))
    np.testing.assert_allclose(image[8], 0.2, atol=1e-6)


def test_noise_in_air_is_that_of_rayleigh_and_in_tissue_that_of_gauss():
    sigma = 0.03
    scanner = Scanner(noise=sigma, shading=0.0, texture=0.0, blur_voxels=0.0)
    image = scanner.take({1: 0.4, 2: 0.9}, [blocks()], SPACING, np.random.default_rng(1))
    assert image[:8].mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.05)
    assert image[16:].std() == pytest.approx(sigma, rel=0.05)
    assert image.min() >= 0


def test_shading_is_slow_and_of_the_size_asked_for():
    scanner = Scanner(noise=0.0, shading=0.2, shading_mm=30.0, texture=0.0, blur_voxels=0.0)
    rng = np.random.default_rng(2)
    labels = np.ones((20, 20, 20), np.uint8)
    logs = np.stack([np.log(scanner.take({1: 1.0}, [labels], SPACING, rng)) for _ in range(60)])
    assert logs.std() == pytest.approx(0.2, rel=0.15)
    assert np.abs(np.diff(logs, axis=1)).max() < 0.1


def test_texture_has_the_size_asked_for_relative_to_the_mean():
    scanner = Scanner(noise=0.0, shading=0.0, texture=0.1, blur_voxels=0.0)
    image = scanner.take({1: 0.4, 2: 0.8}, [blocks()], SPACING, np.random.default_rng(3))
    assert image[9:15].std() == pytest.approx(0.04, rel=0.2)
    assert image[17:].std() == pytest.approx(0.08, rel=0.2)


def test_pictures_of_two_dimensions_work_too():
    image = Scanner().take({1: 0.5}, [np.ones((12, 9), np.uint8)], (2.0, 2.0), np.random.default_rng(4))
    assert image.shape == (12, 9)
