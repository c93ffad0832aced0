"""Benchmark of this program, greedy, ANTs and ConvexAdam: accuracy, regularity, time and memory on the same pairs.

Every method runs as a process; all are scored in the same way from the transform files that they write.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from vision_cli.core.command.console import Output
from vision_cli.core.command.recorded_options import recorded
from vision_cli.core.compute.baselines import Cost
from vision_cli.core.compute.benchmark import Bar, Benchmark, Column, Results, items_of, measure_all, write_comparison
from vision_cli.core.errors import InputError, MissingError, PartialFailure, UsageError
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run
from vision_cli.io.volumes.volumes import Volume, read_volume
from vision_cli.metrics.segmentation import dice_per_label
from vision_cli.register.data.pairs import NamedPair
from vision_cli.register.evaluation.baselines import (
    ANTS,
    ENVIRONMENTS,
    ants_difference_pct,
    find_pythons,
    run_baseline,
    run_own_method,
)
from vision_cli.register.options.evaluation import ComparedMethods
from vision_cli.register.transforms import itk_files
from vision_cli.register.transforms.fields import Grid, jacobian_determinant_by_rows
from vision_cli.register.transforms.transforms import AffineTransform, Transform, compose_to_displacement, resample

_OURS = "ours-"
_REFERENCE = "greedy"
_SMALLEST_DETERMINANT = 1e-9
_COLUMNS = (
    Column("pairs", "dice_mean", "count"),
    Column("Dice mean", "dice_mean"),
    Column("Dice affine mean", "dice_affine_mean"),
    Column("folds total", "folds_voxels", "sum"),
    Column("SDlogJ mean", "sdlogj"),
    Column("SDlogJ max", "sdlogj", "max"),
    Column("wall s mean", "wall_s"),
    Column("CPU s mean", "cpu_s"),
    Column("peak RSS MB max", "peak_rss_mb", "max"),
    Column("wall / greedy", "wall_s", beside=_REFERENCE),
    Column("CPU / greedy", "cpu_s", beside=_REFERENCE),
    Column("RSS / greedy", "peak_rss_mb", beside=_REFERENCE),
)
_NETWORK_COLUMNS = {
    "used": "used",
    "cpu_s": "cpu_seconds",
    "peak_mb": "peak_memory_mb",
    "loss_affine": "loss_affine",
    "loss_optimised": "loss_optimised",
    "loss_proposed": "loss_proposed",
}


@dataclass(frozen=True)
class Score:
    """Measures of one registration.

    Attributes
    ----------
    dice_mean, dice_affine_mean
        Mean Dice of the labels in both images, by nearest neighbour, with the whole map and with its affine alone.
    folds_voxels, sdlogj
        Voxels of the fixed foreground where the nonlinear part folds, and the SD of its log-determinant there.
    """

    dice_mean: float
    dice_affine_mean: float
    folds_voxels: int
    sdlogj: float


def run_benchmark(
    run: Run,
    pairs: Sequence[NamedPair],
    methods: ComparedMethods,
    *,
    threads: int,
    environment: Path | None,
    output: Output,
) -> None:
    """Register every pair with every method and score the result.

    Parameters
    ----------
    run
        The open run; each combination of pair and method is an item, so that an interrupted run can continue.
    pairs
        The pairs, with labels.
    methods
        The methods.
    threads
        CPU threads of every method.
    environment
        An environment with all baselines; None to make them.
    output
        Console for progress.

    Raises
    ------
    UsageError
        If there is no method.
    InputError
        If a pair has no labels.
    MissingError
        If an environment of the baselines does not exist and cannot be made.
    """
    for pair in pairs:
        if pair.files.fixed_label is None or pair.files.moving_label is None:
            raise InputError(
                f"pair {pair.id}: no labels found; fixed_label and moving_label expected.", hint="Add the two columns."
            )
    comparison = _benchmark([pair.id for pair in pairs], methods)
    if not comparison.methods:
        raise UsageError("benchmark: neither a preset nor a baseline found; one or more expected.")
    pythons = find_pythons(methods.baselines, environment, output) if methods.baselines else {}
    by_id = {pair.id: pair for pair in pairs}
    measure_all(run, comparison, lambda pair, method: _measure(run, by_id[pair], method, pythons, threads), output)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the tables of the methods and of the required figures, and the metrics."""
    methods = recorded(ComparedMethods, run.options)
    write_comparison(run, entries, _benchmark(items_of(entries, _methods(methods)), methods))


def _benchmark(pairs: Sequence[str], methods: ComparedMethods) -> Benchmark:
    return Benchmark(pairs, _methods(methods), "pair", _COLUMNS, _bars)


def score(fixed: Volume, moving: Volume, chain: Sequence[Transform], affine: Sequence[Transform]) -> Score:
    """Return the measures of a map.

    Parameters
    ----------
    fixed, moving
        Label maps.
    chain
        The whole map, fixed -> moving, in the order in which it is applied to points.
    affine
        Its affine part.

    Raises
    ------
    InputError
        If the label maps have no label in common.
    """
    onto, grid = Grid(fixed.shape, fixed.vox2ras), Grid(moving.shape, moving.vox2ras)
    shared = sorted((set(np.unique(fixed.data).tolist()) & set(np.unique(moving.data).tolist())) - {0})
    if not shared:
        raise InputError(f"{fixed.path}, {moving.path}: no common label found; one or more expected.")
    dice, by_affine = (
        statistics.fmean(
            dice_per_label(fixed.data, resample(moving.data, grid, onto, part, "nearest"), shared).values()
        )
        for part in (chain, affine)
    )
    nonlinear = [part for part in chain if not isinstance(part, AffineTransform)]
    displacement_mm = compose_to_displacement(nonlinear, onto).displacement_mm
    # In single precision, unlike `DisplacementTransform.in_voxels`, to save memory.
    displacement_voxels = displacement_mm @ np.linalg.inv(onto.vox2ras[:-1, :-1]).T.astype(np.float32)
    components_voxels = np.ascontiguousarray(np.moveaxis(displacement_voxels, -1, 0))
    determinant = jacobian_determinant_by_rows(torch.from_numpy(components_voxels)).numpy()
    inside = determinant[fixed.data > 0].astype(np.float64)
    spread = float(np.log(np.clip(inside, _SMALLEST_DETERMINANT, None)).std())
    return Score(dice, by_affine, int((inside <= 0).sum()), spread)


def _measure(run: Run, pair: NamedPair, method: str, pythons: Mapping[str, Path], threads: int) -> dict[str, object]:
    fixed, moving = pair.files.fixed.absolute(), pair.files.moving.absolute()
    assert pair.files.fixed_label is not None
    assert pair.files.moving_label is not None
    fixed_labels, moving_labels = (
        read_volume(path, kind="labels") for path in (pair.files.fixed_label, pair.files.moving_label)
    )
    difference, network = None, None
    with tempfile.TemporaryDirectory(prefix="vcli-benchmark-") as name:
        out = Path(name)
        if method.startswith(_OURS):
            cost = run_own_method(method.removeprefix(_OURS), fixed, moving, out, threads)
            chain_files = [out / "run" / part for part in ("1Warp.nii.gz", "0GenericAffine.mat")]
            affine_files = chain_files[1:]
            network = json.loads((out / "run" / "run.json").read_text(encoding="utf-8")).get("network")
            if ANTS in pythons:
                difference = _difference_from_ants(run, pythons[ANTS], fixed, moving, out / "run", threads)
        else:
            cost = run_baseline(pythons[ENVIRONMENTS[method]], method, fixed, moving, out, threads)
            written = json.loads((out / "transforms.json").read_text(encoding="utf-8"))
            chain_files, affine_files = ([out / part for part in written[kind]] for kind in ("chain", "affine"))
        found = score(fixed_labels, moving_labels, _read_chain(chain_files), _read_chain(affine_files))
    row = _row(found, cost, difference)
    if network is not None:
        row |= {f"network_{name}": network[key] for name, key in _NETWORK_COLUMNS.items()}
    return row


def _row(found: Score, cost: Cost, difference: float | None) -> dict[str, object]:
    measured = {name: round(value, 3) for name, value in asdict(cost).items()}
    return {**asdict(found), **measured, "ants_difference_pct": difference}


def _difference_from_ants(run: Run, python: Path, fixed: Path, moving: Path, ours: Path, threads: int) -> float | None:
    """Return the result of `ants_difference_pct`; None, with a warning, if ANTs cannot run."""
    try:
        return ants_difference_pct(python, fixed, moving, ours, threads)
    except (MissingError, PartialFailure) as error:
        run.warn(f"the transform files were not applied by ANTs: {error.message}")
        return None


def _read_chain(files: Sequence[Path]) -> list[Transform]:
    return [part for file in files for part in itk_files.read_transform(file)]


def _methods(methods: ComparedMethods) -> list[str]:
    return [*(_OURS + preset for preset in methods.presets), *methods.baselines]


def _bars(found: Results) -> Iterator[Bar]:
    best, fast = _OURS + "default", _OURS + "fast"
    memory = found.over(best, "peak_rss_mb", "max")
    affine = [a - b for a, b in found.shared(best, _REFERENCE, "dice_affine_mean")]
    yield Bar("Dice, default - greedy", True, 0.010, found.gain(best, _REFERENCE, "dice_mean"))
    yield Bar("Dice, default - ants-syncc", True, 0.030, found.gain(best, "ants-syncc", "dice_mean"))
    yield Bar("folded voxels, default", False, 0, found.over(best, "folds_voxels", "sum"))
    yield Bar("SDlogJ of the worst pair, default", False, 0.35, found.over(best, "sdlogj", "max"))
    yield Bar("Dice, fast - greedy-2mm", True, 0.020, found.gain(fast, "greedy-2mm", "dice_mean"))
    yield Bar("wall time, default / greedy", False, 0.8, found.ratio(best, _REFERENCE, "wall_s"))
    yield Bar("wall time, fast / greedy-2mm", False, 1.2, found.ratio(fast, "greedy-2mm", "wall_s"))
    yield Bar("CPU time, fast / ants-syncc", False, 0.3, found.ratio(fast, "ants-syncc", "cpu_s"))
    yield Bar("peak memory of the worst pair, default, GB", False, 2.0, None if memory is None else memory / 1000)
    yield Bar("affine Dice of the worst pair, default - greedy", True, -0.003, min(affine, default=None))
    for name in (best, fast):
        alone = f"{name}-optimize"
        what = name.removeprefix(_OURS)
        yield Bar(f"Dice, {what} with the network - without", True, 0.0, found.gain(name, alone, "dice_mean"))
        yield Bar(f"wall time, {what} with the network / without", False, 1.0, found.ratio(name, alone, "wall_s"))
    network = _OURS + "network"
    rises = found.values(network, "dice_mean"), found.values(network, "dice_affine_mean")
    rise = statistics.fmean(rises[0][pair] - rises[1][pair] for pair in rises[0]) if rises[0] else None
    yield Bar("Dice, network alone - its affine", True, 0.06, rise)
    yield Bar("CPU s of the network, worst pair", False, 5.0, found.over(network, "network_cpu_s", "max"))
    worst = found.over(best, "ants_difference_pct", "max")
    yield Bar("warped by ANTs - warped by ours, % of the range", False, 0.1, worst)
