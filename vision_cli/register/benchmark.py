"""Ours beside greedy, ANTs and ConvexAdam on the same pairs: accuracy, regularity, time and memory, in one run.

Every method runs as a process; all are scored alike, by this package, from the transform files that they wrote.
"""

from __future__ import annotations

import csv
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from vision_cli.core.bars import BAR_COLUMNS, Bar
from vision_cli.core.console import Output, Table
from vision_cli.core.errors import InputError, MissingError, PartialFailure, UsageError
from vision_cli.core.journal import Entry
from vision_cli.core.peers import Cost, peers_python
from vision_cli.core.run_files import RunFiles
from vision_cli.core.runs import Run
from vision_cli.io.volumes import Volume, read_volume
from vision_cli.metrics.segmentation import dice_per_label
from vision_cli.register import itk_files
from vision_cli.register.data import NamedPair
from vision_cli.register.fields import Grid, determinant_map
from vision_cli.register.options.evaluation import Contenders
from vision_cli.register.peers import LIST, ants_difference_pct, run_ours, run_peer
from vision_cli.register.transforms import AffineTransform, Transform, compose_to_displacement, resample

TABLE = "benchmark.csv"
BARS = "bars.csv"

_OURS = "ours-"
_REFERENCE = "greedy"
_SMALLEST_DETERMINANT = 1e-9
_COLUMNS = (
    "method",
    "pairs",
    "Dice mean",
    "Dice affine mean",
    "folds total",
    "SDlogJ mean",
    "SDlogJ max",
    "wall s mean",
    "CPU s mean",
    "peak RSS MB max",
    "wall / greedy",
    "CPU / greedy",
    "RSS / greedy",
    "note",
)
_NETWORK_COLUMNS = {
    "used": "used",
    "cpu_s": "cpu_seconds",
    "peak_mb": "peak_memory_mb",
    "loss_affine": "loss_affine",
    "loss_optimised": "loss_optimised",
    "loss_proposed": "loss_proposed",
}

Row = Mapping[str, object]


@dataclass(frozen=True)
class Score:
    """How good one registration is.

    Attributes
    ----------
    dice_mean, dice_affine_mean
        Mean Dice of the labels that both images hold, by nearest neighbour, under the whole map and its affine.
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
    contenders: Contenders,
    *,
    threads: int,
    environment: Path | None,
    output: Output,
) -> None:
    """Register every pair with every method and score the result.

    Parameters
    ----------
    run
        The open run; each pair and method is an item of it, so that an interrupted run goes on where it stopped.
    pairs
        The pairs, with labels.
    contenders
        The methods.
    threads
        Threads of every method.
    environment
        A ready environment with the baselines, None to have one made.
    output
        Where progress is shown.

    Raises
    ------
    UsageError
        If there is no method.
    InputError
        If a pair has no labels.
    MissingError
        If there is no environment with the baselines and none can be made.
    """
    for pair in pairs:
        if pair.files.fixed_label is None or pair.files.moving_label is None:
            raise InputError(f"pair {pair.id}: no labels found; fixed_label and moving_label expected.")
    methods = _methods(contenders)
    if not methods:
        raise UsageError("benchmark: neither a preset nor a baseline found; one or more expected.")
    python = peers_python(LIST, environment, output) if contenders.baselines else None
    run.each(
        [(pair, method) for pair in pairs for method in methods],
        lambda item: _measure(run, *item, python, threads),
        name=lambda item: f"{item[0].id}-{item[1]}",
        what="registrations",
        output=output,
    )


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the tables of the methods and of the bars, and the metrics."""
    methods = _methods(Contenders.of(run.options))
    rows = [entry.row for entry in entries if entry.error is None]
    notes: dict[str, str] = {}
    for entry in entries:
        if entry.error is not None:
            notes.setdefault(methods[entry.position % len(methods)], entry.error)
    run.write_csv(TABLE, _COLUMNS, [[m, *_summary(m, rows), notes.get(m)] for m in methods])
    bars = list(_bars(rows))
    run.write_csv(BARS, BAR_COLUMNS, [bar.cells() for bar in bars])
    run.write_metrics(_flat(methods, rows, bars, len(entries) - len(rows)))


def bars_table(directory: Path) -> tuple[Table, Table]:
    """Return the table of the methods and the table of the bars that a finished benchmark wrote."""
    titles = ("Methods", "Bars")
    first, second = (_read_table(directory / name, title) for name, title in zip((TABLE, BARS), titles, strict=True))
    return first, second


def score(fixed: Volume, moving: Volume, chain: Sequence[Transform], affine: Sequence[Transform]) -> Score:
    """Score a map by labels and by its Jacobian.

    Parameters
    ----------
    fixed, moving
        Label maps.
    chain
        The whole map, fixed -> moving, in the order that points take it.
    affine
        Its affine.

    Raises
    ------
    InputError
        If the label maps have no label in common.
    """
    onto, grid = Grid(fixed.shape, fixed.vox2ras), Grid(moving.shape, moving.vox2ras)
    shared = sorted((set(np.unique(fixed.data).tolist()) & set(np.unique(moving.data).tolist())) - {0})
    if not shared:
        raise InputError(f"{fixed.path}, {moving.path}: no label in common found; one or more expected.")
    dice, by_affine = (
        statistics.fmean(
            dice_per_label(fixed.data, resample(moving.data, grid, onto, part, "nearest"), shared).values()
        )
        for part in (chain, affine)
    )
    bent = [part for part in chain if not isinstance(part, AffineTransform)]
    displacement = compose_to_displacement(bent, onto).displacement
    voxels = displacement @ np.linalg.inv(onto.vox2ras[:-1, :-1]).T.astype(np.float32)
    determinant = determinant_map(torch.from_numpy(np.ascontiguousarray(np.moveaxis(voxels, -1, 0)))).numpy()
    inside = determinant[fixed.data > 0].astype(np.float64)
    spread = float(np.log(np.clip(inside, _SMALLEST_DETERMINANT, None)).std())
    return Score(dice, by_affine, int((inside <= 0).sum()), spread)


def _measure(run: Run, pair: NamedPair, method: str, python: Path | None, threads: int) -> dict[str, object]:
    files = pair.files.by_role()
    fixed, moving = (files[role].absolute() for role in ("fixed", "moving"))
    labels = [read_volume(files[role], kind="labels") for role in ("fixed_label", "moving_label")]
    difference, share = None, None
    with tempfile.TemporaryDirectory(prefix="vcli-benchmark-") as name:
        out = Path(name)
        if method.startswith(_OURS):
            cost = run_ours(method.removeprefix(_OURS), fixed, moving, out, threads)
            chain_files = [out / "run" / part for part in ("1Warp.nii.gz", "0GenericAffine.mat")]
            affine_files = chain_files[1:]
            share = json.loads((out / "run" / "run.json").read_text(encoding="utf-8")).get("network")
            if python is not None:
                difference = _by_ants(run, python, fixed, moving, out / "run", threads)
        else:
            assert python is not None  # a peer was asked for, so there is an environment
            cost = run_peer(python, method, fixed, moving, out, threads)
            told = json.loads((out / "transforms.json").read_text(encoding="utf-8"))
            chain_files, affine_files = ([out / part for part in told[kind]] for kind in ("chain", "affine"))
        found = score(labels[0], labels[1], _read(chain_files), _read(affine_files))
    row = _row(pair.id, method, found, cost, difference)
    if share is not None:
        row |= {f"network_{name}": share[key] for name, key in _NETWORK_COLUMNS.items()}
    return row


def _row(pair: str, method: str, found: Score, cost: Cost, difference: float | None) -> dict[str, object]:
    measured = {name: round(value, 3) for name, value in asdict(cost).items()}
    return {"pair": pair, "method": method, **asdict(found), **measured, "ants_difference_pct": difference}


def _by_ants(run: Run, python: Path, fixed: Path, moving: Path, ours: Path, threads: int) -> float | None:
    """Let ANTs apply our files; an environment without ANTs is no failure of ours."""
    try:
        return ants_difference_pct(python, fixed, moving, ours, threads)
    except (MissingError, PartialFailure) as error:
        run.warn(f"our files were not applied by ANTs: {error.message}")
        return None


def _read(files: Sequence[Path]) -> list[Transform]:
    return [part for file in files for part in itk_files.read_transform(file)]


def _methods(contenders: Contenders) -> list[str]:
    return [*(_OURS + preset for preset in contenders.presets), *contenders.baselines]


def _values(rows: Sequence[Row], method: str, column: str) -> dict[str, float]:
    """One column of a method, by pair."""
    return {
        str(row["pair"]): float(value)
        for row in rows
        if row["method"] == method and isinstance(value := row[column], int | float)
    }


def _over(rows: Sequence[Row], method: str, column: str, reduce: Callable[[list[float]], float]) -> float | None:
    values = list(_values(rows, method, column).values())
    return reduce(values) if values else None


def _shared(rows: Sequence[Row], one: str, other: str, column: str) -> list[tuple[float, float]]:
    """Values of two methods on the pairs that both registered."""
    first, second = _values(rows, one, column), _values(rows, other, column)
    return [(first[pair], second[pair]) for pair in first if pair in second]


def _gain(rows: Sequence[Row], one: str, other: str, column: str) -> float | None:
    both = _shared(rows, one, other, column)
    return statistics.fmean(a - b for a, b in both) if both else None


def _ratio(rows: Sequence[Row], one: str, other: str, column: str) -> float | None:
    both = _shared(rows, one, other, column)
    return sum(a for a, _ in both) / sum(b for _, b in both) if both else None


def _summary(method: str, rows: Sequence[Row]) -> list[float | None]:
    mean: Callable[[list[float]], float] = statistics.fmean
    folds = _over(rows, method, "folds_voxels", sum)
    return [
        len(_values(rows, method, "dice_mean")),
        _over(rows, method, "dice_mean", mean),
        _over(rows, method, "dice_affine_mean", mean),
        None if folds is None else int(folds),
        _over(rows, method, "sdlogj", mean),
        _over(rows, method, "sdlogj", max),
        _over(rows, method, "wall_s", mean),
        _over(rows, method, "cpu_s", mean),
        _over(rows, method, "peak_rss_mb", max),
        *(_ratio(rows, method, _REFERENCE, column) for column in ("wall_s", "cpu_s", "peak_rss_mb")),
    ]


def _bars(rows: Sequence[Row]) -> Iterator[Bar]:
    best, fast = _OURS + "default", _OURS + "fast"
    memory = _over(rows, best, "peak_rss_mb", max)
    affine = [a - b for a, b in _shared(rows, best, _REFERENCE, "dice_affine_mean")]
    yield Bar("Dice, default - greedy", True, 0.010, _gain(rows, best, _REFERENCE, "dice_mean"))
    yield Bar("Dice, default - ants-syncc", True, 0.030, _gain(rows, best, "ants-syncc", "dice_mean"))
    yield Bar("folded voxels, default", False, 0, _over(rows, best, "folds_voxels", sum))
    yield Bar("SDlogJ of the worst pair, default", False, 0.35, _over(rows, best, "sdlogj", max))
    yield Bar("Dice, fast - greedy-2mm", True, 0.020, _gain(rows, fast, "greedy-2mm", "dice_mean"))
    yield Bar("wall time, default / greedy", False, 0.8, _ratio(rows, best, _REFERENCE, "wall_s"))
    yield Bar("wall time, fast / greedy-2mm", False, 1.2, _ratio(rows, fast, "greedy-2mm", "wall_s"))
    yield Bar("CPU time, fast / ants-syncc", False, 0.3, _ratio(rows, fast, "ants-syncc", "cpu_s"))
    yield Bar("peak memory of the worst pair, default, GB", False, 2.0, None if memory is None else memory / 1000)
    yield Bar("affine Dice of the worst pair, default - greedy", True, -0.003, min(affine, default=None))
    for name in (best, fast):
        alone = f"{name}-optimize"
        what = name.removeprefix(_OURS)
        yield Bar(f"Dice, {what} with the network - without", True, 0.0, _gain(rows, name, alone, "dice_mean"))
        yield Bar(f"wall time, {what} with the network / without", False, 1.0, _ratio(rows, name, alone, "wall_s"))
    network = _OURS + "network"
    rises = _values(rows, network, "dice_mean"), _values(rows, network, "dice_affine_mean")
    rise = statistics.fmean(rises[0][pair] - rises[1][pair] for pair in rises[0]) if rises[0] else None
    yield Bar("Dice, network alone - its affine", True, 0.06, rise)
    yield Bar("CPU s of the network, worst pair", False, 5.0, _over(rows, network, "network_cpu_s", max))
    worst = _over(rows, best, "ants_difference_pct", max)
    yield Bar("warped by ANTs - warped by ours, % of the range", False, 0.1, worst)


def _flat(methods: Sequence[str], rows: Sequence[Row], bars: Sequence[Bar], failed: int) -> dict[str, float | None]:
    metrics: dict[str, float | None] = {"items": len(rows), "items_failed": failed}
    for method in methods:
        for column, value in zip(_COLUMNS[1:-1], _summary(method, rows), strict=True):
            name = f"{method}_{column}".lower().replace(" / ", "_over_").replace(" ", "_").replace("-", "_")
            metrics[name] = value
    metrics["bars_met"] = sum(bar.met is True for bar in bars)
    metrics["bars_missed"] = sum(bar.met is False for bar in bars)
    return metrics


def _read_table(path: Path, title: str) -> Table:
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    return Table(tuple(header), [[_cell(text) for text in row] for row in rows], title)


def _cell(text: str) -> object:
    if not text:
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
