"""The colours of all pictures: charts are dark on white, images and scans lie on a dark ground."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """Colours of a picture's ground and of what is written on it.

    Attributes
    ----------
    ground
        Behind everything.
    ink
        Titles, names and numbers.
    faint
        Axes, ticks and remarks.
    line
        Grids and what recedes.
    """

    ground: str
    ink: str
    faint: str
    line: str


def rgb(colour: str) -> tuple[int, int, int]:
    """Return the red, green and blue of a colour, ``#rrggbb``, ``white`` or ``black``, 0 to 255."""
    named = {"white": (255, 255, 255), "black": (0, 0, 0)}
    if colour in named:
        return named[colour]
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


CHART = Style(ground="white", ink="#20252b", faint="#7a828b", line="#d5dade")
"""Of charts."""

DARK = Style(ground="black", ink="#eceff1", faint="#9aa0a6", line="#34383d")
"""Of images whose own background is black: it does not show as a box."""

SLATE = Style(ground="#15181c", ink="#eceff1", faint="#9aa0a6", line="#34383d")
"""Of shaded surfaces, whose darkest parts stay visible."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b8a800", "#6a3d9a", "#8c564b")
"""Colours of series that people with colour-vision deficiency tell apart, too (Okabe and Ito 2008; the last three are
added for longer lists)."""

BLUE, AMBER, YELLOW = "#3fc1ff", "#ffb02e", "#fff200"
"""Of lines over a dark image."""

DARK_COLOURS = (BLUE, AMBER, "#7bd88f", "#ff7eb6", "#b39dff", "#e8e8e8")
"""Colours of series on a dark ground."""

GREY = ("black", "white")
AROUND_BLACK = ("#c8edff", "#2f8fe0", "#0b2d4d", "#000000", "#52250a", "#e0701a", "#ffe3b0")
"""A diverging scale for values on the black ground: what is near 0 recedes."""
AROUND_GREY = ("#1f9bff", "#6fb4e6", "#8d959c", "#e6a37e", "#ff5a1f")
"""A diverging scale for lines over a grey image."""
