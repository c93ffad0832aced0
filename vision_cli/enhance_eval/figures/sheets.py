"""Contact sheets: one picture under a condition as every method gives it, with what a detector finds drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.values import Boxes, Picture
from vision_cli.figures.style import SLATE, rgb
from vision_cli.io.pictures.photographs import write_photograph

_HIT, _WRONG, _MISSED = (96, 214, 120), (255, 90, 31), (255, 214, 10)
_SHOWN_SIDE = 224
_CAPTION = 34
_GAP = 6
_COLUMNS = 6


@dataclass(frozen=True)
class Shown:
    """A picture of a sheet.

    Attributes
    ----------
    picture
        As the method gave it.
    title, remark
        Two lines below it.
    found
        ``(N, 4)`` corners of detections, pixels.
    is_right
        ``(N,)``: which of them are true objects of the right class.
    missed
        ``(M, 4)`` corners of the objects that were not found.
    """

    picture: Picture
    title: str
    remark: str
    found: NDArray[np.float32]
    is_right: NDArray[np.bool_]
    missed: NDArray[np.float32]


LEGEND = "Green: found. Orange: false. Yellow: missed."


def draw_sheet(shown: Sequence[Shown]) -> NDArray[np.uint8]:
    """Return the pictures in rows of six, ``(H, W, 3)`` RGB, each with its boxes and two lines below."""
    import cv2

    height, width = _shown_size(shown[0].picture)
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    cell_height, cell_width = height + _CAPTION + _GAP, width + _GAP
    sheet = np.empty((rows * cell_height + _GAP, columns * cell_width + _GAP, 3), np.uint8)
    sheet[:] = rgb(SLATE.ground)
    for number, one in enumerate(shown):
        row, column = divmod(number, columns)
        top, left = row * cell_height + _GAP, column * cell_width + _GAP
        sheet[top : top + height, left : left + width] = _with_boxes(one, height, width)
        for line, (text, ink) in enumerate(((one.title, SLATE.ink), (one.remark, SLATE.faint))):
            place = (left, top + height + 13 + 15 * line)
            cv2.putText(sheet, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, rgb(ink), 1, cv2.LINE_AA)
    return sheet


def write_sheet(path: Path, shown: Sequence[Shown]) -> None:
    """Write a contact sheet as PNG."""
    write_photograph(path, draw_sheet(shown))


def missed_boxes(boxes: Boxes | None, hit: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the corners of the objects that were not found, those to be ignored aside."""
    if boxes is None:
        return np.zeros((0, 4), np.float32)
    missed: NDArray[np.float32] = boxes.corners[~hit & ~boxes.ignored]
    return missed


def _with_boxes(one: Shown, height: int, width: int) -> NDArray[np.uint8]:
    import cv2

    scale = np.array([width / one.picture.shape[1], height / one.picture.shape[0]] * 2)
    method = cv2.INTER_AREA if scale[0] < 1 else cv2.INTER_NEAREST
    drawn = cv2.resize(np.round(one.picture * 255).astype(np.uint8), (width, height), interpolation=method)
    groups = (
        (one.missed, _MISSED, 1),
        (one.found[~one.is_right], _WRONG, 1),
        (one.found[one.is_right], _HIT, 2),
    )
    for corners, colour, thickness in groups:
        for x1, y1, x2, y2 in np.round(corners * scale).astype(int):
            cv2.rectangle(drawn, (int(x1), int(y1)), (int(x2) - 1, int(y2) - 1), colour, thickness)
    return np.asarray(drawn, np.uint8)


def _shown_size(picture: Picture) -> tuple[int, int]:
    height, width = picture.shape[:2]
    scale = _SHOWN_SIDE / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
