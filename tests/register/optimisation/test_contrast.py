from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.phantoms.brains.brains import brain_pair, slice_pair
from vision_cli.register.optimisation.contrast import relate_intensities, subject
from vision_cli.register.optimisation.images import Image
from vision_cli.register.transforms.fields import Grid

EYE = np.eye(3)


@pytest.fixture(scope="module")
def stripped():
    """A slice of a brain with background 0 and tissue from 0.05 to 1."""
    pair = slice_pair(4, (64, 72), (3.0, 3.0), strip=True)
    inside = pair.fixed_labels > 0
    values = pair.fixed / np.quantile(pair.fixed[inside], 0.99)
    return Image(torch.from_numpy(np.where(inside, values.clip(0.05, 1), 0).astype(np.float32)), Grid((64, 72), EYE))


def changed(image, values, mask=None):
    return Image(torch.as_tensor(values, dtype=torch.float32), image.grid, mask)


def inverted(image):
    return changed(image, torch.where(image.values > 0, 1.1 - image.values, 0))


def relation(fixed, moving):
    return relate_intensities(fixed, moving, fixed.grid, EYE)


@settings(max_examples=8)
@given(gamma=st.floats(0.4, 2.5), gain=st.floats(0.5, 1.1))
def test_a_gain_and_a_gamma_keep_the_contrast(stripped, gamma, gain):
    found = relation(stripped, changed(stripped, gain * stripped.values**gamma))
    assert found.is_increasing
    assert found.explained > 0.7
    assert found.increasing == pytest.approx(found.explained, rel=0.02)


def test_an_inverted_contrast_is_recognised_and_mapped_back(stripped):
    found = relation(stripped, inverted(stripped))
    assert not found.is_increasing
    assert found.explained > 0.9
    assert found.increasing < 0.1
    back = found.mapped(inverted(stripped)).values
    assert np.corrcoef(back.ravel(), stripped.values.ravel())[0, 1] > 0.99
    assert float(back[stripped.values == 0].max()) < 0.1


def test_a_second_contrast_of_a_head_is_not_increasing():
    pair = slice_pair(6, (64, 72), (3.0, 3.0), ("t1", "t2"), strip=True)
    fixed, moving = (
        Image(torch.from_numpy((values / values.max()).astype(np.float32)), Grid(values.shape, EYE))
        for values in (pair.fixed, pair.moving)
    )
    assert not relation(fixed, moving).is_increasing


def test_images_without_a_relation_are_left_as_they_are(stripped):
    noise = np.random.default_rng(0).random(stripped.grid.shape)
    found = relation(stripped, changed(stripped, noise))
    assert found.explained < 0.05
    assert found.is_increasing
    empty = relation(changed(stripped, np.zeros(stripped.grid.shape)), stripped)
    assert (empty.explained, empty.is_increasing) == (0.0, True)


def test_masked_voxels_do_not_count(stripped):
    """A third of the moving image has the opposite contrast and is masked."""
    mask = torch.ones(stripped.grid.shape, dtype=torch.bool)
    mask[:24] = False
    part = torch.where(mask, stripped.values, inverted(stripped).values)
    whole, masked = (relation(stripped, changed(stripped, part, own)) for own in (None, mask))
    assert masked.explained > 0.95 > whole.explained
    assert masked.increasing == pytest.approx(masked.explained, rel=0.01)


@pytest.mark.parametrize("dim", [2, 3])
def test_the_subject_includes_dark_tissue_that_it_encloses(dim):
    values = np.zeros((24,) * dim, np.float32)
    values[(slice(4, 20),) * dim] = 1
    values[(slice(8, 16),) * dim] = 0
    if dim == 3:
        # Open on one side: closed in the slices of two directions.
        values[8:16, 8:16, :16] = 0
    inside = subject(Image(torch.from_numpy(values), Grid(values.shape, np.eye(dim + 1)))).numpy()
    expected = np.zeros_like(inside)
    expected[(slice(4, 20),) * dim] = True
    assert (inside == expected).mean() > 0.98


def test_a_relation_is_found_under_the_linear_alignment():
    pair = brain_pair(3, (24, 28, 24), (8.0, 8.0, 8.0), moving_axcodes="LIA")
    fixed, moving = (
        Image(torch.from_numpy((values / values.max()).astype(np.float32)), Grid(values.shape, vox2ras))
        for values, vox2ras in ((pair.fixed, pair.fixed_vox2ras), (pair.moving, pair.moving_vox2ras))
    )
    aligned, apart = (
        relate_intensities(fixed, moving, fixed.grid, matrix).explained
        for matrix in (pair.fixed_to_moving_ras, np.diag([-1.0, -1.0, -1.0, 1.0]))
    )
    assert aligned > apart
