"""The work of ``run``: every sample through the bench, its scores in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError
from vision_cli.core.runs.runs import Run
from vision_cli.enhance_eval.data.sources import write_picture
from vision_cli.enhance_eval.figures.sheets import Shown, missed_boxes, write_sheet
from vision_cli.enhance_eval.methods.specs import file_name_of
from vision_cli.enhance_eval.options import RunOptions
from vision_cli.enhance_eval.pipeline.cells import generator_of, score_sample
from vision_cli.enhance_eval.pipeline.scores import CLEAR, Cell, SampleScores, scores_document
from vision_cli.enhance_eval.runs.plan import Plan
from vision_cli.enhance_eval.runs.scored import DATASET, dataset_document, scores_file, sheet_file
from vision_cli.enhance_eval.values import Boxes, Picture, Sample
from vision_cli.metrics.detection.matching import assign

SHEETS = 24
"""Samples whose contact sheets are drawn."""

_SURE = 0.3
"""Score from which a detection is drawn."""


def score_all(run: Run, plan: Plan, options: RunOptions, output: Output) -> None:
    """Score every sample that is not done yet.

    Parameters
    ----------
    run
        The open run.
    plan
        What it does.
    options
        What is saved.
    output
        Where progress is shown.

    Raises
    ------
    UsageError, MissingError, ResourceError
        If the whole run cannot go on.
    """
    measures = plan.bench.measures
    run.write_json(
        DATASET,
        dataset_document(
            plan.dataset.layout,
            plan.classes,
            plan.notes,
            {one.name: one.larger_is_better for one in measures},
            {one.name: one.unit for one in measures},
        ),
    )
    for note in plan.notes:
        run.log(note)
    spent: dict[str, list[float]] = {}
    drawn = _sample_of(plan) if "sheets" in options.save else set()

    def work(sample: Sample) -> Mapping[str, object]:
        kept: dict[str, tuple[Sequence[Cell], Sequence[Picture | None]]] = {}

        def watch(condition: str, cells: Sequence[Cell], pictures: Sequence[Picture | None]) -> None:
            if "pictures" in options.save:
                _save_pictures(run, sample.name, condition, cells, pictures)
            if sample.name in drawn and condition != CLEAR:
                kept[condition] = cells, pictures

        scores = score_sample(sample, plan.bench, watch)
        run.write_json(scores_file(sample.name), scores_document(scores))
        for condition, (cells, pictures) in kept.items():
            with run.output(sheet_file(sample.name, condition)) as path:
                write_sheet(path, shown_cells(cells, pictures, scores.boxes))
        for cell in scores.cells:
            if cell.error is None and cell.condition != CLEAR:
                spent.setdefault(cell.method, []).append(cell.milliseconds)
        _require_whole(scores)
        return {"cells": len(scores.cells), "objects": 0 if scores.boxes is None else len(scores.boxes.labels)}

    samples = list(plan.dataset.samples)
    run.each(samples, work, name=lambda one: one.name, what="pictures", output=output)
    run.record(milliseconds_per_picture={name: round(float(np.mean(values)), 3) for name, values in spent.items()})


def shown_cells(cells: Sequence[Cell], pictures: Sequence[Picture | None], boxes: Boxes | None) -> list[Shown]:
    """Return the pictures of a condition with what was found on them, for a contact sheet."""
    shown = []
    for cell, picture in zip(cells, pictures, strict=True):
        if picture is None:
            continue
        found, is_right = np.zeros((0, 4), np.float32), np.zeros(0, np.bool_)
        missed = missed_boxes(None, is_right)
        if cell.detections is not None and boxes is not None:
            hits = assign(boxes, cell.detections)
            sure = cell.detections.scores >= _SURE
            found, is_right = cell.detections.corners[sure], hits[sure] >= 0
            hit = np.zeros(len(boxes.labels), np.bool_)
            hit[hits[sure & (hits >= 0)]] = True
            missed = missed_boxes(boxes, hit)
        remark = _remark(cell, int(is_right.sum()), int((~is_right).sum()), len(missed))
        shown.append(Shown(picture, cell.method, remark, found, is_right, missed))
    return shown


def _remark(cell: Cell, found: int, wrong: int, missed: int) -> str:
    psnr = cell.measures.get("psnr")
    words = [] if psnr is None else [f"{psnr:.1f} dB"]
    if cell.detections is not None:
        words.append(f"{found} of {found + missed} found, {wrong} false")
    return "  ".join(words)


def _save_pictures(
    run: Run, name: str, condition: str, cells: Sequence[Cell], pictures: Sequence[Picture | None]
) -> None:
    for cell, picture in zip(cells, pictures, strict=True):
        if picture is not None:
            with run.output(f"pictures/{condition}/{file_name_of(cell.method)}/{name}.png") as path:
                write_picture(path, picture)


def _sample_of(plan: Plan) -> set[str]:
    """Return the samples whose sheets are drawn: the same whatever the division of the run."""
    names = [sample.name for sample in plan.dataset.samples]
    order = generator_of(plan.bench.seed, "sheets").permutation(len(names))
    return {names[place] for place in order[:SHEETS]}


def _require_whole(scores: SampleScores) -> None:
    """Count a sample as failed, its scores kept, if a method failed on it.

    Raises
    ------
    InputError
        If one did; the message has the first reason.
    """
    failed = scores.failed
    if failed:
        first = failed[0]
        raise InputError(
            f"{len(failed)} of {len(scores.cells)} cells failed, the first {first.method} at {first.condition}: "
            f"{first.error}"
        )
