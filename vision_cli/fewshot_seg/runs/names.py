"""Names of the files and columns of runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MASKS, OVERLAYS, PANELS, INSTANCES = "masks", "overlays", "panels", "instances"
PROBABILITIES, UNCERTAINTIES = "prob", "uncertainty"
PREDICTIONS, DATASET, SUMMARY = "predictions.json", "dataset.json", "summary.csv"
PROTOCOL = "protocol.csv"

SAME_AS = "same_as_support"
"""Column with the support that a query is."""

_BETWEEN = "/"
_MARK = "presence"


def column(class_name: str, key: str) -> str:
    """Return the column of a fact of a class, ``CLASS/KEY``."""
    return f"{class_name}{_BETWEEN}{key}"


def classes_of(rows: Iterable[Mapping[str, object]]) -> list[str]:
    """Return the classes that rows of items speak of, in their order."""
    ending = f"{_BETWEEN}{_MARK}"
    return list(dict.fromkeys(key.removesuffix(ending) for row in rows for key in row if key.endswith(ending)))


def of_class(row: Mapping[str, object], class_name: str) -> dict[str, object]:
    """Return the facts of a class in a row, by key."""
    start = f"{class_name}{_BETWEEN}"
    return {key.removeprefix(start): value for key, value in row.items() if key.startswith(start)}


def same_as_support(query: str, support: object) -> str:
    """Return the warning of a query that is a support itself."""
    return f"{query}: the picture is the support {support}; its mask says little about other pictures."


def file_name(class_name: str) -> str:
    """Return a class as a part of a file name: letters, digits, - and _."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in class_name) or "class"
