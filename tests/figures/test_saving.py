"""A picture depends on what it shows, and on nothing else."""

from __future__ import annotations

import pytest
from PIL import Image

from vision_cli.figures.charts import new_chart
from vision_cli.figures.saving import save_figure
from vision_cli.figures.style import CHART


def draw(path, values=(1, 3, 2)):
    figure, axes = new_chart(3, 2)
    axes.plot(values, label="a")
    axes.legend()
    save_figure(figure, path)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["a.png", "a.svg"])
def test_the_same_content_gives_the_same_bytes(tmp_path, monkeypatch, name):
    first = draw(tmp_path / name)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert draw(tmp_path / f"again-{name}") == first
    assert draw(tmp_path / f"other-{name}", (1, 3, 4)) != first


def test_a_picture_names_neither_the_day_nor_the_program(tmp_path):
    draw(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert "Software" not in image.info
        assert image.size == (360, 240)
    assert b"<dc:date>" not in draw(tmp_path / "a.svg")


def test_charts_have_two_faint_axes(tmp_path):
    _, axes = new_chart(3, 2)
    assert [side for side, spine in axes.spines.items() if spine.get_visible()] == ["left", "bottom"]
    assert axes.xaxis.get_tick_params()["labelcolor"] == CHART.ink
