from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import brain_labels
from vision_cli.phantoms.brains.heads import OUTSIDE_THE_SKULL
from vision_cli.register.training.subjects import SPACING_MM, generate_subjects, read_subjects, slices_of, soft_labels


def dice(one, two):
    scores = [
        2 * ((one == n) & (two == n)).sum() / ((one == n).sum() + (two == n).sum()) for n in np.unique(one) if n != 0
    ]
    return float(np.mean(scores))


def test_turned_maps_are_aligned(tmp_path):
    labels = brain_labels((56, 68, 56), (3.0, 3.0, 3.0), np.random.default_rng(1))
    vox2ras = np.diag([3.0, 3.0, 3.0, 1.0])
    write_volume(tmp_path / "a.nii.gz", labels, vox2ras)
    turned = ndimage.rotate(labels, 9, axes=(0, 1), order=0, reshape=False)
    # Stored from left to right and 20 mm away besides.
    flip = np.diag([-3.0, 3.0, 3.0, 1.0])
    flip[:3, 3] = 165.0, 20.0, 0.0
    write_volume(tmp_path / "b.nii.gz", turned[::-1].copy(), flip)
    first, second = read_subjects(tmp_path)
    assert first.labels.shape == second.labels.shape
    assert first.labels.dtype == np.uint8
    assert dice(first.labels, second.labels) > 0.75


def test_of_freesurfers_maps_the_brain_stays_and_the_fluid_in_its_folds(tmp_path):
    labels = np.zeros((60, 60, 60), np.int16)
    labels[5:55, 5:55, 5:55] = 24
    labels[10:50, 10:50, 10:50] = 2
    labels[30:50, 10:50, 10:50] = 41
    labels[28:31, 15:45, 15:45] = 24
    labels[20:24, 20:24, 20:24] = 0
    labels[:4] = 165
    for name in "ab":
        write_volume(tmp_path / f"{name}.nii.gz", labels, np.diag([2.0, 2.0, 2.0, 1.0]))
    (subject, _) = read_subjects(tmp_path)
    assert set(np.unique(subject.labels)) == {0, 2, 24, 41}
    inside = np.argwhere(subject.labels > 0)
    assert tuple(np.ptp(inside, axis=0) + 1) == (40, 40, 40)
    # The hole and the fold are filled with fluid; that around the brain is gone.
    assert (subject.labels == 24).sum() == 3 * 30**2 + 4**3


def test_maps_with_other_numbers_are_left_as_they_are(tmp_path):
    labels = np.zeros((40, 40, 40), np.uint8)
    labels[8:30, 8:30, 8:30] = 200
    labels[10:20, 10:20, 10:20] = 7
    for name in "ab":
        write_volume(tmp_path / f"{name}.nrrd", labels, np.diag([2.0, 2.0, 2.0, 1.0]))
    (subject, _) = read_subjects(tmp_path)
    assert {int(n): int((subject.labels == n).sum()) for n in (7, 200)} == {7: 1000, 200: 22**3 - 1000}


def test_generated_subjects_follow_the_seed_and_end_at_the_skull():
    (one,), (again,), (other,) = (generate_subjects(1, seed) for seed in (3, 3, 4))
    assert np.array_equal(one.labels, again.labels)
    assert not np.array_equal(one.labels, other.labels)
    assert not np.isin(one.labels, OUTSIDE_THE_SKULL).any()
    assert 900 < (one.labels > 0).sum() * SPACING_MM**3 / 1000 < 2100


def test_slices_of_one_height_form_a_group():
    subjects = generate_subjects(2, 0)
    slices = slices_of(subjects)
    assert len({s.group for s in slices}) == len(slices) / 2
    for group in {s.group for s in slices}:
        one, two = (s.labels for s in slices if s.group == group)
        assert one.ndim == 2
        assert not np.array_equal(one, two)


@pytest.mark.parametrize("spacing", [2.0, 3.0, 4.5])
def test_shares_add_up_and_keep_the_volume(spacing):
    labels = np.zeros((48, 48), np.uint8)
    labels[12:36, 9:30] = 5
    numbers, parts = soft_labels(labels, spacing, torch.device("cpu"))
    assert numbers == (0, 5)
    assert tuple(parts.shape[1:]) == (round(48 * 2 / spacing),) * 2
    torch.testing.assert_close(parts.float().sum(0), torch.ones(parts.shape[1:]), atol=2e-3, rtol=0)
    assert float(parts[1].float().sum()) * spacing**2 == pytest.approx(24 * 21 * 4, rel=0.06)
