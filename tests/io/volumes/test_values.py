from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from vision_cli.core.errors import InputError
from vision_cli.io.volumes.values import as_stored, picture_dtype
from vision_cli.io.volumes.volumes import read_volume, write_volume


def test_nan_is_outside_of_the_subject_and_few_infinite_values_as_well(tmp_path, values):
    broken = values.copy()
    broken.flat[:5] = np.nan, np.inf, -np.inf, np.nan, np.nan
    nib.save(nib.Nifti1Image(broken, np.eye(4)), tmp_path / "few.nii")
    volume = read_volume(tmp_path / "few.nii")
    lowest = broken[np.isfinite(broken)].min()
    assert (volume.data.flat[:5] == lowest).all()
    assert "5 voxels (4.17%)" in volume.notes[0]
    broken.flat[5:80] = np.nan
    nib.save(nib.Nifti1Image(broken, np.eye(4)), tmp_path / "masked.nii")
    assert (read_volume(tmp_path / "masked.nii").data.flat[:80] == broken[np.isfinite(broken)].min()).all()
    nib.save(nib.Nifti1Image(np.where(np.isfinite(broken), 1, np.nan), np.eye(4)), tmp_path / "labels.nii")
    np.testing.assert_array_equal(read_volume(tmp_path / "labels.nii", kind="labels").data, np.isfinite(broken))


@pytest.mark.parametrize(
    ("value", "said"), [(np.nan, "all voxels are NaN"), (np.inf, r"50\.0% of the voxels are infinite")]
)
def test_images_without_finite_values_and_with_many_infinite_ones_are_refused(tmp_path, values, value, said):
    broken = values.copy()
    broken.flat[: broken.size // (2 if np.isinf(value) else 1)] = value
    nib.save(nib.Nifti1Image(broken, np.eye(4)), tmp_path / "many.nii")
    with pytest.raises(InputError, match=said):
        read_volume(tmp_path / "many.nii")


def test_images_without_contrast_and_empty_masks_are_refused(tmp_path):
    write_volume(tmp_path / "flat.nii", np.full((3, 3, 3), 7.0), np.eye(4))
    write_volume(tmp_path / "empty.nii", np.zeros((3, 3, 3), bool), np.eye(4))
    with pytest.raises(InputError, match="every voxel is 7"):
        read_volume(tmp_path / "flat.nii")
    with pytest.raises(InputError, match="every voxel of the mask is 0"):
        read_volume(tmp_path / "empty.nii", kind="mask")
    assert read_volume(tmp_path / "flat.nii", kind="mask").data.all()


def test_values_beyond_float32_are_refused(tmp_path, values):
    write_volume(tmp_path / "a.nii", values.astype(np.float64) * 1e60, np.eye(4))
    with pytest.raises(InputError, match="within float32"):
        read_volume(tmp_path / "a.nii")


def test_labels_are_integers(tmp_path):
    for name, value in (("near", 3.0005), ("far", 3.01), ("large", 3e9), ("beyond", 5e9)):
        write_volume(tmp_path / f"{name}.nii", np.array([[[0.0, value]]]), np.eye(4))
    near = read_volume(tmp_path / "near.nii", kind="labels").data
    assert near.dtype == np.int32
    np.testing.assert_array_equal(near, [[0, 3]] if near.ndim == 2 else [[[0, 3]]])
    with pytest.raises(InputError, match=r"label 3\.01; integers"):
        read_volume(tmp_path / "far.nii", kind="labels")
    assert read_volume(tmp_path / "large.nii", kind="labels").data.max() == 3_000_000_000
    with pytest.raises(InputError, match="labels 0 to 5000000000"):
        read_volume(tmp_path / "beyond.nii", kind="labels")


def test_labels_of_uint32_are_written_as_they_were_read(tmp_path):
    labels = np.array([0, 5, 3_000_000_000, 7], np.uint32).reshape(2, 2, 1).repeat(2, axis=2)
    write_volume(tmp_path / "a.nii", labels, np.eye(4))
    read = read_volume(tmp_path / "a.nii", kind="labels")
    write_volume(tmp_path / "b.nii", read.data, read.vox2ras, read.dtype)
    assert (tmp_path / "a.nii").read_bytes() == (tmp_path / "b.nii").read_bytes()


def test_reals_are_rounded_and_clipped_to_the_type_of_the_file(tmp_path):
    values = np.array([-1e12, -1.6, 0.4, 2.5, 3.5, 1e12, np.nan]).reshape(1, 1, -1)
    for dtype in (np.int16, np.int32, np.int64, np.uint8):
        write_volume(tmp_path / "a.mha", values, np.eye(4), dtype)
        stored = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.mha"))).ravel()
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        expected = np.clip([-(10**12), -2, 0, 2, 4, 10**12, 0], low, high)
        np.testing.assert_array_equal(stored, expected)


@pytest.mark.parametrize(
    ("values", "wanted", "stored"),
    [
        ([0, 5], np.int64, np.int32),
        ([0, 2**40], np.int64, np.int64),
        ([-1, 5], np.uint64, np.uint32),
        ([0.5, 5], np.float16, np.float32),
        ([0.5, 5], np.longdouble, np.float64),
        ([0, 1], bool, np.uint8),
        ([0, 5], ">i2", np.int16),
    ],
)
def test_types_that_few_tools_read_become_their_neighbours(tmp_path, values, wanted, stored):
    data = np.array(values)
    found = as_stored(data, np.dtype(wanted))
    assert found.dtype == np.dtype(stored).newbyteorder("=")
    np.testing.assert_array_equal(found, np.maximum(data, 0))
    for suffix in (".nii", ".mha", ".nrrd", ".npz"):
        write_volume(tmp_path / f"a{suffix}", data.reshape(1, 1, 2), np.eye(4), wanted)
        assert read_volume(tmp_path / f"a{suffix}").dtype == stored


@pytest.mark.parametrize(
    ("greatest", "wanted", "suffix", "kind"),
    [
        (200, "f4", ".png", "u1"),
        (300, "f4", ".png", "u2"),
        (300, "f8", ".tif", "f4"),
        (300, "i2", ".tif", "u2"),
        (300, "u1", ".png", "u1"),
    ],
)
def test_a_picture_takes_the_nearest_type(greatest, wanted, suffix, kind):
    assert picture_dtype(np.array([[0, greatest]]), np.dtype(wanted), suffix) == np.dtype(kind)
