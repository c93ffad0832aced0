"""Methods of the benchmark as processes: configurations of this program, and baselines in their own environments."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vision_cli.core.command.console import Output
from vision_cli.core.compute.baselines import LIST, Cost, baseline_python, run_logged, run_measured
from vision_cli.register.options.evaluation import OWN_METHODS

PACKAGES = Path(__file__).with_name(LIST)

ENVIRONMENTS: Mapping[str, str] = {
    "greedy": "greedy",
    "greedy-2mm": "greedy",
    "ants-syn": "ants",
    "ants-syncc": "ants",
    "convexadam": "convexadam",
}
"""Environment of each baseline: a section of ``baselines.txt``."""

ANTS = "ants"

_RUNNER = Path(__file__).with_name("baseline_runner.py")
_SEEDS = {"ANTS_RANDOM_SEED": "1"}


def find_pythons(baselines: Sequence[str], environment: Path | None, output: Output) -> dict[str, Path]:
    """Return the Python interpreters of baselines by the section of ``baselines.txt``; raises as `baseline_python`.

    Parameters
    ----------
    baselines
        Names of the baselines.
    environment
        An environment with all baselines and ANTs; None to make one for each section.
    output
        Console for messages.
    """
    sections = [ENVIRONMENTS[name] for name in baselines]
    if environment is not None:
        sections.append(ANTS)
    return {name: baseline_python(PACKAGES, name, environment, output) for name in dict.fromkeys(sections)}


def run_baseline(python: Path, name: str, fixed: Path, moving: Path, out: Path, threads: int) -> Cost:
    """Register with a baseline into ``out``; raises as `run_measured`."""
    return run_measured(name, _script(python, name, fixed, moving, out, str(threads)), out, threads, _SEEDS)


def run_own_method(name: str, fixed: Path, moving: Path, out: Path, threads: int, options: Sequence[str] = ()) -> Cost:
    """Register with a configuration of this program, see `OWN_METHODS`, into ``out/run``; raises as `run_measured`.

    ``options`` are further words of the command.
    """
    preset, method = OWN_METHODS[name]
    command = [sys.executable, "-m", "vision_cli", "register", "pair", str(fixed), str(moving), "--preset", preset]
    command += [
        "--method",
        method,
        "--threads",
        str(threads),
        "--device",
        "cpu",
        "-o",
        str(out / "run"),
        "--quiet",
        *options,
    ]
    return run_measured(f"ours-{name}", command, out, threads)


def ants_difference_pct(python: Path, fixed: Path, moving: Path, ours: Path, threads: int) -> float:
    """Return the greatest difference of our files applied by ANTs from our warped image, in % of its range."""
    log = ours.parent / "apply-ants.txt"
    run_logged("apply-ants", _script(python, "apply-ants", fixed, moving, ours), log, threads)
    return float(json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["difference_pct"])


def _script(python: Path, *words: str | Path) -> list[str]:
    return [str(python), str(_RUNNER), *map(str, words)]
