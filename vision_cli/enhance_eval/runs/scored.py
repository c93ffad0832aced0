"""The scores of a run, read back from its files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.pipeline.scores import SampleScores, read_scores

DATASET = "dataset.json"


def scores_file(name: str) -> str:
    """Return where the scores of a sample lie in a run."""
    return f"scores/{name}.json"


def sheet_file(name: str, condition: str) -> str:
    """Return where the contact sheet of a sample lies in a run."""
    return f"sheets/{name}/{condition}.png"


@dataclass(frozen=True)
class Scored:
    """The scores of a run with what is known of its data set.

    Attributes
    ----------
    scores
        One entry a picture, in the order of the input.
    classes
        Of the data set.
    layout
        As it was read.
    notes
        What was left out or mapped.
    larger_is_better, units
        Of the measures.
    """

    scores: Sequence[SampleScores]
    classes: tuple[str, ...]
    layout: str
    notes: tuple[str, ...]
    larger_is_better: Mapping[str, bool | None]
    units: Mapping[str, str]


def dataset_document(
    layout: str,
    classes: Sequence[str],
    notes: Sequence[str],
    larger_is_better: Mapping[str, bool | None],
    units: Mapping[str, str],
) -> dict[str, object]:
    """Return the JSON document of what all pictures of a run share; `read_scored` reads it back."""
    return {
        "layout": layout,
        "classes": list(classes),
        "notes": list(notes),
        "larger_is_better": dict(larger_is_better),
        "units": dict(units),
    }


def read_scored(homes: Mapping[str, Path]) -> Scored:
    """Read the scores of samples.

    Parameters
    ----------
    homes
        By name of the sample the directory of the run or shard that scored it, in the order of the input. Samples
        without a file of scores, since their picture could not be read, are left out.

    Raises
    ------
    InputError
        If a file is damaged, or none is there.
    """
    scores = [read_scores(path) for name, home in homes.items() if (path := home / scores_file(name)).is_file()]
    if not scores:
        raise InputError("No picture was scored; the reasons are in failures.csv.")
    path = next(iter(homes.values())) / DATASET
    try:
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Scored(
            scores,
            tuple(known["classes"]),
            known["layout"],
            tuple(known["notes"]),
            known["larger_is_better"],
            known["units"],
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not the data set of a run ({error}).") from None
