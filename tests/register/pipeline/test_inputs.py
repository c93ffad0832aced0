"""The files of a pair are read and checked against each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import Difference, slice_pair
from vision_cli.register.options.pair_files import PairFiles
from vision_cli.register.pipeline.inputs import grid_of, read_pair, require_similar_sizes

BENT = Difference(deform_mm=4, correlation_mm=40, shift_mm=6, angle_deg=6, stretch=0.03)


@pytest.fixture(scope="module")
def phantom():
    return slice_pair(9, (64, 72), (3.0, 3.0), difference=BENT)


def written(folder, phantom):
    write_volume(folder / "fixed.nii.gz", phantom.fixed, phantom.fixed_vox2ras)
    write_volume(folder / "moving.nii.gz", phantom.moving, phantom.moving_vox2ras)
    return PairFiles(fixed=folder / "fixed.nii.gz", moving=folder / "moving.nii.gz")


def test_images_of_two_and_three_axes_do_not_mix(phantom, tmp_path):
    files = written(tmp_path, phantom)
    write_volume(tmp_path / "moving.nii.gz", np.arange(336, dtype=np.float32).reshape(6, 7, 8), np.eye(4))
    with pytest.raises(InputError, match=r"moving\.nii\.gz: 3D found; 2D, as .* expected"):
        read_pair(files)


@pytest.mark.parametrize(("turn_deg", "is_said"), [(10, False), (80, True)])
def test_slices_in_different_planes_are_said(phantom, tmp_path, turn_deg, is_said):
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turned = np.array([[3.0, 0, 0, -90], [0, 3 * cos, -5 * sin, -100], [0, 3 * sin, 5 * cos, 7], [0, 0, 0, 1]])
    for side, vox2ras in (("fixed", np.diag([3.0, 3.0, 5.0, 1.0])), ("moving", turned)):
        write_volume(tmp_path / f"{side}.nii.gz", getattr(phantom, side)[..., None], vox2ras)
    pair = read_pair(PairFiles(fixed=tmp_path / "fixed.nii.gz", moving=tmp_path / "moving.nii.gz"))
    assert any("planes of the two slices are at 80 degrees" in note for note in pair.notes) is is_said


def test_labels_of_other_axes_than_their_image_are_refused(phantom, tmp_path):
    write_volume(tmp_path / "labels.nii.gz", np.ones((6, 7, 8), np.uint8), np.eye(4))
    with pytest.raises(InputError, match=r"labels\.nii\.gz: 3D found; 2D"):
        read_pair(replace(written(tmp_path, phantom), fixed_label=tmp_path / "labels.nii.gz"))


def test_landmarks_without_partners_are_refused(phantom, tmp_path):
    for name, count in (("fixed.csv", 3), ("moving.csv", 2)):
        (tmp_path / name).write_text("x_lps,y_lps\n" + "1,2\n" * count)
    with pytest.raises(InputError, match="2 points found; 3, as the fixed ones, expected"):
        read_pair(
            replace(
                written(tmp_path, phantom),
                fixed_points=tmp_path / "fixed.csv",
                moving_points=tmp_path / "moving.csv",
            )
        )


def test_a_pair_is_read_with_what_comes_with_it(phantom, tmp_path):
    moved = phantom.fixed_vox2ras.copy()
    moved[0, 2] += 10
    write_volume(tmp_path / "labels.nii.gz", phantom.fixed_labels, moved)
    pair = read_pair(replace(written(tmp_path, phantom), fixed_label=tmp_path / "labels.nii.gz"))
    np.testing.assert_allclose(pair.fixed.data, phantom.fixed, atol=1e-5)
    np.testing.assert_allclose(grid_of(pair.moving).vox2ras, phantom.moving_vox2ras, atol=1e-4)
    assert pair.moving_mask is None
    assert any("same shape as fixed.nii.gz but another position in space" in note for note in pair.notes)


@pytest.mark.parametrize(("scale", "refused"), [(0.01, True), (1000, True), (0.3, False), (3.9, False)])
def test_sizes_that_differ_by_more_than_a_factor_of_four_are_refused(phantom, tmp_path, scale, refused):
    files = written(tmp_path, phantom)
    write_volume(files.moving, phantom.moving, np.diag([scale, scale, 1]) @ phantom.moving_vox2ras)
    pair = read_pair(files)
    if not refused:
        require_similar_sizes(pair)
        return
    with pytest.raises(InputError, match=r"moving\.nii\.gz: an image of .* mm found; .* within a factor of 4 expected"):
        require_similar_sizes(pair)
