"""Conditions of a run: the picture as it is, darkened by the formula, or exposed by a number of stops."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import UsageError
from vision_cli.enhance_eval.pipeline.darkness.paper import darken_by_formula, draw_paper_darkness
from vision_cli.enhance_eval.pipeline.darkness.physical import FULL_WELL, READ_NOISE, compress, expose
from vision_cli.enhance_eval.values import Picture, Source

_EXPOSURE = re.compile(r"ev([+-]?\d+(?:\.\d+)?)")
_MOST_STOPS = 16.0
_JPEG = (1, 100)


@dataclass(frozen=True)
class Condition:
    """How dark the pictures of a run are made.

    Attributes
    ----------
    name
        As the user wrote it: ``as-is``, ``paper``, ``ev-4``.
    kind
        Which of the three.
    ev
        Stops of exposure; 0 for the other kinds.
    full_well, read_noise
        Electrons, of the camera of the third kind.
    jpeg
        Quality of a final JPEG compression; 0 for none. It applies to what was darkened, never to ``as-is``.
    """

    name: str
    kind: Literal["as-is", "paper", "physical"]
    ev: float = 0.0
    full_well: float = FULL_WELL
    read_noise: float = READ_NOISE
    jpeg: int = 0


def parse_condition(
    text: str, *, full_well: float = FULL_WELL, read_noise: float = READ_NOISE, jpeg: int = 0
) -> Condition:
    """Return the condition that a word names.

    Raises
    ------
    UsageError
        If it names none, or a number is out of its range.
    """
    if not full_well >= 1 or not read_noise >= 0:
        raise UsageError(f"full well {full_well:g}, read noise {read_noise:g}; at least 1 and 0 electrons expected.")
    if jpeg and not _JPEG[0] <= jpeg <= _JPEG[1]:
        raise UsageError(f"JPEG quality {jpeg}; 0 for none or {_JPEG[0]} to {_JPEG[1]} expected.")
    if text == "as-is":
        return Condition(text, "as-is")
    if text == "paper":
        return Condition(text, "paper", jpeg=jpeg)
    match = _EXPOSURE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"condition {text!r}; as-is, paper, or ev with a number of stops, such as ev-4, expected.",
            hint=did_you_mean(text, ("as-is", "paper", "ev-2", "ev-4", "ev-6")),
        )
    ev = float(match.group(1))
    if abs(ev) > _MOST_STOPS:
        raise UsageError(f"condition {text}; at most {_MOST_STOPS:g} stops expected.")
    return Condition(text, "physical", ev, full_well, read_noise, jpeg)


def darken(source: Source, condition: Condition, rng: np.random.Generator) -> Picture:
    """Return the picture of a source under a condition.

    Parameters
    ----------
    source
        Read as a picture, or as light for an exposure.
    condition
        What is done to it.
    rng
        One a picture, seeded by the run's seed and the picture's name, so that shards and repeats agree.
    """
    if condition.kind == "as-is":
        return source.read()
    if condition.kind == "paper":
        dark = darken_by_formula(source.read(), draw_paper_darkness(rng))
    else:
        dark = expose(
            source.read_linear(), condition.ev, rng, full_well=condition.full_well, read_noise=condition.read_noise
        )
    return compress(dark, condition.jpeg) if condition.jpeg else dark
