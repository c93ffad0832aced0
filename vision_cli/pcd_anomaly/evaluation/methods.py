"""What scores the same scans beside the model of the run: baselines, and the rungs of the ablation.

All of them take the pose that the run found, so that they differ in how they score and in nothing else. Their scores
go to ``methods/NAME`` in the run, where `vision_cli.pcd_anomaly.runs.measuring` finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.pcd_anomaly.evaluation.ablation import RUNGS, read_rung
from vision_cli.pcd_anomaly.evaluation.baselines import fit_baseline, score_places
from vision_cli.pcd_anomaly.model.learning import Model
from vision_cli.pcd_anomaly.options import Baseline, EvaluationOptions, MeasuringOptions, Protocol
from vision_cli.pcd_anomaly.pipeline.pipeline import Observation, score_by_groups
from vision_cli.pcd_anomaly.scoring.calibration import scan_score
from vision_cli.pcd_anomaly.scoring.fusion import spread_to_points

METHODS = "methods"


@dataclass(frozen=True)
class Scored:
    """What a method says of a scan.

    Attributes
    ----------
    points
        ``(C, N)`` float32: a row, or two that are yet to be fused over the test set.
    score
        Of the scan.
    """

    points: NDArray[np.float32]
    score: float


Scorer = Callable[[Observation], Scored]


def method_names(options: EvaluationOptions) -> tuple[str, ...]:
    """Return the names of the methods beside ours, in the order of tables."""
    return (*options.baselines, *(RUNGS if options.ablate else ()))


@dataclass(frozen=True)
class Contenders:
    """Methods that score beside the model of a run.

    Attributes
    ----------
    baselines
        Names of baselines.
    ladder
        Directory of the models of the ablation, a folder a class; None for no ablation.
    protocol
        ``reg3d`` leaves scores of two banks apart, and takes the highest score of a point as that of the scan.
    """

    baselines: Sequence[Baseline] = ()
    ladder: Path | None = None
    protocol: Protocol = MeasuringOptions.protocol

    def scorers(self, class_name: str, model: Model) -> Mapping[str, Scorer]:
        """Make the scorers of a class.

        Parameters
        ----------
        class_name
            Which class.
        model
            Of the run; baselines get its reference.
        """
        made: dict[str, Scorer] = {name: self._baseline(name, model) for name in self.baselines}
        if self.ladder is not None:
            made |= {name: self._rung(name, self.ladder / class_name, model) for name in RUNGS}
        return made

    def _baseline(self, name: Baseline, model: Model) -> Scorer:
        fitted = fit_baseline(name, model.reference)

        def score_by_it(seen: Observation) -> Scored:
            surface = seen.nodes.residuals.surface
            values = score_places(fitted, surface)
            if self.protocol == "ours":
                values = values.mean(axis=0, keepdims=True)
            points = [spread_to_points(seen.moved, surface.points, row, seen.nodes.tree) for row in values]
            return Scored(np.stack(points), scan_score(values.mean(axis=0)))

        return score_by_it

    def _rung(self, name: str, directory: Path, model: Model) -> Scorer:
        rung = read_rung(directory, name, model)

        def score_by_it(seen: Observation) -> Scored:
            points, highest = score_by_groups(rung.model, seen, rung.agcs)
            return Scored(points[None], highest)

        return score_by_it
