"""The ways to register that the benchmark compares: presets of ours, and baselines in an environment of their own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from vision_cli.core.peers import Cost, run_logged, run_measured
from vision_cli.register.options.evaluation import OURS

LIST = Path(__file__).parents[2] / "tests" / "bench" / "peers-register.txt"

_RUNNER = Path(__file__).with_name("peer_runner.py")
_SEEDS = {"ANTS_RANDOM_SEED": "1"}


def run_peer(python: Path, name: str, fixed: Path, moving: Path, out: Path, threads: int) -> Cost:
    """Register with a peer into ``out``; raises as `run_measured`."""
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
