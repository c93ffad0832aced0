"""Registration of one pair, from its files to a finished run directory."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.command.console import Output, Progress
from vision_cli.core.compute.devices import Compute, freed_memory_returned, peak_memory_mb
from vision_cli.core.errors import InputError, NumericalError
from vision_cli.core.runs import files
from vision_cli.core.runs.runs import Run
from vision_cli.io.arrays import npz_headers, read_arrays
from vision_cli.io.tables.tables import read_label_names
from vision_cli.register.optimisation.comparison import ComparedLosses
from vision_cli.register.optimisation.optimise import State, Step
from vision_cli.register.options.pair_files import PairFiles
from vision_cli.register.options.registration import PairReporting, RegistrationOptions
from vision_cli.register.pipeline.inputs import read_pair
from vision_cli.register.pipeline.pipeline import Checkpoint, register
from vision_cli.register.runs.metrics import PairMetrics
from vision_cli.register.runs.results import free_space_needed, write_results

CHECKPOINT = "checkpoint.npz"


def register_files(
    run: Run,
    pair_files: PairFiles,
    options: RegistrationOptions,
    compute: Compute,
    output: Output,
    *,
    reporting: PairReporting,
    volume: int | None = None,
) -> PairMetrics:
    """Read a pair, register it and write the results into an open run.

    Parameters
    ----------
    run
        The open run; an interrupted one continues from its checkpoint.
    pair_files
        Files of the pair.
    options, compute
        Settings of the registration; device and threads.
    output
        Console for progress.
    reporting
        Outputs, and the limit on folded voxels.
    volume
        Index of the volume of 4D images.

    Raises
    ------
    NumericalError
        If too many voxels fold; the results are written before.
    """
    pair = read_pair(pair_files, volume)
    for note in pair.notes:
        run.warn(note)
    files.require_free_space(run.directory, free_space_needed(pair))
    names = None if reporting.label_names is None else read_label_names(reporting.label_names)
    checkpoint = run.directory / CHECKPOINT
    resume_from = load_checkpoint(checkpoint, compute.device) if run.resumed and checkpoint.exists() else None

    with _Bar(output) as bar:
        found = register(
            pair,
            options,
            compute,
            on_plan=bar.plan,
            on_step=bar.step,
            resume_from=resume_from,
            on_interrupt=lambda stopped: save_checkpoint(run, stopped),
        )
    searched_mb = peak_memory_mb()
    for note in found.notes:
        if note not in pair.notes:
            run.warn(note)
    with freed_memory_returned():
        metrics = write_results(
            run,
            pair,
            found,
            names=names,
            interpolation=reporting.label_interpolation,
            pictures=reporting.pictures,
            save=reporting.save,
            threads=compute.threads,
        )
    checkpoint.unlink(missing_ok=True)
    run.record(
        seconds=dict(found.seconds),
        peak_memory_search_mb=round(searched_mb, 1),
        notes=list(found.notes),
        image_term=asdict(found.image_term),
        network=None if found.network is None else asdict(found.network),
    )
    most = reporting.max_folds_pct
    if most is not None and (metrics.folds_pct or 0.0) > most:
        raise NumericalError(
            f"{metrics.folds_pct:.4f} % of the voxels fold; at most {most} % expected.",
            hint="Use --transform diffeo or a larger --lambda.",
        )
    return metrics


def save_checkpoint(run: Run, checkpoint: Checkpoint) -> None:
    """Write the checkpoint of an interrupted registration into its run."""
    state = checkpoint.state
    arrays = {f"coefficients_{n}": c.detach().cpu().numpy() for n, c in enumerate(state.coefficients)}
    arrays |= {f"momentum_{n}": m.cpu().numpy() for n, m in enumerate(state.momentum)}
    history = np.array([tuple(asdict(step).values()) for step in state.history], dtype=np.float64)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        matrix=checkpoint.matrix,
        position=np.array([state.stage, state.iteration, state.repairs]),
        compared=np.array(() if state.compared is None else astuple(state.compared), dtype=np.float64),
        second_moment=np.array(state.second_moment, dtype=np.float64),
        history=history.reshape(-1, 5),
        **arrays,  # type: ignore[arg-type]
    )
    with run.output(CHECKPOINT) as path:
        path.write_bytes(buffer.getvalue())


def load_checkpoint(path: Path, device: torch.device) -> Checkpoint:
    """Read a checkpoint of `save_checkpoint` onto a device.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    try:
        stored: Mapping[str, NDArray[Any]] = read_arrays(path, npz_headers(path))
        stage, iteration, repairs = (int(n) for n in stored["position"])
        levels = sum(name.startswith("coefficients_") for name in stored)
        moments = sum(name.startswith("momentum_") for name in stored)
        state = State(
            [torch.from_numpy(stored[f"coefficients_{n}"]).to(device) for n in range(levels)],
            stage,
            iteration,
            [torch.from_numpy(stored[f"momentum_{n}"]).to(device) for n in range(moments)],
            stored["second_moment"].tolist(),
            [Step(int(s), int(i), *rest) for s, i, *rest in stored["history"].tolist()],
            repairs,
            ComparedLosses(*stored["compared"].tolist()) if stored["compared"].size else None,
        )
        return Checkpoint(np.asarray(stored["matrix"], dtype=np.float64), state)
    except (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: a damaged checkpoint found ({error}); a readable one expected.",
            hint="Start again with --overwrite.",
        ) from error


class _Bar:
    """A progress bar that starts after the linear alignment, when the number of iterations is known."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def plan(self, total: int) -> None:
        self._progress = self._output.progress("registering", total)
        self._progress.__enter__()

    def step(self, step: Step) -> None:
        if self._progress is not None:
            self._progress.advance(note=f"stage {step.stage + 1}, loss {step.similarity + step.regularisation:.4f}")

    def __exit__(self, *exception: object) -> None:
        if self._progress is not None:
            self._progress.__exit__(*exception)
