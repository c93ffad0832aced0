"""What both trainings of WiNet share: the network asked for, the loop's surroundings, and what is kept of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

from vision_cli.core import files
from vision_cli.core.console import Output
from vision_cli.core.devices import Compute
from vision_cli.core.runs import Run
from vision_cli.core.training import BEST, Progress, Schedule, Trainer
from vision_cli.register.networks import WiNet
from vision_cli.register.options.training import NetworkOptions

WEIGHTS = "weights.safetensors"
CARD = "weights.json"


def build_network(options: NetworkOptions, shape: Sequence[int]) -> WiNet:
    """Build the network for images of a shape, its parameters drawn from torch's generator."""
    return WiNet(
        len(shape),
        options.width,
        options.wavelet,
        options.variant,
        refine=options.refine,
        smooth=options.smooth,
        scales=options.scales,
        longest_side=max(shape),
        reference=shape,
    )


def laid_out(network: WiNet) -> WiNet:
    """Lay the parameters out with the channels last, which takes two thirds of the time in 3D."""
    return network.to(memory_format=torch.channels_last_3d if network.dim == 3 else torch.channels_last)


def sample_seed(seed: int, stream: int, number: int) -> int:
    """Mix a seed, the number of a stream and that of a sample into 32 bits, which are all that torch takes."""
    (mixed,) = np.random.SeedSequence((seed, stream, number)).generate_state(1)
    return int(mixed)


def fit(
    run: Run | None,
    task: Any,
    schedule: Schedule,
    samples: int | None,
    network: WiNet,
    compute: Compute,
    output: Output,
) -> Mapping[str, float]:
    """Train to the end under a progress bar and pack the best weights as float16.

    Parameters
    ----------
    run
        The open run; None on all processes but the first.
    task
        A :class:`vision_cli.core.training.Task` with a ``load`` that makes batches.
    schedule, samples
        How long and how fast; see :class:`vision_cli.core.training.Trainer`.
    network
        What is trained.
    compute
        Where.
    output
        Where progress is shown.

    Returns
    -------
    Mapping
        What :func:`best_measures` gives of the best weights, which ``weights.safetensors`` holds.
    """
    trainer = Trainer(
        run, task, schedule, samples=samples, load=task.load, device=compute.device.type, metadata=network.description
    )
    with output.progress("training", schedule.steps) as bar:
        shown = 0

        def step_done(row: dict[str, float]) -> None:
            nonlocal shown
            bar.advance(int(row["step"]) - shown, note=f"loss {row['loss']:.4f}")
            shown = int(row["step"])

        progress = trainer.fit(step_done)
    if run is None:
        return {}
    _pack(run)
    return best_measures(progress)


def best_measures(progress: Progress) -> dict[str, float]:
    """Give the validation measures at the step of the best weights.

    Without a validation, the mean loss of the first and the last tenth of the steps.
    """
    best = next((row for row in progress.rows if row["step"] == progress.best[1]), {})
    measures = {name.removeprefix("val_"): value for name, value in best.items() if name.startswith("val_")}
    if measures or not progress.rows:
        return measures
    losses = [row["loss"] for row in progress.rows]
    tenth = max(1, len(losses) // 10)
    return {"loss_first": float(np.mean(losses[:tenth])), "loss_last": float(np.mean(losses[-tenth:]))}


def _pack(run: Run) -> None:
    """Write the best weights once more as float16: half the bytes, and no difference in a field to speak of."""
    best = run.directory / BEST
    with safe_open(best, framework="pt") as stored:
        about = stored.metadata()
    tensors = {name: tensor.half().contiguous() for name, tensor in load_file(best).items()}
    with run.output(WEIGHTS) as path:
        path.write_bytes(save(tensors, about))


def write_card(run: Run, measures: Mapping[str, float], *, data: str, command: str, seed: int) -> None:
    """Write the card of a run's weights, as :class:`vision_cli.core.weights.WeightCard` has it.

    Parameters
    ----------
    run
        The run that holds ``weights.safetensors``.
    measures
        What they measured in validation.
    data, command, seed
        How they were made.
    """
    path = run.directory / WEIGHTS
    document = {
        "task": "register",
        "parameters": sum(tensor.numel() for tensor in load_file(path).values()),
        "data": data,
        "training_command": command,
        "seed": seed,
        "metrics": {name: round(value, 5) for name, value in measures.items()},
        "licence": "Apache-2.0",
        "sha256": files.sha256(path),
    }
    run.write_json(CARD, document)
