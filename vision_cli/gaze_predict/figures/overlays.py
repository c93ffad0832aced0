"""Scan paths and densities over a film, a panel a sentence."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vision_cli.figures.style import SLATE, rgb
from vision_cli.gaze_predict.values import Film, Floats, GazePrediction

Pixels = NDArray[np.uint8]

_PANEL, _COLUMNS, _GAP, _LINE = 480, 3, 8, 17
_MOST_PANELS = 12
_HEAT = np.array([255, 120, 20], np.float32)
_MOST_HEAT = 0.55
_PATH, _FIRST = (90, 220, 255), (255, 255, 255)
_RADIUS_PX_PER_S = 34.0

READING = (
    "Circles: fixations in the order of their numbers, larger for longer ones. Orange: where a reader looks often."
)


def draw_sentences(film: Film, sentences: Sequence[str], found: Sequence[GazePrediction]) -> Pixels:
    """Return the predictions of a film side by side, each with its sentence below, ``(H, W, 3)`` RGB."""
    panels = [
        _with_words(draw_gaze(film, one), sentence or "(no sentence)")
        for sentence, one in list(zip(sentences, found, strict=True))[:_MOST_PANELS]
    ]
    columns = min(_COLUMNS, len(panels))
    height, width = max(one.shape[0] for one in panels), panels[0].shape[1]
    rows = -(-len(panels) // columns)
    sheet = np.empty((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), np.uint8)
    sheet[:] = rgb(SLATE.ground)
    for number, panel in enumerate(panels):
        row, column = divmod(number, columns)
        top, left = row * (height + _GAP) + _GAP, column * (width + _GAP) + _GAP
        sheet[top : top + panel.shape[0], left : left + width] = panel
    return sheet


def draw_pair(film: Film, sentence: str, predicted: GazePrediction, recorded: GazePrediction) -> Pixels:
    """Return predicted and recorded gaze on a film side by side, with the sentence below, ``(H, W, 3)`` RGB."""
    words = sentence or "(no sentence)"
    left = _with_words(draw_gaze(film, predicted), f"predicted: {words}")
    right = _with_words(draw_gaze(film, recorded), "recorded")
    gap = np.empty((left.shape[0], _GAP, 3), np.uint8)
    gap[:] = rgb(SLATE.ground)
    return np.concatenate([left, gap, right], axis=1)


def draw_gaze(film: Film, prediction: GazePrediction) -> Pixels:
    """Return a film, 480 px at most, with the density and the numbered path of a prediction."""
    import cv2

    height, width = film.pixels.shape
    scale = _PANEL / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    grey = cv2.resize(film.pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    heat = _heat(prediction.density, size)
    base = 230 * np.clip(grey, 0, 1)[..., None]
    drawn: Pixels = np.asarray((1 - heat) * base + heat * _HEAT, np.uint8)
    places = [(round(float(x) * size[0]), round(float(y) * size[1])) for x, y in prediction.path.points]
    for start, end in pairwise(places):
        cv2.line(drawn, start, end, _PATH, 1, cv2.LINE_AA)
    times = np.nan_to_num(prediction.path.durations, nan=0.3)
    for number, (place, time) in enumerate(zip(places, times, strict=True), 1):
        radius = max(6, round(_RADIUS_PX_PER_S * float(np.sqrt(max(float(time), 0.02)))))
        colour = _FIRST if number == 1 else _PATH
        cv2.circle(drawn, place, radius, colour, 2, cv2.LINE_AA)
        text = str(number)
        (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)
        corner = (place[0] - w // 2, place[1] + h // 2)
        cv2.putText(drawn, text, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(drawn, text, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return drawn


def _heat(density: Floats, size: tuple[int, int]) -> Floats:
    """Return how much colour a pixel gets, ``(H, W, 1)``: nothing below the mean density."""
    import cv2

    relative = density / max(float(density.max()), 1e-12)
    above = np.clip((relative - float(relative.mean())) / max(1 - float(relative.mean()), 1e-6), 0, 1)
    return np.asarray(
        cv2.resize(above.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)[..., None] * _MOST_HEAT
    )


def _with_words(panel: Pixels, sentence: str) -> Pixels:
    import cv2

    plain = sentence.encode("ascii", "replace").decode("ascii")
    lines = textwrap.wrap(plain, max(12, panel.shape[1] // 8))[:3]
    whole = np.empty((panel.shape[0] + 3 * _LINE + 6, panel.shape[1], 3), np.uint8)
    whole[:] = rgb(SLATE.ground)
    whole[: panel.shape[0]] = panel
    for number, line in enumerate(lines):
        place = (2, panel.shape[0] + _LINE * (number + 1) - 2)
        cv2.putText(whole, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.43, rgb(SLATE.ink), 1, cv2.LINE_AA)
    return whole
