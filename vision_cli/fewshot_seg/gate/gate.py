"""The gate: judges candidates, estimates their IoU, and says whether the class is there at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.gate.measurements import PLACES, Measurements
from vision_cli.fewshot_seg.gate.trees import TreeEnsemble

_FORESTS = ("gain", "overlap", "presence")
_CANDIDATES = "candidates"


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

    def save(self, path: Path) -> None:
        """Write the gate as safetensors: numbers and nothing that runs."""
        from safetensors.numpy import save_file

        arrays: dict[str, NDArray[Any]] = {}
        for name in _FORESTS:
            arrays |= getattr(self, name).arrays(name)
        save_file(arrays, path, metadata={_CANDIDATES: ",".join(self.candidates)})

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        forests: Sequence[TreeEnsemble] = [getattr(self, name) for name in _FORESTS]
        return sum(values.size for forest in forests for values in forest.arrays("").values())


def load_gate(path: Path) -> Gate:
    """Return the gate in a file.

    Raises
    ------
    InputError
        If the file is none.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = (file.metadata() or {}).get(_CANDIDATES, "")
            stored = file.keys()
            arrays = {name: file.get_tensor(name) for name in stored}
        gain, overlap, presence = (TreeEnsemble.from_arrays(arrays, name) for name in _FORESTS)
    except (SafetensorError, ValueError, OSError) as error:
        raise InputError(
            f"{path}: no gate of fewshot-seg ({error}); arrays of its three forests expected.",
            hint="Use the shipped weights, or train the gate again.",
        ) from error
    candidates = tuple(names.split(","))
    if not len(PLACES) - 1 <= len(candidates) <= len(PLACES):
        raise InputError(
            f"{path}: a gate for {len(candidates)} candidates; {len(PLACES) - 1} or {len(PLACES)} expected.",
            hint="Use the shipped weights, or train the gate again.",
        )
    return Gate(gain, overlap, presence, candidates)
