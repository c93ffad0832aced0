"""One sample through the bench: darkened under every condition, enhanced by every method, measured, looked at."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from vision_cli.core.errors import InputError, InputTooLarge, MissingError, ResourceError, UsageError, VcliError
from vision_cli.enhance_eval.data.crops import crop_object
from vision_cli.enhance_eval.methods.checking import enhance_checked
from vision_cli.enhance_eval.pipeline.answers import score_answers
from vision_cli.enhance_eval.pipeline.consistency import as_truth
from vision_cli.enhance_eval.pipeline.darkness.conditions import Condition, darken
from vision_cli.enhance_eval.pipeline.scores import CLEAR, NONE, Cell, Decision, SampleScores
from vision_cli.enhance_eval.quality import appearance
from vision_cli.enhance_eval.quality.table import Measure, measure_picture
from vision_cli.enhance_eval.values import Boxes, Classifier, Detections, Detector, Method, Picture, Sample

Protocol = Literal["frozen", "consistency"]
Unit = Literal["image", "crop"]
Ready = Callable[[str, str, str], Detections]
"""Gives detections that were made elsewhere, by condition, method and sample."""


@dataclass(frozen=True)
class Bench:
    """What every sample goes through.

    Attributes
    ----------
    conditions
        How dark the pictures are made.
    methods
        The enhancers, ``none`` among them.
    measures
        Of quality.
    detector, classifier
        Task models, with the classes of the data set; None where nothing is detected, or classified.
    ready
        In place of a detector: what was detected elsewhere.
    unit
        Whether whole pictures or crops of their objects are classified.
    protocol
        ``frozen`` scores against annotations, ``consistency`` against what the detector finds in the reference.
    seed
        Of noise and darkness, together with the sample's name.
    """

    conditions: Sequence[Condition]
    methods: Sequence[Method]
    measures: Sequence[Measure]
    detector: Detector | None = None
    classifier: Classifier | None = None
    ready: Ready | None = None
    unit: Unit = "image"
    protocol: Protocol = "frozen"
    seed: int = 0


Watch = Callable[[str, Sequence[Cell], Sequence[Picture | None]], None]
"""Is handed the cells of a condition and their pictures, None for those that failed."""


def score_sample(sample: Sample, bench: Bench, watch: Watch | None = None) -> SampleScores:
    """Return the scores of a sample under all conditions and methods.

    A method that fails on the picture costs its own cell; the others go on.

    Parameters
    ----------
    sample
        The sample.
    bench
        What it goes through.
    watch
        Is called after every condition.

    Raises
    ------
    InputError
        If a picture cannot be read, or there is no reference where the protocol needs one.
    """
    reference = _reference(sample, bench)
    boxes = sample.boxes if bench.protocol == "frozen" else _found_in(reference, sample, bench)
    truth = replace(sample, boxes=boxes)
    cells: list[Cell] = []
    luma: dict[str, float] = {}
    noise: dict[str, float] = {}
    if reference is not None:
        # Ready detections are those of the methods.
        clear = _looked_at([_Enhanced(NONE, reference)], truth, replace(bench, ready=None), CLEAR)
        cells += clear
        if watch is not None:
            watch(CLEAR, clear, [reference])
    for condition in bench.conditions:
        dark = darken(sample.source, condition, generator_of(bench.seed, sample.name, condition.name))
        luma[condition.name], noise[condition.name] = appearance.mean_luma(dark), appearance.noise(dark)
        results = [_measured(method, dark, reference, sample.name, bench) for method in bench.methods]
        enhanced = [one for one, _ in results]
        measured = [
            replace(cell, measures=measures)
            for cell, (_, measures) in zip(_looked_at(enhanced, truth, bench, condition.name), results, strict=True)
        ]
        cells += measured
        if watch is not None:
            watch(condition.name, measured, [one.picture for one in enhanced])
    return SampleScores(sample.name, sample.attributes, luma, noise, boxes, cells)


def generator_of(seed: int, *names: str) -> np.random.Generator:
    """Return random numbers that depend on a seed and on names alone, so that any division of a run draws the same."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, np.uint32)[:4].tolist()])


@dataclass(frozen=True)
class _Enhanced:
    method: str
    picture: Picture | None
    milliseconds: float = 0.0
    error: str | None = None


def _reference(sample: Sample, bench: Bench) -> Picture | None:
    """Return the well-exposed picture: the partner that the data set has, or what is darkened by the conditions."""
    if sample.reference is not None:
        return sample.reference.read()
    if any(condition.kind != "as-is" for condition in bench.conditions):
        return sample.source.read()
    return None


def _found_in(reference: Picture | None, sample: Sample, bench: Bench) -> Boxes:
    """Return what the detector is sure of in the reference, as the objects to find."""
    if reference is None or bench.detector is None:
        raise InputError(
            f"{sample.name}: no reference; protocol consistency needs one, and a detector.",
            hint="Use a data set of pairs, --reference DIR, or conditions that darken.",
        )
    return as_truth(bench.detector.detect([reference])[0])


def _measured(
    method: Method, dark: Picture, reference: Picture | None, name: str, bench: Bench
) -> tuple[_Enhanced, Mapping[str, float]]:
    one = _enhance(method, dark, reference, name)
    if one.picture is None:
        return one, {}
    return one, measure_picture(one.picture, bench.measures, reference=reference, source=dark)


def _enhance(method: Method, dark: Picture, reference: Picture | None, name: str) -> _Enhanced:
    started = time.perf_counter()
    try:
        picture = enhance_checked(method, dark, name=name, reference=reference)
    except (UsageError, MissingError):
        raise
    except VcliError as error:
        if isinstance(error, ResourceError) and not isinstance(error, InputTooLarge):
            raise
        return _Enhanced(method.name, None, error=error.message)
    return _Enhanced(method.name, picture, 1e3 * (time.perf_counter() - started))


def _looked_at(enhanced: Sequence[_Enhanced], sample: Sample, bench: Bench, condition: str) -> list[Cell]:
    """Return the cells of a condition with what the task models say, all pictures in one batch."""
    whole = [one.picture for one in enhanced if one.picture is not None]
    found: Iterator[Detections | None] = iter(
        _detect(bench, whole, [one for one in enhanced if one.picture is not None], sample, condition)
    )
    decided = iter(_classify(bench, whole, sample))
    cells = []
    for one in enhanced:
        cell = Cell(condition, one.method, milliseconds=one.milliseconds, error=one.error)
        if one.picture is not None:
            cell = replace(cell, detections=next(found), decisions=next(decided))
        cells.append(cell)
    return cells


def _detect(
    bench: Bench, pictures: Sequence[Picture], enhanced: Sequence[_Enhanced], sample: Sample, condition: str
) -> Sequence[Detections | None]:
    if bench.ready is not None:
        return [bench.ready(condition, one.method, sample.name) for one in enhanced]
    return [None] * len(pictures) if bench.detector is None else bench.detector.detect(pictures)


def _classify(bench: Bench, pictures: Sequence[Picture], sample: Sample) -> list[list[Decision]]:
    """Return the decisions on each picture: one of a whole picture, or one an object."""
    truths = _truths(bench, sample)
    if bench.classifier is None or not truths or not pictures:
        return [[] for _ in pictures]
    if bench.unit == "crop" and sample.boxes is not None:
        kept = np.flatnonzero(~sample.boxes.ignored)
        shown = [crop_object(one, sample.boxes.corners[item]) for one in pictures for item in kept]
    else:
        shown = list(pictures)
    chances = bench.classifier.classify(shown)
    labels = np.tile(truths, len(pictures))
    answers = score_answers(chances, labels)
    decided = [
        Decision(int(truth), int(row.argmax()), float(margin))
        for truth, row, margin in zip(labels, chances, answers.margins, strict=True)
    ]
    return [decided[first : first + len(truths)] for first in range(0, len(decided), len(truths))]


def _truths(bench: Bench, sample: Sample) -> list[int]:
    if bench.unit == "crop":
        return [] if sample.boxes is None else sample.boxes.labels[~sample.boxes.ignored].tolist()
    return [] if sample.label is None else [sample.label]
