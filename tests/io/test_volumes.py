from __future__ import annotations

import gzip
from itertools import pairwise

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import InputError
from vision_cli.io.volumes import read_volume, write_volume

RNG = np.random.default_rng(0)
VALUES = RNG.random((6, 5, 4), dtype=np.float32)
FORMATS = (".nii", ".nii.gz", ".mha", ".nrrd")


def rotation(*degrees: float) -> np.ndarray:
    turn = np.eye(3)
    for angle, (a, b) in zip(np.radians(degrees), ((0, 1), (1, 2), (0, 2)), strict=True):
        step = np.eye(3)
        step[[a, b], [a, b]], step[a, b], step[b, a] = np.cos(angle), -np.sin(angle), np.sin(angle)
        turn = turn @ step
    return turn


def grid(codes="RAS", spacing=(1.0, 1.0, 1.0), degrees=(0.0, 0.0, 0.0), origin=(-20.0, 31.0, 7.5)):
    """A grid with these axes, turned by some degrees."""
    vox2ras = np.eye(4)
    axes = nib.orientations.inv_ornt_aff(nib.orientations.axcodes2ornt(codes), (1, 1, 1))[:3, :3]
    vox2ras[:3, :3] = rotation(*degrees) @ np.linalg.inv(axes) * spacing
    vox2ras[:3, 3] = origin
    return vox2ras


GRIDS = {
    "RAS": grid(),
    "LAS": grid("LAS"),
    "LIA": grid("LIA", (1.0, 2.0, 3.0)),
    "PSR": grid("PSR", (0.5, 1.0, 4.0)),
    "oblique": grid("LPS", (0.8, 0.9, 3.3), (20.0, -13.0, 31.0)),
}


def assert_same_points_as_itk(path, vox2ras):
    image = sitk.ReadImage(str(path))
    ndim = image.GetDimension()
    for index in ([0] * ndim, [3, 2, 3][:ndim], [5, 1, 2][:ndim]):
        point = np.array(image.TransformIndexToPhysicalPoint(index))
        point[:2] *= -1
        np.testing.assert_allclose((vox2ras @ [*index, 1])[:-1], point, atol=1e-4)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", GRIDS)
def test_voxels_lie_where_itk_puts_them(tmp_path, name, suffix):
    path = tmp_path / f"a{suffix}"
    write_volume(path, VALUES, GRIDS[name])
    volume = read_volume(path)
    np.testing.assert_allclose(volume.vox2ras, GRIDS[name], atol=1e-5)
    np.testing.assert_array_equal(volume.data, sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T)
    np.testing.assert_array_equal(volume.data, VALUES)
    assert_same_points_as_itk(path, volume.vox2ras)
    assert volume.notes == ()
    if name != "oblique":
        assert "".join(volume.axcodes) == name


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("mirrored", [1, -1])
def test_pixels_lie_where_itk_puts_them(tmp_path, suffix, mirrored):
    path = tmp_path / f"a{suffix}"
    vox2ras = np.eye(3)
    vox2ras[:2, :2] = rotation(25, 0, 0)[:2, :2] * (0.7, 2.0 * mirrored)
    vox2ras[:2, 2] = 4, -9
    write_volume(path, VALUES[..., 0], vox2ras)
    volume = read_volume(path)
    assert sitk.ReadImage(str(path)).GetDimension() == 2
    assert_same_points_as_itk(path, volume.vox2ras)
    np.testing.assert_allclose(volume.vox2ras, vox2ras, atol=1e-5)
    np.testing.assert_allclose(volume.spacing, (0.7, 2.0), atol=1e-5)
    np.testing.assert_array_equal(volume.data, VALUES[..., 0])


def test_an_image_of_one_slice_is_2d(tmp_path):
    nib.save(nib.Nifti1Image(VALUES[..., :1], GRIDS["LAS"]), tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    assert volume.shape == (6, 5)
    np.testing.assert_allclose(volume.vox2ras, [[-1, 0, -20], [0, 1, 31], [0, 0, 1]])


def test_a_slice_across_the_body_keeps_its_pixel_sizes(tmp_path):
    nib.save(nib.Nifti1Image(VALUES[..., :1], GRIDS["LIA"]), tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    assert volume.spacing == (1.0, 2.0)
    assert "does not lie in the plane" in volume.notes[0]


def test_a_trailing_axis_of_one_is_dropped_and_a_volume_is_picked(tmp_path):
    nib.save(nib.Nifti1Image(VALUES[..., None], np.eye(4)), tmp_path / "one.nii")
    assert read_volume(tmp_path / "one.nii").shape == (6, 5, 4)
    series = np.stack([VALUES, 2 * VALUES], axis=-1)
    nib.save(nib.Nifti1Image(series, np.eye(4)), tmp_path / "series.nii")
    sitk.WriteImage(sitk.GetImageFromArray(series.T, isVector=False), str(tmp_path / "series.nrrd"))
    for name in ("series.nii", "series.nrrd"):
        np.testing.assert_array_equal(read_volume(tmp_path / name, volume=1).data, 2 * VALUES)
        with pytest.raises(InputError, match=r"4D image \(6, 5, 4, 2\); 3D") as caught:
            read_volume(tmp_path / name)
        assert "--volume N" in str(caught.value.hint)
        with pytest.raises(InputError, match="volume 2 asked for; 0 to 1"):
            read_volume(tmp_path / name, volume=2)


def test_freesurfer_volumes_are_read(tmp_path):
    nib.save(nib.MGHImage(VALUES, GRIDS["LIA"].astype(np.float32)), tmp_path / "a.mgz")
    volume = read_volume(tmp_path / "a.mgz")
    np.testing.assert_allclose(volume.vox2ras, GRIDS["LIA"], atol=1e-4)
    np.testing.assert_array_equal(volume.data, VALUES)


def test_the_sform_is_used_and_a_differing_qform_noted(tmp_path):
    image = nib.Nifti1Image(VALUES, None)
    image.set_sform(GRIDS["LIA"], 1)
    image.set_qform(GRIDS["RAS"], 1)
    nib.save(image, tmp_path / "both.nii")
    both = read_volume(tmp_path / "both.nii")
    np.testing.assert_allclose(both.vox2ras, GRIDS["LIA"])
    assert "the sform was used" in both.notes[0]
    image.set_sform(None, 0)
    nib.save(image, tmp_path / "qform.nii")
    np.testing.assert_allclose(read_volume(tmp_path / "qform.nii").vox2ras, GRIDS["RAS"])


def test_without_sform_and_qform_the_grid_is_itks(tmp_path):
    image = nib.Nifti1Image(VALUES, None)
    image.header.set_zooms((1.0, 2.0, 3.0))
    nib.save(image, tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    assert_same_points_as_itk(tmp_path / "a.nii", volume.vox2ras)
    assert "neither sform nor qform" in volume.notes[0]


def test_micrometres_become_mm(tmp_path):
    image = nib.Nifti1Image(VALUES, np.diag([500.0, 500, 500, 1]))
    image.header.set_xyzt_units("micron")
    nib.save(image, tmp_path / "a.nii")
    assert read_volume(tmp_path / "a.nii").spacing == (0.5, 0.5, 0.5)
    assert_same_points_as_itk(tmp_path / "a.nii", read_volume(tmp_path / "a.nii").vox2ras)


def test_sheared_axes_are_kept_and_noted(tmp_path):
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    write_volume(tmp_path / "a.nii", VALUES, sheared)
    volume = read_volume(tmp_path / "a.nii")
    np.testing.assert_allclose(volume.vox2ras, sheared, atol=1e-6)
    assert volume.notes == ("the axes are not at right angles; the matrix was used as it is",)


def test_scaled_integers_are_stored_as_reals(tmp_path):
    image = nib.Nifti1Image(VALUES, np.eye(4))
    image.header.set_data_dtype(np.int16)
    nib.save(image, tmp_path / "a.nii")
    volume = read_volume(tmp_path / "a.nii")
    np.testing.assert_allclose(volume.data, VALUES, atol=1e-4)
    assert volume.dtype == np.float32


def test_archives_are_read_by_their_keys(tmp_path):
    labels = np.arange(120).reshape(6, 5, 4)
    np.savez(tmp_path / "a.npz", vol=VALUES, seg=labels)
    image = read_volume(tmp_path / "a.npz")
    np.testing.assert_array_equal(image.data, VALUES)
    np.testing.assert_array_equal(image.vox2ras, np.eye(4))
    assert "1 mm" in image.notes[0]
    np.testing.assert_array_equal(read_volume(tmp_path / "a.npz", kind="labels").data, labels)
    np.savez(tmp_path / "b.npz", anything=VALUES, vox2ras=GRIDS["LIA"])
    np.testing.assert_array_equal(read_volume(tmp_path / "b.npz").vox2ras, GRIDS["LIA"])
    np.savez(tmp_path / "c.npz", a=VALUES, b=VALUES)
    with pytest.raises(InputError, match="arrays a, b; vol or vol_data"):
        read_volume(tmp_path / "c.npz")
    np.savez(tmp_path / "d.npz", vol=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="array vol of type object"):
        read_volume(tmp_path / "d.npz")


def write_dicom(folder, uid, count=4):
    folder.mkdir(exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k in range(count):
        piece = sitk.GetImageFromArray((VALUES[..., k].T * 1000).astype(np.int16)[None])
        piece.SetSpacing((0.5, 2.0, 3.0))
        tags = {
            "0008|0060": "CT",
            "0008|0018": f"{uid}.{k + 1}",
            "0020|000e": uid,
            "0020|000d": "1.2.3",
            "0020|0013": str(k),
            "0020|0032": f"10\\-20\\{3 * k}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for tag, value in tags.items():
            piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{uid}-{k}.dcm"))
        writer.Execute(piece)


def test_a_dicom_folder_is_read(tmp_path):
    write_dicom(tmp_path / "ct", "1.2.826.1")
    volume = read_volume(tmp_path / "ct")
    np.testing.assert_array_equal(volume.data, (VALUES * 1000).astype(np.int16))
    expected = [[-0.5, 0, 0, -10], [0, -2, 0, 20], [0, 0, 3, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(volume.vox2ras, expected)
    assert volume.notes == ()


def test_missing_dicom_slices_are_noted(tmp_path):
    write_dicom(tmp_path / "ct", "1.2.826.1")
    (tmp_path / "ct" / "1.2.826.1-1.dcm").unlink()
    assert "3.00 to 6.00 mm apart" in read_volume(tmp_path / "ct").notes[0]


def test_folders_of_several_series_or_none_are_refused(tmp_path):
    for uid in ("1.2.826.1", "1.2.826.2"):
        write_dicom(tmp_path / "ct", uid)
    with pytest.raises(InputError, match=r"2 DICOM series \(.*1\.2\.826\.1.*1\.2\.826\.2.*\); one"):
        read_volume(tmp_path / "ct")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="without DICOM"):
        read_volume(tmp_path / "empty")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mgz", "a.mha", "a.nrrd", "a.npz", "a.dcm"])
def test_what_is_missing_empty_or_no_image_is_refused_by_name(tmp_path, name):
    path = tmp_path / name
    for content, match in ((None, "no such file"), (b"", "0 bytes"), (b"words" * 200, "not an image")):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=match) as caught:
            read_volume(path)
        assert caught.value.message.startswith(f"{path}: ")
        assert "\n" not in caught.value.message


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mgz", ".mha", ".nrrd", ".npz"])
def test_a_file_cut_short_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    values = RNG.random((20, 20, 20), dtype=np.float32)
    if suffix == ".mgz":
        nib.save(nib.MGHImage(values, np.eye(4)), path)
    else:
        write_volume(path, values, np.eye(4))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="cut short"):
        read_volume(path)


def test_an_unknown_suffix_is_refused(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"x")
    with pytest.raises(InputError, match=r"not an image by its suffix; one of \.nii"):
        read_volume(tmp_path / "a.pkl")
    with pytest.raises(InputError, match=r"suffix \.pkl"):
        write_volume(tmp_path / "a.pkl", VALUES, np.eye(4))


def test_colours_and_complex_numbers_are_refused(tmp_path):
    colours = np.zeros((4, 4, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(colours, np.eye(4)), tmp_path / "rgb.nii")
    nib.save(nib.Nifti1Image(VALUES.astype(np.complex64), np.eye(4)), tmp_path / "complex.nii")
    vectors = sitk.GetImageFromArray(np.zeros((4, 4, 4, 3), np.float32), isVector=True)
    sitk.WriteImage(vectors, str(tmp_path / "rgb.mha"))
    with pytest.raises(InputError, match="colour"):
        read_volume(tmp_path / "rgb.nii")
    with pytest.raises(InputError, match="colour"):
        read_volume(tmp_path / "rgb.mha")
    with pytest.raises(InputError, match="complex"):
        read_volume(tmp_path / "complex.nii")


def test_a_header_that_claims_more_than_the_memory_is_refused_before_reading(tmp_path):
    header = nib.Nifti1Header()
    header.set_data_shape((30000, 30000, 30000))
    header.set_data_dtype(np.uint8)
    with gzip.open(tmp_path / "bomb.nii.gz", "wb") as stream:
        stream.write(header.binaryblock + bytes(100))
    with pytest.raises(InputError, match="the header claims"):
        read_volume(tmp_path / "bomb.nii.gz")


def test_few_values_that_are_not_finite_become_0_and_many_are_refused(tmp_path):
    values = VALUES.copy()
    values.flat[:5] = np.nan, np.inf, -np.inf, np.nan, np.nan
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "few.nii")
    volume = read_volume(tmp_path / "few.nii")
    assert not volume.data[values != VALUES].any()
    assert "5 voxels (4.17%)" in volume.notes[0]
    values.flat[5] = np.nan
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "many.nii")
    with pytest.raises(InputError, match=r"5\.0% of the voxels"):
        read_volume(tmp_path / "many.nii")


def test_images_without_contrast_and_empty_masks_are_refused(tmp_path):
    write_volume(tmp_path / "flat.nii", np.full((3, 3, 3), 7.0), np.eye(4))
    write_volume(tmp_path / "empty.nii", np.zeros((3, 3, 3), bool), np.eye(4))
    with pytest.raises(InputError, match="every voxel is 7"):
        read_volume(tmp_path / "flat.nii")
    with pytest.raises(InputError, match="every voxel of the mask is 0"):
        read_volume(tmp_path / "empty.nii", kind="mask")
    assert read_volume(tmp_path / "flat.nii", kind="mask").data.all()


def test_values_beyond_float32_are_refused(tmp_path):
    write_volume(tmp_path / "a.nii", VALUES.astype(np.float64) * 1e60, np.eye(4))
    with pytest.raises(InputError, match="within float32"):
        read_volume(tmp_path / "a.nii")


def test_labels_are_integers(tmp_path):
    for name, value in (("near", 3.0005), ("far", 3.01), ("large", 3e9)):
        write_volume(tmp_path / f"{name}.nii", np.array([[[0.0, value]]]), np.eye(4))
    near = read_volume(tmp_path / "near.nii", kind="labels").data
    assert near.dtype == np.int32
    np.testing.assert_array_equal(near, [[[0, 3]]])
    with pytest.raises(InputError, match=r"label 3\.01; integers"):
        read_volume(tmp_path / "far.nii", kind="labels")
    with pytest.raises(InputError, match="labels 0 to 3000000000"):
        read_volume(tmp_path / "large.nii", kind="labels")


@pytest.mark.parametrize(
    ("column", "match"), [([0, 0, 0], "voxel spacing"), ([np.nan, 0, 0], "spacing"), ([0, 1, 0], "singular")]
)
def test_a_grid_without_an_inverse_is_refused(tmp_path, column, match):
    vox2ras = np.eye(4)
    vox2ras[:3, 0] = column
    np.savez(tmp_path / "a.npz", vol=VALUES, vox2ras=vox2ras)
    with pytest.raises(InputError, match=match):
        read_volume(tmp_path / "a.npz")
    header = nib.Nifti1Header()
    header.set_data_shape(VALUES.shape)
    header.set_data_dtype(np.float32)
    header["magic"], header["vox_offset"] = b"n+1", 352
    header["sform_code"] = 1
    for row, name in enumerate(("srow_x", "srow_y", "srow_z")):
        header[name] = vox2ras[row]
    content = header.binaryblock + bytes(4) + VALUES.tobytes(order="F")
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(InputError, match=match):
        read_volume(tmp_path / "a.nii")


def test_the_same_values_give_the_same_bytes_whatever_the_name(tmp_path):
    for suffix in (".nii.gz", ".mha", ".nrrd", ".npz"):
        for name in ("first", "second"):
            write_volume(tmp_path / f"{name}{suffix}", VALUES, GRIDS["oblique"])
        first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("first", "second"))
        assert first == second
    assert gzip.decompress((tmp_path / "first.nii.gz").read_bytes())[344:347] == b"n+1"


def test_reals_are_rounded_and_clipped_to_the_type_of_the_file(tmp_path):
    values = np.array([-1e12, -1.6, 0.4, 2.5, 3.5, 1e12, np.nan]).reshape(1, 1, -1)
    for dtype in (np.int16, np.int32, np.int64, np.uint8):
        write_volume(tmp_path / "a.mha", values, np.eye(4), dtype)
        stored = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.mha"))).ravel()
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        expected = np.clip([-(10**12), -2, 0, 2, 4, 10**12, 0], low, high)
        np.testing.assert_array_equal(stored, expected)


def test_values_and_grid_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match="2D or 3D"):
        write_volume(tmp_path / "a.nii", VALUES, np.eye(3))


sizes = st.tuples(*[st.integers(2, 5)] * 3)
steps = st.tuples(*[st.floats(0.1, 9.0)] * 3)
turns = st.tuples(*[st.floats(-170.0, 170.0)] * 3)
types = st.sampled_from([np.uint8, np.int16, np.int32, np.float32])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes, steps, turns, types, st.sampled_from([*FORMATS, ".npz"]), st.sampled_from(["RAS", "LIA"]))
def test_what_is_written_is_read(tmp_path, shape, spacing, degrees, dtype, suffix, codes):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    vox2ras = grid(codes, spacing, degrees)
    write_volume(tmp_path / f"a{suffix}", values, vox2ras)
    kind = "image" if dtype is np.float32 or suffix == ".npz" else "labels"
    volume = read_volume(tmp_path / f"a{suffix}", kind=kind)
    np.testing.assert_array_equal(volume.data, values)
    np.testing.assert_allclose(volume.vox2ras, vox2ras, atol=1e-4)
    np.testing.assert_allclose(volume.spacing, spacing, atol=1e-4)
    assert volume.dtype == dtype
    assert all(len(set(pair)) == 2 for pair in pairwise(volume.axcodes))
