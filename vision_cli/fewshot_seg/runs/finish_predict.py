"""Tables, COCO files and report of a run of ``predict``, undivided or merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Table
from vision_cli.core.command.recorded_options import recorded
from vision_cli.core.report import Level, Picture, Report, link_to
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.fewshot_seg.figures.panels import READ_PANEL
from vision_cli.fewshot_seg.options import OutputOptions
from vision_cli.fewshot_seg.runs.coco import CocoPicture, coco_dataset, coco_result
from vision_cli.fewshot_seg.runs.names import (
    DATASET,
    INSTANCES,
    MASKS,
    PANELS,
    PREDICTIONS,
    SAME_AS,
    SUMMARY,
    classes_of,
    of_class,
    same_as_support,
)
from vision_cli.io.pictures.indexed import read_stored_values

_COLUMNS = (
    "presence", "score", "is_absent", "area_fraction", "instances", "candidate", "best_support",
    "iou", "dice", "boundary_f",
)  # fmt: skip
_DOUBTFUL = 0.4
RULE = (
    "The score is the IoU that the method expects of a mask. Caution: it is below 0.4 in more than a third of the "
    "pictures in which the class was found. Good: otherwise."
)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the summary by picture and class, COCO's files, the measures and the report."""
    done = [entry for entry in entries if entry.error is None]
    classes = classes_of(entry.row for entry in done)
    rows = [(entry, name, of_class(entry.row, name)) for entry in done for name in classes]
    columns = [key for key in _COLUMNS if any(key in facts for _, _, facts in rows)]
    run.write_csv(
        SUMMARY,
        ("file", "class", *columns),
        [(entry.id, name, *(facts.get(key) for key in columns)) for entry, name, facts in rows],
    )
    if "json" in recorded(OutputOptions, run.options).save:
        _write_coco(run, done, classes)
    metrics = _metrics(done, classes)
    run.write_metrics(metrics)
    _report(run, done, classes, metrics)


def _metrics(done: Sequence[Entry], classes: Sequence[str]) -> dict[str, float | int | str | None]:
    """Return how often each class was found and how large it is, and the overlap with the truth where that is known."""
    found: dict[str, float | int | str | None] = {"pictures": len(done)}
    cumulative = []
    for name in classes:
        facts = [of_class(entry.row, name) for entry in done]
        start = "" if len(classes) == 1 else f"{name}/"
        there = [one for one in facts if not one["is_absent"]]
        found[f"{start}found_in"] = len(there)
        found[f"{start}mean_area_fraction"] = _mean([one["area_fraction"] for one in facts])
        if known := [one for one in facts if "intersection" in one]:
            union = sum(_number(one["union"]) for one in known)
            cumulative.append(sum(_number(one["intersection"]) for one in known) / union if union else 1.0)
            found[f"{start}iou_cumulative"] = round(cumulative[-1], 6)
            for key in ("iou", "dice", "boundary_f"):
                found[f"{start}mean_{key}"] = _mean([one[key] for one in known if key in one])
    if len(cumulative) > 1:
        found["miou"] = _mean(cumulative)
    return found


def _write_coco(run: RunFiles, done: Sequence[Entry], classes: Sequence[str]) -> None:
    pictures = [
        CocoPicture(str(entry.row["file"]), int(entry.number("height")), int(entry.number("width"))) for entry in done
    ]
    results = []
    for number, entry in enumerate(done, 1):
        home = run.home_of(entry)
        stored = read_stored_values(home / MASKS / f"{entry.id}.png").values
        labels = (stored > 0).astype(np.uint16) if len(classes) == 1 else stored
        objects = home / INSTANCES / f"{entry.id}.png"
        numbers = read_stored_values(objects).values if objects.is_file() else None
        for place, name in enumerate(classes, 1):
            facts = of_class(entry.row, name)
            score = _number(facts["presence"]) * _number(facts["score"])
            for mask in _masks(labels == place, numbers):
                result = coco_result(number, place, mask, round(score, 6))
                results += [] if result is None else [result]
    run.write_json(PREDICTIONS, results)
    run.write_json(DATASET, coco_dataset(pictures, classes))


def _masks(mask: NDArray[np.bool_], numbers: NDArray[np.integer] | None) -> Iterator[NDArray[np.bool_]]:
    if numbers is None:
        yield mask
        return
    for number in np.unique(numbers[mask]):
        if number:
            yield np.asarray(mask & (numbers == number))


def _report(
    run: RunFiles, done: Sequence[Entry], classes: Sequence[str], metrics: dict[str, float | int | str | None]
) -> None:
    """Write the report: the pictures of which the method is least sure come first."""
    rows = [(entry, name, of_class(entry.row, name)) for entry in done for name in classes]
    there = [(entry, name, facts) for entry, name, facts in rows if not facts["is_absent"]]
    doubtful = [one for one in there if _number(one[2]["score"]) < _DOUBTFUL]
    level: Level = "plain" if not there else "caution" if 3 * len(doubtful) > len(there) else "good"
    listed = ", ".join(f"{name} in {sum(n == name for _, n, _ in there)}" for name in classes)
    words = f"{len(done)} pictures: {listed or 'no class'}."
    if doubtful:
        words += f" {len(doubtful)} masks are doubtful and come first below."
    order = sorted(done, key=lambda entry: min(_number(of_class(entry.row, name)["score"]) for name in classes))
    pictures = [
        Picture(path, entry.id, READ_PANEL)
        for entry in order
        if (path := run.home_of(entry) / PANELS / f"{entry.id}.jpg").is_file()
    ]
    shown = [
        (
            link_to(run, run.home_of(entry) / MASKS / f"{entry.id}.png", entry.id),
            name,
            "absent" if facts["is_absent"] else "found",
            *(facts.get(key) for key in ("presence", "score", "area_fraction", "candidate")),
        )
        for entry in order
        for name in classes
        for facts in [of_class(entry.row, name)]
    ]
    titles = ("picture", "class", "", "presence", "score", "area", "mask from")
    run.report(
        Report(
            title=f"Segmentation of {', '.join(classes) or 'nothing'}",
            verdict=words,
            level=level,
            rule=RULE,
            summary=metrics,
            pictures=pictures,
            tables=[Table(titles, shown, "Pictures, the least certain first")] if shown else [],
            notes=[same_as_support(entry.id, entry.row[SAME_AS]) for entry in done if SAME_AS in entry.row],
        )
    )


def _mean(values: Sequence[object]) -> float | None:
    return round(float(np.mean([_number(value) for value in values])), 6) if values else None


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
