from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.io.reading import reading
from vision_cli.io.volumes.raw import is_orthogonal, pick_volume, slice_grid

PATH = Path("a.nii")


def test_a_slice_in_the_plane_of_x_and_y_keeps_its_part_of_the_matrix(grid):
    vox2ras = grid("LAS", (0.5, 2.0, 3.0), (30.0, 0.0, 0.0))
    flat, notes = slice_grid(vox2ras)
    np.testing.assert_array_equal(flat[:2, :2], vox2ras[:2, :2])
    np.testing.assert_array_equal(flat[:2, 2], vox2ras[:2, 3])
    assert notes == ()


def test_a_tilted_slice_keeps_its_pixel_sizes_right_angles_and_sides(grid):
    flat, notes = slice_grid(grid("LAS", (0.5, 2.0, 3.0), (10.0, 40.0, 30.0)))
    np.testing.assert_allclose(np.linalg.norm(flat[:2, :2], axis=0), (0.5, 2.0))
    assert is_orthogonal(flat)
    assert np.linalg.det(flat) < 0
    assert "tilted" in notes[0]


@pytest.mark.parametrize("codes", ["LIA", "PSR"])
def test_a_slice_across_the_body_keeps_its_pixel_sizes_only(grid, codes):
    flat, notes = slice_grid(grid(codes, (1.0, 2.0, 3.0)))
    np.testing.assert_allclose(flat, np.diag([-1.0, -2.0, 1.0]))
    assert "only its pixel sizes" in notes[0]


@pytest.mark.parametrize(
    ("shape", "volume", "match"),
    [
        ((5,), None, r"array of shape \(5,\); 2D or 3D"),
        ((5, 0, 3), None, "2D or 3D image"),
        ((5, 4, 3, 6), None, r"4D image \(5, 4, 3, 6\); 3D expected"),
        ((5, 4, 3, 6), 6, "volume 6 asked for; 0 to 5"),
        ((5, 4, 3, 6), -1, "volume -1 asked for; 0 to 5"),
        ((5, 4, 3, 1, 3), None, r"5D image \(5, 4, 3, 1, 3\); 3D"),
    ],
)
def test_axes_that_make_no_image_are_refused(shape, volume, match):
    with pytest.raises(InputError, match=match):
        pick_volume(PATH, shape, volume)


def test_trailing_axes_of_one_are_no_series():
    assert pick_volume(PATH, (5, 4, 3, 1, 1), None) == (None, ())
    assert pick_volume(PATH, (5, 4, 3, 2), 1) == (1, ())
    assert "was not picked" in pick_volume(PATH, (5, 4, 3), 1)[1][0]


def test_what_a_library_says_becomes_one_line():
    with pytest.raises(InputError, match=r"^a\.nii: damaged, .* \(it broke\); a whole"), reading(PATH):
        raise ValueError("at this address:\n  it broke\n\n")
    with pytest.raises(InputError, match=r"\(KeyError\)"), reading(PATH):
        raise KeyError
    for passed in (MemoryError(), InputError("a.nii: other.")):
        with pytest.raises(type(passed)), reading(PATH):
            raise passed
