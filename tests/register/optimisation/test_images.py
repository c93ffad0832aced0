from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from vision_cli.register.optimisation import images
from vision_cli.register.optimisation.images import Image
from vision_cli.register.transforms.fields import Grid

CPU = torch.device("cpu")


@pytest.fixture
def rng():
    return np.random.default_rng(30)


def ball(shape, centre, radius):
    index = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    return np.linalg.norm(index - np.asarray(centre), axis=-1) < radius


def image_of(values, spacing=None, mask=None):
    spacing = spacing or (1.0,) * values.ndim
    vox2ras = np.diag([*spacing, 1.0])
    return Image(
        torch.as_tensor(np.asarray(values, np.float32)),
        Grid(values.shape, vox2ras),
        None if mask is None else torch.as_tensor(mask),
    )


def test_otsus_threshold_parts_two_modes(rng):
    sample = np.concatenate([rng.normal(10, 2, 6000), rng.normal(60, 5, 3000)]).astype(np.float32)
    assert 15 < images.otsu_threshold(sample) < 45


def test_otsus_threshold_is_that_of_opencv(rng):
    cv2 = pytest.importorskip("cv2")
    sample = np.clip(np.concatenate([rng.normal(60, 20, 6000), rng.normal(170, 30, 4000)]), 0, 255)
    theirs, _ = cv2.threshold(sample.astype(np.uint8).reshape(1, -1), 0, 255, cv2.THRESH_OTSU)
    assert images.otsu_threshold(sample.astype(np.float32)) == pytest.approx(theirs, abs=3)


def test_otsus_threshold_does_not_follow_a_hot_voxel(rng):
    sample = np.concatenate([rng.normal(10, 2, 6000), rng.normal(60, 5, 3000)]).astype(np.float32)
    hot = np.append(sample, np.float32(1e6))
    assert 15 < images.otsu_threshold(hot) < 45


def test_normalised_intensities_lie_near_zero_and_one(rng):
    values = np.where(ball((24, 24, 24), (12, 12, 12), 8), rng.normal(700, 40, (24,) * 3), rng.normal(20, 3, (24,) * 3))
    result = images.normalise(values.astype(np.float32), CPU)
    assert result.dtype == torch.float32
    assert float(result.min()) >= 0
    assert float(result.max()) <= 1.2
    inside = torch.as_tensor(ball((24, 24, 24), (12, 12, 12), 8))
    assert float(result[~inside].mean()) < 0.05
    assert 0.8 < float(result[inside].mean()) < 1


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (37.0, -1000.0), (1e-4, 0.2)])
def test_normalising_takes_out_gain_and_offset(gain, offset, rng):
    values = ndimage.gaussian_filter(rng.normal(size=(20, 22)), 2)
    plain = images.normalise(values.astype(np.float32), CPU)
    changed = images.normalise((gain * values + offset).astype(np.float32), CPU)
    torch.testing.assert_close(changed, plain, atol=5e-3, rtol=0)


def test_a_constant_image_is_normalised_to_zero():
    assert float(images.normalise(np.full((6, 6), 5, np.float32), CPU).abs().max()) == 0


def test_an_almost_empty_image_keeps_its_few_bright_voxels():
    values = np.zeros((40, 40), np.float32)
    values[10, 10] = 3
    assert float(images.normalise(values, CPU).max()) > 0.9


def test_the_foreground_is_the_mask_where_there_is_one():
    mask = ball((12, 13), (6, 6), 3)
    found = images.foreground(image_of(np.ones((12, 13)), mask=mask))
    np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize(("shape", "spacing"), [((40, 44), (1.0, 2.0)), ((30, 32, 20), (1.0, 1.0, 3.0))])
def test_a_crop_holds_the_foreground_with_its_margin(shape, spacing):
    inside = ball(shape, [n // 2 + 1 for n in shape], 6)
    image = image_of(inside.astype(float), spacing)
    box = images.crop_to_foreground(image, margin=4.0)
    start = np.round((box.vox2ras - image.grid.vox2ras)[:-1, -1] / spacing).astype(int)
    for axis, (first, count) in enumerate(zip(start, box.shape, strict=True)):
        hit = np.flatnonzero(inside.any(axis=tuple(a for a in range(len(shape)) if a != axis)))
        pad = int(np.ceil(4.0 / spacing[axis]))
        assert first == max(0, hit[0] - pad)
        assert first + count == min(shape[axis], hit[-1] + pad + 1)


def test_an_image_without_foreground_is_not_cropped():
    image = image_of(np.ones((8, 9)), mask=np.zeros((8, 9), bool))
    assert images.crop_to_foreground(image, 1.0).shape == (8, 9)
    np.testing.assert_allclose(images.centroid(image), [3.5, 4.0])


def test_the_centroid_is_that_of_the_foreground_in_mm():
    image = image_of(ball((31, 33, 20), (14, 18, 9), 5).astype(float), (1.0, 2.0, 3.0))
    np.testing.assert_allclose(images.centroid(image), [14, 36, 27], atol=1e-6)


def test_resampling_onto_the_own_grid_changes_nothing(rng):
    image = image_of(rng.uniform(size=(9, 10, 11)), (1.0, 2.0, 3.0))
    found = images.resample(image, image.grid, np.eye(4))
    torch.testing.assert_close(found, image.values, atol=1e-5, rtol=0)


def test_resampling_goes_through_space(rng):
    moving = rng.uniform(size=(15, 16))
    image = image_of(moving, (2.0, 1.0))
    onto = Grid((6, 7), np.array([[1.0, 0, 3], [0, 1, 2], [0, 0, 1]]))
    shift = np.array([[1.0, 0, 1.5], [0, 1, -0.25], [0, 0, 1]])
    x, y = np.meshgrid(np.arange(6), np.arange(7), indexing="ij")
    expected = ndimage.map_coordinates(moving, [(x + 4.5) / 2, y + 1.75], order=1)
    np.testing.assert_allclose(images.resample(image, onto, shift), expected, atol=1e-5)


def test_blurring_for_a_coarser_grid_leaves_thick_axes_alone(rng):
    image = image_of(rng.uniform(size=(20, 21, 8)), (1.0, 1.0, 6.0))
    blurred = image.blurred_to(4.0).values
    expected = ndimage.gaussian_filter(image.values.numpy(), (2, 2, 0), mode="nearest", radius=(6, 6, 0))
    np.testing.assert_allclose(blurred, expected, atol=1e-5)
    torch.testing.assert_close(image.blurred_to(1.0).values, image.values, rtol=0, atol=0)


def test_a_few_bright_voxels_on_a_large_offset_are_the_foreground():
    values = np.full((40, 40, 40), -1024, np.float32)
    values[20, 20, 18:22] = 300
    result = images.normalise(values, CPU)
    assert float(result[20, 20, 20]) > 0.9
    assert float(result[0, 0, 0]) == 0


def test_a_reduced_image_covers_the_same_box_and_keeps_thick_axes(rng):
    values = ndimage.gaussian_filter(rng.normal(size=(40, 33, 6)), (6, 6, 1))
    reduced = image_of(values, (1.0, 1.0, 5.0), values > 0).reduced_to(3.0)
    assert reduced.grid.shape == (13, 11, 6)
    np.testing.assert_allclose(reduced.grid.vox2ras @ [12, 10, 5, 1], [39, 32, 25, 1])
    expected = ndimage.zoom(
        ndimage.gaussian_filter(values, (1.5, 1.5, 0), mode="nearest"), (13 / 40, 11 / 33, 1), order=1
    )
    np.testing.assert_allclose(reduced.values, expected, atol=0.02 * np.ptp(values))
    assert reduced.mask is not None
    assert float((reduced.mask == (reduced.values > 0)).float().mean()) > 0.95


@pytest.mark.parametrize("shape", [(12, 9, 8), (10, 14)])
def test_pooling_keeps_places_and_values(shape):
    spacing = (1.0, 2.0, 0.7)[: len(shape)]
    places = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"))
    values = sum(place * step for place, step in zip(places, spacing, strict=True)).astype(np.float32)
    pooled = image_of(values, spacing).pooled_to(2.1)
    assert pooled.grid.shape == tuple(-(-n // int(2.1 / step)) for n, step in zip(shape, spacing, strict=True))
    # What grows linearly in space is the same wherever it is asked for, but where a block is cut off at the end.
    inner = tuple(slice(0, n // int(2.1 / step)) for n, step in zip(shape, spacing, strict=True))
    voxels = np.stack(np.meshgrid(*[np.arange(n) for n in pooled.grid.shape], indexing="ij"), -1)
    ras = voxels @ pooled.grid.vox2ras[:-1, :-1].T + pooled.grid.vox2ras[:-1, -1]
    start = image_of(values, spacing).grid.vox2ras[:-1, -1]
    np.testing.assert_allclose(pooled.values.numpy()[inner], (ras - start).sum(-1)[inner], rtol=1e-5)


def test_pooling_leaves_coarse_images_as_they_are():
    image = image_of(np.ones((6, 7), np.float32), (2.0, 3.0))
    assert image.pooled_to(2.0).grid.shape == (6, 7)


@pytest.mark.parametrize("shape", [(20, 23), (15, 16, 13), (18, 17, 1)])
def test_hidden_voxels_are_filled_from_what_surrounds_them(shape):
    index = np.indices(shape)
    ramp = torch.tensor(1.0 + 0.1 * index[0] + 0.05 * index[1], dtype=torch.float32)
    shown = torch.tensor(np.abs(index[0] - 9) + np.abs(index[1] - 8) > 3)
    grid = Grid(shape, np.eye(len(shape) + 1))
    filled = Image(torch.where(shown, ramp, 9.0), grid, shown).filled()
    assert torch.equal(filled.values[shown], ramp[shown])
    assert float((filled.values - ramp).abs()[~shown].max()) < 0.5
    assert filled.mask is shown
    unmasked = Image(ramp, grid)
    assert unmasked.filled() is unmasked
