"""Registration of many pairs in one run, each in its own folder, and the report of the run."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from vision_cli.core.command.console import Output, Table, format_value
from vision_cli.core.compute.devices import Compute
from vision_cli.core.errors import UsageError
from vision_cli.core.report import REPORT, Picture, Report, link_to
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run, read_metrics
from vision_cli.register.data.pairs import NamedPair
from vision_cli.register.options.registration import PairReporting, RegistrationOptions, Reporting
from vision_cli.register.runs.metrics import PairMetrics
from vision_cli.register.runs.pair import register_files
from vision_cli.register.runs.report import OVERLAY, READ_OVERLAY
from vision_cli.register.runs.verdict import RULE, count_of_pairs, judge, judge_batch, orientation_warning
from vision_cli.register.transforms import itk_files
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.itk_objects import dimension
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
    "rotation_deg",
    "mirrored",
    "lncc_before",
    "lncc_affine",
    "lncc_after",
)
PAIRS = "pairs"
_TITLE = "Pairs, the worst first; the name of a pair is a link to its report"
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
    "rotation_deg": "rotation, degrees",
    "mirrored": "mirrored",
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
        The open run; results of the pairs are written to ``pairs/ID`` in its directory.
    pairs
        All pairs of the list.
    options, compute, output, reporting
        See `vision_cli.register.runs.pair.register_files`.
    only
        Id of the only pair to register; None for all.
    l2r_submission
        Whether to write ``submission/disp_FIXED_MOVING.nii.gz`` as well.

    Raises
    ------
    UsageError
        If no pair has the id ``only``, or the warps that a submission is made of are not saved.
    """
    if l2r_submission and "warp" not in reporting.save:
        raise UsageError(f"--save: {','.join(reporting.save)} found; warp among them expected with --l2r-submission.")
    of_a_pair = {name: value for name, value in run.options.items() if name not in _OF_THE_BATCH}

    def work(pair: NamedPair) -> dict[str, object]:
        metrics = _register_one(run, pair, options, compute, of_a_pair, PairReporting(**vars(reporting)))
        if warning := orientation_warning(metrics):
            run.warn(f"{pair.id}: {warning}")
        if l2r_submission:
            _submit(run, pair)
        return {name: getattr(metrics, name) for name in _COLUMNS}

    run.each(pairs, work, name=lambda pair: pair.id, what="pairs", output=output, only=only)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the report of a batch: a table of its pairs and their overlays, the worst first."""
    done = [entry for entry in entries if entry.error is None]
    measured = {entry.id: PairMetrics.read(entry.row) for entry in done}
    good = sorted(done, key=lambda entry: _quality(measured[entry.id]))
    failed = [entry.id for entry in entries if entry.error is not None]
    homes = {entry.id: _directory(run.home_of(entry), entry.id) for entry in good}
    verdicts = {entry.id: judge(measured[entry.id]) for entry in good}
    names = [name for name in _TITLES if any(getattr(measured[entry.id], name) is not None for entry in good)]
    rows = [
        (
            link_to(run, homes[entry.id] / REPORT, entry.id),
            _LEVELS[verdicts[entry.id].level],
            *(getattr(measured[entry.id], name) for name in names),
        )
        for entry in good
    ]
    overlays = [
        Picture(homes[entry.id] / OVERLAY, f"{entry.id}: {_caption(measured[entry.id])}", READ_OVERLAY)
        for entry in good
        if (homes[entry.id] / OVERLAY).is_file()
    ]
    medians = _medians(list(measured.values()))
    verdict = judge_batch(verdicts, failed, medians)
    summary = {
        "pairs": len(good),
        "failed": len(failed),
        "Dice, median": medians.dice_mean,
        "landmark error mm, median": medians.tre_mean_mm,
        "local correlation, median": medians.lncc_after,
        "SD log Jacobian, median": medians.sdlogj,
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


def _quality(metrics: PairMetrics) -> tuple[bool, float]:
    """Return the sort key of the report: pairs with labels by Dice, then the others by local correlation."""
    value = metrics.lncc_after if metrics.dice_mean is None else metrics.dice_mean
    return metrics.dice_mean is None, -math.inf if value is None else float(value)


def _caption(metrics: PairMetrics) -> str:
    if metrics.dice_mean is None:
        return f"{_TITLES['lncc_after']} {format_value(metrics.lncc_after)}."
    return f"{_TITLES['dice_mean']} {format_value(metrics.dice_mean)}."


def _medians(measured: Sequence[PairMetrics]) -> PairMetrics:
    """Return the median of each measure over the pairs that have it."""
    found = {name: [value for one in measured if (value := getattr(one, name)) is not None] for name in _COLUMNS}
    return PairMetrics.read({name: float(statistics.median(values)) for name, values in found.items() if values})


def _directory(home: Path, pair: str) -> Path:
    return home / PAIRS / pair


def _register_one(
    batch: Run,
    pair: NamedPair,
    options: RegistrationOptions,
    compute: Compute,
    recorded: Mapping[str, object],
    reporting: PairReporting,
) -> PairMetrics:
    files = pair.files.given()
    with batch.part(
        f"{PAIRS}/{pair.id}",
        command="register pair",
        options={**recorded, **{name: str(path.absolute()) for name, path in files.items()}},
        inputs=files,
    ) as run:
        if not run.already_done:
            run.record(**compute.facts)
            register_files(run, pair.files, options, compute, Output(quiet=True), reporting=reporting)
            run.finish()
    return PairMetrics.read(read_metrics(run.directory))


def _submit(batch: Run, pair: NamedPair) -> None:
    """Write the whole map of a pair as a Learn2Reg displacement."""
    from vision_cli.io.volumes.volumes import read_volume

    home = _directory(batch.directory, pair.id)
    files = [path for name in ("1Warp.nii.gz", "0GenericAffine.mat") if (path := home / name).is_file()]
    chain = [part for path in files for part in itk_files.read_transform(path)]
    ndim = dimension(chain[0])
    fixed, moving = (read_volume(path).with_axes(ndim) for path in (pair.files.fixed, pair.files.moving))
    grid = Grid(fixed.shape, fixed.vox2ras)
    with batch.output(f"submission/disp_{pair.id}.nii.gz") as path:
        itk_files.write_l2r(path, compose_to_displacement(chain, grid), Grid(moving.shape, moving.vox2ras))
