"""The work of ``score``: quality of pictures, or average precision of detections, that other programs made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Output, Table
from vision_cli.core.command.verbs import Done, Shown
from vision_cli.core.errors import InputError
from vision_cli.core.report import Report
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run
from vision_cli.enhance_eval.data.layouts.coco import read_coco_annotations
from vision_cli.enhance_eval.data.opening import open_dataset
from vision_cli.enhance_eval.pipeline.tasks.predictions import ReadyDetections
from vision_cli.enhance_eval.quality.table import Measure, measure_picture
from vision_cli.enhance_eval.values import Dataset, Sample, Source
from vision_cli.io.pictures.folders import Findings
from vision_cli.metrics.detection.average_precision import average_precision, mean_precision
from vision_cli.metrics.detection.matching import LARGE, MEDIUM, SMALL, match


def open_scored_pictures(
    pred: Path, reference: Path | None, source: Path | None
) -> tuple[Dataset, Mapping[str, Source | None]]:
    """Return the pictures to measure with their references, and the dark input of each by name.

    Raises
    ------
    InputError
        If there are no pictures, or a partner is missing.
    """
    dataset = open_dataset(pred, "flat", reference_dir=reference, strict=reference is not None)
    if source is None:
        return dataset, {}
    inputs = open_dataset(pred, "flat", reference_dir=source, strict=True)
    return dataset, {sample.name: sample.reference for sample in inputs.samples}


def score_pictures(
    run: Run, dataset: Dataset, sources: Mapping[str, Source | None], measures: Sequence[Measure], output: Output
) -> None:
    """Measure every picture."""
    kinds = {"nothing"} | ({"source"} if sources else set())
    kinds |= {"reference"} if any(sample.reference is not None for sample in dataset.samples) else set()
    if not any(one.needs in kinds for one in measures):
        raise InputError(
            f"{', '.join(one.name for one in measures)} need references or inputs; none found.",
            hint="Give --reference or --input.",
        )

    def work(sample: Sample) -> Mapping[str, object]:
        picture = sample.source.read()
        reference = None if sample.reference is None else sample.reference.read()
        dark = sources.get(sample.name)
        partner = None if dark is None else dark.read()
        for name, one in (("reference", reference), ("input", partner)):
            if one is not None and one.shape != picture.shape:
                raise InputError(f"{sample.name}: {picture.shape[:2]}, its {name} {one.shape[:2]}; one size expected.")
        found = measure_picture(picture, measures, reference=reference, source=partner)
        return {name: round(value, 6) if math.isfinite(value) else None for name, value in found.items()}

    run.each(dataset.samples, work, name=lambda one: one.name, what="pictures", output=output)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the report of measured pictures."""
    good = [entry for entry in entries if entry.error is None]
    means = means_of(good)
    rows = [(entry.id, *(entry.row.get(name) for name in means)) for entry in good]
    run.report(
        Report(
            title="Quality of pictures",
            verdict=f"{len(good)} pictures measured.",
            level="plain",
            summary=dict(means),
            pictures=[],
            tables=[Table(("picture", *means), rows, title="Pictures")],
            notes=[],
        )
    )


def means_of(entries: Sequence[Entry]) -> dict[str, float]:
    """Return the mean of every measure over the pictures that have it."""
    names = dict.fromkeys(name for entry in entries for name in entry.row)
    found = {}
    for name in names:
        values = [value for entry in entries if isinstance(value := entry.row.get(name), int | float)]
        if values:
            found[name] = float(np.mean(values))
    return found


def shown(done: Done) -> Shown:
    """Return the means of all pictures."""
    means = means_of([entry for entry in done.entries if entry.error is None])
    return Table(("measure", "mean"), list(means.items())), {"pictures": len(done.entries), **means}


def score_detections(run: Run, labels: Path, detections: Path) -> None:
    """Write the average precision of results for COCO annotations, by the rules of pycocotools.

    Raises
    ------
    InputError
        If a file is damaged, or they do not fit each other.
    """
    findings = Findings()
    dataset = read_coco_annotations(labels, findings)
    for note in findings.sentences():
        run.warn(note)
    ready = ReadyDetections(detections.parent, dataset.classes, labels)
    found, dropped = ready.read_file(detections, dataset.samples)
    if dropped:
        run.warn(f"{dropped} detections of classes that the annotations do not have were dropped.")
    truths = [sample.boxes for sample in dataset.samples if sample.boxes is not None]
    table = average_precision(match(truths, found, len(dataset.classes)))
    measures: dict[str, float] = {
        "ap": mean_precision(table),
        "ap50": mean_precision(table[:, :1]),
        "ap75": mean_precision(table[:, 5:6]),
    }
    for name, area in (("aps", SMALL), ("apm", MEDIUM), ("apl", LARGE)):
        measures[name] = mean_precision(average_precision(match(truths, found, len(dataset.classes), area=area)))
    run.write_csv(
        "per_class.csv",
        ("class", "ap", "ap50", "ap75"),
        [
            (name, *(None if math.isnan(v) else round(float(v), 6) for v in (row.mean(), row[0], row[5])))
            for name, row in zip(dataset.classes, table, strict=True)
        ],
    )
    run.write_metrics({name: None if math.isnan(value) else value for name, value in measures.items()})
