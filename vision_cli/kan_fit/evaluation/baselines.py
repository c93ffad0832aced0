"""The fits that the benchmark compares, a process each: ours, and baselines in environments of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.compute.baselines import LIST, Cost, run_measured
from vision_cli.kan_fit.options import Comparison

PACKAGES = Path(__file__).with_name(LIST)

_RUNNER = Path(__file__).with_name("baseline_runner.py")

Array = NDArray[np.float64]


def run_ours(words: Sequence[str], plan: Comparison, out: Path, seed: int) -> tuple[Cost, dict[str, object]]:
    """Run a command of this task; return what it took, and its ``parameters`` and ``fit_s``; raises as `run_measured`.

    Parameters
    ----------
    words
        The verb and its words, ``-o`` among them.
    plan
        Whose threads it gets.
    out
        Folder for what it prints.
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
    plan: Comparison, method: str, task: str, python: Path, out: Path, data: Mapping[str, NDArray[np.generic]]
) -> tuple[Cost, dict[str, object], dict[str, Array]]:
    """Run a baseline; return what it took, what it told, and the arrays that it predicted; raises as `run_measured`.

    Parameters
    ----------
    plan
        Whose threads and checkouts it gets.
    method, task
        See ``baseline_runner.py``.
    python
        The interpreter of its environment.
    out
        Folder for its files.
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
    return cost, read_json(out / "told.json"), arrays


def costs_of(cost: Cost, told: Mapping[str, object]) -> dict[str, object]:
    """Return the cost of a fit by column, rounded to milliseconds and kilobytes."""
    seconds = told["fit_s"]
    return {
        "parameters": told["parameters"],
        "fit_s": round(seconds, 3) if isinstance(seconds, float) else None,
        **{name: round(value, 3) for name, value in asdict(cost).items()},
    }


def read_json(path: Path) -> dict[str, object]:
    """Return the document of a JSON file; empty if it is no object."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return document if isinstance(document, dict) else {}
