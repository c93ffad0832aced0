"""Transforms are applied to maps, series and points."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest

from tests.register.conftest import run
from vision_cli.io.volumes.volumes import read_volume, write_volume

GRID = np.diag([2.0, 2, 2, 1])


@pytest.fixture
def shifted(tmp_path):
    """A folder with a real-valued map, a reference of ones, and a shift by one voxel along x."""
    values = np.random.default_rng(0).random((6, 5, 4)).astype(np.float32)
    write_volume(tmp_path / "map.nii.gz", values, GRID)
    write_volume(tmp_path / "ones.nii.gz", np.ones((6, 5, 4), np.uint8), GRID)
    matrix = np.eye(4)
    matrix[0, 3] = 2
    np.savetxt(tmp_path / "shift.txt", matrix)
    return tmp_path, values


def words(folder, image="map.nii.gz"):
    return ("apply", "-i", folder / image, "-r", folder / "ones.nii.gz", "-t", folder / "shift.txt")


def test_a_real_map_is_warped_by_nearest_neighbour_onto_the_grid_of_a_constant_image(shifted):
    folder, values = shifted
    target = folder / "out.nii.gz"
    assert run(*words(folder), "--interp", "nearest", "--fill", -1024, "-o", target) == 0
    warped = read_volume(target).data
    np.testing.assert_array_equal(warped[:-1], values[1:])
    assert (warped[-1] == -1024).all()


def test_notes_on_the_headers_are_said(shifted, capfd):
    folder, values = shifted
    image = nib.Nifti1Image(values, GRID)
    image.set_sform(GRID, 2)
    image.set_qform(np.diag([-2.0, 2, 2, 1]), 1)
    nib.save(image, folder / "two.nii.gz")
    assert run(*words(folder, "two.nii.gz"), "-o", folder / "out.nii.gz") == 0
    assert "sform (code 2) and qform (code 1) differ" in capfd.readouterr().err


def test_a_series_is_warped_volume_by_volume(shifted, capfd):
    folder, values = shifted
    series = np.stack([100 * values, 50 * values, 10 * values], -1).astype(np.int16)
    image = nib.Nifti1Image(series, GRID)
    image.header["pixdim"][4] = 2.5
    nib.save(image, folder / "series.nii.gz")
    assert run(*words(folder, "series.nii.gz"), "-o", folder / "out.nii.gz", "--json") == 0
    assert json.loads(capfd.readouterr().out)["volumes"] == 3
    warped = nib.load(folder / "out.nii.gz")
    np.testing.assert_array_equal(np.asarray(warped.dataobj)[:-1], series[1:])
    assert warped.get_data_dtype() == np.int16
    assert warped.header["pixdim"][4] == 2.5
    assert run(*words(folder, "series.nii.gz"), "--volume", 1, "-o", folder / "one.nii.gz") == 0
    np.testing.assert_array_equal(read_volume(folder / "one.nii.gz").data[:-1], series[1:, ..., 1])
    assert run(*words(folder, "series.nii.gz"), "-o", folder / "out.mha") == 2


@pytest.mark.parametrize(
    ("text", "space", "expected"),
    [
        ("x,y,z,t,label\n1,2,3,0,a\n", (), "x,y,z,t,label\n-1.000000,2.000000,3.000000,0,a\n"),
        ("x_ras,y_ras,z_ras\n1,2,3\n", (), "x_ras,y_ras,z_ras\n3.000000,2.000000,3.000000\n"),
        ("x,y,z\n1,2,3\n", ("--points-space", "lps"), "# space: LPS\nx,y,z\n-1.000000,2.000000,3.000000\n"),
        ("1 2 3\n", ("--points-space", "voxel"), "x_ras,y_ras,z_ras\n4.000000,4.000000,6.000000\n"),
    ],
)
def test_points_are_mapped_in_their_own_coordinates(shifted, text, space, expected):
    folder, _ = shifted
    (folder / "points.csv").write_text(text)
    typed = ("apply", "--points", folder / "points.csv", "-t", folder / "shift.txt", "-o", folder / "mapped.csv")
    assert run(*typed, *space, "-r", folder / "ones.nii.gz") == 0
    assert (folder / "mapped.csv").read_text() == expected


def test_points_of_unnamed_coordinates_and_missing_inputs_are_refused(shifted, capfd):
    folder, _ = shifted
    (folder / "points.csv").write_text("1,2,3\n")
    typed = ("apply", "-t", folder / "shift.txt", "-o", folder / "mapped.csv")
    for more, code, said in (
        (("--points", folder / "points.csv"), 3, "unnamed coordinates"),
        ((), 2, "either --input or --points"),
        (("-i", folder / "map.nii.gz"), 2, "--input without --reference"),
    ):
        assert run(*typed, *more) == code
        assert said in capfd.readouterr().err


def test_the_coefficients_replace_the_transform_files_in_both_directions(registered, tmp_path):
    for back, image, reference, name in (
        ((), "moving", "fixed", "Warped"),
        (("--invert", 1), "fixed", "moving", "InverseWarped"),
    ):
        sides = ("-i", registered / f"{image}.nii.gz", "-r", registered / f"{reference}.nii.gz")
        target = tmp_path / f"{name}.nii.gz"
        assert run("apply", *sides, "-t", registered / "out" / "coeffs.npz", *back, "-o", target) == 0
        ours = read_volume(registered / "out" / f"{name}.nii.gz").data
        np.testing.assert_allclose(read_volume(target).data, ours, atol=0.01 * np.ptp(ours))
    damaged = tmp_path / "coeffs.npz"
    damaged.write_bytes((registered / "out" / "coeffs.npz").read_bytes()[:-200])
    assert run("apply", *sides, "-t", damaged, "-o", tmp_path / "none.nii.gz") == 3
