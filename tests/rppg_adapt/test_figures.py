"""The figure of an estimate shows the name of its file, whatever characters it has, and whether it is reliable."""

from __future__ import annotations

from types import SimpleNamespace
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from vision_cli.rppg_adapt import figures
from vision_cli.rppg_adapt.pipeline.results import PulseWave


@pytest.mark.parametrize(("name", "shown"), [("$\\frac{$.mp4", "$\\frac{$.mp4"), ("$x$\udcff.mp4", "$x$\\udcff.mp4")])
def test_the_name_of_the_file_is_shown_character_by_character(tmp_path, name, shown):
    times = np.arange(300) / 30.0
    values = np.sin(2 * np.pi * 1.2 * times)
    wave = PulseWave(times, values, values, 30.0)
    window = SimpleNamespace(start_s=0.0, end_s=10.0, rate=SimpleNamespace(bpm=72.0, half_width_bpm=2.0), quality=0.9)
    clip = SimpleNamespace(frames=np.zeros((3, 8, 8, 3), np.uint8), skin=np.ones((8, 8)))
    estimate = SimpleNamespace(
        bpm=72.0,
        quality=0.4,
        is_reliable=False,
        method="pos",
        clip=clip,
        waves={"pos": wave},
        windows=[window],
    )
    path = tmp_path / "a.svg"
    with mpl.rc_context({"svg.fonttype": "none"}):
        figures.pulse_estimate(path, estimate, name)
    texts = [one.text for one in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert f"{shown}: 72.0 bpm, quality 0.40, not reliable, pos" in texts
