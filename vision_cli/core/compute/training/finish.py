"""Training of a network into a run, with packed weights and the card that documents them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Literal, Protocol, TypeVar

import numpy as np
from safetensors import safe_open
from safetensors.torch import load_file

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import Compute
from vision_cli.core.compute.tensor_bytes import tensor_bytes
from vision_cli.core.compute.training.loop import BEST, LAST, Progress, Task, Trainer
from vision_cli.core.compute.training.schedule import Schedule
from vision_cli.core.compute.weights import WeightCard
from vision_cli.core.runs import files
from vision_cli.core.runs.runs import Run

Batch = TypeVar("Batch")
Kept = Literal["best", "last"]
"""Which weights of a training are packed: the best on validation data, or the last."""

WEIGHTS = "weights.safetensors"
CARD = "weights.json"
LICENCE = "Apache-2.0"


class LoadingTask(Task[Batch], Protocol):
    """A task that also loads its batches."""

    def load(self, numbers: Sequence[int]) -> Batch:
        """Return the batch of these sample numbers."""
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
    """Train a task's network to the last step and show the progress; return the history. See `Trainer`.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    task, schedule, samples, metadata
        See `Trainer`.
    compute
        Device and precision.
    output
        Shows the progress.
    title
        Title of the progress.
    """
    trainer = Trainer(
        run, task, schedule, samples=samples, load=task.load, device=compute.device.type, metadata=metadata
    )
    with output.progress(title, schedule.steps) as bar:
        shown = 0

        def step_done(row: dict[str, float]) -> None:
            nonlocal shown
            # A resumed training starts after its checkpoint.
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
    """Train a network; write its weights as float16, its measures and its card.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    task, schedule, samples, compute, output, metadata
        See `fit`.
    data, command
        Training data and command line, for the card.
    keep
        Which weights are written to ``weights.safetensors``.

    Returns
    -------
    dict
        Validation measures of the kept weights, see `measures_of`; empty on all processes but the first.
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

    Without a validation: the mean loss of the first and of the last tenth of the steps.
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
    """Write the kept weights as float16 to ``weights.safetensors``."""
    kept = run.directory / (BEST if keep == "best" else LAST)
    with safe_open(kept, framework="pt") as stored:
        about = stored.metadata()
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in load_file(kept).items()
    }
    with run.output(WEIGHTS) as path:
        path.write_bytes(tensor_bytes(tensors, about))


def write_card(run: Run, measures: Mapping[str, float], *, data: str, command: str, seed: int) -> None:
    """Write ``weights.json``, the `WeightCard` of a run's weights without its name and path."""
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
