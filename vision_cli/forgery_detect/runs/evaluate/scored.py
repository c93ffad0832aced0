"""Scores of an evaluation, read back from its journal and its plan."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.core.runs.journal import Entry
from vision_cli.forgery_detect.evaluation.localisation import Localisation, MeanLocalisation, mean_of
from vision_cli.forgery_detect.evaluation.results import WITHOUT, DetectorScores, ScoredMedium, test_sets
from vision_cli.forgery_detect.evaluation.robustness import RobustnessPoint, Variant, robustness_points
from vision_cli.forgery_detect.pipeline.verdicts import probability
from vision_cli.forgery_detect.runs.evaluate.plan_file import EvaluationPlan, LeftOut
from vision_cli.forgery_detect.runs.evaluate.scoring import WITHOUT_FACE
from vision_cli.forgery_detect.values import Floats


@dataclass(frozen=True)
class Evaluated:
    """All scores of an evaluation.

    Attributes
    ----------
    detectors
        Of each detector, or of each training of a protocol.
    left_out
        Media that were not scored, and why.
    """

    detectors: tuple[DetectorScores, ...]
    left_out: tuple[LeftOut, ...]


def read_scores(plan: EvaluationPlan, entries: Sequence[Entry]) -> Evaluated:
    """Return the scores of the finished items."""
    done = [entry for entry in entries if entry.error is None]
    if plan.protocol is None:
        failed = [LeftOut(entry.id, str(entry.error)) for entry in entries if entry.error is not None]
        empty = [LeftOut(entry.id, WITHOUT_FACE) for entry in done if not entry.row["faces"]]
        return Evaluated(_of_detectors(plan, done), (*plan.left_out, *empty, *failed))
    return Evaluated(tuple(_of_trial(plan, entry) for entry in done), plan.left_out)


def robustness_of(plan: EvaluationPlan, entries: Sequence[Entry]) -> dict[str, tuple[RobustnessPoint, ...]]:
    """Return what degradations change, by detector; empty if none was tried."""
    media = {medium.name: medium for medium in plan.media}
    done = [entry for entry in entries if entry.error is None and entry.row.get("variants", "[]") != "[]"]
    labels = np.array([media[entry.id].label for entry in done], np.int64)
    tried = [[Variant(*one) for one in json.loads(str(entry.row["variants"]))] for entry in done]
    # In the order of the first medium that was large enough for all.
    variants = max(tried, key=len, default=[])
    found = {}
    for name, band in plan.bands.items() if variants else ():
        plain = np.array([_middle(json.loads(str(entry.row["logits"]))[name]) for entry in done])
        scores: dict[Variant, Floats] = {variant: np.full(len(done), math.nan) for variant in variants}
        for row, (entry, own) in enumerate(zip(done, tried, strict=True)):
            for variant, logit in zip(own, json.loads(str(entry.row["degraded"]))[name], strict=True):
                scores[variant][row] = probability(logit)
        found[name] = robustness_points(labels, plain, scores, band=(0.5 - band, 0.5 + band))
    return found


def localisation_of(plan: EvaluationPlan, entries: Sequence[Entry]) -> dict[str, MeanLocalisation]:
    """Return how heat maps agree with masks, by detector; empty if no forged face has a mask, or none a heat map."""
    found: dict[str, list[Localisation]] = {}
    for entry in entries:
        if entry.error is None and plan.protocol is None:
            for name, (area, is_pointed) in json.loads(str(entry.row.get("heat", "{}"))).items():
                found.setdefault(name, []).append(Localisation(math.nan if area is None else area, is_pointed))
    means = {name: mean_of(found[name]) for name in plan.bands if name in found}
    return {name: one for name, one in means.items() if one.faces}


def _middle(logits: Sequence[float]) -> float:
    """Return the probability in the frame whose degraded copies were scored."""
    return probability(logits[len(logits) // 2])


def _of_detectors(plan: EvaluationPlan, done: Sequence[Entry]) -> tuple[DetectorScores, ...]:
    media = {medium.name: medium for medium in plan.media}
    with_faces = [entry for entry in done if entry.row["faces"]]
    tests = test_sets([media[entry.id] for entry in with_faces])
    logits = [json.loads(str(entry.row["logits"])) for entry in with_faces]
    return tuple(
        DetectorScores(
            name,
            "",
            band,
            tuple(
                ScoredMedium(media[entry.id], _chances(own[name]))
                for entry, own in zip(with_faces, logits, strict=True)
            ),
            tests,
        )
        for name, band in plan.bands.items()
    )


def _of_trial(plan: EvaluationPlan, entry: Entry) -> DetectorScores:
    logits: Mapping[str, Sequence[float]] = json.loads(str(entry.row["logits"]))
    scored = tuple(
        ScoredMedium(medium, _chances(logits[medium.name])) for medium in plan.media if medium.name in logits
    )
    if plan.protocol == "within":
        tests = test_sets([one.medium for one in scored])
    else:
        places = {one.medium.name: place for place, one in enumerate(scored)}
        tests = {test: tuple(places[name] for name in names if name in places) for test, names in plan.tests.items()}
    trial = str(entry.row["trial"])
    trained_on = {"within": "", "lodo": f"{WITHOUT}{trial}"}.get(plan.protocol or "", trial)
    return DetectorScores(str(entry.row["method"]), trained_on, entry.number("band"), scored, tests)


def _chances(logits: Sequence[float]) -> tuple[float, ...]:
    return tuple(probability(logit) for logit in logits)
