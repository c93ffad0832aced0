"""Names of columns: which three of them are the coordinates of a point, as programs write them.

``x y z`` in any case, with words and units around the letter (``X [mm]``, ``x_coord``, ``Position Y``, ``POINT_Z``),
numbered components of one name (``Points:0``, ``position_1``), and ``easting northing elevation``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Triple = tuple[int, int, int]
"""Numbers of the columns of x, y and z."""

_PLACE_WORDS = frozenset(
    {"coord", "coords", "coordinate", "coordinates", "pos", "position", "positions", "point", "points", "pt", "pts"}
    | {"loc", "location", "vertex", "axis", "xyz"}
)
_UNIT_WORDS = frozenset(
    {"m", "mm", "cm", "dm", "km", "um", "µm", "nm", "metre", "metres", "meter", "meters"}
    | {"in", "inch", "inches", "ft", "foot", "feet"}
)
_NORMAL_WORDS = frozenset(["normal", "normals", "norm"])
_SURVEY = (
    frozenset(("easting", "east")),
    frozenset(("northing", "north")),
    frozenset(("elevation", "height", "altitude", "z")),
)
_UNIT_IN_BRACKETS = re.compile(r"[\[({][^\])}]*[\])}]")
_NUMBER_IN_BRACKETS = re.compile(r"[\[(](\d)[\])]")
_BOUNDARY = re.compile(r"(?<=[a-zµ])(?=[A-Z0-9])")


def find_coordinates(names: Sequence[str]) -> Triple | None:
    """Return the numbers of the columns that hold x, y and z; None unless exactly one triple of columns is named so."""
    exact = _triple([name.strip().lower() for name in names], ("x", "y", "z"))
    if exact is not None:
        return exact
    words = [_words(name) for name in names]
    kept = [tuple(word for word in row if word not in _PLACE_WORDS | _UNIT_WORDS) for row in words]
    # "Points:0" leaves a number alone; a column called "0" is none.
    numbered = [row[0] if len(row) == 1 and len(words[n]) > 1 else "" for n, row in enumerate(kept)]
    named = [row[0] if len(row) == 1 else "" for row in kept]
    for candidates, wanted in ((named, ("x", "y", "z")), (numbered, ("0", "1", "2")), (numbered, ("1", "2", "3"))):
        found = _triple(candidates, wanted)
        if found is not None:
            return found
    survey = [[number for number, name in enumerate(named) if name in group] for group in _SURVEY]
    return (survey[0][0], survey[1][0], survey[2][0]) if all(len(found) == 1 for found in survey) else None


def find_normals(names: Sequence[str]) -> Triple | None:
    """Return the numbers of the columns that hold the components of normals, as `find_coordinates`."""
    exact = _triple([name.strip().lower() for name in names], ("nx", "ny", "nz"))
    if exact is not None:
        return exact
    words = [_words(name) for name in names]
    kept = [
        next((word for word in row if word not in _NORMAL_WORDS), "")
        if len(row) == 2 and set(row) & _NORMAL_WORDS
        else ""
        for row in words
    ]
    return _triple(kept, ("x", "y", "z")) or _triple(kept, ("0", "1", "2"))


def _words(name: str) -> list[str]:
    name = _UNIT_IN_BRACKETS.sub(" ", _NUMBER_IN_BRACKETS.sub(r" \1 ", name))
    return [word.lower() for word in re.split(r"[\W_]+", _BOUNDARY.sub(" ", name)) if word]


def _triple(found: Sequence[str], wanted: tuple[str, str, str]) -> Triple | None:
    places = [[number for number, name in enumerate(found) if name == one] for one in wanted]
    return (places[0][0], places[1][0], places[2][0]) if all(len(place) == 1 for place in places) else None
