"""What ``adapt`` does with a cache: split by subjects, adapt, and score what was held out if there are labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from vision_cli.core.console import Output
from vision_cli.core.devices import Compute
from vision_cli.core.runs import Run
from vision_cli.rppg_adapt.adaptation import Adaptation, Update, adapt
from vision_cli.rppg_adapt.data import CachedClip, read_cache, split_subjects
from vision_cli.rppg_adapt.evaluation import evaluate_cache
from vision_cli.rppg_adapt.losses import AdaptLoss
from vision_cli.rppg_adapt.models import PulseModel, load_model
from vision_cli.rppg_adapt.quality import NETWORK


def adapt_cache(
    run: Run,
    cache: Path,
    source: str,
    loss: AdaptLoss,
    compute: Compute,
    output: Output,
    *,
    update: Update = "all",
    epochs: int = 10,
    batch_size: int = 4,
    learning_rate: float = 2e-4,
    frames: int = 160,
    share: float = 0.7,
) -> None:
    """Adapt to a share of the subjects of a cache; write weights, ``metrics.json`` and ``target_test.csv``.

    The clips of the other subjects are read by the source model and by the adapted one; where they have labels, errors
    are measured too. They choose nothing.

    Parameters
    ----------
    run
        The open run.
    cache
        The cache.
    source
        Weights to start from, as :func:`vision_cli.rppg_adapt.models.load_model` takes them.
    loss, compute, output
        See :func:`vision_cli.rppg_adapt.adaptation.adapt`.
    update, batch_size, learning_rate, frames
        See :class:`vision_cli.rppg_adapt.adaptation.Adaptation`.
    epochs
        Passes over the clips, 20 s of a clip counting as one.
    share
        Of the subjects that are adapted to; with 1 all of them, which are then also the test.
    """
    model = load_model(source, compute.device)
    run.record(weights={"path": str(model.path), "sha256": model.sha256})
    clips = read_cache(cache)
    used, test = (clips, clips) if share >= 1 else split_subjects(clips, share, compute.seed)
    test = test or used
    steps = max(1, int(np.ceil(epochs * len(used) / batch_size)))
    adaptation = Adaptation(
        replace(loss, fps=model.settings.fps),
        update,
        frames,
        steps,
        min(batch_size, len(used)),
        learning_rate,
        max(1, steps // 10),
    )
    outcome = adapt(run, model, used, adaptation, compute, output)
    if outcome.kept_source:
        run.warn("nothing that was adapted scored better than the source without labels; the source weights were kept.")
    metrics: dict[str, float | int | str | None] = {
        "clips_adapted_to": len(used),
        "clips_tested": len(test),
        "source_score": outcome.source_score,
        "adapted_score": outcome.adapted_score,
        "kept_source": int(outcome.kept_source),
        **_errors(run, test, model, outcome.model, output),
    }
    run.write_metrics(metrics)


def _errors(
    run: Run, test: Sequence[CachedClip], source: PulseModel, adapted: PulseModel, output: Output
) -> dict[str, float]:
    labelled = [clip for clip in test if clip.wave() is not None]
    if not labelled:
        return {}
    found = {
        name: evaluate_cache(labelled, [NETWORK], model, output)
        for name, model in (("source", source), ("adapted", adapted))
    }
    columns = ("id", "true_bpm", "source_bpm", "adapted_bpm")
    run.write_csv(
        "target_test.csv",
        columns,
        [
            (a.id, *(round(v, 3) for v in (a.score.true_bpm, a.score.predicted_bpm, b.score.predicted_bpm)))
            for a, b in zip(found["source"], found["adapted"], strict=True)
        ],
    )
    errors = {
        name: np.array([one.score.predicted_bpm - one.score.true_bpm for one in scored])
        for name, scored in found.items()
    }
    measured: dict[str, float] = {}
    for name, values in errors.items():
        measured[f"{name}_mae_bpm"] = float(np.abs(values).mean())
        measured[f"{name}_rmse_bpm"] = float(np.sqrt((values**2).mean()))
        measured[f"{name}_within_3_bpm"] = float((np.abs(values) < 3).mean())
    return measured
