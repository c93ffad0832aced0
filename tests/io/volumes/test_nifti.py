from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.io.volumes.volumes import read_volume, write_volume


@pytest.fixture
def patched(tmp_path, values):
    """A file with some fields of its header set to what libraries would not write."""

    def write(name="a.nii", **fields):
        header = nib.Nifti1Header()
        header.set_data_shape(values.shape)
        header.set_data_dtype(np.float32)
        header["magic"], header["vox_offset"] = b"n+1", 352
        for field, value in fields.items():
            header[field] = value
        path = tmp_path / name
        path.write_bytes(header.binaryblock + bytes(4) + values.tobytes(order="F"))
        return path

    return write


def test_the_sform_is_used_and_a_differing_qform_noted(tmp_path, values, grid):
    image = nib.Nifti1Image(values, None)
    image.set_sform(grid("LIA"), 1)
    image.set_qform(grid("RAS"), 1)
    nib.save(image, tmp_path / "both.nii")
    both = read_volume(tmp_path / "both.nii")
    np.testing.assert_allclose(both.vox2ras, grid("LIA"))
    assert both.notes == ("sform (code 1) and qform (code 1) differ; the sform was used",)
    image.set_sform(None, 0)
    nib.save(image, tmp_path / "qform.nii")
    np.testing.assert_allclose(read_volume(tmp_path / "qform.nii").vox2ras, grid("RAS"))


def test_a_qform_that_differs_by_less_than_a_tenth_of_a_mm_is_no_note(tmp_path, values, grid):
    image = nib.Nifti1Image(values, None)
    image.set_sform(grid(degrees=(20.0, 5.0, 1.0)), 1)
    image.set_qform(grid(degrees=(20.001, 5.0, 1.0)), 1)
    nib.save(image, tmp_path / "a.nii")
    assert read_volume(tmp_path / "a.nii").notes == ()


def test_without_sform_and_qform_the_grid_is_itks(tmp_path, values, assert_same_points_as_itk):
    image = nib.Nifti1Image(values, None)
    image.header.set_zooms((1.0, 2.0, 3.0))
    nib.save(image, tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    assert_same_points_as_itk(tmp_path / "a.nii", volume)
    assert "neither sform nor qform" in volume.notes[0]


def test_an_invalid_qform_is_ignored_where_there_is_an_sform(patched):
    rows = {"sform_code": 1, "srow_x": [1, 0, 0, 0], "srow_y": [0, 1, 0, 0], "srow_z": [0, 0, 1, 0]}
    wrong = {"qform_code": 1, "quatern_b": 0.9, "quatern_c": 0.9}
    assert read_volume(patched(**rows, **wrong)).notes == ("the qform is invalid and was ignored",)
    with pytest.raises(InputError, match="w2 should be positive"):
        read_volume(patched(**wrong))


@pytest.mark.parametrize(("pixdim", "note"), [(0, "non-zero; setting 0 dims to 1"), (-2, "positive; setting to abs")])
def test_voxel_sizes_that_cannot_be_are_repaired_with_a_note(patched, pixdim, note):
    volume = read_volume(patched(qform_code=1, pixdim=[1, pixdim, 1, 1, 1, 1, 1, 1]))
    assert volume.spacing == (abs(pixdim) or 1.0, 1.0, 1.0)
    (found,) = volume.notes
    assert note in found


@pytest.mark.parametrize(
    ("column", "match"), [([0, 0, 0], "voxel spacing"), ([np.nan, 0, 0], "spacing"), ([0, 1, 0], "singular")]
)
def test_an_sform_without_an_inverse_is_refused(patched, column, match):
    x, y, z = column
    path = patched(sform_code=1, srow_x=[x, 0, 0, 0], srow_y=[y, 1, 0, 0], srow_z=[z, 0, 1, 0])
    with pytest.raises(InputError, match=match):
        read_volume(path)


def test_micrometres_become_mm(tmp_path, values, assert_same_points_as_itk):
    image = nib.Nifti1Image(values, np.diag([500.0, 500, 500, 1]))
    image.header.set_xyzt_units("micron")
    nib.save(image, tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    assert volume.spacing == (0.5, 0.5, 0.5)
    assert_same_points_as_itk(tmp_path / "a.nii", volume)


def test_both_forms_units_and_type_are_written(tmp_path, values, grid):
    write_volume(tmp_path / "a.nii.gz", values * 100, grid("LIA"), np.int16)
    image = nib.load(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(image.header.get_sform(), grid("LIA"))
    np.testing.assert_allclose(image.header.get_qform(), grid("LIA"), atol=1e-6)
    assert image.header["sform_code"] == image.header["qform_code"] == 1
    assert image.header.get_xyzt_units()[0] == "mm"
    assert image.get_data_dtype() == np.int16
    assert gzip.decompress((tmp_path / "a.nii.gz").read_bytes())[344:347] == b"n+1"


def test_an_image_of_one_slice_is_2d(tmp_path, values, grid):
    nib.save(nib.Nifti1Image(values[..., :1], grid("LAS")), tmp_path / "a.nii")
    nib.save(nib.Nifti1Image(values[..., 0], grid("LAS")), tmp_path / "b.nii")
    for name in ("a.nii", "b.nii"):
        volume = read_volume(tmp_path / name)
        assert volume.shape == (6, 5)
        np.testing.assert_allclose(volume.vox2ras, [[-1, 0, -20], [0, 1, 31], [0, 0, 1]])
        assert volume.notes == ()


def test_a_trailing_axis_of_one_is_dropped_and_a_volume_is_picked(tmp_path, values):
    nib.save(nib.Nifti1Image(values[..., None], np.eye(4)), tmp_path / "one.nii")
    assert read_volume(tmp_path / "one.nii").shape == (6, 5, 4)
    nib.save(nib.Nifti1Image(np.stack([values, 2 * values], axis=-1), np.eye(4)), tmp_path / "series.nii")
    np.testing.assert_array_equal(read_volume(tmp_path / "series.nii", volume=1).data, 2 * values)
    with pytest.raises(InputError, match=r"4D image \(6, 5, 4, 2\); 3D expected") as caught:
        read_volume(tmp_path / "series.nii")
    assert "--volume N" in str(caught.value.hint)


def test_freesurfer_volumes_are_read(tmp_path, values, grid):
    nib.save(nib.MGHImage(values, grid("LIA").astype(np.float32)), tmp_path / "a.mgz")
    volume = read_volume(tmp_path / "a.mgz")
    np.testing.assert_allclose(volume.vox2ras, grid("LIA"), atol=1e-4)
    np.testing.assert_array_equal(volume.data, values)


def test_scaled_integers_are_stored_as_reals(tmp_path, values):
    image = nib.Nifti1Image(values, np.eye(4))
    image.header.set_data_dtype(np.int16)
    nib.save(image, tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    np.testing.assert_allclose(volume.data, values, atol=1e-4)
    assert volume.dtype == np.float32


def test_values_of_the_other_byte_order_are_read(tmp_path, values):
    swapped = nib.Nifti1Image(values, np.eye(4)).header.as_byteswapped(">")
    nib.save(nib.Nifti1Image(values, np.eye(4), swapped), tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    np.testing.assert_array_equal(volume.data, values)
    assert volume.dtype == np.dtype("=f4")


def test_colours_and_complex_numbers_are_refused(tmp_path, values):
    colours = np.zeros((4, 4, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(colours, np.eye(4)), tmp_path / "rgb.nii")
    nib.save(nib.Nifti1Image(values.astype(np.complex64), np.eye(4)), tmp_path / "complex.nii")
    with pytest.raises(InputError, match="colour"):
        read_volume(tmp_path / "rgb.nii")
    with pytest.raises(InputError, match="complex"):
        read_volume(tmp_path / "complex.nii")


@pytest.mark.parametrize("name", ["bomb.nii", "bomb.nii.gz"])
def test_a_header_that_claims_more_than_the_memory_is_refused_before_reading(tmp_path, name):
    header = nib.Nifti1Header()
    header.set_data_shape((30000, 30000, 30000))
    header.set_data_dtype(np.uint8)
    content = header.binaryblock + bytes(100)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(InputError, match=r"claims \(30000, 30000, 30000\) voxels, 125728\.\d GiB"):
        read_volume(tmp_path / name)


def test_a_header_that_claims_more_than_the_file_holds_is_refused_before_reading(tmp_path, patched):
    path = patched(dim=[3, 600, 600, 600, 1, 1, 1, 1])
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(path.read_bytes()))
    for name in ("a.nii", "a.nii.gz"):
        with pytest.raises(InputError, match="cut short, 832 bytes; 864000352 bytes by its header"):
            read_volume(tmp_path / name)
