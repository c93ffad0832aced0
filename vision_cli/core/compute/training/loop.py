"""The training loop, based on accelerate.

A task defines its network, the loss of a batch and the validation measures. The loop runs the steps, writes checkpoints
and ``history.csv``, resumes after a kill with the same numbers, stops at a non-finite loss, and runs on one process or
several. The samples of a step depend only on the seed and the step, so that neither an interruption nor the number of
processes changes their order.
"""

from __future__ import annotations

import copy
import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pickle import UnpicklingError
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from vision_cli.core.compute.devices import Precision
from vision_cli.core.compute.tensor_bytes import tensor_bytes
from vision_cli.core.compute.training.batch_statistics import share_batch_statistics
from vision_cli.core.compute.training.ranks import shared_directory
from vision_cli.core.compute.training.schedule import Schedule
from vision_cli.core.errors import InputError, NumericalError, ProcessLost, UsageError
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.runs import Run

Batch = TypeVar("Batch")
Batch_contra = TypeVar("Batch_contra", contravariant=True)

CHECKPOINT = "checkpoint.pt"
HISTORY = "history.csv"
LAST = "last.safetensors"
BEST = "best.safetensors"
# Parts of the messages of gloo and NCCL for a lost connection.
_LOST = ("closed by peer", "reset by peer", "Broken pipe", "NCCL")
_MOST_HALVINGS = 3
_MIXED: dict[Precision, str] = {"float32": "no", "bfloat16": "bf16", "float16": "fp16", "float64": "no"}


class Task(Protocol[Batch_contra]):
    """Network, losses and validation of a task.

    Attributes
    ----------
    network
        The trained module; ``training_step`` calls it through its argument, which wraps it on several processes.
    """

    network: nn.Module

    def training_step(self, network: nn.Module, batch: Batch_contra) -> Mapping[str, Tensor]:
        """Return scalars of a batch by name; ``loss`` is minimised, the others are recorded."""
        ...

    def validation_step(self, network: nn.Module) -> Mapping[str, float]:
        """Return validation measures by name; empty without validation data."""
        ...


@dataclass
class Progress:
    """State and history of a training.

    Attributes
    ----------
    step
        Number of completed steps.
    best
        Greatest value of the monitored measure, and its step.
    rows
        Rows of ``history.csv``.
    skipped
        Consecutive steps with a non-finite loss.
    halvings
        Number of halvings of the learning rate after such steps.
    """

    step: int = 0
    best: tuple[float, int] = (-math.inf, 0)
    rows: list[dict[str, float]] = field(default_factory=list)
    skipped: int = 0
    halvings: int = 0


class Order:
    """Sample numbers of each step: passes over the data, each shuffled again.

    Parameters
    ----------
    count
        Number of samples; None for unlimited data, whose samples are 0, 1, 2, ...
    batch_size
        Samples a step.
    seed
        Of the shuffling.
    """

    def __init__(self, count: int | None, batch_size: int, seed: int) -> None:
        if count is not None and count < 1:
            raise UsageError("no training samples found; one or more expected.")
        self.count, self.batch_size, self.seed = count, batch_size, seed
        self._pass = -1, np.zeros(0, dtype=np.int64)

    def samples(self, step: int) -> list[int]:
        """Return the ``batch_size`` sample numbers of a step."""
        numbers = range(step * self.batch_size, (step + 1) * self.batch_size)
        if self.count is None:
            return list(numbers)
        return [self._shuffled(number // self.count)[number % self.count] for number in numbers]

    def _shuffled(self, which: int) -> list[int]:
        if self._pass[0] != which:
            generator = np.random.default_rng((self.seed, which))
            self._pass = which, generator.permutation(self.count or 0)
        return [int(n) for n in self._pass[1]]


class Trainer(Generic[Batch]):
    """Trains a task's network in a run directory.

    Parameters
    ----------
    run
        The open run; None on all processes but the first, which write nothing.
    task
        Network and losses.
    schedule
        Steps, learning rate and precision.
    samples
        Number of training samples; None for unlimited data.
    load
        Returns the batch of sample numbers; called with this process's share.
    device
        ``cpu`` or ``cuda``; each of several processes uses the GPU of its number.
    metadata
        Metadata of the weight files.
    """

    def __init__(
        self,
        run: Run | None,
        task: Task[Batch],
        schedule: Schedule,
        *,
        samples: int | None,
        load: Callable[[Sequence[int]], Batch],
        device: str = "cpu",
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self.metadata = dict(metadata or {})
        self.accelerator = Accelerator(mixed_precision=_MIXED[schedule.precision], cpu=device == "cpu")
        processes = self.accelerator.num_processes
        if schedule.batch_size % processes:
            raise UsageError(
                f"a batch of {schedule.batch_size} on {processes} processes found; a multiple of them expected.",
                hint="Change the batch size or the number of processes.",
            )
        self.run, self.task, self.schedule, self.load = run, task, schedule, load
        self.order = Order(samples, schedule.batch_size, schedule.seed)
        self.progress = Progress()
        self._good: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        if processes > 1:
            # The statistics of a part of the batch differ from those of the whole.
            task.network = share_batch_statistics(task.network)
        # Without decay, AdamW is Adam.
        optimiser = torch.optim.AdamW(
            self._groups(), schedule.learning_rate, weight_decay=schedule.weight_decay, foreach=False
        )
        self.network, self.optimiser = self.accelerator.prepare(task.network, optimiser)

    def fit(self, on_step: Callable[[dict[str, float]], None] = lambda _row: None) -> Progress:
        """Train to the last step, from the run's checkpoint if there is one; return state and history.

        Raises
        ------
        NumericalError
            If the loss is non-finite more often than ``patience`` allows; the last checkpoint is kept.
        Interrupted
            If a signal stops the run; a checkpoint is written first.
        ProcessLost
            If another process of the training ended; the last checkpoint is kept.
        """
        self._restore()
        self._keep_good_state()
        while self.progress.step < self.schedule.steps:
            try:
                row = self._step()
            except RuntimeError as error:
                if self.accelerator.num_processes > 1 and any(words in str(error) for words in _LOST):
                    raise ProcessLost from error
                raise
            done = self.progress.step == self.schedule.steps
            if done or self.progress.step % self.schedule.validate_every == 0:
                row |= self._validate()
            self.progress.rows.append(row)
            on_step(row)
            if done or self.progress.step % self.schedule.save_every == 0:
                self._save()
                self._keep_good_state()
            try:
                interrupts.check()
            except BaseException:
                self._save()
                raise
        # A run killed between the last checkpoint and its history has no step left, and no history yet.
        self._write_history()
        self._write_weights(LAST)
        if self.schedule.monitor is None:
            self._write_weights(BEST)
        return self.progress

    def _groups(self) -> list[dict[str, Any]]:
        """Return the parameters of the network by the factor on their learning rate, in the network's order."""
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in self.task.network.named_parameters():
            matching = [factor for start, factor in self.schedule.rate_factors.items() if name.startswith(start)]
            groups.setdefault(matching[-1] if matching else 1.0, []).append(parameter)
        return [{"params": parameters, "rate_factor": factor} for factor, parameters in groups.items()]

    def _step(self) -> dict[str, float]:
        started = time.monotonic()
        step, schedule = self.progress.step, self.schedule
        rate = schedule.rate(step) * 0.5**self.progress.halvings
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("rate_factor", 1.0)
        numbers = self.order.samples(step)
        share = len(numbers) // self.accelerator.num_processes
        first = self.accelerator.process_index * share
        self.network.train()
        values = self.task.training_step(self.network, self.load(numbers[first : first + share]))
        means = self.accelerator.reduce(torch.stack([value.detach().float() for value in values.values()]), "mean")
        row = dict(zip(values, means.tolist(), strict=True))
        if math.isfinite(row["loss"]):
            self.progress.skipped = 0
            self.accelerator.backward(values["loss"])
            if schedule.clip_norm is not None:
                self.accelerator.clip_grad_norm_(self.network.parameters(), schedule.clip_norm)
            self.optimiser.step()
            self.optimiser.zero_grad()
        else:
            self._skip(row["loss"])
        self.progress.step = step + 1
        return {"step": step + 1, **row, "learning_rate": rate, "seconds": round(time.monotonic() - started, 3)}

    def _skip(self, loss: float) -> None:
        """Skip a step with a non-finite loss; after too many in a row restore the network of the last checkpoint."""
        progress, patience = self.progress, self.schedule.patience
        progress.skipped += 1
        if progress.skipped <= patience:
            return
        if not patience or progress.halvings == _MOST_HALVINGS:
            raise NumericalError(
                f"the loss of step {progress.step + 1} is {loss}; a finite number expected.",
                hint="Lower --lr; --resume continues from the last checkpoint.",
            )
        network, optimiser = copy.deepcopy(self._good)
        self.accelerator.unwrap_model(self.network).load_state_dict(network)
        self.optimiser.load_state_dict(optimiser)
        progress.skipped = 0
        progress.halvings += 1

    def _keep_good_state(self) -> None:
        """Keep the state that `_skip` restores."""
        if self.schedule.patience:
            network = self.accelerator.unwrap_model(self.network)
            self._good = copy.deepcopy((network.state_dict(), self.optimiser.state_dict()))

    def _validate(self) -> dict[str, float]:
        """Validate on the first process while the others wait; return the measures."""
        measures: dict[str, float] = {}
        network = self.accelerator.unwrap_model(self.network)
        if self.run is not None:
            network.eval()
            with torch.no_grad():
                measures = {f"val_{name}": value for name, value in self.task.validation_step(network).items()}
            monitored = None if self.schedule.monitor is None else measures.get(f"val_{self.schedule.monitor}")
            if monitored is not None and monitored > self.progress.best[0]:
                self.progress.best = monitored, self.progress.step
                self._write_weights(BEST)
        self.accelerator.wait_for_everyone()
        return measures

    def _save(self) -> None:
        """Write the checkpoint and the history on the first process."""
        if self.run is None:
            return
        buffer = io.BytesIO()
        state: dict[str, Any] = {
            "network": self.accelerator.unwrap_model(self.network).state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "progress": asdict(self.progress),
            "schedule": asdict(self.schedule),
        }
        torch.save(state, buffer)
        with self.run.output(CHECKPOINT) as path:
            path.write_bytes(buffer.getvalue())
        self._write_history()

    def _write_history(self) -> None:
        if self.run is None:
            return
        columns = list(dict.fromkeys(name for row in self.progress.rows for name in row))
        self.run.write_csv(HISTORY, columns, [[row.get(name) for name in columns] for row in self.progress.rows])

    def _restore(self) -> None:
        """Restore the checkpoint of the run on every process."""
        path = shared_directory(self.run) / CHECKPOINT
        if not path.exists():
            return
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.accelerator.unwrap_model(self.network).load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
            stored = state["progress"]
            self.progress = Progress(**{**stored, "best": tuple(stored["best"])})
        except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError, UnpicklingError) as error:
            raise InputError(f"{path}: damaged checkpoint ({error}).", hint="Start again with --overwrite.") from error

    def _write_weights(self, name: str) -> None:
        if self.run is None:
            return
        tensors = self.accelerator.unwrap_model(self.network).state_dict()
        content = tensor_bytes(
            {key: value.detach().cpu().contiguous() for key, value in tensors.items()}, self.metadata or None
        )
        with self.run.output(name) as path:
            path.write_bytes(content)
