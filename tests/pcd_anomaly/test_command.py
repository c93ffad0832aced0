"""The command line of ``vcli pcd-anomaly``: refusals, settings, ``info``; tests/contract has what all verbs keep."""

from __future__ import annotations

import json
import shutil

import torch
import typer

from tests.pcd_anomaly.conftest import PLACED, TINY, run
from vision_cli.cli import app

TIMED = {"run.json", "log.txt"}


def _refusals(files, home):
    """Give words, exit code and what is said."""

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
