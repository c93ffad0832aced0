from __future__ import annotations

import cv2
import numpy as np
import pytest
import SimpleITK as sitk

from vision_cli.core.errors import InputError
from vision_cli.io.volumes.volumes import read_volume, write_volume

RAMP = np.arange(30).reshape(6, 5)
GRID = np.diag([-1.0, -1.0, 1.0])


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_picture_holds_the_values_and_grid_that_itk_sees(tmp_path, suffix, dtype):
    path = tmp_path / f"picture{suffix}"
    write_volume(path, RAMP.astype(dtype) * (1000 if dtype is np.uint16 else 1), GRID)
    image, volume = sitk.ReadImage(str(path)), read_volume(path)
    np.testing.assert_array_equal(volume.data, sitk.GetArrayFromImage(image).T)
    x, y = image.TransformIndexToPhysicalPoint((4, 2))
    np.testing.assert_allclose(volume.vox2ras @ [4, 2, 1], [-x, -y, 1])
    assert volume.dtype == dtype


def test_a_jpeg_is_read(tmp_path):
    cv2.imwrite(str(tmp_path / "a.jpg"), np.tile(np.arange(0, 250, 10, dtype=np.uint8), (20, 1)))
    assert read_volume(tmp_path / "a.jpg").shape == (25, 20)


def test_a_jpeg_cut_short_is_refused_and_nothing_is_printed(tmp_path, capfd):
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="its end is missing"):
        read_volume(path)
    assert capfd.readouterr() == ("", "")


def test_colours_become_luminance_with_a_note(tmp_path):
    pixels = np.zeros((4, 5, 3), np.uint8)
    pixels[..., 2] = 100
    pixels[0, 0] = 200
    cv2.imwrite(str(tmp_path / "red.png"), pixels)
    volume = read_volume(tmp_path / "red.png")
    assert volume.data[1, 1] == pytest.approx(29.9, abs=0.1)
    assert "luminance" in volume.notes[0]


def test_grey_stored_as_colours_stays_as_it_is(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.repeat(RAMP[..., None], 3, axis=2).astype(np.uint8))
    volume = read_volume(tmp_path / "grey.png", kind="labels")
    np.testing.assert_array_equal(volume.data, RAMP.T)
    assert volume.notes == ()


def test_pages_and_damaged_pictures_are_refused(tmp_path):
    cv2.imwritemulti(str(tmp_path / "stack.tif"), [RAMP.astype(np.uint8)] * 3)
    with pytest.raises(InputError, match="3 pages; one expected"):
        read_volume(tmp_path / "stack.tif")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="not an image"):
        read_volume(tmp_path / "bad.png")


def test_reals_are_rounded_and_clipped_into_a_picture(tmp_path):
    write_volume(tmp_path / "a.png", np.array([[-3.0, 1.6], [254.4, 300.0]]), GRID, np.uint8)
    np.testing.assert_array_equal(read_volume(tmp_path / "a.png").data, [[0, 2], [254, 255]])


def test_a_volume_is_not_written_as_a_picture(tmp_path):
    with pytest.raises(InputError, match="3D values; 2D in a picture"):
        write_volume(tmp_path / "a.png", np.zeros((3, 3, 3), np.uint8), np.eye(4))
