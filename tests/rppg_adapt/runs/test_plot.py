"""`plot` draws the figures of a run."""

from __future__ import annotations

import math

import pytest

from tests.rppg_adapt.conftest import (
    vcli,
)
from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.runs.plot import plot_run


def test_histories_and_maps_are_drawn(generated, trained, tmp_path):
    assert vcli("plot", trained, "-q", "-o", tmp_path / "plots") == 0
    assert (tmp_path / "plots/history.png").stat().st_size > 5000
    assert vcli("plot", generated / "cache", "-q", "-o", tmp_path / "maps") == 0
    assert len(list((tmp_path / "maps").glob("*-stmap.png"))) == 3


def test_the_spectrogram_of_a_wave_is_drawn(tmp_path):
    (tmp_path / "run/face").mkdir(parents=True)
    lines = [f"{k / 30:.5f},{math.sin(2 * math.pi * 1.2 * k / 30):.6f},pos" for k in range(300)]
    (tmp_path / "run/face/wave.csv").write_text("\n".join(["t,bvp,method", *lines]) + "\n")
    assert plot_run(tmp_path / "run", tmp_path / "plots") == [tmp_path / "plots/face-spectrogram.png"]


def test_a_folder_without_anything_to_draw_is_refused(tmp_path):
    with pytest.raises(InputError, match="no history, waves or clips found"):
        plot_run(tmp_path, tmp_path / "plots")
