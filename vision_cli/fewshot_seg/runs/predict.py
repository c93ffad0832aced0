"""The work of ``predict``: masks of the classes in every query."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.runs.runs import Run
from vision_cli.fewshot_seg.data.masks import read_mask
from vision_cli.fewshot_seg.data.pictures import read_picture
from vision_cli.fewshot_seg.data.queries import Query
from vision_cli.fewshot_seg.figures.panels import draw_overlay, draw_panel
from vision_cli.fewshot_seg.options import OutputOptions
from vision_cli.fewshot_seg.pipeline.classes import ClassResult, Decision, segment_classes
from vision_cli.fewshot_seg.pipeline.instances import split_instances
from vision_cli.fewshot_seg.pipeline.methods import ClassRecipe, learn, stored_side
from vision_cli.fewshot_seg.pipeline.tiles import reduced_picture
from vision_cli.fewshot_seg.pipeline.weight_files import Method
from vision_cli.fewshot_seg.runs.names import (
    INSTANCES,
    MASKS,
    OVERLAYS,
    PANELS,
    PROBABILITIES,
    SAME_AS,
    UNCERTAINTIES,
    column,
    file_name,
    same_as_support,
)
from vision_cli.fewshot_seg.values import Mask, Picture, Support
from vision_cli.io.pictures.folders import pictures_below
from vision_cli.io.pictures.indexed import class_palette, write_index_picture, write_labels, write_probability
from vision_cli.io.pictures.photographs import write_photograph
from vision_cli.metrics.masks import boundary_f, count_masks


@dataclass(frozen=True)
class PredictionPlan:
    """What is looked for, where, and what is written of it.

    Attributes
    ----------
    recipes
        The classes.
    weights
        Network and gate.
    queries
        The pictures.
    decision
        When a class is there.
    writing
        What is written beside masks.
    truths
        True masks by the name of the query; empty where none are known.
    """

    recipes: Sequence[ClassRecipe]
    weights: Method
    queries: Sequence[Query]
    decision: Decision
    writing: OutputOptions
    truths: Mapping[str, Path]


def predict_all(run: Run, plan: PredictionPlan, output: Output) -> None:
    """Write the masks of every query that is not done yet."""
    supports = {_fingerprint(one.picture): one.name for recipe in plan.recipes for one in recipe.supports}
    most = stored_side(plan.weights)
    tasks = {recipe.name: learn(recipe, plan.weights) for recipe in plan.recipes}

    def work(query: Query) -> Mapping[str, object]:
        picture = read_picture(query.path)
        results, labels = segment_classes(tasks, picture, plan.decision)
        height, width = picture.shape[:2]
        row: dict[str, object] = {"file": query.path.name, "width": width, "height": height}
        # Supports are kept at the size that methods learn from, so the query is compared at that size.
        if (name := supports.get(_fingerprint(reduced_picture(picture, most)))) is not None:
            row[SAME_AS] = name
            output.warn(same_as_support(query.name, name))
        for class_name, result in results.items():
            row |= {column(class_name, key): value for key, value in _facts(result).items()}
        _write_masks(run, query, plan, results, labels, row)
        if query.name in plan.truths:
            row |= _compare(plan, query, results)
        if "overlay" in plan.writing.save:
            with run.output(f"{OVERLAYS}/{query.name}.jpg") as path:
                write_photograph(path, draw_overlay(picture, [one.segmentation.mask for one in results.values()]))
        if plan.writing.pictures:
            _write_panel(run, query, plan, picture, results)
        return row

    run.each(plan.queries, work, name=lambda query: query.name, what="pictures", output=output)


def match_truths(directory: Path | None, queries: Sequence[Query]) -> dict[str, Path]:
    """Return the masks of a folder by the names of the queries that they have without their endings."""
    if directory is None:
        return {}
    found = {path.relative_to(directory).with_suffix("").as_posix(): path for path in pictures_below(directory)}
    return {
        query.name: found[name]
        for query in queries
        for name in (query.name, Path(query.name).with_suffix("").as_posix(), query.path.stem)
        if name in found
    }


def _facts(result: ClassResult) -> dict[str, object]:
    one = result.segmentation
    return {
        "presence": round(one.presence, 4),
        "score": round(one.score, 4),
        "is_absent": result.is_absent,
        "area_fraction": round(float(one.mask.mean()), 6),
        "candidate": one.candidate,
        "best_support": one.best_support,
    }


def _write_masks(
    run: Run,
    query: Query,
    plan: PredictionPlan,
    results: Mapping[str, ClassResult],
    labels: np.ndarray[tuple[int, ...], np.dtype[np.uint16]],
    row: dict[str, object],
) -> None:
    with run.output(f"{MASKS}/{query.name}.png") as path:
        if len(results) == 1:
            write_labels(path, (255 * (labels > 0)).astype(np.uint8))
        else:
            write_index_picture(path, labels, class_palette(256))
    if plan.writing.instances:
        numbers = np.zeros(labels.shape, np.uint16)
        for name, result in results.items():
            own = split_instances(result.segmentation.mask)
            row[column(name, "instances")] = int(own.max())
            numbers[own > 0] = (own[own > 0] + int(numbers.max())).astype(np.uint16)
        with run.output(f"{INSTANCES}/{query.name}.png") as path:
            write_labels(path, numbers)
    for name, result in results.items():
        part = "" if len(results) == 1 else f".{file_name(name)}"
        if "prob" in plan.writing.save:
            with run.output(f"{PROBABILITIES}/{query.name}{part}.png") as path:
                write_probability(path, np.clip(result.segmentation.probability, 0, 1))
        uncertainty = result.segmentation.uncertainty
        if "uncertainty" in plan.writing.save and uncertainty is not None:
            with run.output(f"{UNCERTAINTIES}/{query.name}{part}.png") as path:
                write_probability(path, np.clip(uncertainty, 0, 1))


def _write_panel(
    run: Run, query: Query, plan: PredictionPlan, picture: Picture, results: Mapping[str, ClassResult]
) -> None:
    shown: list[tuple[Support, ClassResult]] = []
    for recipe in plan.recipes:
        result = results[recipe.name]
        shown.append((recipe.supports[result.segmentation.best_support], result))
    with run.output(f"{PANELS}/{query.name}.jpg") as path:
        write_photograph(path, draw_panel(picture, [(support, result.segmentation) for support, result in shown]))


def _compare(plan: PredictionPlan, query: Query, results: Mapping[str, ClassResult]) -> dict[str, object]:
    """Return the overlap of each class with its truth, by column."""
    found: dict[str, object] = {}
    for number, (name, result) in enumerate(results.items(), 1):
        truth = read_mask(plan.truths[query.name], None if len(results) == 1 else number)
        mask: Mask = result.segmentation.mask
        counts = count_masks(mask, truth.mask, truth.ignored)
        values = {
            "iou": counts.iou,
            "dice": counts.dice,
            "boundary_f": boundary_f(mask, truth.mask, truth.ignored),
            "intersection": counts.both,
            "union": counts.union,
            "is_true": int(truth.mask.any()),
        }
        found |= {column(name, key): round(float(value), 6) for key, value in values.items() if np.isfinite(value)}
    return found


def _fingerprint(picture: Picture) -> str:
    return hashlib.sha256(picture.tobytes()).hexdigest()
