"""Controls: the same predictions with other sentences, which show how much a method follows the text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vision_cli.core.errors import UsageError
from vision_cli.gaze_predict.options import CONTROLS
from vision_cli.gaze_predict.values import Recording

_SIDE = re.compile(r"(?<![a-z])(left|right)(?=(?:ward|wards|sided|most)?(?![a-z]))", re.IGNORECASE)
_LOBE = re.compile(r"\b([RL])(UL|LL)\b")
_OTHER = {"left": "right", "right": "left", "R": "L", "L": "R"}


def control_sentences(name: str, recordings: Sequence[Recording]) -> dict[str, str]:
    """Return the sentences of a control by the id of the recording; recordings that it does not change are left out.

    Parameters
    ----------
    name
        One of `vision_cli.gaze_predict.options.CONTROLS`.
    recordings
        Those that are evaluated.

    Raises
    ------
    UsageError
        If there is no such control.
    """
    if name == "no-text":
        return {one.id: "" for one in recordings if one.sentence}
    if name == "swap-side":
        swapped = {one.id: swap_sides(one.sentence) for one in recordings}
        return {one.id: swapped[one.id] for one in recordings if swapped[one.id] != one.sentence}
    if name == "wrong-text":
        found = {}
        for place, one in enumerate(recordings):
            # Half-way round: neighbours are often of one film, or of one finding.
            start = place + len(recordings) // 2
            later = (recordings[(start + step) % len(recordings)] for step in range(len(recordings)))
            wrong = next((other.sentence for other in later if _is_other(one, other)), None)
            if wrong is not None:
                found[one.id] = wrong
        return found
    raise UsageError(f"control {name!r}; {', '.join(CONTROLS)} expected.")


def swap_sides(sentence: str) -> str:
    """Return a sentence with left and right exchanged, and with them the short names of lobes, as RUL and LUL."""

    def other(match: re.Match[str]) -> str:
        word = match.group(1)
        swapped = _OTHER[word.lower()]
        return swapped.upper() if word.isupper() else swapped.capitalize() if word[0].isupper() else swapped

    return _LOBE.sub(lambda match: _OTHER[match.group(1)] + match.group(2), _SIDE.sub(other, sentence))


def _is_other(one: Recording, other: Recording) -> bool:
    if one.finding is not None and other.finding is not None:
        return one.finding != other.finding
    return one.sentence != other.sentence
