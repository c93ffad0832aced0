from __future__ import annotations

import itertools

import numpy as np
import pytest

from vision_cli.phantoms.brains.pairs import PhantomGrid
from vision_cli.register.figures.slices import choose_views, foreground
from vision_cli.register.transforms.fields import Grid

AXCODES = [
    "".join(codes) for order in itertools.permutations(("RL", "AP", "SI")) for codes in itertools.product(*order)
]


def subject(axcodes, oblique_deg=0.0, shape=(40, 50, 30), spacing=(2.0, 1.5, 3.0)):
    """A ball with a bright mark at its right, its front and its head, on a grid with other room on each side."""
    made = PhantomGrid.oriented(shape, spacing, axcodes=axcodes, centre=(2.0, 5.0, -3.0), oblique_deg=oblique_deg)
    x, y, z = made.points().reshape(3, *made.shape)
    radius = np.sqrt(x**2 + y**2 + z**2)
    image = np.where(radius < 30, 100.0, 0.0)
    for ahead, aside, beside in ((x, y, z), (y, x, z), (z, x, y)):
        image[(ahead > 15) & (ahead < 27) & (np.abs(aside) < 5) & (np.abs(beside) < 5)] = 200.0
    return Grid(made.shape, made.vox2ras), image.astype(np.float32)


def mark(picture):
    """Place of the marks about the middle of the subject, down and across."""
    rows, columns = np.nonzero(picture > 150)
    inside = np.nonzero(picture > 50)
    return rows.mean() - inside[0].mean(), columns.mean() - inside[1].mean()


@pytest.mark.parametrize("axcodes", AXCODES)
def test_right_and_front_are_on_the_left_and_front_and_head_at_the_top_whatever_the_axes(axcodes):
    grid, image = subject(axcodes)
    axial, coronal, sagittal = choose_views(grid, image)
    assert (axial.letters, coronal.letters, sagittal.letters) == ("APRL", "SIRL", "SIAP")
    for view in (axial, coronal, sagittal):
        down, across = mark(view.cut(image))
        assert down < -1
        assert across < -1


def test_directions_point_down_and_to_the_right_of_the_picture():
    grid, image = subject("PIR", oblique_deg=10)
    for view in choose_views(grid, image):
        expected = {
            "APRL": ((0, -1, 0), (-1, 0, 0)),
            "SIRL": ((0, 0, -1), (-1, 0, 0)),
            "SIAP": ((0, 0, -1), (0, -1, 0)),
        }
        cosines = (view.directions * np.array(expected[view.letters])).sum(axis=1)
        assert (cosines > np.cos(np.radians(15))).all()


def test_pictures_measure_what_the_subject_does_in_mm():
    grid, image = subject("LIA")
    for view in choose_views(grid, image):
        # 60 mm of subject and a margin of 6 mm, to the nearest voxel.
        assert np.array(view.size_mm) == pytest.approx((72, 72), abs=7)
        across, down = view.centres()
        assert view.cut(image).shape == (len(down), len(across))
        assert down[-1] + down[0] == pytest.approx(view.size_mm[0])


def test_the_slices_are_those_with_most_of_the_bright_subject():
    grid, image = subject("RAS")
    image[:, :, :4] = 30.0
    for view in choose_views(grid, image):
        axis, index = view.through
        place = grid.vox2ras[axis, axis] * index + grid.vox2ras[axis, 3]
        assert abs(place) < 8
        assert view.name.endswith(f"{'ijk'[axis]} = {index}")


def test_a_2d_image_is_shown_whole_the_way_up_that_its_file_has():
    image = np.zeros((30, 20), np.float32)
    image[2:28, 1:19] = 1.0
    image[3, 2] = 2.0
    # The grid of a picture: columns run to the left of the patient, rows to the back.
    (view,) = choose_views(Grid((30, 20), np.diag([-1.0, -1.0, 1.0])), image)
    assert view.letters == view.name == ""
    assert np.array_equal(view.cut(image), image.T)


def test_vectors_are_cut_as_their_voxels_are():
    grid, image = subject("SPL")
    vectors = np.stack([image, 2 * image], -1)
    for view in choose_views(grid, image):
        assert np.array_equal(view.cut(vectors)[..., 1], 2 * view.cut(image))


def test_of_an_image_without_contrast_all_is_foreground():
    assert foreground(np.zeros((5, 6, 7))).all()
