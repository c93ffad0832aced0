from __future__ import annotations

import numpy as np
import pytest

from vision_cli.register.figures import panels
from vision_cli.register.figures.slices import choose_views
from vision_cli.register.transforms.fields import Grid


def views(shape=(60, 80, 20), spacing=(1.0, 1.0, 6.0)):
    image = np.zeros(shape, np.float32)
    image[tuple(slice(1, -1) for _ in shape)] = 1.0
    return choose_views(Grid(shape, np.diag([*spacing[: len(shape)], 1.0])), image)


def inches(figure, panel):
    width, height = figure.get_size_inches()
    box = panel.get_position()
    return box.width * width, box.height * height


def test_all_panels_have_one_scale_in_mm():
    shown = views()
    figure, rows = panels.sheet(shown, ("before", "after"), "title")
    assert [len(row) for row in rows] == [3, 3]
    scales = []
    for row in rows:
        for view, panel in zip(shown, row, strict=True):
            across, down = inches(figure, panel)
            scales += [across / view.size_mm[1], down / view.size_mm[0]]
    assert scales == pytest.approx([scales[0]] * len(scales))


def test_panels_do_not_overlap_and_leave_room_for_title_and_foot():
    figure, rows = panels.sheet(views(), ("before", "after"), "title")
    boxes = [panel.get_position() for row in rows for panel in row]
    height = figure.get_figheight()
    assert min(box.y0 for box in boxes) * height > 0.45
    assert max(box.y1 for box in boxes) * height < height - 0.35
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            assert one.x1 < other.x0 or other.x1 < one.x0 or one.y1 < other.y0 or other.y1 < one.y0


def test_the_rows_of_a_2d_image_stand_side_by_side():
    figure, rows = panels.sheet(views((60, 80), (1.0, 1.0)), ("before", "after"), "title")
    first, second = (row[0].get_position() for row in rows)
    assert first.x1 < second.x0
    assert first.y0 == pytest.approx(second.y0)
    assert {"before", "after"} <= {text.get_text() for text in figure.texts}


@pytest.mark.parametrize("shape", [(300, 20), (20, 300), (64, 64)])
def test_a_sheet_stays_within_a_page_whatever_the_shape(shape):
    figure, _ = panels.sheet(views(shape, (1.0, 1.0)), ("before", "after"), "title")
    width, height = figure.get_size_inches()
    assert 7 <= width <= 10.5 + 1e-9
    assert height <= 7 + 1e-9


def test_a_long_title_shrinks_instead_of_running_out():
    figure, _ = panels.sheet(views(), ("",), "patient_with_a_long_name_2026-11-23.nii.gz onto " * 4)
    figure.canvas.draw()
    title = figure.texts[0].get_window_extent()
    assert title.x1 <= figure.bbox.width
