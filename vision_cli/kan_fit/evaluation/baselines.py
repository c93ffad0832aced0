"""The fits that the benchmark compares: ours, and baselines in their own environments, each in a process."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.compute.baselines import LIST, Cost, run_measured
from vision_cli.kan_fit.options import BenchmarkOptions

PACKAGES = Path(__file__).with_name(LIST)

_RUNNER = Path(__file__).with_name("baseline_runner.py")

Array = NDArray[np.float64]


def run_ours(words: Sequence[str], plan: BenchmarkOptions, out: Path, seed: int) -> tuple[Cost, dict[str, object]]:
    """Run a command of this task; return its cost, and its ``parameters`` and ``fit_s``; raise as `run_measured`.

    Parameters
    ----------
    words
        The verb and its arguments, including ``-o``.
    plan
        Sets the number of threads.
    out
        Folder for the output of the command.
    seed
        Of data and fit.
    """
    folder = out / f"cost-{words[0]}"
    folder.mkdir()
    command = [sys.executable, "-m", "vision_cli", "kan-fit", *words, "--seed", str(seed), "--quiet"]
    if words[0] != "explain":
        command += ["--threads", str(plan.threads), "--device", "cpu"]
    cost = run_measured(f"ours {words[0]}", command, folder, plan.threads)
    target = Path(words[words.index("-o") + 1])
    record, metrics = read_json(target / "run.json"), read_json(target / "metrics.json")
    seconds = record.get("seconds")
    fit_s = sum(v for k, v in seconds.items() if k != "fit") if isinstance(seconds, dict) else None
    return cost, {"parameters": metrics.get("parameters"), "fit_s": fit_s}


def run_baseline(
    plan: BenchmarkOptions, method: str, task: str, python: Path, out: Path, data: Mapping[str, NDArray[np.generic]]
) -> tuple[Cost, dict[str, object], dict[str, Array]]:
    """Run a baseline; return its cost, its ``fit.json`` and its predictions; raise as `run_measured`.

    Parameters
    ----------
    plan
        Sets the number of threads and the checkouts.
    method, task
        See ``baseline_runner.py``.
    python
        Interpreter of its environment.
    out
        Folder of its files.
    data
        ``x_train``, ``y_train``, ``x_test``.
    """
    np.savez(out / "data.npz", **data)  # type: ignore[arg-type]
    words = [str(python), str(_RUNNER), method, task, str(out / "data.npz"), str(out), str(plan.threads)]
    if (checkout := plan.baselines[method]) is not None:
        words.append(str(checkout.absolute()))
    cost = run_measured(method, words, out, plan.threads)
    with np.load(out / "prediction.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    return cost, read_json(out / "fit.json"), arrays


def costs_of(cost: Cost, fitted: Mapping[str, object]) -> dict[str, object]:
    """Return the cost of a fit by column: seconds to milliseconds, megabytes to kilobytes."""
    seconds = fitted["fit_s"]
    return {
        "parameters": fitted["parameters"],
        "fit_s": round(seconds, 3) if isinstance(seconds, float) else None,
        **{name: round(value, 3) for name, value in asdict(cost).items()},
    }


def read_json(path: Path) -> dict[str, object]:
    """Return the object in a JSON file; empty if it holds something else."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return document if isinstance(document, dict) else {}
