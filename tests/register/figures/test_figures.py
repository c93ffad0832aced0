from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest
from matplotlib.cbook import is_math_text
from matplotlib.text import Text
from scipy import ndimage

from vision_cli.figures import style
from vision_cli.register.figures import figures
from vision_cli.register.figures.slices import choose_views
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import resample

TITLE = "moving.nii.gz onto fixed.nii.gz  ·  Dice 0.404 → 0.622"


def head(shape):
    """A bright ball with darker marks in it."""
    middle = (np.array(shape) - 1) / 2
    index = np.indices(shape) - middle.reshape(-1, *[1] * len(shape))
    radius = np.sqrt(((index / middle.reshape(-1, *[1] * len(shape))) ** 2).sum(0))
    image = np.where(radius < 0.8, 100.0, 0.0)
    image[(radius < 0.4) & (index[0] > 0)] = 50.0
    return ndimage.gaussian_filter(image, 0.6).astype(np.float32)


@pytest.fixture
def pictures(any_world):
    """A fixed image, the moving one before and after, a displacement and its log-determinant."""
    grid = any_world.fixed
    fixed = head(grid.shape)
    warped = resample(np.roll(fixed, 1, axis=0), grid, grid, ())
    before = np.roll(fixed, 3, axis=0)
    u = any_world.chain[0].displacement_mm
    return grid, fixed, before, warped, u, ndimage.gaussian_filter(np.log1p(np.abs(u[..., 0])), 1)


def colours(path):
    image = cv2.imread(str(path))
    assert image is not None
    return image[..., ::-1].astype(int)


def near(image, colour, within=40):
    wanted = [int(colour[n : n + 2], 16) for n in (1, 3, 5)]
    return int((np.abs(image - wanted).max(-1) < within).sum())


@pytest.mark.parametrize("name", ["$\\frac{$.nii", "$x$ \udcff\n.nii", "n" * 300])
def test_names_of_files_are_drawn_to_the_letter(pictures, tmp_path, name, monkeypatch):
    grid, fixed, before, warped, u, log_jacobian = pictures
    drawn = []

    def save(figure, path):
        drawn.append(figure)
        figure.savefig(path, format="png")

    monkeypatch.setattr(figures, "save_figure", save)
    title = f"{name} onto {name}"
    figures.overlay(tmp_path / "a.png", choose_views(grid, fixed), fixed, before, warped, title, first=name)
    figures.checkerboard(tmp_path / "a.png", choose_views(grid, fixed), fixed, warped, title)
    figures.difference(tmp_path / "a.png", choose_views(grid, fixed), fixed, before, warped, title, first=name)
    figures.deformation_grid(tmp_path / "a.png", choose_views(grid, fixed), fixed, u, log_jacobian, title)
    figures.scales(tmp_path / "a.png", [(name, 0.5), ("b", 0.5)])
    shown = [text for figure in drawn for text in figure.findobj(Text) if "nii" in text.get_text()]
    assert len(shown) >= 6 or len(name) == 300
    for figure in drawn:
        assert not any(is_math_text(text.get_text()) for text in figure.findobj(Text))
    assert colours(tmp_path / "a.png").shape[1] <= 1300


def test_pictures_of_grids_of_all_kinds_are_small_dark_png_files(pictures, tmp_path):
    grid, fixed, before, warped, u, log_jacobian = pictures
    figures.overlay(tmp_path / "overlay.png", choose_views(grid, fixed), fixed, before, warped, TITLE, first="affine")
    figures.checkerboard(tmp_path / "checkerboard.png", choose_views(grid, fixed), fixed, warped, TITLE)
    figures.single_image(tmp_path / "plain.png", choose_views(grid, fixed), before, TITLE)
    figures.difference(tmp_path / "difference.png", choose_views(grid, fixed), fixed, before, warped, TITLE)
    figures.deformation_grid(tmp_path / "grid.png", choose_views(grid, fixed), fixed, u, log_jacobian, TITLE)
    for path in tmp_path.iterdir():
        image = colours(path)
        assert max(image.shape) <= 1300
        assert min(image.shape[:2]) > 250
        assert image[0, 0].tolist() == [0, 0, 0]
        assert path.stat().st_size < 600_000


def test_the_same_images_give_the_same_bytes(make_world, tmp_path):
    grid = make_world("oblique").fixed
    fixed = head(grid.shape)
    for name in ("a", "b"):
        figures.overlay(tmp_path / name, choose_views(grid, fixed), fixed, fixed, fixed, TITLE)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


GRID = Grid((60, 70, 50), np.diag([-2.0, 2.0, 2.0, 1.0]))


def test_pictures_that_are_shown_in_turn_lie_on_each_other(tmp_path):
    fixed = head(GRID.shape)
    for name, image in {"fixed": fixed, "same": 3 * fixed, "moved": np.roll(fixed, 6, axis=1)}.items():
        figures.single_image(tmp_path / f"{name}.png", choose_views(GRID, fixed), image, "title")
    same, moved = (
        np.abs(colours(tmp_path / f"{name}.png") - colours(tmp_path / "fixed.png")) for name in ("same", "moved")
    )
    assert same.max() <= 1
    assert (moved > 100).mean() > 0.01


def test_a_scale_is_explained_in_full(pictures, tmp_path, monkeypatch):
    grid, fixed, before, warped, u, log_jacobian = pictures
    drawn = []
    monkeypatch.setattr(figures, "save_figure", lambda figure, _path: drawn.append(figure))
    figures.difference(tmp_path / "a.png", choose_views(grid, fixed), fixed, before, warped, TITLE)
    figures.deformation_grid(tmp_path / "a.png", choose_views(grid, fixed), fixed, u, log_jacobian, TITLE)
    for figure in drawn:
        figure.canvas.draw()
        assert "…" not in "".join(text.get_text() for text in figure.texts)
        assert max(text.get_window_extent().x1 for text in figure.texts) <= figure.bbox.width


def test_contours_come_from_the_moving_image(tmp_path):
    fixed = head(GRID.shape)
    nothing = np.zeros_like(fixed)
    figures.overlay(tmp_path / "with.png", choose_views(GRID, fixed), fixed, fixed, fixed, TITLE)
    figures.overlay(tmp_path / "without.png", choose_views(GRID, fixed), fixed, nothing, nothing, TITLE)
    for colour in (style.BLUE, style.AMBER):
        # Without contours only the legend has the colours.
        assert near(colours(tmp_path / "with.png"), colour) > 5 * near(colours(tmp_path / "without.png"), colour)


def strong_by_row(path):
    """Count strongly coloured pixels of a difference before and after, without the colour bar at the foot."""
    strong = np.ptp(colours(path), axis=-1) > 90
    half = len(strong) // 2
    return int(strong[:half].sum()), int(strong[half + 20 : -60].sum())


def test_equal_images_make_an_even_checkerboard_and_a_black_difference(tmp_path):
    fixed = head(GRID.shape)
    figures.checkerboard(tmp_path / "equal.png", choose_views(GRID, fixed), fixed, fixed, "")
    figures.checkerboard(tmp_path / "other.png", choose_views(GRID, fixed), fixed, np.zeros_like(fixed), "")
    bright = [(colours(tmp_path / name).min(-1) > 100).sum() for name in ("equal.png", "other.png")]
    assert 0.4 < bright[1] / bright[0] < 0.6
    figures.difference(
        tmp_path / "difference.png", choose_views(GRID, fixed), fixed, np.roll(fixed, 6, axis=1), fixed, ""
    )
    before, after = strong_by_row(tmp_path / "difference.png")
    assert before > 500
    assert after == 0


def test_an_image_of_another_contrast_in_place_differs_little(tmp_path):
    fixed = head(GRID.shape)
    inverted = np.where(fixed > 20, 130 - fixed, 0).astype(np.float32)
    figures.difference(tmp_path / "d.png", choose_views(GRID, fixed), fixed, np.roll(fixed, 6, axis=1), inverted, "")
    before, after = strong_by_row(tmp_path / "d.png")
    assert after < 0.2 * before


def test_grid_lines_bend_as_the_displacement_says(tmp_path):
    fixed = head(GRID.shape)
    u = np.zeros((*GRID.shape, 3), np.float32)
    log_jacobian = np.zeros(GRID.shape, np.float32)
    figures.deformation_grid(tmp_path / "straight.png", choose_views(GRID, fixed), fixed, u, log_jacobian, "")
    straight = colours(tmp_path / "straight.png")
    # A shift by the distance of the lines along the body brings each line onto the next.
    u[..., 2] = 5.0
    figures.deformation_grid(tmp_path / "shifted.png", choose_views(GRID, fixed), fixed, u, log_jacobian, "")
    assert np.abs(colours(tmp_path / "shifted.png") - straight).mean() < 1
    u[..., 2] = 2.5
    figures.deformation_grid(tmp_path / "between.png", choose_views(GRID, fixed), fixed, u, log_jacobian, "")
    assert np.abs(colours(tmp_path / "between.png") - straight).mean() > 2


def test_folds_are_dotted_and_stretched_places_coloured(tmp_path):
    fixed = head(GRID.shape)
    u = np.zeros((*GRID.shape, 3), np.float32)
    log_jacobian = np.zeros(GRID.shape, np.float32)
    log_jacobian[:30] = 0.5
    figures.deformation_grid(tmp_path / "plain.png", choose_views(GRID, fixed), fixed, u, log_jacobian, "")
    log_jacobian[25:35, 30:40, 20:30] = np.log(1e-9)
    figures.deformation_grid(tmp_path / "folded.png", choose_views(GRID, fixed), fixed, u, log_jacobian, "")
    single_image, folded = colours(tmp_path / "plain.png"), colours(tmp_path / "folded.png")
    assert near(folded, style.YELLOW) > 100 > near(single_image, style.YELLOW)
    assert near(single_image, style.AROUND_GREY[-1]) > 500


@pytest.mark.parametrize("nothing", [0.0, 3.0])
def test_a_moving_image_that_misses_the_fixed_one_is_drawn_too(tmp_path, nothing):
    fixed = head(GRID.shape)
    empty = np.full_like(fixed, nothing)
    figures.overlay(tmp_path / "o.png", choose_views(GRID, fixed), fixed, empty, empty, TITLE)
    figures.difference(tmp_path / "d.png", choose_views(GRID, fixed), fixed, empty, empty, TITLE)
    assert {path.name for path in tmp_path.iterdir()} == {"o.png", "d.png"}


@pytest.mark.parametrize(
    "shares",
    [
        [("approximation 32 mm", 0.7), ("detail 32 mm", 0.2), ("detail 16 mm", 0.1)],
        [("approximation 32 mm", 0.0)],
        [],
    ],
)
def test_bars_are_as_long_as_the_shares(tmp_path, shares):
    figures.scales(tmp_path / "scales.png", shares)
    image = colours(tmp_path / "scales.png")
    lengths = sorted({int(n) for n in (np.abs(image - [63, 193, 255]).max(-1) < 20).sum(1) if n > 20}, reverse=True)
    expected = sorted((share for _, share in shares if share), reverse=True)
    assert len(lengths) == len(expected)
    for length, share in zip(lengths, expected, strict=True):
        assert length / lengths[0] == pytest.approx(share / expected[0], abs=0.02)


@pytest.mark.parametrize("stages", [[[-0.5, -0.6, -0.65], [-0.4, -0.45], [-0.3]], [[-0.5]], []])
def test_each_stage_has_a_curve_of_its_own_colour(tmp_path, stages):
    figures.loss_curve(tmp_path / "loss.png", stages)
    image = colours(tmp_path / "loss.png")
    for number, colour in enumerate(style.DARK_COLOURS):
        assert (near(image, colour, 20) > 5) == (number < len(stages) or colour == "#e8e8e8")


def test_pictures_need_no_display_and_no_global_state(tmp_path):
    figures.scales(tmp_path / "scales.png", [("one", 1.0)])
    assert "matplotlib.pyplot" not in sys.modules
