"""The gated method: masks from pixels, one more from another method if there is one, and the gate's choice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision_cli.fewshot_seg.gate.gate import Gate, Verdict
from vision_cli.fewshot_seg.gate.measurements import (
    ALONE,
    PIXELS,
    PLACES,
    UNKNOWN,
    SupportFacts,
    candidates_of,
    measure,
    measure_supports,
)
from vision_cli.fewshot_seg.pixels.candidates import Candidate
from vision_cli.fewshot_seg.pixels.learning import Look, PixelModel
from vision_cli.fewshot_seg.pixels.segmenter import best_support, disagreement, expected_iou, presence_of
from vision_cli.fewshot_seg.pixels.sizes import WORKING_SIDE, resize_map
from vision_cli.fewshot_seg.values import Floats, Picture, Segmentation, Segmenter, Support, Task

_RULE_MARGIN = 0.05
"""How much worse than the mix GrabCut may do on the support and still be chosen where there is no gate."""


class GatedSegmenter:
    """Pixels, and a gate that chooses among their masks.

    Parameters
    ----------
    gate
        The gate; without one a rule chooses: GrabCut if on held-out blocks of the support its IoU is above that of the
        mix minus 0.05, else the threshold of greatest expected IoU.
    extra
        A method whose mask is one more candidate. It takes part if the gate has learned to judge it.
    side
        Root of the number of pixels that pictures are worked at.
    """

    name = "tap"

    def __init__(self, gate: Gate | None = None, extra: Segmenter | None = None, *, side: int = WORKING_SIDE) -> None:
        self._gate, self._side = gate, side
        self._extra = extra if gate is not None and extra is not None and extra.name in gate.candidates else None

    def learn(self, supports: Sequence[Support], *, seed: int = 0) -> GatedTask:
        """Return the class that the supports show; at least one of them is positive."""
        model = PixelModel(supports, seed=seed, side=self._side)
        extra = None if self._extra is None else (self._extra.name, self._extra.learn(supports, seed=seed))
        return GatedTask(model, measure_supports(model), self._gate, extra)


class GatedTask:
    """A class that the gated method has learned."""

    def __init__(
        self, model: PixelModel, facts: SupportFacts, gate: Gate | None, extra: tuple[str, Task] | None
    ) -> None:
        self.model, self._facts, self._gate, self._extra = model, facts, gate, extra

    def segment(self, picture: Picture) -> Segmentation:
        """Return where the class is in a query of any size."""
        look = self.model.look(picture)
        other, named = None, None
        if self._extra is not None:
            name, task = self._extra
            other = task.segment(picture)
            named = name, resize_map(other.probability, look.mix.shape)
        candidates = candidates_of(look, named, seed=self.model.seed)
        verdict = self._judge(look, candidates, UNKNOWN if other is None else other.presence)
        chosen = candidates[verdict.choice]
        size = (picture.shape[0], picture.shape[1])
        is_other = other is not None and verdict.choice == ALONE
        soft = _soft(candidates, verdict)
        members = [look.plain, look.positional, *(one.mask.astype(np.float32) for one in candidates)]
        return Segmentation(
            probability=other.probability if other is not None and is_other else resize_map(soft, size),
            mask=other.mask if other is not None and is_other else chosen.at(size),
            presence=verdict.presence,
            score=verdict.score,
            candidate=chosen.name,
            best_support=best_support(self.model, look),
            uncertainty=resize_map(disagreement(members), size),
        )

    def _judge(self, look: Look, candidates: Sequence[Candidate], extra_presence: float) -> Verdict:
        if self._gate is not None:
            measured = measure(self.model, self._facts, look, candidates, extra_presence=extra_presence)
            return self._gate.judge(measured)
        mix, cut = self._facts.cross_fit[2], self._facts.cross_fit[4]
        choice = 2 if cut > mix - _RULE_MARGIN else 3
        return Verdict(choice, expected_iou(look.mix, candidates[choice].mask), presence_of(look.mix))


def _soft(candidates: Sequence[Candidate], verdict: Verdict) -> Floats:
    """Return the probability behind a chosen mask: that of the pixels for theirs, the mix for all others."""
    place = len(candidates) - 1 if verdict.choice == PLACES.index(PIXELS) else 0
    return candidates[place].soft
