"""`vcli pcd-anomaly` as it is typed: outputs, exit codes, bad files, shards; tests/contract has what all verbs keep."""

from __future__ import annotations

import csv
import json
import re
import shutil
import time

import numpy as np
import pytest
import typer
from scipy.spatial import cKDTree

from tests.pages import findings, level, pictures
from tests.pcd_anomaly.conftest import pose_error
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.io.points.clouds import read_points
from vision_cli.io.points.pcd import write_pcd
from vision_cli.io.points.ply import write_ply
from vision_cli.pcd_anomaly.options import Recipe
from vision_cli.pcd_anomaly.runs import sample as bundled
from vision_cli.pcd_anomaly.surfaces.geometry import diameter, invert

TIMED = {"run.json", "log.txt"}
PLACED = ("--registration", "none", "--threads", "1")
"""The scans of the fixture lie where the first prototype is: no time is spent on searching their poses."""

NO_PICTURES = ("--save", "scores,regions")
TINY = ("--groups", "128", "--group-size", "16", "--bank", "200", "--views", "2", "--clusters", "4", "--steps", "4")


def run(*words):
    return launch(app, ["pcd-anomaly", *map(str, words)])


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def whole(files):
    """A prediction of all scans that nothing disturbed."""
    out = files.run.parent / "whole"
    assert run("predict", files.run, files.scans, "-o", out, *PLACED) == 0
    return out


def test_a_prediction_writes_scores_in_the_order_of_the_input_tables_and_pictures(files, whole):
    rows = rows_of(whole / "results.csv")
    assert [row["sample"] for row in rows] == ["bad", "good 0", "good 1"]
    assert [row["reg_status"] for row in rows] == ["none"] * 3
    scores = np.load(whole / "scores" / "bracket" / "good 1.npy")
    assert scores.dtype == np.float32
    assert len(scores) == len(files.good) - 1
    decided = [row["sample"] for row in rows if row["decision"] == "anomalous"]
    assert "bad" in decided
    assert {path.stem for path in (whole / "pictures").rglob("*.png")} == set(decided)
    assert {row["sample"] for row in rows_of(whole / "regions.csv")} >= {"bracket/bad"}
    assert float(rows[0]["T00"]) == pytest.approx(1, abs=0.01)
    page = (whole / "report.html").read_text(encoding="utf-8")
    assert page.count("<img ") == page.count("yellow to dark red is above the threshold") == len(decided)
    by_score = sorted((row for row in rows if row["sample"] in decided), key=lambda row: -float(row["score"]))
    shown = [caption.partition(":")[0] for caption in pictures(page)]
    assert shown == [f"bracket/{row['sample']}" for row in by_score]
    assert level(page) == "bad"
    assert f"{len(decided)} of 3 scans {'is' if len(decided) == 1 else 'are'} anomalous: bracket/bad (score " in page
    assert 'href="pictures/bracket/bad.png">bracket/bad</a>' in page
    assert "Poses" in page


def test_poses_lead_to_the_coordinates_of_the_first_prototype(files, world, tmp_path):
    write_ply(tmp_path / "scan.ply", world.good.points)
    pose = invert(world.prototype.pose_true) @ world.good.pose_true
    (tmp_path / "pose.json").write_text(json.dumps({"scan_to_reference": pose.tolist()}))
    words = ("predict", files.run, tmp_path / "scan.ply", "--registration", "given", "--init", tmp_path / "pose.json")
    assert run(*words, "--threads", "1", "--save", "scores", "-o", tmp_path / "out") == 0
    (row,) = rows_of(tmp_path / "out" / "results.csv")
    found = np.eye(4)
    found[:3] = [[float(row[f"T{r}{c}"]) for c in range(4)] for r in range(3)]
    assert np.linalg.norm(world.model.home[:3, 3]) > 0.1 * world.model.reference.diameter
    assert pose_error(found, world.prototype, world.good) < 0.0125 * world.model.reference.diameter


def test_anomalies_are_an_exit_code_where_they_are_asked_about(files, tmp_path, capfd):
    words = ("predict", files.run, files.scans / "bad.ply", "-o", tmp_path / "out", *PLACED, "--fail-on-anomaly")
    assert run(*words, "--json", "--save", "scores,ply") == 10
    said = capfd.readouterr()
    assert json.loads(said.out)["n_anomalous"] == 1
    assert "1 of 1 scans are anomalous" in said.err
    assert not (tmp_path / "out" / "report.html").exists()
    cloud = read_points(tmp_path / "out" / "scores" / "bracket" / "bad.ply")
    scores = np.load(tmp_path / "out" / "scores" / "bracket" / "bad.npy")
    assert np.allclose(cloud.scalars["anomaly_score"], scores, equal_nan=True)


def _bad_scans(files, home):
    """Write files that cannot be scored; return what is said of each."""
    good = files.good
    home.mkdir()

    def ply(name, points):
        write_ply(home / f"{name}.ply", np.asarray(points, dtype=np.float64))

    write_pcd(home / "cut.pcd", good)
    (home / "cut.pcd").write_bytes((home / "cut.pcd").read_bytes()[:-40_000])
    (home / "rows.pcd").write_text(
        "VERSION .7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\nWIDTH 5\nHEIGHT 1\nPOINTS 5\nDATA ascii\n"
        "0 0 0\n1 0 0\n"
    )
    (home / "page.ply").write_text("<!doctype html><html><body>Not found</body></html>")
    (home / "zero.pcd").touch()
    ply("nan", np.where(np.arange(len(good))[:, None] % 3 > 0, np.nan, good))
    ply("few", good[:400])
    ply("plane", good * [1, 1, 0])
    ply("line", good * [1, 0, 0])
    ply("same", np.repeat(good[:100], 30, axis=0))
    ply("metres", good / 1000)
    return {
        "cut": "points",
        "rows": "5 points",
        "page": "page.ply",
        "zero": "zero.pcd",
        "nan": "not finite; half or more finite expected",
        "few": "400 finite points; 500 or more expected",
        "plane": "in a plane",
        "line": "distinct|plane|line",
        "same": "100 distinct points",
        "metres": "--unit 1000",
    }


def test_files_that_cannot_be_scored_are_named_with_their_reason_and_the_others_go_on(files, tmp_path, capfd):
    reasons = _bad_scans(files, tmp_path / "bad scans")
    reasons["good 0-11"] = f"0 of {len(files.good)} points lie near the part"
    far = tmp_path / "far é"
    far.mkdir()
    write_ply(far / "good 0.ply", files.good + np.array([4e5, 5e6, 100]))
    words = ("predict", files.run, tmp_path / "bad scans", far, files.scans / "good 0.ply", "-o", tmp_path / "out")
    pose = tmp_path / "pose.json"
    pose.write_text(json.dumps(np.eye(4).tolist()))
    assert run(*words, *PLACED, "--init", pose, "--save", "scores") == 6
    said = capfd.readouterr().err
    assert "Traceback" not in said
    failed = {row["id"].removeprefix("bracket/"): row["error"] for row in rows_of(tmp_path / "out" / "failures.csv")}
    assert set(failed) == set(reasons)
    for name, reason in reasons.items():
        assert any(part in failed[name] for part in reason.split("|")), failed[name]
        assert said.count(f"vcli: warning: bracket/{name}: ") == 1
    rows = {row["sample"]: row for row in rows_of(tmp_path / "out" / "results.csv")}
    assert rows["nan"]["error"] == failed["nan"]
    # Two scans of one name are told apart.
    assert rows["good 0-12"]["decision"] in {"normal", "anomalous"}


@pytest.mark.slow
def test_another_part_is_refused_and_nothing_is_said_of_it(files, tmp_path):
    ball = np.random.default_rng(0).normal(size=(6000, 3))
    ball *= 0.5 * np.ptp(files.good, axis=0).max() / np.linalg.norm(ball, axis=1, keepdims=True)
    write_ply(tmp_path / "ball.ply", ball)
    assert run("predict", files.run, tmp_path / "ball.ply", "-o", tmp_path / "out", "--threads", "1") == 0
    (row,) = rows_of(tmp_path / "out" / "results.csv")
    assert (row["reg_status"], row["decision"], row["p_value"]) == ("failed", "undetermined", "")
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["items"] == 1


def test_a_scan_that_changed_is_scored_again_when_the_run_goes_on(files, tmp_path):
    scans = tmp_path / "scans"
    scans.mkdir()
    write_ply(scans / "a.ply", files.good)
    (scans / "b.ply").write_text("not yet")
    words = ("predict", files.run, scans, "-o", tmp_path / "out", *PLACED, "--save", "scores")
    assert run(*words) == 6
    before = rows_of(tmp_path / "out" / "results.csv")
    write_ply(scans / "a.ply", files.bad)
    write_ply(scans / "b.ply", files.good)
    assert run(*words, "--resume") == 0
    after = rows_of(tmp_path / "out" / "results.csv")
    assert float(after[0]["score"]) > float(before[0]["score"])
    assert float(after[1]["score"]) == pytest.approx(float(before[0]["score"]))


def test_shards_merge_to_what_one_process_writes(files, whole, tmp_path, capfd):
    out = tmp_path / "out"
    for part in ("1/2", "2/2"):
        assert run("predict", files.run, files.scans, "-o", out, *PLACED, "--shard", part) == 0
    capfd.readouterr()
    assert launch(app, ["runs", "merge", str(out), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["items"] == 3
    for name in ("results.csv", "regions.csv", "items.csv", "metrics.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    assert findings(out / "report.html") == findings(whole / "report.html")
    page = (out / "report.html").read_text(encoding="utf-8")
    (link,) = re.findall(r'href="([^"]+)">bracket/bad</a>', page)
    assert link.startswith("shard-")
    assert (out / link).is_file()


def _refusals(files, home):
    """Give words, exit code and what is said."""
    import torch

    # Of all tensors of Point-MAE it lacks all but one.
    torch.save({"base_model": {"module.MAE_encoder.norm.weight": torch.zeros(384)}}, home / "wrong.pth")
    document = json.loads((files.run / "models" / "bracket" / "model.json").read_text())
    old = home / "old" / "models" / "bracket"
    old.mkdir(parents=True)
    (old / "model.json").write_text(json.dumps({**document, "format": 0, "written_by": "0.0.1"}))
    (home / "empty").mkdir()
    scan, out = files.scans / "good 0.ply", ("-o", home / "out")
    train = ("train", "--train", files.scans, *TINY, *out)
    return {
        "nothing": (("run", *out), 2, "--sample"),
        "two sources": (("run", files.scans, "--train", files.scans, *out), 2, "DATA and --train"),
        "truth alone": (("run", "--train", files.scans, "--gt", files.scans, *out), 2, "--gt without --test"),
        "no layout": (("train", home / "empty", *out), 3, "in no layout that is known"),
        "no scans": (("train", "--train", home / "empty", *out), 3, "no scans found"),
        "no tests": (("run", "--train", scan, *TINY, *out), 3, "no scans to test on"),
        "method": (("evaluate", files.run, files.scans, "--methods", "c2c", *out), 3, "in no layout"),
        "no method": (
            ("evaluate", files.run, "--test", files.scans, "--methods", "c2c,magick", *out),
            2,
            "--methods: magick found; names of ours, c2c, ",
        ),
        "no prototypes": (("evaluate", files.run, "--test", files.scans, "--ablate", *out), 2, "--ablate"),
        "save": (
            ("predict", files.run, scan, "--save", "gif", *out),
            2,
            "--save: gif found; names of scores, ply, regions, png expected",
        ),
        "unit": (
            ("predict", files.run, scan, "--unit", "inch", *out),
            2,
            "--unit: inch found; auto, or a number above 0 expected",
        ),
        "class": (("predict", files.run, scan, "--class", "x", *out), 2, "--class x: no such model"),
        "pose": (("predict", files.run, scan, "--init", scan, *out), 3, "no pose found"),
        "no model": (("predict", home / "empty", scan, *out), 3, "no trained model found"),
        "no scan": (("predict", files.run, home / "empty", *out), 3, "no scans found"),
        "old model": (("predict", home / "old", scan, *out), 4, "a model of format 0"),
        "memory": (
            ("predict", files.run, scan, "--max-memory", "0.1", *PLACED, *out),
            7,
            f"{len(files.good):,} points take about",
        ),
        "no weights": ((*train, "--features", "pointmae"), 2, "--weights FILE expected"),
        "spare weights": ((*train, "--weights", home / "wrong.pth"), 2, "which needs none"),
        "wrong weights": (
            (*train, "--features", "pointmae", "--weights", home / "wrong.pth"),
            4,
            "blocks.blocks.0.attn.proj.bias (missing)",
        ),
    }


def test_what_cannot_be_done_is_one_line_a_hint_and_a_code(files, tmp_path, capfd):
    for name, (words, code, message) in _refusals(files, tmp_path).items():
        assert run(*words) == code, (name, capfd.readouterr().err)
        said = capfd.readouterr()
        assert said.out == "", name
        assert said.err.count("vcli: error:") == 1, name
        assert message in said.err, (name, said.err)
        assert "Traceback" not in said.err, name
        left = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file() and path.name[0] != "."}
        assert left <= TIMED, name
        shutil.rmtree(tmp_path / "out", ignore_errors=True)


# Of scans that are denser than the prototypes little stands out.
RECIPE = Recipe(parts=1, points=6000, suite="rigid", prototypes=2, prototype_points=16_000, good=1, defective=1)


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    """The run of the bundled sample, smaller than the one that is shipped."""
    out = tmp_path_factory.mktemp("sample") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundled, "SAMPLE", RECIPE)
        assert run("--sample", *TINY, "-o", out, "--threads", "1", "--bootstrap", "20", "--alpha", "0.5") == 0
    return out


def test_the_sample_makes_parts_finds_their_defects_and_shows_them(sampled):
    metrics = json.loads((sampled / "metrics.json").read_text())
    assert metrics["n_scans"] == 2
    assert metrics["ours/mean/p_auroc"] > 0.7
    assert {path.name for path in sampled.iterdir()} >= {"parts", "models", "results.csv", "metrics.csv", "report.html"}
    page = (sampled / "report.html").read_text(encoding="utf-8")
    assert page.count("<img ") == metrics["n_anomalous"] + metrics["n_undetermined"] > 0
    assert f"AUROC {metrics['ours/mean/p_auroc']:.2f} at telling defective points from good ones." in page
    assert "measures" in page
    assert "poses beside the truth" in page
    assert metrics["poses_right"] == metrics["poses_known"] == 2
    assert {row["class"] for row in rows_of(sampled / "poses.csv")} == {"flange", "all"}
    reference = read_points(sampled / "models" / "flange" / "reference.ply").points
    first = read_points(min((sampled / "parts" / "flange" / "train").iterdir())).points
    assert np.quantile(cKDTree(first).query(reference)[0], 0.95) < 0.02 * diameter(first)


def settings_of(*words):
    """Return what options a call of the main verb ends up with, without running it."""
    verb = typer.main.get_command(app)
    context = None
    for name in ("vcli", "pcd-anomaly", "run"):
        verb = verb if context is None else verb.get_command(context, name)
        context = verb.make_context(name, [*map(str, words)] if name == "run" else ["-"], parent=context)
    return {name: context.params[name] for name in ("views", "steps", "groups")}


def test_the_sample_is_lighter_unless_settings_are_given(tmp_path):
    config = tmp_path / "settings.yaml"
    config.write_text("views: 9\n")
    assert settings_of("data") == {"views": 12, "steps": 300, "groups": 2048}
    assert settings_of("--sample") == {"views": 6, "steps": 100, "groups": 2048}
    assert settings_of("--views", "10", "--sample") == {"views": 10, "steps": 100, "groups": 2048}
    for words in (("--sample", "--config", config), ("--config", config, "--sample")):
        assert settings_of(*words) == {"views": 9, "steps": 100, "groups": 2048}
        assert settings_of(*words, "--views", "7")["views"] == 7


def test_the_shipped_sample_is_small():
    recipe = bundled.SAMPLE
    assert recipe.parts * (recipe.good + recipe.defective) <= 10
    assert recipe.points <= 12_000
    assert recipe.parts * recipe.prototypes * recipe.prototype_points <= 220_000


@pytest.mark.slow
def test_the_shipped_sample_finds_every_defect_and_pose_at_bounded_cost(tmp_path):
    before = time.process_time()
    assert run("--sample", "-o", tmp_path / "out") == 0
    # 124 s beside a dozen busy processes, which make it slower; three parts with the default settings took 490 s.
    assert time.process_time() - before < 250
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    rows = rows_of(tmp_path / "out" / "results.csv")
    decisions = {f"{row['class']}/{row['sample']}": row["decision"] for row in rows}
    assert decisions == {name: "normal" if name.endswith("good") else "anomalous" for name in decisions}
    assert metrics["poses_right"] == metrics["poses_known"] == len(rows) == 10
    assert metrics["ours/mean/o_auroc"] == 1
    assert metrics["ours/mean/p_auroc"] > 0.98
    assert metrics["ours/mean/aupro@0.3"] > 0.92
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").count("<img ") == 6


@pytest.mark.slow
def test_baselines_and_the_ladder_are_measured_on_the_same_scans(sampled, tmp_path, capfd):
    words = ("evaluate", sampled, sampled / "parts", "--methods", "c2c,c2plane", "--ablate", "-o", tmp_path / "out")
    assert run(*words, "--bootstrap", "50", "--threads", "1", "--save", "scores") == 0
    shown = capfd.readouterr().out
    assert "what each step must bring" in shown
    rows = rows_of(tmp_path / "out" / "metrics.csv")
    methods = list(dict.fromkeys(row["method"] for row in rows))
    assert methods == ["ours", "c2c", "c2plane", "base", "+IUN", "+IAN", "+push", "+AGCS"]
    by_method = {row["method"]: row for row in rows if row["class"] == "mean"}
    # Rungs are scored by their groups alone.
    assert len({by_method[name]["p_auroc"] for name in ("ours", "base", "+IUN", "+IAN", "+push")}) == 5
    assert all(row["p_auroc_low"] and row["p_auroc_high"] for row in rows)


@pytest.mark.slow
def test_shards_of_an_evaluation_are_measured_when_they_are_merged(sampled, tmp_path, capfd):
    words = ("evaluate", sampled, sampled / "parts", "--methods", "c2c", "--bootstrap", "20", "--threads", "1")
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert run(*words, "-o", whole) == 0
    for part in ("1/2", "2/2"):
        assert run(*words, "-o", out, "--shard", part) == 0
    assert not (out / "shard-1-of-2" / "metrics.csv").exists()
    assert launch(app, ["runs", "merge", str(out)]) == 0
    for name in ("results.csv", "regions.csv", "items.csv", "metrics.csv", "metrics.json", "poses.csv"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.slow
def test_plain_folders_and_the_protocol_of_reg3d_are_measured(sampled, tmp_path):
    home = sampled / "parts" / "flange"
    words = ("evaluate", sampled, "--test", home / "test", "--gt", home / "gt", "--protocol", "reg3d")
    assert run(*words, "--methods", "reg3d", "--bootstrap", "0", "-o", tmp_path / "out", "--save", "scores") == 0
    (one, *_) = [row for row in rows_of(tmp_path / "out" / "metrics.csv") if row["method"] == "reg3d"]
    assert (one["n_good"], one["n_defect"]) == ("1", "1")
    kept = np.load(next((tmp_path / "out" / "methods" / "reg3d").rglob("*.npy")))
    assert len(kept) == 2


@pytest.mark.slow
def test_point_mae_describes_groups_and_its_weights_are_checked_when_scans_are_scored(sampled, tmp_path, capfd):
    import torch

    from vision_cli.pcd_anomaly.model.networks import PointMAE

    path = tmp_path / "pretrain.pth"
    state = {f"module.MAE_encoder.{name}": value for name, value in PointMAE().state_dict().items()}
    torch.save({"base_model": state}, path)
    home = sampled / "parts" / "flange"
    words = ("train", "--train", home / "train", "--class", "flange", "--features", "pointmae", "--weights", path)
    assert run(*words, *TINY, "-o", tmp_path / "run", "--threads", "1") == 0
    scan = next((home / "test").glob("*.pcd"))
    assert run("predict", tmp_path / "run", scan, "-o", tmp_path / "out", "--threads", "1") == 0
    path.write_bytes(path.read_bytes() + b"\0")
    capfd.readouterr()
    assert run("predict", tmp_path / "run", scan, "-o", tmp_path / "other") == 4
    assert "SHA-256" in capfd.readouterr().err


def test_the_verb_that_merged_names_the_one_that_does(capfd):
    assert run("merge", "out", "--json") == 2
    assert capfd.readouterr().err == (
        "vcli: error: vcli pcd-anomaly merge: no such command; one command merges the shards of all tasks.\n"
        "hint: Run `vcli runs merge out`.\n"
    )


def test_a_training_refuses_to_be_started_as_several_processes(files, tmp_path, monkeypatch, capfd):
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    assert run("train", "--train", files.scans, *TINY, "-o", tmp_path / "out") == 2
    assert "started as 2 processes; it works as one." in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_file_and_a_run_say_what_they_are(files, capfd):
    assert run("info", files.scans / "good 0.ply", "--json") == 0
    assert json.loads(capfd.readouterr().out)["points"] == len(files.good)
    assert run("info", files.run, "--json") == 0
    assert json.loads(capfd.readouterr().out)["bracket"]["options"]["features"] == "hybrid"
