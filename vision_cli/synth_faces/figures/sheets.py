"""Sheets of faces: a row a label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision_cli.figures.style import SLATE, rgb
from vision_cli.synth_faces.values import Picture

_CELL, _GAP = 112, 4
_FONT_SCALE = 0.42
_LETTERS = 24


def draw_sheet(rows: Sequence[tuple[str, Sequence[Picture]]], *, cell: int = _CELL) -> Picture:
    """Return faces in rows, each with a title at its left, ``(H, W, 3)``.

    Parameters
    ----------
    rows
        Title and faces, of any size, which are drawn into squares.
    cell
        Side of a face, px.
    """
    import cv2

    font = cv2.FONT_HERSHEY_SIMPLEX
    titles = [title.encode("ascii", "replace").decode("ascii")[:_LETTERS] for title, _ in rows]
    start = max((cv2.getTextSize(title, font, _FONT_SCALE, 1)[0][0] for title in titles), default=0) + 4 * _GAP
    columns = max((len(faces) for _, faces in rows), default=0)
    sheet = np.empty((len(rows) * (cell + _GAP) + _GAP, start + columns * (cell + _GAP), 3), np.uint8)
    sheet[:] = rgb(SLATE.ground)
    for row, (title, (_, faces)) in enumerate(zip(titles, rows, strict=True)):
        top = _GAP + row * (cell + _GAP)
        place = (2 * _GAP, top + cell // 2 + _GAP)
        cv2.putText(sheet, title, place, font, _FONT_SCALE, rgb(SLATE.ink), 1, cv2.LINE_AA)
        for column, face in enumerate(faces):
            left = start + column * (cell + _GAP)
            sheet[top : top + cell, left : left + cell] = _square(face, cell)
    return sheet


def _square(face: Picture, cell: int) -> Picture:
    import cv2

    height, width = face.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    cut = face[top : top + side, left : left + side]
    method = cv2.INTER_AREA if side >= cell else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(cut, (cell, cell), interpolation=method), np.uint8)
