"""Rows of faces with their scores: those a detector is most and least sure of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vision_cli.figures.style import AMBER, SLATE, rgb
from vision_cli.forgery_detect.values import Picture

READ_SHEET = "Below each face: its probability of being fake, and its label. Framed in amber: the verdict is wrong."

_SIDE, _GAP, _TITLE, _CAPTION, _FRAME = 128, 8, 26, 20, 4


@dataclass(frozen=True)
class SheetFace:
    """A face of a row.

    Attributes
    ----------
    picture
        ``(N, N, 3)``.
    caption
        Below it.
    is_wrong
        Whether it is framed.
    """

    picture: Picture = field(repr=False)
    caption: str
    is_wrong: bool


def draw_sheet(rows: Sequence[tuple[str, Sequence[SheetFace]]]) -> Picture:
    """Return rows of faces, ``(H, W, 3)``, each under its title."""
    longest = max(len(faces) for _, faces in rows)
    height = _TITLE + _SIDE + _CAPTION + _GAP
    sheet = np.empty((height * len(rows) + _GAP, longest * (_SIDE + _GAP) + _GAP, 3), np.uint8)
    sheet[:] = rgb(SLATE.ground)
    for number, (title, faces) in enumerate(rows):
        top = number * height + _GAP
        _write(sheet, title, _GAP, top + 16, 0.46)
        for place, face in enumerate(faces):
            left = _GAP + place * (_SIDE + _GAP)
            _place(sheet, face, top + _TITLE, left)
    return sheet


def _place(sheet: Picture, face: SheetFace, top: int, left: int) -> None:
    import cv2

    method = cv2.INTER_AREA if len(face.picture) > _SIDE else cv2.INTER_CUBIC
    sheet[top : top + _SIDE, left : left + _SIDE] = cv2.resize(face.picture, (_SIDE, _SIDE), interpolation=method)
    if face.is_wrong:
        inner = _FRAME // 2
        corners = (left + inner - 1, top + inner - 1), (left + _SIDE - inner, top + _SIDE - inner)
        cv2.rectangle(sheet, *corners, rgb(AMBER), _FRAME)
    _write(sheet, face.caption, left, top + _SIDE + 14, 0.38)


def _write(sheet: Picture, text: str, left: int, base: int, size: float) -> None:
    import cv2

    plain = text.encode("ascii", "replace").decode("ascii")
    cv2.putText(sheet, plain, (left, base), cv2.FONT_HERSHEY_SIMPLEX, size, rgb(SLATE.ink), 1, cv2.LINE_AA)
