"""The main numbers of an evaluation: of each detector those that its verdict is given by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.core.report import Level
from vision_cli.forgery_detect.evaluation.results import ALL, DetectorScores, Result, is_unseen, mean_measures
from vision_cli.forgery_detect.options.evaluating import Level as MeasureLevel
from vision_cli.forgery_detect.runs.evaluate.plan_file import EvaluationPlan

RULE = (
    "Of the first detector, on all media, or on the tests that its training had nothing of. Good: the 95 % intervals "
    "of the AUC lie above 0.5, and the audit found nothing. Bad: the AUC, or its mean over the tests, is 0.5 or lower. "
    "Caution: anything else."
)

_CHANCE = 0.5
DIGITS = 6


@dataclass(frozen=True)
class Headline:
    """A detector's main numbers: on all media, or means over the tests that its training had nothing of.

    Attributes
    ----------
    detector
        Name of it, or of the method.
    measures
        By the names of `Measures`; counts are of different videos or pictures. NaN where nothing is defined, and for
        the interval of a mean.
    lowest
        Lower end of the lowest interval; NaN where one is not defined.
    """

    detector: str
    measures: Mapping[str, float]
    lowest: float

    def line(self) -> str:
        """Return the numbers in a line for scripts."""
        words = {"AUC": "auc", "EER": "eer", "ACC": "accuracy", "AP": "average_precision"}
        found = [f"{word}={_shown(self.measures[name])}" for word, name in words.items()]
        return " ".join([*found, f"n={self.measures['reals'] + self.measures['fakes']}"])


def headlines_of(
    plan: EvaluationPlan, detectors: Sequence[DetectorScores], results: Sequence[Result], level: MeasureLevel
) -> list[Headline]:
    """Return the main numbers of each detector, in their order."""
    own = [one for one in results if one.level == level]
    found = []
    for name in dict.fromkeys(one.detector for one in own):
        counted = [
            one
            for one in own
            if one.detector == name
            and (
                one.test_set == ALL if plan.protocol is None else is_unseen(plan.protocol, one.trained_on, one.test_set)
            )
        ]
        if not counted:
            continue
        # Real media are in the tests of all generators.
        tested = {one.test_set for one in counted}
        labels = {
            one.medium.video or one.medium.name: one.medium.label
            for scores in detectors
            if scores.detector == name
            for test in tested
            for one in (scores.media[place] for place in scores.tests.get(test, ()))
        }
        fakes = sum(label == 1 for label in labels.values())
        counts = {"reals": len(labels) - fakes, "fakes": fakes}
        means = {**mean_measures(counted), **counts}
        if len(counted) > 1:
            means |= {"auc_low": math.nan, "auc_high": math.nan}
        found.append(Headline(name, means, float(np.min([one.measures.auc_low for one in counted]))))
    return found


def summary_of(headlines: Sequence[Headline]) -> str:
    """Return the plain lines that end what is printed, one a detector, named where there are several."""
    is_one = len(headlines) == 1
    return "".join(f"{'' if is_one else f'{one.detector}: '}{one.line()}\n" for one in headlines)


def verdict_of(plan: EvaluationPlan, first: Headline | None) -> str:
    """Return the result of an evaluation in a sentence."""
    if first is None:
        return "Nothing could be measured."
    found = first.measures
    where = {
        None: "on all media",
        "within": "on media that it was not trained on",
    }.get(plan.protocol, "on what its training had nothing of (mean over the tests)")
    counts = f"{found['reals']} real and {found['fakes']} forged"
    if not math.isfinite(found["auc"]):
        return f"{first.detector}: {counts}; the AUC needs both classes and is not defined."
    between = f" [{found['auc_low']:.2f}, {found['auc_high']:.2f}]" if math.isfinite(found["auc_low"]) else ""
    return (
        f"{first.detector}: AUC {found['auc']:.2f}{between} {where}, {counts}; at 10 % false alarms it catches "
        f"{found['tpr_at_10']:.0%} of the fakes."
    )


def level_of(plan: EvaluationPlan, first: Headline | None) -> Level:
    """Return the level of the result, by `RULE`."""
    if first is None or not math.isfinite(first.measures["auc"]):
        return "caution"
    if first.measures["auc"] <= _CHANCE:
        return "bad"
    is_clean = plan.audit is None or plan.audit.level == "good"
    return "good" if first.lowest > _CHANCE and is_clean else "caution"


def numbers_of(first: Headline) -> dict[str, object]:
    """Return the numbers that a report begins with, by their labels."""
    words = {
        "AUC": "auc",
        "EER": "eer",
        "average precision": "average_precision",
        "fakes caught at 1 % false alarms": "tpr_at_1",
        "fakes caught at 10 % false alarms": "tpr_at_10",
        "calibration error": "ece",
    }
    return {word: known(first.measures[name]) for word, name in words.items()}


def known(value: object) -> float | int | str | None:
    """Return a value rounded, None where it is not defined."""
    if isinstance(value, float):
        return round(value, DIGITS) if math.isfinite(value) else None
    return value if isinstance(value, int | str) else None


def _shown(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "n/a"
