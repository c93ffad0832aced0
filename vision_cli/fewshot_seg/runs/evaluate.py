"""The work of ``evaluate``: episodes of data sets, by one method or several side by side."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.fewshot_seg.data.datasets import FewShotDataset
from vision_cli.fewshot_seg.data.opening import LAYOUTS, open_dataset, open_unlabelled
from vision_cli.fewshot_seg.evaluation.episodes import (
    Episode,
    LoadedEpisode,
    load_episode,
    read_episodes,
    sample_absent,
    sample_episodes,
    write_episodes,
)
from vision_cli.fewshot_seg.evaluation.measures import score_episode
from vision_cli.fewshot_seg.figures.panels import Cell, draw_overlay, draw_row
from vision_cli.fewshot_seg.options import EvaluationOptions
from vision_cli.fewshot_seg.pipeline.methods import ClassRecipe, learn, stored_side
from vision_cli.fewshot_seg.pipeline.tiles import prepare_supports, tile_for
from vision_cli.fewshot_seg.pipeline.weight_files import Method
from vision_cli.fewshot_seg.runs.names import PANELS, PROTOCOL
from vision_cli.fewshot_seg.runs.scored import score_row
from vision_cli.fewshot_seg.values import Mask, Picture
from vision_cli.io.pictures.photographs import write_photograph

ELSEWHERE = "elsewhere"
"""Name of the set of pictures without the class."""

_MOST_SHOWN = 6


@dataclass(frozen=True)
class EvaluationPlan:
    """What is measured.

    Attributes
    ----------
    datasets
        By name.
    episodes
        The protocol.
    methods
        Names of the methods.
    weights
        Network and gate.
    tile
        Side of tiles, px; 0 for none, None to choose by the size of the class.
    pictures
        Whether every episode is drawn.
    """

    datasets: Mapping[str, FewShotDataset]
    episodes: Sequence[Episode]
    methods: Sequence[str]
    weights: Method
    tile: int | None
    pictures: bool


def open_sets(words: Sequence[str], options: EvaluationOptions) -> dict[str, FewShotDataset]:
    """Return the data sets that words name, ``[NAME=]PATH[:LAYOUT]``.

    Raises
    ------
    UsageError
        If two have the same name.
    InputError
        If one cannot be read.
    """
    found: dict[str, FewShotDataset] = {}
    layouts = {layout.name for layout in LAYOUTS}
    for word in words:
        name, equals, rest = word.partition("=")
        if not equals or Path(word).exists():
            name, rest = "", word
        path, colon, layout = rest.rpartition(":")
        if not colon or layout not in layouts:
            path, layout = rest, options.layout
        label = name or Path(path).resolve().name
        if label in found:
            raise UsageError(f"two data sets named {label}; different names expected.", hint=f"Give NAME={path}.")
        found[label] = open_dataset(Path(path), layout, split=options.split, classes=options.classes or None)
    return found


def plan_episodes(
    datasets: dict[str, FewShotDataset], options: EvaluationOptions, seed: int, output: Output
) -> tuple[dict[str, FewShotDataset], tuple[Episode, ...]]:
    """Return the data sets with that of pictures without the class, and the episodes.

    They are drawn by the protocol, or read from ``--episodes-file``.
    """
    sets = dict(datasets)
    if options.absent_from is not None:
        sets[ELSEWHERE] = open_unlabelled(options.absent_from)
    for name, one in sets.items():
        for note in one.notes:
            output.info(f"{name}: {note}")
    if options.episodes_file is not None:
        return sets, read_episodes(options.episodes_file)
    episodes: list[Episode] = []
    for name, dataset in datasets.items():
        drawn, notes = sample_episodes(
            dataset,
            name,
            shots=options.shots,
            count=None if options.episodes is None else int(options.episodes),
            seed=seed,
        )
        for note in notes:
            output.info(f"{name}: {note}")
        episodes += drawn
        if options.absent_from is not None:
            episodes += sample_absent(drawn, sets, query_set=ELSEWHERE, seed=seed)
        elif options.absent:
            episodes += sample_absent(drawn, sets, seed=seed)
    return sets, tuple(episodes)


def evaluate_all(run: Run, plan: EvaluationPlan, output: Output) -> None:
    """Score every episode that is not done yet by every method."""
    with run.output(PROTOCOL) as path:
        write_episodes(path, plan.episodes)
    seconds: dict[str, list[float]] = {name: [] for name in plan.methods}

    def work(episode: Episode) -> Mapping[str, object]:
        loaded = load_episode(episode, plan.datasets)
        tile = tile_for(loaded.supports, plan.tile)
        shown = tuple(prepare_supports(loaded.supports, tile=tile, most=stored_side(plan.weights)))
        row: dict[str, object] = {}
        masks: dict[str, Mask] = {}
        for name in plan.methods:
            started = time.perf_counter()
            recipe = ClassRecipe(episode.class_name, shown, name, episode.seed, tile)
            found = learn(recipe, plan.weights).segment(loaded.query.picture)
            seconds[name].append(time.perf_counter() - started)
            score = score_episode(episode, loaded.query, found.mask, found.presence)
            row |= score_row(name, score, found.candidate)
            masks[name] = found.mask
        if plan.pictures:
            with run.output(f"{PANELS}/{episode.id}.jpg") as panel:
                write_photograph(panel, _panel(loaded, masks))
        return row

    run.each(plan.episodes, work, name=lambda episode: episode.id, what="episodes", output=output)
    run.record(seconds_per_episode={name: round(float(np.mean(s)), 4) for name, s in seconds.items() if s})


def _panel(loaded: LoadedEpisode, masks: Mapping[str, Mask]) -> Picture:
    query = loaded.query
    cells = [Cell(draw_overlay(one.picture, [one.mask]), "support") for one in loaded.supports[:2]]
    cells += [
        Cell(draw_overlay(query.picture, [mask], truth=query.mask), name)
        for name, mask in list(masks.items())[:_MOST_SHOWN]
    ]
    return draw_row(cells)
