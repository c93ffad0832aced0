from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import InputError, ResourceError
from vision_cli.io.volumes.volumes import read_volume, write_volume

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "register"
FORMATS = (".nii", ".nii.gz", ".mha", ".nrrd")
GRIDS = {
    "RAS": {},
    "LAS": {"codes": "LAS"},
    "LIA": {"codes": "LIA", "spacing": (1.0, 2.0, 3.0)},
    "PSR": {"codes": "PSR", "spacing": (0.5, 1.0, 4.0)},
    "oblique": {"codes": "LPS", "spacing": (0.8, 0.9, 3.3), "degrees": (20.0, -13.0, 31.0)},
}


@pytest.mark.parametrize("suffix", [*FORMATS, ".mhd"])
@pytest.mark.parametrize("name", GRIDS)
def test_voxels_lie_where_itk_puts_them(tmp_path, values, grid, assert_same_points_as_itk, name, suffix):
    path, vox2ras = tmp_path / f"a{suffix}", grid(**GRIDS[name])
    write_volume(tmp_path / "a.mha" if suffix == ".mhd" else path, values, vox2ras)
    if suffix == ".mhd":
        sitk.WriteImage(sitk.ReadImage(str(tmp_path / "a.mha")), str(path))
    volume = read_volume(path)
    np.testing.assert_allclose(volume.vox2ras, vox2ras, atol=1e-5)
    np.testing.assert_array_equal(volume.data, sitk.GetArrayFromImage(sitk.ReadImage(str(path))).T)
    np.testing.assert_array_equal(volume.data, values)
    assert_same_points_as_itk(path, volume)
    assert volume.notes == ()
    if name != "oblique":
        assert "".join(volume.axcodes) == name


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("mirrored", [1, -1])
@pytest.mark.parametrize("angle", [0.0, 25.0, 170.0])
def test_pixels_lie_where_itk_puts_them(tmp_path, values, assert_same_points_as_itk, suffix, mirrored, angle):
    path = tmp_path / f"a{suffix}"
    cosine, sine = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    vox2ras = np.eye(3)
    vox2ras[:2, :2] = np.array([[cosine, -sine], [sine, cosine]]) * (0.7, 2.0 * mirrored)
    vox2ras[:2, 2] = 4, -9
    write_volume(path, values[..., 0], vox2ras)
    volume = read_volume(path)
    assert sitk.ReadImage(str(path)).GetDimension() == 2
    assert_same_points_as_itk(path, volume)
    np.testing.assert_allclose(volume.vox2ras, vox2ras, atol=1e-5)
    np.testing.assert_allclose(volume.spacing, (0.7, 2.0), atol=1e-5)
    np.testing.assert_array_equal(volume.data, values[..., 0])
    assert volume.notes == ()


@pytest.mark.parametrize(
    "name", ["a.nii", "a.nii.gz", "a.mgz", "a.mha", "a.mhd", "a.nrrd", "a.npz", "a.dcm", "a.png", "a.tif"]
)
def test_what_is_missing_empty_or_no_image_is_refused_by_name(tmp_path, name):
    path = tmp_path / name
    for content, match in ((None, "no such file"), (b"", "0 bytes"), (b"words" * 200, "not an image")):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=match) as caught:
            read_volume(path)
        assert caught.value.message.startswith(f"{path}: ")
        assert "\n" not in caught.value.message


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".mgz", ".mha", ".nrrd", ".npz", ".png", ".tif"])
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_file_cut_short_is_refused(tmp_path, suffix, kept):
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).integers(0, 60000, (20, 20, 20), dtype=np.uint16)
    if suffix == ".mgz":
        nib.save(nib.MGHImage(noise.astype(np.int32), np.eye(4)), path)
    elif suffix in {".png", ".tif"}:
        write_volume(path, noise[0], np.eye(3))
    else:
        write_volume(path, noise, np.eye(4))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match="cut short"):
        read_volume(path)


@pytest.mark.parametrize("suffix", [".nii.gz", ".mgz", ".npz"])
def test_a_flipped_byte_of_packed_values_is_found(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).random((12, 12, 12), dtype=np.float32)
    if suffix == ".mgz":
        nib.save(nib.MGHImage(noise, np.eye(4)), path)
    else:
        write_volume(path, noise, np.eye(4))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read_volume(path)


def test_an_unknown_suffix_is_refused(tmp_path, values):
    (tmp_path / "a.pkl").write_bytes(b"x")
    with pytest.raises(InputError, match=r"not an image by its suffix; one of \.nii"):
        read_volume(tmp_path / "a.pkl")
    with pytest.raises(InputError, match=r"suffix \.pkl"):
        write_volume(tmp_path / "a.pkl", values, np.eye(4))


def test_values_and_grid_that_do_not_fit_are_refused(tmp_path, values):
    for data, vox2ras in ((values, np.eye(3)), (values[0, 0], np.eye(2)), (values[:0], np.eye(4))):
        with pytest.raises(InputError, match="2D or 3D"):
            write_volume(tmp_path / "a.nii", data, vox2ras)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("column", "match"), [([0, 0, 0], "voxel spacing"), ([np.nan, 0, 0], "spacing"), ([0, 1, 0], "singular")]
)
def test_a_grid_without_an_inverse_is_refused(tmp_path, values, column, match):
    vox2ras = np.eye(4)
    vox2ras[:3, 0] = column
    np.savez(tmp_path / "a.npz", vol=values, vox2ras=vox2ras)
    with pytest.raises(InputError, match=match):
        read_volume(tmp_path / "a.npz")


def test_sheared_axes_are_kept_and_noted(tmp_path, values):
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    write_volume(tmp_path / "a.nii", values, sheared)
    volume = read_volume(tmp_path / "a.nii")
    np.testing.assert_allclose(volume.vox2ras, sheared, atol=1e-6)
    assert volume.notes == ("the axes are not at right angles; the matrix was used as it is",)


def test_the_same_values_give_the_same_bytes_whatever_the_name(tmp_path, values, grid):
    for suffix in (".nii.gz", ".mha", ".nrrd", ".npz"):
        for name in ("first", "second"):
            write_volume(tmp_path / f"{name}{suffix}", values, grid(**GRIDS["oblique"]))
        first, second = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("first", "second"))
        assert first == second


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, values, monkeypatch):
    path = tmp_path / "a.nii"
    write_volume(path, values, np.eye(4))
    before = path.read_bytes()

    def fail(hidden, *_):
        hidden.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vision_cli.io.volumes.volumes.write_nifti", fail)
    with pytest.raises(ResourceError, match="no space left"):
        write_volume(path, 2 * values, np.eye(4))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


sizes = st.tuples(*[st.integers(2, 5)] * 3)
steps = st.tuples(*[st.floats(0.1, 9.0)] * 3)
turns = st.tuples(*[st.floats(-170.0, 170.0)] * 3)
types = st.sampled_from([np.uint8, np.int16, np.int32, np.float32])
suffixes = st.sampled_from([*FORMATS, ".npz"])
ways = st.sampled_from(["RAS", "LIA"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes, steps, turns, types, suffixes, ways)
def test_what_is_written_is_read(tmp_path, grid, shape, spacing, degrees, dtype, suffix, codes):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    vox2ras = grid(codes, spacing, degrees)
    write_volume(tmp_path / f"a{suffix}", values, vox2ras)
    kind = "image" if dtype is np.float32 or suffix == ".npz" else "labels"
    volume = read_volume(tmp_path / f"a{suffix}", kind=kind)
    np.testing.assert_array_equal(volume.data, values)
    np.testing.assert_allclose(volume.vox2ras, vox2ras, atol=1e-4)
    np.testing.assert_allclose(volume.spacing, spacing, atol=1e-4)
    assert volume.dtype == dtype


@pytest.mark.skipif(not (DATA / "malf").is_dir(), reason="the MALF brains are not on this machine")
def test_a_brain_and_its_labels_lie_on_one_grid(assert_same_points_as_itk):
    brain = read_volume(DATA / "malf" / "1000_SS.nii.gz")
    labels = read_volume(DATA / "malf" / "1000_glm.nii.gz", kind="labels")
    assert "".join(brain.axcodes) == "LAS"
    assert brain.notes == labels.notes == ()
    np.testing.assert_array_equal(brain.vox2ras, labels.vox2ras)
    assert len(np.unique(labels.data)) > 130
    assert_same_points_as_itk(brain.path, brain)


@pytest.mark.skipif(not (DATA / "ct-2d").is_dir(), reason="the CT slices are not on this machine")
def test_a_ct_slice_and_its_mask_are_2d(assert_same_points_as_itk):
    image = read_volume(DATA / "ct-2d" / "CT_2D_head_fixed.mha")
    mask = read_volume(DATA / "ct-2d" / "CT_2D_head_fixed_mask.mha", kind="mask")
    assert image.shape == mask.shape == (256, 256)
    assert mask.data.dtype == bool
    assert_same_points_as_itk(image.path, image)
