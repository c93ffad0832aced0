from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from vision_cli.cli import app
from vision_cli.core.command.console import Output
from vision_cli.core.command.invoke import launch
from vision_cli.core.compute.baselines import Cost
from vision_cli.core.compute.benchmark import Bar, Results, comparison_tables
from vision_cli.core.errors import InputError
from vision_cli.core.runs.runs import Run, read_metrics
from vision_cli.io.volumes.volumes import Volume
from vision_cli.register.data.pairs import NamedPair
from vision_cli.register.evaluation import benchmark
from vision_cli.register.evaluation.benchmark import run_benchmark, score
from vision_cli.register.options.evaluation import ComparedMethods
from vision_cli.register.options.pair_files import PairFiles
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import AffineTransform, DisplacementTransform

QUIET = Output(quiet=True)


def measured(folder, pairs, names, environment, *, presets=(), resume=False):
    methods = ComparedMethods(tuple(names), tuple(presets))
    words = {"baselines": ",".join(names) or "none", "presets": ",".join(presets) or "none"}
    with Run.open(folder, command="register benchmark", options=words, resume=resume) as run:
        run_benchmark(run, pairs, methods, threads=1, environment=environment, output=QUIET)
        benchmark.finish(run, run.items.entries)
        run.finish()
    return folder


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def labels_of(data, spacing=(2.0, 2.0, 2.0)):
    return Volume(data, np.diag([*spacing, 1.0]), data.dtype, Path("labels.nii.gz"))


def blocks(shift=0):
    data = np.zeros((14, 14, 14), np.int32)
    data[3 + shift : 7 + shift, 3:11, 3:11] = 1
    data[7 + shift : 11 + shift, 3:11, 3:11] = 2
    return labels_of(data)


def table(**methods):
    """Rows of one or more pairs: each method gives one mapping of columns a pair."""
    usual = {
        "dice_mean": 0.6,
        "dice_affine_mean": 0.4,
        "folds_voxels": 0,
        "sdlogj": 0.3,
        "wall_s": 10.0,
        "cpu_s": 20.0,
        "peak_rss_mb": 1000.0,
        "ants_difference_pct": None,
    }
    return [
        {"pair": pair, "method": name.replace("_", "-"), **usual, **columns}
        for name, by_pair in methods.items()
        for pair, columns in by_pair.items()
    ]


def bar_named(rows, name):
    return next(bar for bar in benchmark._bars(Results(rows, "pair")) if bar.name.startswith(name))


def test_a_map_that_undoes_the_shift_scores_one_and_its_affine_alone_less():
    back = np.zeros((14, 14, 14, 3), np.float32)
    back[..., 0] = 2.0
    fixed, moving = blocks(), blocks(shift=1)
    warp = DisplacementTransform(back, Grid(fixed.shape, fixed.vox2ras))
    stay = AffineTransform(np.eye(4))
    found = score(fixed, moving, (warp, stay), (stay,))
    assert found.dice_mean == 1
    assert found.dice_affine_mean == pytest.approx(0.75)
    assert (found.folds_voxels, found.sdlogj) == (0, pytest.approx(0, abs=1e-6))


def test_folds_are_counted_in_the_foreground_only():
    fixed = blocks()
    fold = np.zeros((14, 14, 14, 3), np.float32)
    x = 2.0 * np.arange(14)
    fold[:, 3:11, 3:11, 0] = (-2 * (x - x[5])[:, None, None]) * (np.abs(np.arange(14) - 5) <= 1)[:, None, None]
    warp = DisplacementTransform(fold, Grid(fixed.shape, fixed.vox2ras))
    assert score(fixed, fixed, (warp,), ()).folds_voxels > 0
    beside = np.where(np.arange(14)[:, None, None] >= 9, fixed.data, 0)
    assert score(labels_of(beside), fixed, (warp,), ()).folds_voxels == 0


def test_a_uniform_stretch_has_no_spread_whatever_the_voxel_size():
    data = blocks().data
    fixed = labels_of(data, (1.0, 2.0, 3.0))
    index = np.stack(np.meshgrid(*[np.arange(14.0)] * 3, indexing="ij"), -1)
    field = (0.1 * index * (1.0, 2.0, 3.0)).astype(np.float32)
    found = score(fixed, fixed, (DisplacementTransform(field, Grid(fixed.shape, fixed.vox2ras)),), ())
    assert found.sdlogj == pytest.approx(0, abs=1e-5)


def test_label_maps_without_a_label_in_common_are_refused():
    other = labels_of(np.full((14, 14, 14), 9, np.int32))
    with pytest.raises(InputError, match="no common label found"):
        score(blocks(), other, (), ())


def test_a_baseline_is_scored_and_one_that_fails_is_recorded_with_its_reason(tmp_path, pairs, environment):
    names = ["greedy", "ants-syn", "convexadam"]
    folder = measured(tmp_path / "run", pairs, names, environment)
    (row,) = rows_of(folder / "items.csv")
    assert (row["pair"], row["method"]) == ("one", "greedy")
    assert 0 < float(row["dice_mean"]) == float(row["dice_affine_mean"]) < 1
    assert float(row["wall_s"]) > 0
    assert float(row["peak_rss_mb"]) > 1
    reasons = {row["id"]: row["error"] for row in rows_of(folder / "failures.csv")}
    assert "it diverged" in reasons["one-ants-syn"]
    assert "no package torch" in reasons["one-convexadam"]
    summary = rows_of(folder / "methods.csv")
    assert [line["pairs"] for line in summary] == ["1", "0", "0"]
    assert float(summary[0]["wall / greedy"]) == 1
    metrics = read_metrics(folder)
    assert metrics["items_failed"] == 2
    assert metrics["greedy_dice_mean"] == float(row["dice_mean"])
    assert metrics["ants_syn_dice_mean"] is None


def test_a_resumed_benchmark_runs_only_what_is_missing(tmp_path, pairs, environment, monkeypatch):
    def stop(*anything):
        raise KeyboardInterrupt

    whole = benchmark.write_comparison
    monkeypatch.setattr(benchmark, "write_comparison", stop)
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path / "run", pairs, ["greedy", "ants-syn"], environment)
    monkeypatch.setattr(benchmark, "write_comparison", whole)
    measured(tmp_path / "run", pairs, ["greedy", "ants-syn"], environment, resume=True)
    assert (tmp_path / "calls.txt").read_text().split() == ["greedy", "ants-syn", "ants-syn"]


def test_ours_is_scored_from_its_files_and_checked_by_ants(tmp_path, pairs, environment, monkeypatch):
    def pretend(preset, fixed, moving, out, threads):
        from vision_cli.register.transforms import itk_files

        (out / "run").mkdir()
        grid = Grid((34, 40, 34), np.diag([5.0, 5.0, 5.0, 1.0]))
        itk_files.write_affine(out / "run" / "0GenericAffine.mat", AffineTransform(np.eye(4)))
        field = DisplacementTransform(np.zeros((*grid.shape, 3), np.float32), grid)
        itk_files.write_warp(out / "run" / "1Warp.nii.gz", field)
        share = {"used": True, "cpu_seconds": 1.5, "peak_memory_mb": 600.0}
        told = {"network": {**share, "loss_affine": -0.1, "loss_optimised": -0.3, "loss_proposed": -0.4}}
        (out / "run" / "run.json").write_text(json.dumps(told), encoding="utf-8")
        return Cost(1.0, 2.0, 300.0)

    monkeypatch.setattr(benchmark, "run_own_method", pretend)
    folder = measured(tmp_path / "run", pairs, ["greedy"], environment, presets=["default"])
    ours, greedy = rows_of(folder / "items.csv")
    assert ours["dice_mean"] == greedy["dice_mean"]
    assert float(ours["ants_difference_pct"]) == 0.02
    assert float(ours["network_cpu_s"]) == 1.5
    assert greedy["network_cpu_s"] == ""
    methods, bars = comparison_tables(folder)
    assert methods.columns[0] == "method"
    assert [row[0] for row in methods.rows] == ["ours-default", "greedy"]
    met = {row[0]: row[3] for row in bars.rows}
    assert met["Dice, default - greedy"] == "no"
    assert met["Dice, default - ants-syncc"] == "not measured"
    assert met["warped by ANTs - warped by ours, % of the range"] == "yes"


def test_bars_compare_only_the_pairs_that_both_have():
    rows = table(
        ours_default={"a": {"dice_mean": 0.65}, "b": {"dice_mean": 0.10}}, greedy={"a": {"dice_mean": 0.60}, "c": {}}
    )
    bar = bar_named(rows, "Dice, default - greedy")
    assert bar.measured == pytest.approx(0.05)
    assert bar.met is True


def test_the_affine_bar_takes_the_worst_pair():
    rows = table(
        ours_default={"a": {"dice_affine_mean": 0.5}, "b": {"dice_affine_mean": 0.39}}, greedy={"a": {}, "b": {}}
    )
    bar = bar_named(rows, "affine")
    assert bar.measured == pytest.approx(-0.01)
    assert bar.met is False


def test_times_are_compared_as_totals_and_memory_by_its_peak():
    rows = table(
        ours_default={"a": {"wall_s": 4.0, "peak_rss_mb": 1500.0}, "b": {"wall_s": 8.0, "peak_rss_mb": 2100.0}},
        greedy={"a": {"wall_s": 10.0}, "b": {"wall_s": 20.0}},
    )
    assert bar_named(rows, "wall time, default").measured == pytest.approx(0.4)
    assert bar_named(rows, "peak memory").measured == pytest.approx(2.1)


def test_the_network_is_compared_with_its_affine_and_with_doing_without():
    rows = table(
        ours_network={"a": {"dice_mean": 0.50, "dice_affine_mean": 0.45, "network_cpu_s": 2.0}},
        ours_fast={"a": {"dice_mean": 0.61, "wall_s": 9.0}},
        ours_fast_optimize={"a": {"dice_mean": 0.60, "wall_s": 10.0}},
    )
    assert bar_named(rows, "Dice, network alone").measured == pytest.approx(0.05)
    assert bar_named(rows, "CPU s of the network").met is True
    assert bar_named(rows, "Dice, fast with the network").measured == pytest.approx(0.01)
    assert bar_named(rows, "wall time, fast with the network").measured == pytest.approx(0.9)
    assert bar_named(rows, "Dice, default with the network").met is None


@pytest.mark.parametrize(
    ("at_least", "found", "met"),
    [(True, 1.0, "yes"), (True, 0.9, "no"), (False, 1.0, "yes"), (False, 1.1, "no"), (True, None, "not measured")],
)
def test_a_bar_is_met_on_its_own_side(at_least, found, met):
    assert Bar("x", at_least, 1.0, found).cells()[3] == met


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--baselines", "elastix"), "--baselines: elastix found; names of greedy, .*, none expected"),
        (("--presets", "best"), "--presets: best found; names of fast, .*, none expected"),
        (("--baselines", "none", "--presets", "none"), "neither a preset nor a baseline found; one or more expected"),
        (("--baselines", "", "--presets", ""), "neither a preset nor a baseline found; one or more expected"),
    ],
)
def test_unknown_or_no_methods_are_refused(tmp_path, pairs, capfd, words, message):
    table = pairs[0].files.fixed.with_name("pairs.csv")
    assert launch(app, ["register", "benchmark", str(table), *words, "-o", str(tmp_path / "run")]) == 2
    assert re.search(message, capfd.readouterr().err)


def test_shards_of_a_benchmark_merge_to_the_tables_of_one(tmp_path, pairs, environment):
    table = pairs[0].files.fixed.with_name("pairs.csv")
    words = ["register", "benchmark", str(table), "--baselines", "ants-syn,greedy", "--presets", "none", "-q"]
    words += ["--baselines-env", str(environment), "--threads", "1", "-o", str(tmp_path / "run")]
    codes = [launch(app, [*words, "--shard", f"{part}/2"]) for part in (1, 2)]
    # The first part holds the method that fails.
    assert codes == [6, 0]
    assert launch(app, ["runs", "merge", str(tmp_path / "run")]) == 6
    failed, good = rows_of(tmp_path / "run" / "methods.csv")
    assert (failed["method"], failed["pairs"]) == ("ants-syn", "0")
    assert "it diverged" in failed["note"]
    assert (good["method"], good["pairs"], good["wall / greedy"]) == ("greedy", "1", "1.0")
    metrics = read_metrics(tmp_path / "run")
    assert (metrics["items"], metrics["items_failed"]) == (1, 1)
    assert metrics["greedy_dice_mean"] == float(good["Dice mean"])


def test_pairs_without_labels_are_refused(tmp_path, pairs):
    bare = NamedPair("one", PairFiles(fixed=pairs[0].files.fixed, moving=pairs[0].files.moving))
    with pytest.raises(InputError, match="fixed_label and moving_label expected"):
        measured(tmp_path / "run", [bare], ["greedy"], None)
