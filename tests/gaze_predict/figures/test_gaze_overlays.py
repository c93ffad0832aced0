"""Scan paths and densities over a film."""

from __future__ import annotations

import numpy as np

from vision_cli.gaze_predict.evaluation.references import prediction_of
from vision_cli.gaze_predict.figures.overlays import draw_gaze, draw_pair, draw_sentences
from vision_cli.gaze_predict.measures.maps import gaze_map
from vision_cli.gaze_predict.values import Film, ScanPath


def prediction(points, durations, shape=(224, 168)):
    times = np.array(durations, np.float32)
    path = ScanPath(np.array(points, np.float32), times, np.zeros_like(times))
    return prediction_of(gaze_map(path, shape), path)


def dark(height=240, width=180):
    return Film("film", np.zeros((height, width), np.float32))


def test_the_path_lies_where_its_points_are():
    one = prediction([(0.25, 0.25)], [0.3])
    drawn = draw_gaze(dark(), one)
    assert drawn.shape == (480, 360, 3)
    rows, columns = np.nonzero((drawn == 255).all(axis=2))
    assert abs(rows.mean() - 120) < 3
    assert abs(columns.mean() - 90) < 3
    # The density tints the film there, and leaves the far corner as it was.
    assert drawn[120, 115, 0] > 60
    assert not drawn[-40:, -40:].any()


def test_longer_fixations_have_larger_circles():
    small, large = (draw_gaze(dark(), prediction([(0.5, 0.5)], [time])) for time in (0.1, 0.8))
    reach = [np.ptp(np.nonzero((one > 200).all(axis=2))[1]) for one in (small, large)]
    assert reach[1] > 1.5 * reach[0]


def test_unknown_durations_are_drawn():
    drawn = draw_gaze(dark(), prediction([(0.5, 0.5), (0.2, 0.2)], [np.nan, 0.2]))
    assert (drawn == 255).all(axis=2).any()


def test_a_panel_a_sentence():
    one = prediction([(0.5, 0.5)], [0.3])
    single = draw_sentences(dark(), ["edema"], [one])
    four = draw_sentences(dark(), ["a", "b", "", "ein großer Erguß links"], [one] * 4)
    assert four.shape[1] > 2.5 * single.shape[1]
    assert four.shape[0] > 1.8 * single.shape[0]


def test_a_pair_shows_both_paths():
    drawn = draw_pair(dark(), "edema", prediction([(0.1, 0.5)], [0.3]), prediction([(0.9, 0.5)], [0.3]))
    columns = np.nonzero((drawn[:480] == 255).all(axis=2))[1]
    assert drawn.shape[1] == 2 * 360 + 8
    assert abs(columns[columns < 360].mean() - 36) < 5
    assert abs(columns[columns > 368].mean() - (368 + 324)) < 5
