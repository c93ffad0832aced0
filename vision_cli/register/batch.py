"""Many pairs in one run: each in a folder of its own, in shards if wished, and resumable at every pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vision_cli.core.console import Output
from vision_cli.core.devices import Compute
from vision_cli.core.errors import UsageError
from vision_cli.core.runs import Run, read_metrics
from vision_cli.core.shards import Shard
from vision_cli.register import itk_files
from vision_cli.register.data import PairFiles
from vision_cli.register.fields import Grid
from vision_cli.register.pipeline import Options
from vision_cli.register.session import register_files
from vision_cli.register.transforms import compose_to_displacement

_COLUMNS = (
    "dice_mean",
    "dice_affine_mean",
    "hd95_mean_mm",
    "sdlogj",
    "folds_voxels",
    "tre_mean_mm",
    "inverse_error_mean_voxels",
    "lncc_before",
    "lncc_affine",
    "lncc_after",
)
PAIRS = "pairs"


def register_all(
    run: Run,
    pairs: Sequence[PairFiles],
    options: Options,
    compute: Compute,
    output: Output,
    *,
    pair_options: Mapping[str, object],
    shard: Shard | None = None,
    only: str | None = None,
    label_names: Path | None = None,
    l2r_submission: bool = False,
    pictures: bool = True,
) -> None:
    """Register every pair that is not done yet.

    Parameters
    ----------
    run
        The open run; the pairs go to ``pairs/ID`` in its directory.
    pairs
        The whole list.
    options, compute, output
        As for one pair.
    pair_options
        Options recorded in each pair's ``run.json``.
    shard
        The part of the list to do.
    only
        Id of the one pair to do.
    label_names
        Table of label names.
    l2r_submission
        Also write ``submission/disp_FIXED_MOVING.nii.gz``.
    pictures
        Also write pictures and a report for each pair.

    Raises
    ------
    UsageError
        If ``only`` names no pair.
    """
    mine = pairs if shard is None else shard.take(pairs)
    if only is not None:
        mine = [pair for pair in pairs if pair.id == only]
        if not mine:
            raise UsageError(f"--only {only}: no such pair in the list.")
    done = run.items.done
    with output.progress("pairs", len(mine)) as progress:
        for pair in mine:
            if pair.id not in done:
                with run.attempt(pair.id, pair.position) as row:
                    metrics = _register_one(
                        run, pair, options, compute, pair_options, label_names, l2r_submission, pictures
                    )
                    row.update({name: metrics.get(name) for name in _COLUMNS})
            progress.advance(note=pair.id)
    run.finish_items()


def _register_one(
    batch: Run,
    pair: PairFiles,
    options: Options,
    compute: Compute,
    recorded: Mapping[str, object],
    label_names: Path | None,
    l2r_submission: bool,
    pictures: bool,
) -> Mapping[str, object]:
    paths: dict[str, Path | None] = dict(pair.paths)
    with batch.part(
        f"{PAIRS}/{pair.id}",
        command="register pair",
        options={**recorded, **{role: str(path.absolute()) for role, path in pair.paths.items()}},
        inputs=dict(pair.paths),
    ) as run:
        if not run.already_done:
            register_files(run, paths, options, compute, Output(quiet=True), label_names=label_names, pictures=pictures)
            run.finish()
    if l2r_submission:
        _submit(batch, pair, run.directory)
    return read_metrics(run.directory)


def _submit(batch: Run, pair: PairFiles, directory: Path) -> None:
    """Write a pair's whole map as Learn2Reg wants it."""
    from vision_cli.io.volumes import read_volume

    fixed, moving = (read_volume(pair.paths[role]) for role in ("fixed", "moving"))
    grid = Grid(fixed.shape, fixed.vox2ras)
    chain = itk_files.read_transform(directory / "composite.h5")
    with batch.output(f"submission/disp_{pair.id}.nii.gz") as path:
        itk_files.write_l2r(path, compose_to_displacement(chain, grid), Grid(moving.shape, moving.vox2ras))
