"""``adapt``: split a cache by subjects, adapt to one part, and score the other part if it has labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training import HISTORY
from vision_cli.core.runs.runs import Run
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.rppg_adapt.adaptation.adaptation import adapt
from vision_cli.rppg_adapt.data.cache import CachedClip, read_cache, split_subjects
from vision_cli.rppg_adapt.evaluation.metrics import VideoScore
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.networks.model import PulseModel
from vision_cli.rppg_adapt.options import NETWORK, Adaptation
from vision_cli.rppg_adapt.runs.evaluate import evaluate_cache
from vision_cli.rppg_adapt.runs.report import report_adaptation


def adapt_cache(run: Run, cache: Path, weights: str, adaptation: Adaptation, compute: Compute, output: Output) -> None:
    """Adapt to a share of the subjects of a cache; write weights, ``metrics.json``, ``target_test.csv`` and the report.

    The clips of the other subjects that have labels are scored with the source model and with the adapted model. They
    have no influence on the adaptation.

    Parameters
    ----------
    run
        The open run.
    cache
        The cache.
    weights
        Weights of the source model, as :func:`vision_cli.rppg_adapt.networks.files.load_model` takes them.
    adaptation, compute, output
        See :func:`vision_cli.rppg_adapt.adaptation.adaptation.adapt`.
    """
    model = load_model(weights, compute.device)
    run.record(weights={"path": str(model.path), "sha256": model.sha256})
    clips, share = read_cache(cache), adaptation.adapt_fraction
    used, test = (clips, clips) if share >= 1 else split_subjects(clips, share, compute.seed)
    test = test or used
    adaptation = replace(
        adaptation, steps=adaptation.steps_over(len(used)), batch_size=min(adaptation.batch_size, len(used))
    )
    result = adapt(run, model, used, adaptation, compute, output)
    if result.reason_to_keep is not None:
        run.warn(f"{result.reason_to_keep}: the source weights were kept.")
    scored = _score(run, test, {"source": model, "adapted": result.model}, output)
    metrics: dict[str, float | int | str | None] = {
        "clips_adapted_to": len(used),
        "clips_tested": len(test),
        "source_score": result.source_score,
        "adapted_score": result.adapted_score,
        "kept_source": int(result.kept_source),
        **_errors(scored),
    }
    run.write_metrics(metrics)
    history = read_csv_table(run.directory / HISTORY, ("step", "loss"))
    report_adaptation(run, result, metrics, history, scored, is_held_out=test is not used)


def _score(
    run: Run, test: Sequence[CachedClip], models: Mapping[str, PulseModel], output: Output
) -> dict[str, list[VideoScore]]:
    """Return the scores of each model on the clips with labels, and write ``target_test.csv``; empty without labels."""
    labelled = [clip for clip in test if clip.wave() is not None]
    if not labelled:
        return {}
    found = {name: evaluate_cache(labelled, [NETWORK], model, output) for name, model in models.items()}
    run.write_csv(
        "target_test.csv",
        ("id", "true_bpm", *(f"{name}_bpm" for name in found)),
        [
            (same[0].id, round(same[0].score.true_bpm, 3), *(round(one.score.predicted_bpm, 3) for one in same))
            for same in zip(*found.values(), strict=True)
        ],
    )
    return {name: [one.score for one in scored] for name, scored in found.items()}


def _errors(scored: Mapping[str, Sequence[VideoScore]]) -> dict[str, float]:
    """Return the error measures by flat names."""
    measured: dict[str, float] = {}
    for name, scores in scored.items():
        values = np.array([score.predicted_bpm - score.true_bpm for score in scores])
        measured[f"{name}_mae_bpm"] = float(np.abs(values).mean())
        measured[f"{name}_rmse_bpm"] = float(np.sqrt((values**2).mean()))
        measured[f"{name}_within_3_bpm"] = float((np.abs(values) < 3).mean())
    return measured
