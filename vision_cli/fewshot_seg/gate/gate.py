"""The gate: judges candidates, estimates their IoU, and says whether the class is there at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.fewshot_seg.gate.measurements import ALONE, CANDIDATE_WIDTH, PRESENCE_WIDTH, TOGETHER, Measurements
from vision_cli.fewshot_seg.gate.trees import TreeEnsemble

_FORESTS = ("gain", "overlap", "presence")


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a query.

    Attributes
    ----------
    choice
        Position of the best candidate.
    score
        Estimated IoU of it, 0 to 1.
    presence
        Probability that the class is in the query.
    """

    choice: int
    score: float
    presence: float


@dataclass(frozen=True)
class Gate:
    """Three forests on the numbers of `measure`.

    Attributes
    ----------
    gain
        IoU of a candidate minus that of the ``mix``: which candidate is best does not depend on how hard the query is.
    overlap
        IoU of a candidate.
    presence
        1 if the class is in the query, else 0.
    candidates
        Names of the candidates that it has learned to judge, in their order.
    """

    gain: TreeEnsemble
    overlap: TreeEnsemble
    presence: TreeEnsemble
    candidates: tuple[str, ...]

    def judge(self, measured: Measurements) -> Verdict:
        """Return which candidate is best."""
        choice = int(self.gain.predict(measured.candidates).argmax())
        score = float(self.overlap.predict(measured.candidates[choice : choice + 1])[0])
        presence = float(self.presence.predict(measured.presence[None])[0])
        return Verdict(choice, float(np.clip(score, 0, 1)), float(np.clip(presence, 0, 1)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the numbers of the three forests, by name."""
        found: dict[str, NDArray[Any]] = {}
        for name in _FORESTS:
            found |= getattr(self, name).arrays(name)
        return found

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]], candidates: Sequence[str]) -> Gate:
        """Return the gate that a file holds.

        Raises
        ------
        ValueError
            If these are not the arrays of its three forests, made for what is measured, or
            the candidates are not as many as it can judge.
        """
        if len(candidates) not in (ALONE, TOGETHER):
            raise ValueError(f"{len(candidates)} candidates; {ALONE} or {TOGETHER} expected")
        gain, overlap, presence = (TreeEnsemble.from_arrays(arrays, name) for name in _FORESTS)
        widths, expected = (
            (gain.width, overlap.width, presence.width),
            (CANDIDATE_WIDTH, CANDIDATE_WIDTH, PRESENCE_WIDTH),
        )
        if widths != expected:
            raise ValueError(f"forests on {widths} numbers; {expected} expected")
        return Gate(gain, overlap, presence, tuple(candidates))
