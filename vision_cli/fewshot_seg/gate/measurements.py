"""What the gate knows of each candidate, of the episode, and of whether the class is there at all.

Of a candidate: its shape against that of the support's mask, its agreement with the members of the method, how well the
operator that made it did on the support itself (cross-fit), and whether it explains the support (backward) and itself
(self) through the leaves of the forests, with no forest grown anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.fewshot_seg.gate.overlaps import (
    correlation,
    iou,
    leaf_transfer,
    soft_iou,
    weighted_correlation,
    weighted_iou,
)
from vision_cli.fewshot_seg.pixels.candidates import (
    EXPECTED,
    GRABCUT,
    LOW,
    MIX,
    Candidate,
    expected_iou_threshold,
    pixel_candidates,
)
from vision_cli.fewshot_seg.pixels.features import blur, gradient, lab
from vision_cli.fewshot_seg.pixels.forests import PixelForest
from vision_cli.fewshot_seg.pixels.learning import POSITION, Look, PixelModel
from vision_cli.fewshot_seg.pixels.sizes import resize_mask
from vision_cli.fewshot_seg.values import Floats, Mask, Picture

EXTRA = "extra"
"""The place of the mask of another method, such as a network."""

PIXELS = "pixels"
"""The mask of the pixels alone, where the mix has another method in it."""

PLACES = (MIX, LOW, GRABCUT, EXPECTED, EXTRA, PIXELS)
ALONE, TOGETHER = 4, 6
"""How many candidates there are without and with another method."""

UNKNOWN = -1.0
"""Stands where nothing is known."""

CANDIDATE_WIDTH, PRESENCE_WIDTH = 51, 62
"""Numbers of a candidate, and of the question whether the class is there."""

_TREES = 20
_QUERY_SAMPLES, _SUPPORT_SAMPLES = 3000, 4000
_NOVELTY_SAMPLES = 400


@dataclass(frozen=True)
class Measurements:
    """The numbers of one query.

    Attributes
    ----------
    candidates
        ``(C, CANDIDATE_WIDTH)``, a row a candidate.
    presence
        ``(PRESENCE_WIDTH,)``.
    """

    candidates: Floats
    presence: Floats


@dataclass(frozen=True)
class SupportFacts:
    """What is measured once a class.

    Attributes
    ----------
    shape
        ``(5,)``, mean over positive supports of `shape_of`.
    cross_fit
        ``(6,)`` mean IoU on held-out blocks: both forests above 0.5, then the four candidates of the pixels.
    mean, spread
        ``(54,)`` of the values of all supports.
    labels, weights
        ``(N,)`` of the pixels that are asked about.
    plain_leaves, positional_leaves
        ``(N, 20)`` leaves of these pixels.
    inside
        ``(M, 52)`` standardised features of pixels of the class.
    thumbnails
        ``(14, 14, 3)`` Lab of each positive support.
    """

    shape: Floats
    cross_fit: Floats
    mean: Floats
    spread: Floats
    labels: NDArray[np.bool_]
    weights: Floats
    plain_leaves: NDArray[np.int64]
    positional_leaves: NDArray[np.int64]
    inside: Floats
    thumbnails: tuple[Floats, ...]


def candidates_of(look: Look, other: tuple[str, Floats] | None, *, seed: int) -> tuple[Candidate, ...]:
    """Return the masks that are judged.

    Four come of the mix: of the forests' probability, or of its mean with that of another
    method, which errs elsewhere.
    With another method there are its own mask and that of the forests alone as well.

    Parameters
    ----------
    look
        The query.
    other
        Name and probability ``(h, w)`` of another method; None for none.
    seed
        Of GrabCut.
    """
    if other is None:
        return pixel_candidates(look.picture, look.mix, seed=seed)
    name, probability = other
    mixed = np.asarray((look.mix + probability) / 2, np.float32)
    alone = (Candidate(name, probability, 0.5), Candidate(PIXELS, look.mix, 0.5))
    return (*pixel_candidates(look.picture, mixed, seed=seed), *alone)


def measure_supports(model: PixelModel) -> SupportFacts:
    """Return what the supports of a class say about any query."""
    rng = np.random.default_rng(model.seed)
    shapes = [shape_of(one.shown.mask, edges(one.shown.picture)) for one in model.positives]
    trusted = []
    for one, look in model.cross_fit:
        masks = [look.plain > 0.5, look.positional > 0.5]
        masks += [candidate.mask for candidate in pixel_candidates(look.picture, look.mix, seed=model.seed)]
        known = one.shown.known
        trusted.append([iou(mask[known], one.shown.mask[known]) for mask in masks])
    everything = np.concatenate([one.values[:: max(1, len(model.supports))] for one in model.supports])
    mean, spread = everything.mean(axis=0), everything.std(axis=0) + np.float32(1e-3)
    values = np.concatenate([one.values[one.pixels.places] for one in model.supports])
    labels = np.concatenate([one.pixels.labels for one in model.supports])
    weights = np.concatenate([one.pixels.weights for one in model.supports])
    chosen = rng.choice(len(values), min(_SUPPORT_SAMPLES, len(values)), replace=False)
    asked = values[chosen]
    inside = values[labels]
    inside = inside[rng.choice(len(inside), min(_NOVELTY_SAMPLES, len(inside)), replace=False)]
    return SupportFacts(
        shape=np.mean(shapes, axis=0, dtype=np.float32),
        cross_fit=np.mean(trusted, axis=0, dtype=np.float32),
        mean=mean,
        spread=spread,
        labels=labels[chosen],
        weights=weights[chosen],
        plain_leaves=model.plain.leaves(asked[:, : POSITION.start], _TREES),
        positional_leaves=model.positional.leaves(asked, _TREES),
        inside=((inside - mean) / spread)[:, : POSITION.start],
        thumbnails=tuple(_thumbnail(one.shown.picture) for one in model.positives),
    )


def measure(
    model: PixelModel,
    facts: SupportFacts,
    look: Look,
    candidates: Sequence[Candidate],
    *,
    extra_presence: float = UNKNOWN,
) -> Measurements:
    """Return what is known of the candidates for a query.

    Parameters
    ----------
    model, facts
        The class.
    look
        The query.
    candidates
        Those of `candidates_of`.
    extra_presence
        What the method of that one says of the presence of the class.
    """
    masks = [candidate.mask for candidate in candidates]
    picture_edges = edges(look.picture)
    shapes = [shape_of(mask, picture_edges) for mask in masks]
    copied = np.mean([resize_mask(one.shown.mask, look.mix.shape) for one in model.positives], axis=0) >= 0.5
    extra = candidates[ALONE].soft if len(candidates) == TOGETHER else None
    leaves = _leaf_numbers(model, facts, look, masks)
    context = _context(facts, look, masks, copied)
    rows = []
    for place, mask in enumerate(masks):
        trusted = UNKNOWN if place == PLACES.index(EXTRA) else facts.cross_fit[2 + place % 5]
        agreement = [soft_iou(member, mask) for member in (look.plain, look.positional)]
        agreement.append(UNKNOWN if extra is None else soft_iou(extra, mask))
        agreement += [_mean(look.mix[mask]), _mean(look.mix[~mask])]
        agreement += [iou(mask, masks[0]), iou(mask, masks[2]), iou(mask, copied)]
        kind = [float(place == number) for number in range(len(PLACES))]
        trust = [trusted, trusted - facts.cross_fit[2]]
        rows.append([*shapes[place], *(shapes[place] - facts.shape), *trust, *agreement, *leaves[place], *kind])
    presence = [*context, *rows[0], *_presence_numbers(facts, look), extra_presence]
    return Measurements(
        np.nan_to_num(np.array([[*row, *context] for row in rows], np.float32), nan=UNKNOWN),
        np.nan_to_num(np.array(presence, np.float32), nan=UNKNOWN),
    )


def shape_of(mask: Mask, edge_strength: Floats) -> Floats:
    """Return five numbers of a mask: log of its area and of its scaled perimeter, thinness, pieces, edge contrast."""
    import cv2

    drawn = mask.view(np.uint8)
    area = float(drawn.sum())
    kernel = np.ones((3, 3), np.uint8)
    rim = cv2.dilate(drawn, kernel) != cv2.erode(drawn, kernel)
    opened = float(cv2.morphologyEx(drawn, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8)).sum())
    pieces = cv2.connectedComponents(drawn)[0]
    contrast = _mean(edge_strength[rim]) / (float(edge_strength.mean()) + 1e-4)
    perimeter = np.log((rim.sum() + 1) / np.sqrt(area + 1))
    thinness = 1 - opened / max(area, 1)
    return np.array([np.log(area + 1), perimeter, thinness, np.log(pieces), contrast], np.float32)


def edges(picture: Picture) -> Floats:
    """Return the strength of the edges in all three channels of Lab, ``(H, W)``."""
    across, down = gradient(blur(lab(picture), 1))
    return np.asarray(np.sqrt((across**2 + down**2).sum(axis=2)), np.float32)


def _context(facts: SupportFacts, look: Look, masks: Sequence[Mask], copied: Mask) -> list[float]:
    """Return what is the same for all candidates of a query."""
    shift = float((np.abs(facts.mean - look.values.mean(axis=0)) / facts.spread)[: POSITION.start].mean())
    small = _thumbnail(look.picture)
    layout = max(correlation(small, other) for other in facts.thumbnails)
    return [
        *facts.shape,
        *facts.cross_fit,
        shift,
        layout,
        iou(look.plain > 0.5, look.positional > 0.5),
        iou(masks[0], copied),
        iou(masks[0], masks[2]),
        float(np.abs(look.mix - 0.5).mean()),
        float(look.mix.max()),
        expected_iou_threshold(look.mix)[1],
    ]


def _leaf_numbers(model: PixelModel, facts: SupportFacts, look: Look, masks: Sequence[Mask]) -> list[list[float]]:
    """Return six numbers a candidate: backward IoU and correlation, and consistency with itself, of both forests."""
    rng = np.random.default_rng(model.seed)
    total = len(look.values)
    given, asked = (rng.choice(total, min(_QUERY_SAMPLES, total), replace=False) for _ in range(2))
    truth = np.stack([mask.ravel() for mask in masks], axis=1)
    forests: list[tuple[PixelForest, slice, NDArray[np.int64]]] = [
        (model.plain, slice(None, POSITION.start), facts.plain_leaves),
        (model.positional, slice(None), facts.positional_leaves),
    ]
    backward: list[Floats] = []
    itself: list[Floats] = []
    for forest, columns, support_leaves in forests:
        known = forest.leaves(look.values[given][:, columns], _TREES)
        back = leaf_transfer(known, truth[given], support_leaves)
        backward.append(weighted_iou(back > 0.5, facts.labels, facts.weights))
        backward.append(weighted_correlation(back, facts.labels, facts.weights))
        again = leaf_transfer(known, truth[given], forest.leaves(look.values[asked][:, columns], _TREES))
        both = ((again > 0.5) & truth[asked]).sum(axis=0)
        either = ((again > 0.5) | truth[asked]).sum(axis=0)
        itself.append(both / np.maximum(either, 1))
    numbers: list[list[float]] = np.stack([*backward, *itself], axis=1).tolist()
    return numbers


def _presence_numbers(facts: SupportFacts, look: Look) -> list[float]:
    """Return how strongly the class is seen, and how far what is taken for it lies from the class in the supports."""
    from scipy.spatial import KDTree

    flat = look.mix.ravel()
    quantiles = np.quantile(flat, (0.5, 0.9, 0.95, 0.99, 0.999))
    order = np.argsort(flat)[::-1]
    # What is taken for the class: the mask, or the likeliest hundredth of the picture where there is hardly one.
    taken = order[: max(int((flat > 0.5).sum()), len(flat) // 100, 1)]
    step = max(1, len(taken) // _NOVELTY_SAMPLES)
    standard = ((look.values[taken[::step]] - facts.mean) / facts.spread)[:, : POSITION.start]
    distances = np.asarray(KDTree(facts.inside).query(standard, k=1)[0])
    usual = np.asarray(KDTree(facts.inside).query(facts.inside, k=min(2, len(facts.inside)))[0])[..., -1]
    area = np.log((flat.sum() + 1) / np.exp(facts.shape[0]))
    typical = float(np.median(usual)) + 0.1
    nearness = (np.median(distances) / typical, np.quantile(distances, 0.9) / typical, np.median(distances))
    return [*quantiles, float(area), *(float(value) for value in nearness), _mean(flat[taken])]


def _thumbnail(picture: Picture) -> Floats:
    import cv2

    return np.asarray(cv2.resize(lab(picture), (14, 14), interpolation=cv2.INTER_AREA), np.float32)


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else 0.0
