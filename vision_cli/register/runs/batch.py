"""Many pairs in one run: each in a folder of its own, in shards if wished, and resumable at every pair."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from vision_cli.core.command.console import Output, Table, format_value
from vision_cli.core.compute.devices import Compute
from vision_cli.core.report import REPORT, Picture, Report, link_to
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run, read_metrics
from vision_cli.register.data.pairs import NamedPair
from vision_cli.register.options.registration import PairReporting, RegistrationOptions, Reporting
from vision_cli.register.runs.pair import register_files
from vision_cli.register.runs.report import OVERLAY, READ_OVERLAY
from vision_cli.register.runs.verdict import RULE, count_of_pairs, judge, judge_batch
from vision_cli.register.transforms import itk_files
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import compose_to_displacement

_COLUMNS = (
    "dice_mean",
    "dice_affine_mean",
    "dice_before_mean",
    "hd95_mean_mm",
    "sdlogj",
    "folds_voxels",
    "folds_pct",
    "tre_mean_mm",
    "tre_before_mean_mm",
    "inverse_error_mean_voxels",
    "lncc_before",
    "lncc_affine",
    "lncc_after",
)
PAIRS = "pairs"
_TITLE = "Pairs, the worst first; the name of a pair leads to its own report"
_LEVELS = {"good": "good", "caution": "look closer", "bad": "bad"}

_OF_THE_BATCH = ("pairs", "only", "l2r_submission")
_TITLES: Mapping[str, str] = {
    "dice_mean": "Dice",
    "dice_affine_mean": "Dice affine",
    "dice_before_mean": "Dice before",
    "hd95_mean_mm": "HD95 mm",
    "tre_mean_mm": "landmark error mm",
    "tre_before_mean_mm": "before mm",
    "lncc_after": "LNCC after",
    "lncc_affine": "LNCC affine",
    "lncc_before": "LNCC before",
    "folds_voxels": "folded voxels",
    "sdlogj": "SD log Jacobian",
    "inverse_error_mean_voxels": "inverse error, voxels",
}


def register_all(
    run: Run,
    pairs: Sequence[NamedPair],
    options: RegistrationOptions,
    compute: Compute,
    output: Output,
    reporting: Reporting,
    *,
    only: str | None = None,
    l2r_submission: bool = False,
) -> None:
    """Register every pair that is not done yet.

    Parameters
    ----------
    run
        The open run; the pairs go to ``pairs/ID`` in its directory.
    pairs
        The whole list.
    options, compute, output, reporting
        As for one pair.
    only
        Id of the one pair to do.
    l2r_submission
        Also write ``submission/disp_FIXED_MOVING.nii.gz``.

    Raises
    ------
    UsageError
        If ``only`` names no pair.
    """
    of_a_pair = {name: value for name, value in run.options.items() if name not in _OF_THE_BATCH}

    def work(pair: NamedPair) -> dict[str, object]:
        metrics = _register_one(run, pair, options, compute, of_a_pair, PairReporting(**vars(reporting)))
        if l2r_submission:
            _submit(run, pair)
        return {name: metrics.get(name) for name in _COLUMNS}

    run.each(pairs, work, name=lambda pair: pair.id, what="pairs", output=output, only=only)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the report of a batch: a table of its pairs, the worst first, and the overlays of the worst."""
    good = sorted((entry for entry in entries if entry.error is None), key=_quality)
    failed = [entry.id for entry in entries if entry.error is not None]
    homes = {entry.id: _directory(run.home_of(entry), entry.id) for entry in good}
    verdicts = {entry.id: judge(entry.row) for entry in good}
    names = [name for name in _TITLES if any(entry.row.get(name) is not None for entry in good)]
    rows = [
        (
            link_to(run, homes[entry.id] / REPORT, entry.id),
            _LEVELS[verdicts[entry.id].level],
            *(entry.row.get(name) for name in names),
        )
        for entry in good
    ]
    overlays = [
        Picture(homes[entry.id] / OVERLAY, f"{entry.id}: {_caption(entry)}", READ_OVERLAY)
        for entry in good
        if (homes[entry.id] / OVERLAY).is_file()
    ]
    middle = {name: _middle(good, name) for name in _COLUMNS}
    verdict = judge_batch(verdicts, failed, middle)
    summary = {
        "pairs": len(good),
        "failed": len(failed),
        "Dice, median": middle["dice_mean"],
        "landmark error mm, median": middle["tre_mean_mm"],
        "local correlation, median": middle["lncc_after"],
        "SD log Jacobian, median": middle["sdlogj"],
    }
    run.report(
        Report(
            title=f"Registration of {count_of_pairs(len(entries))}",
            verdict=verdict.text,
            level=verdict.level,
            rule=RULE if entries else "",
            summary={label: value for label, value in summary.items() if value is not None},
            pictures=overlays,
            tables=[Table(("pair", "verdict", *(_TITLES[name] for name in names)), rows, _TITLE)] if rows else [],
        )
    )


def _quality(entry: Entry) -> tuple[bool, float]:
    """Order of the report: by overlap, behind it what has no labels by local correlation."""
    dice, correlation = entry.row.get("dice_mean"), entry.row.get("lncc_after")
    value = correlation if dice is None else dice
    return dice is None, float(value) if isinstance(value, int | float) else -math.inf


def _caption(entry: Entry) -> str:
    column = "lncc_after" if entry.row.get("dice_mean") is None else "dice_mean"
    return f"{_TITLES[column]} {format_value(entry.row.get(column))}."


def _middle(entries: Sequence[Entry], column: str) -> float | None:
    values = [value for entry in entries if isinstance(value := entry.row.get(column), int | float)]
    return float(statistics.median(values)) if values else None


def _directory(home: Path, pair: str) -> Path:
    return home / PAIRS / pair


def _register_one(
    batch: Run,
    pair: NamedPair,
    options: RegistrationOptions,
    compute: Compute,
    recorded: Mapping[str, object],
    reporting: PairReporting,
) -> Mapping[str, object]:
    files = pair.files.by_role()
    with batch.part(
        f"{PAIRS}/{pair.id}",
        command="register pair",
        options={**recorded, **{role: str(path.absolute()) for role, path in files.items()}},
        inputs=files,
    ) as run:
        if not run.already_done:
            run.record(**compute.facts)
            register_files(run, pair.files, options, compute, Output(quiet=True), reporting=reporting)
            run.finish()
    return read_metrics(run.directory)


def _submit(batch: Run, pair: NamedPair) -> None:
    """Write a pair's whole map as Learn2Reg wants it."""
    from vision_cli.io.volumes.volumes import read_volume

    fixed, moving = (read_volume(path) for path in (pair.files.fixed, pair.files.moving))
    grid = Grid(fixed.shape, fixed.vox2ras)
    chain = itk_files.read_transform(_directory(batch.directory, pair.id) / "composite.h5")
    with batch.output(f"submission/disp_{pair.id}.nii.gz") as path:
        itk_files.write_l2r(path, compose_to_displacement(chain, grid), Grid(moving.shape, moving.vox2ras))
