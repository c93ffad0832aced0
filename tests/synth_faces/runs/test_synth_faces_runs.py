"""The verbs as a user types them."""

from __future__ import annotations

import csv
import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from tests.program import vcli
from vision_cli.synth_faces.data.opening import open_faces
from vision_cli.synth_faces.figures.sheets import draw_sheet
from vision_cli.synth_faces.pipeline.backends import RenderBackend
from vision_cli.synth_faces.plans.manifests import MANIFESTS, read_manifest
from vision_cli.synth_faces.plans.plan import Wanted
from vision_cli.synth_faces.plans.synthetic_png import read_synthetic_facts
from vision_cli.synth_faces.runs.generate import Maker

THREADS = ("--threads", 1)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Generate faces of two labels and of none."""
    out = tmp_path_factory.mktemp("generated") / "faces"
    words = ("--count", 12, "--labels", "neutral,happiness", "--size", 32, "--free-share", 0.3, "--json")
    done = vcli("synth-faces", "generate", *words, "-o", out, *THREADS)
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def test_every_row_has_its_file_and_every_file_its_mark(generated):
    out, document = generated
    rows = read_manifest(out / "manifest.jsonl")
    assert len(rows) == document["faces"] == 12
    assert {row.label for row in rows} == {"neutral", "happiness", ""}
    for row in rows:
        assert hashlib.sha256((out / row.file).read_bytes()).hexdigest() == row.sha256
        marks = read_synthetic_facts(out / row.file)
        assert (marks["synthetic"], marks["seed"]) == ("true", str(row.seed))
        assert Image.open(out / row.file).size == (row.width, row.height) == (32, 32)


def test_the_three_manifests_say_the_same(generated):
    out, _ = generated
    first, *others = (read_manifest(out / name) for name in MANIFESTS)
    assert all(other == first for other in others)
    smiles = [row for row in first if row.label == "happiness"]
    assert all(row.aus["12"] > 0 for row in smiles)
    assert all({"age", "sex", "yaw_deg"} <= row.facts.keys() for row in first)


def test_sheet_and_report_are_there(generated):
    out, _ = generated
    assert np.array(Image.open(out / "contact_sheet.png")).std() > 10
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "All are synthetic" in report
    assert report.count("data:image/") == 1


def test_a_jpeg_is_marked_too():
    made = Maker(RenderBackend(32), "jpg").make(Wanted(7, 1, 2, "fear"))
    assert made.content.startswith(b"\xff\xd8")
    assert b"synthetic=true" in made.content
    assert made.row.file == "images/000/00000007.jpg"


def test_a_sheet_has_a_row_a_label():
    face = np.full((20, 30, 3), 255, np.uint8)
    sheet = draw_sheet([("fear", [face, face]), ("awed", [face])], cell=16)
    assert sheet.shape[0] == 2 * 20 + 4
    assert (sheet == 255).all(axis=2).sum() == 3 * 16 * 16
    longer = draw_sheet([("disgustedly-surprised", [face, face])], cell=16)
    assert sheet.shape[1] > 2 * 20 + 4
    assert longer.shape[1] > sheet.shape[1]


@pytest.mark.parametrize(("layout", "faces"), [("rafdb", "basic"), ("affectnet", "train_set"), ("webdataset", "")])
def test_an_export_is_read_as_what_it_says(generated, tmp_path, layout, faces):
    out, target = generated[0], tmp_path / "out"
    done = vcli("synth-faces", "export", out, "--to", layout, "--json", "-o", target)
    assert done.returncode == 0, done.stderr
    labelled = sum(row.label != "" for row in read_manifest(out))
    assert json.loads(done.stdout)["faces"] == labelled
    assert (target / faces).is_dir()
    split = None if layout == "webdataset" else "all"
    assert len(open_faces(target, split=split).faces) == labelled
    recorded = json.loads((target / "run.json").read_text(encoding="utf-8"))["outputs"]
    assert all((target / name).is_file() for name in recorded)
    assert len(recorded) > 2


@pytest.mark.slow
def test_a_recogniser_is_trained_and_measures_the_set_it_learned_from(generated, tmp_path):
    out, trained = generated[0], tmp_path / "trained"
    words = ("--what", "aus", "--judge", "--steps", 4, "--batch-size", 4, "--side", 32)
    done = vcli("synth-faces", "train-fer", out, *words, "-o", trained, *THREADS)
    assert done.returncode == 0, done.stderr
    weights = trained / "weights.safetensors"
    card = json.loads((trained / "weights.json").read_text(encoding="utf-8"))
    assert card["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    measured = tmp_path / "measured"
    words = ("--judge", "none", "--au-judge", weights, "--bootstrap", 20, "--real", out)
    done = vcli("synth-faces", "evaluate", out, *words, "-o", measured, "--json", *THREADS)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["fd_au"] == pytest.approx(0, abs=1e-4)
    assert np.isfinite(document["au_mean_mae"])
    with (measured / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 12
    with (measured / "neighbours.csv").open(encoding="utf-8", newline="") as stream:
        assert all(row["face"] == row["nearest_real"] for row in csv.DictReader(stream))
    control = tmp_path / "control"
    words = ("--series", "12,4", "--repeats", 2, "--size", 32)
    assert vcli("synth-faces", "generate", *words, "-o", control, *THREADS).returncode == 0
    words = ("--judge", "none", "--au-judge", weights, "--json")
    done = vcli("synth-faces", "evaluate", control, *words, "-o", tmp_path / "controlled", *THREADS)
    assert done.returncode == 0, done.stderr
    assert -1 <= json.loads(done.stdout)["control_least_linearity"] <= 1
    with (tmp_path / "controlled" / "control.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["au"] for row in csv.DictReader(stream)] == ["12", "4"]
    refused = vcli("synth-faces", "evaluate", out, "--judge", "none", "--au-judge", weights, "--guide", weights)
    assert refused.returncode == 2
    assert "guided the generation" in refused.stderr
