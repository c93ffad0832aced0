from __future__ import annotations

import os

import numpy as np
import pytest
import SimpleITK as sitk

from vision_cli.core.errors import InputError
from vision_cli.io.volumes.volumes import read_volume, write_volume

UID = "1.2.826.1"


@pytest.fixture
def slices(values):
    """Write the slices of a CT, at these places along z in mm."""

    def write(folder, uid=UID, places=(0, 3, 6, 9), name="head", tilt=0.0):
        folder.mkdir(exist_ok=True)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        row = f"{np.cos(tilt)}\\0\\{np.sin(tilt)}"
        for k, place in enumerate(places):
            piece = sitk.GetImageFromArray((values[..., k].T * 1000).astype(np.int16)[None])
            piece.SetSpacing((0.5, 2.0, 3.0))
            tags = {
                "0008|0060": "CT",
                "0008|0018": f"{uid}.{k + 1}",
                "0008|103e": name,
                "0020|000e": uid,
                "0020|000d": "1.2.3",
                "0020|0013": str(k),
                "0020|0032": f"10\\-20\\{place}",
                "0020|0037": f"{row}\\0\\1\\0",
            }
            for tag, value in tags.items():
                piece.SetMetaData(tag, value)
            writer.SetFileName(str(folder / f"{uid}-{k}.dcm"))
            writer.Execute(piece)
        return folder

    return write


def test_a_dicom_folder_is_read(tmp_path, values, slices):
    volume = read_volume(slices(tmp_path / "ct"))
    np.testing.assert_array_equal(volume.data, (values * 1000).astype(np.int16))
    expected = [[-0.5, 0, 0, -10], [0, -2, 0, 20], [0, 0, 3, 0], [0, 0, 0, 1]]
    np.testing.assert_allclose(volume.vox2ras, expected)
    assert volume.notes == ()


def test_a_dicom_file_is_read_whatever_its_name(tmp_path, slices):
    slices(tmp_path / "ct")
    file = (tmp_path / "ct" / f"{UID}-2.dcm").rename(tmp_path / "IM0003")
    assert read_volume(file).shape == (6, 5)


def test_slightly_uneven_slices_are_noted(tmp_path, slices):
    (note,) = read_volume(slices(tmp_path / "ct", places=(0, 3, 6.5, 9.5))).notes
    assert note == "slices lie 3.00 to 3.50 mm apart; they were taken as evenly spaced"


def test_a_missing_dicom_slice_is_refused(tmp_path, slices):
    with pytest.raises(InputError, match=r"slices lie 3\.00 to 6\.00 mm apart; even steps"):
        read_volume(slices(tmp_path / "ct", places=(0, 6, 9, 12)))


@pytest.mark.parametrize("slice_number", [1, 3])
def test_a_dicom_slice_cut_short_is_named(tmp_path, slices, slice_number):
    folder = slices(tmp_path / "ct")
    file = folder / f"{UID}-{slice_number}.dcm"
    file.write_bytes(file.read_bytes()[:-40])
    if slice_number == 3:
        volume = read_volume(folder)
        assert volume.shape == (6, 5, 3)
        assert f"left out: 1 ({file.name})" in volume.notes[0]
    else:
        with pytest.raises(InputError, match="even steps") as caught:
            read_volume(folder)
        assert file.name in str(caught.value.hint)


def test_dicom_slices_of_several_times_are_refused(tmp_path, slices):
    with pytest.raises(InputError, match="4 slices at 2 places; one slice a place"):
        read_volume(slices(tmp_path / "ct", places=(0, 0, 3, 3)))


def test_folders_of_several_series_are_refused_by_name(tmp_path, slices):
    slices(tmp_path / "ct")
    slices(tmp_path / "ct", "1.2.826.2", name="chest")
    with pytest.raises(InputError, match=r"2 DICOM series \(") as caught:
        read_volume(tmp_path / "ct")
    assert "head 1.2.826.1: 4 files" in caught.value.message
    assert "chest 1.2.826.2: 4 files" in caught.value.message


def test_folders_without_dicom_are_refused_and_nothing_is_printed(tmp_path, capfd):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(InputError, match="without DICOM"):
        read_volume(tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_tilted_slice_keeps_its_pixel_sizes(tmp_path, slices):
    volume = read_volume(slices(tmp_path / "ct", places=(0,), tilt=0.5))
    np.testing.assert_allclose(volume.spacing, (0.5, 2.0))
    assert volume.axcodes == ("L", "P")
    assert volume.notes == ()
    assert volume.plane is not None


def test_a_volume_of_a_series_is_picked(tmp_path, values):
    series = np.stack([values, 2 * values], axis=-1)
    sitk.WriteImage(sitk.GetImageFromArray(series.T, isVector=False), str(tmp_path / "a.nrrd"))
    np.testing.assert_array_equal(read_volume(tmp_path / "a.nrrd", volume=1).data, 2 * values)
    with pytest.raises(InputError, match=r"4D image \(6, 5, 4, 2\); 3D"):
        read_volume(tmp_path / "a.nrrd")


def test_vectors_and_complex_numbers_are_refused(tmp_path):
    vectors = sitk.GetImageFromArray(np.zeros((4, 4, 4, 3), np.float32), isVector=True)
    sitk.WriteImage(vectors, str(tmp_path / "vectors.mha"))
    with pytest.raises(InputError, match=r"3 numbers a voxel \(colour or vectors\); one"):
        read_volume(tmp_path / "vectors.mha")
    sitk.WriteImage(sitk.Image((4, 4, 4), sitk.sitkComplexFloat32), str(tmp_path / "complex.nrrd"))
    with pytest.raises(InputError, match="complex voxels"):
        read_volume(tmp_path / "complex.nrrd")


def test_a_header_without_its_values_is_refused(tmp_path, values):
    write_volume(tmp_path / "a.mha", values, np.eye(4))
    sitk.WriteImage(sitk.ReadImage(str(tmp_path / "a.mha")), str(tmp_path / "b.mhd"))
    (tmp_path / "b.raw").write_bytes((tmp_path / "b.raw").read_bytes()[:-1])
    with pytest.raises(InputError, match="its voxels are missing or too few"):
        read_volume(tmp_path / "b.mhd")
    (tmp_path / "b.raw").unlink()
    with pytest.raises(InputError, match=r"b\.raw: no such file \(data of b\.mhd\)"):
        read_volume(tmp_path / "b.mhd")


@pytest.mark.parametrize("name", ["b.mhd", "b.nhdr"])
def test_a_header_that_names_another_folder_is_refused(tmp_path, values, name):
    (tmp_path / "in").mkdir()
    write_volume(tmp_path / "a.mha", values, np.eye(4))
    sitk.WriteImage(sitk.ReadImage(str(tmp_path / "a.mha")), str(tmp_path / "in" / name))
    assert np.array_equal(read_volume(tmp_path / "in" / name).data, values)
    header = tmp_path / "in" / name
    (tmp_path / "in" / "b.raw").rename(tmp_path / "b.raw")
    header.write_bytes(header.read_bytes().replace(b"b.raw", b"../b.raw"))
    with pytest.raises(
        InputError, match=r"data file '\.\./b\.raw' found; a file beside the header or below it expected"
    ):
        read_volume(header)


@pytest.mark.parametrize("name", [b"\xff.mha", b"\xff.png", b"\xff/a.mha", b"\xff"])
def test_a_name_that_would_end_the_process_is_refused(tmp_path, values, name):
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    if path.suffix:
        path.write_bytes(b"words" * 100)
    else:
        path.mkdir()
    with pytest.raises(InputError, match="the name is not UTF-8"):
        read_volume(path)


def test_a_header_that_claims_more_than_the_memory_is_refused_before_reading(tmp_path, values):
    write_volume(tmp_path / "a.mha", values, np.eye(4))
    content = (tmp_path / "a.mha").read_bytes()
    (tmp_path / "a.mha").write_bytes(content.replace(b"DimSize = 6 5 4", b"DimSize = 30000 30000 30000"))
    with pytest.raises(InputError, match=r"claims \(30000, 30000, 30000\) voxels"):
        read_volume(tmp_path / "a.mha")
