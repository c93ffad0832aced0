"""The work of ``report``: the study of finished runs, made anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.core.runs.journal import read_journal
from vision_cli.core.runs.records import RECORD
from vision_cli.core.runs.runs import Run
from vision_cli.core.shards.merge import read_entries
from vision_cli.enhance_eval.evaluation.study import Settings
from vision_cli.enhance_eval.options import StatisticsOptions
from vision_cli.enhance_eval.runs.finish import write_study
from vision_cli.enhance_eval.runs.scored import DATASET, read_scored, scores_file


def require_runs(runs: Sequence[Path]) -> dict[str, Path]:
    """Return the directory of every scored picture of runs, those of shards included.

    Raises
    ------
    InputError
        If a directory holds no run of this task, or two runs have a picture of one name.
    """
    homes: dict[str, Path] = {}
    for path in runs:
        parts = sorted(path.glob("shard-*-of-*")) or [path]
        if not (path / RECORD).is_file() or not all((part / DATASET).is_file() for part in parts):
            raise InputError(f"{path}: no finished run of enhance-eval.", hint="Give the directory that run wrote to.")
        entries = read_entries(path) or [entry for part in parts for entry in read_journal(part)]
        for entry in entries:
            home = next((part for part in parts if (part / scores_file(entry.id)).is_file()), None)
            if home is None:
                continue
            if entry.id in homes:
                raise InputError(f"{path}: {entry.id} is in another of the runs, too; each picture once expected.")
            homes[entry.id] = home
    if not homes:
        raise InputError(f"{runs[0]}: no picture was scored.")
    return homes


def write_again(run: Run, homes: Mapping[str, Path], statistics: StatisticsOptions, seed: int) -> None:
    """Write tables, figures and report into a new run."""
    scored = read_scored(homes)
    write_study(run, scored, Settings(statistics.bootstrap, statistics.alpha, seed), homes)
