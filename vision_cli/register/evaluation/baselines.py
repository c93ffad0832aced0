"""The ways to register that the benchmark compares: presets of ours, and baselines in environments of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vision_cli.core.command.console import Output
from vision_cli.core.compute.baselines import LIST, Cost, baseline_python, run_logged, run_measured
from vision_cli.register.options.evaluation import OURS

PACKAGES = Path(__file__).with_name(LIST)

ENVIRONMENTS: Mapping[str, str] = {
    "greedy": "greedy",
    "greedy-2mm": "greedy",
    "ants-syn": "ants",
    "ants-syncc": "ants",
    "convexadam": "convexadam",
}
"""Section of the list that each baseline runs in."""

ANTS = "ants"

_RUNNER = Path(__file__).with_name("baseline_runner.py")
_SEEDS = {"ANTS_RANDOM_SEED": "1"}


def find_pythons(baselines: Sequence[str], environment: Path | None, output: Output) -> dict[str, Path]:
    """Return the interpreters that baselines need, by the section of the list; raises as `baseline_python`.

    Parameters
    ----------
    baselines
        Their names.
    environment
        A ready environment with all of them, in which ANTs is looked for as well; None to have them made.
    output
        Where it is said that an environment is made.
    """
    sections = [ENVIRONMENTS[name] for name in baselines]
    if environment is not None:
        sections.append(ANTS)
    return {name: baseline_python(PACKAGES, name, environment, output) for name in dict.fromkeys(sections)}


def run_baseline(python: Path, name: str, fixed: Path, moving: Path, out: Path, threads: int) -> Cost:
    """Register with a baseline into ``out``; raises as `run_measured`."""
    return run_measured(name, _script(python, name, fixed, moving, out, str(threads)), out, threads, _SEEDS)


def run_ours(name: str, fixed: Path, moving: Path, out: Path, threads: int) -> Cost:
    """Register with this program, one of `OURS`, into ``out/run``; raises as `run_measured`."""
    preset, method = OURS[name]
    command = [sys.executable, "-m", "vision_cli", "register", "pair", str(fixed), str(moving), "--preset", preset]
    command += ["--method", method, "--threads", str(threads), "--device", "cpu", "-o", str(out / "run"), "--quiet"]
    return run_measured(f"ours-{name}", command, out, threads)


def ants_difference_pct(python: Path, fixed: Path, moving: Path, ours: Path, threads: int) -> float:
    """Give the greatest difference of ANTs' application of our files from our warped image, % of its range."""
    log = ours.parent / "apply-ants.txt"
    run_logged("apply-ants", _script(python, "apply-ants", fixed, moving, ours), log, threads)
    return float(json.loads(log.read_text(encoding="utf-8").splitlines()[-1])["difference_pct"])


def _script(python: Path, *words: str | Path) -> list[str]:
    return [str(python), str(_RUNNER), *map(str, words)]
