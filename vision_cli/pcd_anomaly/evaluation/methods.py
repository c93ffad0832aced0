"""Methods that score the same scans for comparison: baselines, and the steps of the ablation.

All of them use the pose that the run found, so that they differ only in how they score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.evaluation.ablation import ABLATION_STEPS, step_folder, step_selection
from vision_cli.pcd_anomaly.evaluation.baselines import fit_baseline, score_places
from vision_cli.pcd_anomaly.model.files import read_model
from vision_cli.pcd_anomaly.model.model import Model
from vision_cli.pcd_anomaly.options import Baseline, MeasuringOptions, Protocol
from vision_cli.pcd_anomaly.pipeline.pipeline import MethodScorer, MethodScores, Observation, score_by_groups
from vision_cli.pcd_anomaly.scoring.calibration import scan_score
from vision_cli.pcd_anomaly.scoring.fusion import spread_to_points
from vision_cli.pcd_anomaly.scoring.reference import Reference


@dataclass(frozen=True)
class ComparedMethods:
    """Methods that are compared with the model of a run.

    Attributes
    ----------
    baselines
        Names of baselines.
    ladder
        Directory of the models of the ablation, one folder a class; None for no ablation.
    protocol
        ``reg3d`` keeps the scores of two banks apart, to be fused over the test set.
    """

    baselines: Sequence[Baseline] = ()
    ladder: Path | None = None
    protocol: Protocol = MeasuringOptions.protocol

    def scorers(self, class_name: str, model: Model) -> Mapping[str, MethodScorer]:
        """Return the scorers of a class, by name.

        Parameters
        ----------
        class_name
            The class.
        model
            Model of the run; baselines use its reference.
        """
        made: dict[str, MethodScorer] = {
            name: baseline_scorer(name, model.reference, self.protocol) for name in self.baselines
        }
        if self.ladder is not None:
            made |= {step: ablation_scorer(self.ladder / class_name, step, model) for step in ABLATION_STEPS}
        return made


def baseline_scorer(name: Baseline, reference: Reference, protocol: Protocol) -> MethodScorer:
    """Return the scorer of a baseline, fitted to a reference."""
    fitted = fit_baseline(name, reference)

    def scored(seen: Observation) -> MethodScores:
        surface = seen.nodes.residuals.surface
        values = score_places(fitted, surface)
        if protocol == "ours":
            values = values.mean(axis=0, keepdims=True)
        points = [spread_to_points(seen.moved, surface.points, row, seen.nodes.tree) for row in values]
        return MethodScores(np.stack(points), scan_score(values.mean(axis=0)))

    return scored


def ablation_scorer(directory: Path, step: str, model: Model) -> MethodScorer:
    """Return the scorer of a step of the ablation.

    Parameters
    ----------
    directory
        ``ladder/CLASS`` of the run.
    step
        One of `ABLATION_STEPS`.
    model
        Full model; scans are registered to its reference.

    Raises
    ------
    InputError
        If the step was trained on other prototypes than the model.
    """
    found = read_model(directory / step_folder(step), describe=model.describe)
    if not np.array_equal(found.reference.level.surface.points, model.reference.level.surface.points):
        raise InputError(
            f"{directory.name}: the prototypes of DATA make another reference than the model's; those that it was "
            "trained on expected, and its --seed.",
            hint="Give the data set and the seed of the training.",
        )

    def scored(seen: Observation) -> MethodScores:
        return score_by_groups(found, seen, step_selection(step))

    return scored
