"""Overlays, and rows of pictures: supports, query, masks and uncertainty side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vision_cli.fewshot_seg.values import Floats, Mask, Picture, Segmentation, Support
from vision_cli.figures.style import COLOURS, SLATE, rgb

Pixels = TypeVar("Pixels", NDArray[np.uint8], NDArray[np.float32])

_LONGEST = 1600
_CELL, _CAPTION, _GAP = 256, 22, 6
_TINT = 0.45
_TRUTH = (255, 242, 0)
_MOST_CLASSES = 6
_LIGHT, _DARK = np.array([255, 240, 200], np.float32), np.array([12, 16, 40], np.float32)

READ_PANEL = "Coloured: the class. Right: where the candidates disagree (bright)."
READ_EPISODE = "Coloured: the mask. Yellow line: the truth."


@dataclass(frozen=True)
class Cell:
    """A picture of a row.

    Attributes
    ----------
    picture
        Of any size.
    title
        Below it.
    """

    picture: Picture
    title: str


def draw_overlay(picture: Picture, masks: Sequence[Mask], *, truth: Mask | None = None) -> Picture:
    """Return a picture, 1600 px at most, with its masks tinted and outlined.

    Parameters
    ----------
    picture
        The picture.
    masks
        One a class, each in a colour of its own.
    truth
        Outlined in yellow.
    """
    shown = _at_most(picture, _LONGEST)
    drawn = shown.astype(np.float32)
    outlines: list[tuple[Mask, tuple[int, int, int]]] = []
    for number, mask in enumerate(masks):
        colour = rgb(COLOURS[number % len(COLOURS)])
        own = _mask_at(mask, shown.shape[:2])
        drawn[own] = (1 - _TINT) * drawn[own] + _TINT * np.array(colour, np.float32)
        outlines.append((own, colour))
    if truth is not None:
        outlines.append((_mask_at(truth, shown.shape[:2]), _TRUTH))
    result: Picture = drawn.astype(np.uint8)
    for own, colour in outlines:
        _outline(result, own, colour)
    return result


def draw_panel(query: Picture, results: Sequence[tuple[Support, Segmentation]]) -> Picture:
    """Return a row a class: the best support, the query, its mask, its probability and its uncertainty."""
    rows = []
    for support, found in results[:_MOST_CLASSES]:
        words = f"{found.candidate}, presence {found.presence:.2f}, IoU about {found.score:.2f}"
        cells = [
            Cell(draw_overlay(support.picture, [support.mask]), "support"),
            Cell(query, "query"),
            Cell(draw_overlay(query, [found.mask]), words if found.mask.any() else f"absent, {words}"),
            Cell(_heat(found.probability), "probability"),
        ]
        cells += [] if found.uncertainty is None else [Cell(_heat(found.uncertainty), "uncertainty")]
        rows.append(draw_row(cells))
    return np.concatenate(rows)


def draw_row(cells: Sequence[Cell]) -> Picture:
    """Return pictures side by side, 256 px each, with their titles, ``(H, W, 3)``."""
    import cv2

    row = np.empty((_CELL + _CAPTION + _GAP, len(cells) * (_CELL + _GAP) + _GAP, 3), np.uint8)
    row[:] = rgb(SLATE.ground)
    for number, cell in enumerate(cells):
        left = _GAP + number * (_CELL + _GAP)
        small = _at_most(cell.picture, _CELL, grows=True)
        top, start = (_CELL - small.shape[0]) // 2, left + (_CELL - small.shape[1]) // 2
        row[_GAP + top : _GAP + top + small.shape[0], start : start + small.shape[1]] = small
        title = cell.title.encode("ascii", "replace").decode("ascii")
        place = (left, _CELL + _GAP + 15)
        cv2.putText(row, title[:42], place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, rgb(SLATE.ink), 1, cv2.LINE_AA)
    return row


def _heat(values: Floats) -> Picture:
    small = _at_most(np.clip(values, 0, 1), _LONGEST)
    mixed = small[..., None] * _LIGHT + (1 - small[..., None]) * _DARK
    return np.asarray(mixed, np.uint8)


def _outline(picture: Picture, mask: Mask, colour: tuple[int, int, int]) -> None:
    import cv2

    lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, lines, -1, colour, max(1, max(picture.shape) // 400), cv2.LINE_AA)


def _at_most(values: Pixels, longest: int, *, grows: bool = False) -> Pixels:
    import cv2

    scale = longest / max(values.shape[:2])
    if scale >= 1 and not grows:
        return values
    size = max(1, round(values.shape[1] * scale)), max(1, round(values.shape[0] * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(values, size, interpolation=method), values.dtype)


def _mask_at(mask: Mask, size: Sequence[int]) -> Mask:
    import cv2

    if mask.shape == tuple(size):
        return mask
    return np.asarray(cv2.resize(mask.astype(np.uint8), (size[1], size[0]), interpolation=cv2.INTER_NEAREST) > 0)
