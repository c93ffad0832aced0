"""Scan paths that another program predicted, put to the recordings that they are of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.evaluation.references import film_name
from vision_cli.gaze_predict.values import Recording, ScanPath

_KEYS: tuple[Callable[[Recording], tuple[str, ...]], ...] = (
    lambda one: (one.id,),
    lambda one: (film_name(one), _plain(one.sentence), one.reader),
    lambda one: (film_name(one), _plain(one.sentence)),
    lambda one: (film_name(one), one.finding or ""),
)
"""What recordings and predictions may have in common, the most certain first."""


def match_predictions(recordings: Sequence[Recording], predicted: Sequence[Recording]) -> dict[str, ScanPath]:
    """Return predicted scan paths by the id of the recording.

    They belong together by their ids; else by film, sentence and reader; by film and sentence; by film and finding. A
    key that several predictions share is not used.

    Parameters
    ----------
    recordings
        What was recorded.
    predicted
        Predictions, read as a data set.

    Raises
    ------
    InputError
        If none belongs to a recording.
    """
    tables: list[dict[tuple[str, ...], list[ScanPath]]] = [{} for _ in _KEYS]
    for one in predicted:
        for table, key in zip(tables, _KEYS, strict=True):
            table.setdefault(key(one), []).append(one.path)
    found = {}
    for one in recordings:
        for table, key in zip(tables, _KEYS, strict=True):
            paths = table.get(key(one), [])
            if len(paths) == 1:
                found[one.id] = paths[0]
                break
    if not found:
        raise InputError(
            f"none of {len(predicted)} predicted scan paths is of one of the {len(recordings)} recordings.",
            hint="Name films, sentences and readers as the data set does.",
        )
    return found


def _plain(sentence: str) -> str:
    return " ".join(sentence.lower().rstrip(" .").split())
