"""Sheets of faces: a row a label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision_cli.figures.style import SLATE, rgb
from vision_cli.synth_faces.values import Picture

_CELL, _GAP, _TITLE = 112, 4, 150
_LETTERS = 20


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

    columns = max((len(faces) for _, faces in rows), default=0)
    sheet = np.empty((len(rows) * (cell + _GAP) + _GAP, _TITLE + columns * (cell + _GAP) + _GAP, 3), np.uint8)
    sheet[:] = rgb(SLATE.ground)
    for row, (title, faces) in enumerate(rows):
        top = _GAP + row * (cell + _GAP)
        words = title.encode("ascii", "replace").decode("ascii")[:_LETTERS]
        place = (_GAP + 2, top + cell // 2 + 4)
        cv2.putText(sheet, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, rgb(SLATE.ink), 1, cv2.LINE_AA)
        for column, face in enumerate(faces):
            left = _TITLE + column * (cell + _GAP)
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
