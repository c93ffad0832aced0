"""The gate's training: generated episodes are segmented, and forests learn which candidate was how good.

No collected picture takes part. About two CPU-seconds an episode; a hundred of them are enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.fewshot_seg.gate.gate import Gate
from vision_cli.fewshot_seg.gate.measurements import (
    ALONE,
    PIXELS,
    PLACES,
    TOGETHER,
    UNKNOWN,
    Measurements,
    candidates_of,
    measure,
    measure_supports,
)
from vision_cli.fewshot_seg.gate.overlaps import iou
from vision_cli.fewshot_seg.gate.trees import TreeEnsemble
from vision_cli.fewshot_seg.pixels.candidates import EXPECTED, GRABCUT, LOW, MIX
from vision_cli.fewshot_seg.pixels.learning import PixelModel
from vision_cli.fewshot_seg.pixels.sizes import WORKING_SIDE, resize_map, resize_mask
from vision_cli.fewshot_seg.values import Floats, Segmenter, Support
from vision_cli.metrics.ranking import auroc
from vision_cli.phantoms.episodes.episodes import Episode, make_episode
from vision_cli.phantoms.episodes.photographs import Split
from vision_cli.phantoms.episodes.textures import TextureBank

EPISODES = 160
"""How many episodes the shipped gate learned from."""

TREES = 150
"""How many trees each of the three forests has."""

_ABSENT, _SEVERAL_SHOTS = 0.25, 0.25
_SHADED_EVERY = 5
"""How often the family is drawn in which GrabCut gains most: from the others alone a gate distrusts it too much."""

_SMALLEST_LEAF, _SHARE_OF_FEATURES = 4, 0.3


@dataclass(frozen=True)
class Lesson:
    """One episode as the gate learns from it.

    Attributes
    ----------
    measured
        What is known of the candidates.
    overlaps
        ``(C,)``, their true IoU.
    is_absent
        Whether the class was not in the query.
    family
        Family of the episode.
    """

    measured: Measurements
    overlaps: Floats
    is_absent: bool
    family: str


def training_episodes(
    seed: int, count: int = EPISODES, *, split: Split = "train", side: int = 224
) -> Iterator[Episode]:
    """Yield the episodes that the shipped gate learned from.

    In a quarter of them the class is not in the query; a quarter have two to five supports; every fifth shows a shaded
    object, the others have families by their weights.

    The n-th is the same whatever the count, so they can be divided among processes.

    Parameters
    ----------
    seed
        Of textures and episodes.
    count
        How many.
    split
        Whose photographs they are made of; those of validation are none that the gate has learned from.
    side
        Of their pictures, px.
    """
    bank = TextureBank.random(np.random.default_rng(seed), split)
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        shots = int(rng.integers(2, 6)) if rng.random() < _SEVERAL_SHOTS else 1
        family = "shaded" if number % _SHADED_EVERY == _SHADED_EVERY - 1 else None
        yield make_episode(rng, bank, family, side=side, shots=shots, absent=_ABSENT)


def take_lesson(episode: Episode, seed: int, *, extra: Segmenter | None = None, side: int = WORKING_SIDE) -> Lesson:
    """Return what the gate learns from an episode.

    Parameters
    ----------
    episode
        A generated one.
    seed
        Of the pixels' forests.
    extra
        A method that gives one more candidate.
    side
        Root of the number of pixels that pictures are worked at.
    """
    supports = [
        Support(f"support {number}", shown.picture, shown.mask) for number, shown in enumerate(episode.supports)
    ]
    model = PixelModel(supports, seed=seed, side=side)
    look = model.look(episode.query.picture)
    presence, named = UNKNOWN, None
    if extra is not None:
        found = extra.learn(supports, seed=seed).segment(episode.query.picture)
        named = extra.name, resize_map(found.probability, look.mix.shape)
        presence = found.presence
    candidates = candidates_of(look, named, seed=seed)
    measured = measure(model, measure_supports(model), look, candidates, extra_presence=presence)
    truth = resize_mask(episode.query.mask, look.mix.shape)
    overlaps = np.array([iou(candidate.mask, truth) for candidate in candidates], np.float32)
    return Lesson(measured, overlaps, episode.is_absent, episode.family)


def grow_gate(lessons: Sequence[Lesson], seed: int = 0, *, extra_name: str | None = None, trees: int = TREES) -> Gate:
    """Return the gate that lessons teach.

    Parameters
    ----------
    lessons
        Of generated episodes, some of them without the class in the query.
    seed
        Of the forests.
    extra_name
        Name of the method that gave one more candidate; None where there was none.
    trees
        How many in each of the three forests.

    Raises
    ------
    ValueError
        If there are fewer than two episodes, or none with the class in the query.
    """
    present = [lesson for lesson in lessons if not lesson.is_absent]
    if len(lessons) < 2 or not present:
        raise ValueError(
            f"{len(lessons)} episodes, {len(present)} with the class in the query; at least 2 and 1 expected"
        )
    rows = np.concatenate([lesson.measured.candidates for lesson in present])
    overlaps = np.concatenate([lesson.overlaps for lesson in present])
    gains = np.concatenate([lesson.overlaps - lesson.overlaps[0] for lesson in present])
    asked = np.stack([lesson.measured.presence for lesson in lessons])
    there = np.array([not lesson.is_absent for lesson in lessons], np.float32)
    names = (MIX, LOW, GRABCUT, EXPECTED, *([] if extra_name is None else [extra_name, PIXELS]))
    return Gate(
        gain=_grow(rows, gains, seed, trees),
        overlap=_grow(rows, overlaps, seed, trees),
        presence=_grow(asked, there, seed, trees),
        candidates=names,
    )


def measure_gate(gate: Gate, lessons: Sequence[Lesson]) -> dict[str, float]:
    """Return what a gate measures on lessons that it has not learned from.

    Returns
    -------
    dict
        Mean IoU of its choice, of the mix, of the best candidate and of the added one; the mean error of its score; the
        area under the ROC curve of presence (NaN unless both occur). By name.
    """
    present = [(lesson, gate.judge(lesson.measured)) for lesson in lessons if not lesson.is_absent]
    overlaps = np.stack([lesson.overlaps for lesson, _ in present])
    reached = np.array([lesson.overlaps[verdict.choice] for lesson, verdict in present])
    scores = np.array([verdict.score for _, verdict in present])
    there = np.array([not lesson.is_absent for lesson in lessons])
    presence = np.array([gate.judge(lesson.measured).presence for lesson in lessons])
    found = {
        "mean_iou": reached.mean(),
        "mean_iou_mix": overlaps[:, 0].mean(),
        "mean_iou_best_candidate": overlaps.max(axis=1).mean(),
        "score_mean_error": np.abs(scores - reached).mean(),
        "presence_auroc": auroc(there, presence),
    }
    if overlaps.shape[1] == TOGETHER:
        found["mean_iou_network"] = overlaps[:, ALONE].mean()
        found["mean_iou_pixels"] = overlaps[:, PLACES.index(PIXELS)].mean()
    return {name: float(value) for name, value in found.items()}


def _grow(rows: Floats, answers: Floats, seed: int, trees: int) -> TreeEnsemble:
    from sklearn.ensemble import ExtraTreesRegressor

    forest = ExtraTreesRegressor(
        trees, min_samples_leaf=_SMALLEST_LEAF, max_features=_SHARE_OF_FEATURES, random_state=seed, n_jobs=1
    )
    return TreeEnsemble.from_sklearn(forest.fit(rows, answers))
