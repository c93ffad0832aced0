"""The end of a training: the weights that are kept, packed, and the card that says how they were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Literal, Protocol, TypeVar

import numpy as np
from safetensors import safe_open
from safetensors.torch import load_file, save

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.training.loop import BEST, LAST, Progress, Task, Trainer
from vision_cli.core.compute.training.schedule import Schedule
from vision_cli.core.compute.weights import WeightCard
from vision_cli.core.runs import files
from vision_cli.core.runs.runs import Run

Batch = TypeVar("Batch")
Kept = Literal["best", "last"]
"""Which weights of a training are kept: the best in validation, or the last ones."""

WEIGHTS = "weights.safetensors"
CARD = "weights.json"
LICENCE = "Apache-2.0"


class LoadingTask(Task[Batch], Protocol):
    """A task that makes its batches itself."""

    def load(self, numbers: Sequence[int]) -> Batch:
        """Make a batch of the samples of these numbers."""
        ...


def fit(
    run: Run | None,
    task: LoadingTask[Batch],
    schedule: Schedule,
    *,
    samples: int | None,
    compute: Compute,
    output: Output,
    metadata: Mapping[str, str] | None = None,
    title: str = "training",
) -> Progress:
    """Train a task's network to the last step, with progress; see `Trainer`.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    task, schedule, samples, metadata
        See `Trainer`.
    compute
        Where.
    output
        Where progress is shown.
    title
        What the progress is called.
    """
    trainer = Trainer(
        run, task, schedule, samples=samples, load=task.load, device=compute.device.type, metadata=metadata
    )
    with output.progress(title, schedule.steps) as bar:
        shown = 0

        def step_done(row: dict[str, float]) -> None:
            nonlocal shown
            # A resumed training begins behind its checkpoint.
            bar.advance(int(row["step"]) - shown, note=f"loss {row['loss']:.4f}")
            shown = int(row["step"])

        return trainer.fit(step_done)


def train_run(
    run: Run | None,
    task: LoadingTask[Batch],
    schedule: Schedule,
    *,
    samples: int | None,
    compute: Compute,
    output: Output,
    data: str,
    command: str,
    metadata: Mapping[str, str] | None = None,
    keep: Kept = "best",
) -> dict[str, float]:
    """Train a network, keep its weights as float16, and write measures and card.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    task, schedule, samples, compute, output, metadata
        See `fit`.
    data, command
        What it is trained on, and the command line that does: for the card.
    keep
        Which weights become ``weights.safetensors``.

    Returns
    -------
    dict
        What the kept weights measured in validation, as `measures_of` gives it; empty on all processes but the first.
    """
    progress = fit(run, task, schedule, samples=samples, compute=compute, output=output, metadata=metadata)
    if run is None:
        return {}
    pack(run, keep)
    measures = measures_of(progress, keep)
    run.write_metrics(measures)
    write_card(run, measures, data=data, command=command, seed=compute.seed)
    return measures


def measures_of(progress: Progress, keep: Kept = "best") -> dict[str, float]:
    """Return the validation measures at the step of the kept weights, by name.

    Without a validation, the mean loss of the first and of the last tenth of the steps.
    """
    if not progress.rows:
        return {}
    step = progress.rows[-1]["step"] if keep == "last" else progress.best[1]
    row = next((row for row in progress.rows if row["step"] == step), {})
    measures = {name.removeprefix("val_"): value for name, value in row.items() if name.startswith("val_")}
    if measures:
        return measures
    losses = [row["loss"] for row in progress.rows]
    tenth = max(1, len(losses) // 10)
    return {"loss_first": float(np.mean(losses[:tenth])), "loss_last": float(np.mean(losses[-tenth:]))}


def pack(run: Run, keep: Kept = "best") -> None:
    """Write the kept weights once more as float16, ``weights.safetensors``: half the bytes."""
    kept = run.directory / (BEST if keep == "best" else LAST)
    with safe_open(kept, framework="pt") as stored:
        about = stored.metadata()
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in load_file(kept).items()
    }
    with run.output(WEIGHTS) as path:
        path.write_bytes(save(tensors, about))


def write_card(run: Run, measures: Mapping[str, float], *, data: str, command: str, seed: int) -> None:
    """Write the card of a run's weights, ``weights.json``: a `WeightCard` without what the file's name says."""
    path = run.directory / WEIGHTS
    card = WeightCard(
        name=path.stem,
        task=str(run.document["command"]).partition(" ")[0],
        parameters=sum(tensor.numel() for tensor in load_file(path).values() if tensor.is_floating_point()),
        data=data,
        training_command=command,
        seed=seed,
        metrics={name: round(value, 5) for name, value in measures.items()},
        licence=LICENCE,
        sha256=files.sha256(path),
        path=path,
    )
    document = asdict(card)
    del document["name"], document["path"]
    run.write_json(CARD, document)
