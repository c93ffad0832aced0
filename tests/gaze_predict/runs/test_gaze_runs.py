"""The verbs as a user types them, on generated films."""

from __future__ import annotations

import csv
import json

import numpy as np
import pydicom
import pytest
import torch
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from safetensors.torch import load_file

from tests.program import vcli
from vision_cli.gaze_predict.data.generated import SYNTHESIS, generate_reading

THREADS = ("--threads", 1)
LAYOUTS = ("reflacx", "egd", "gazesearch", "csv")


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Write a folder of two films, one of them wide."""
    home = tmp_path_factory.mktemp("films")
    for number, size in enumerate(((160, 128), (120, 200))):
        levels = generate_reading(number, seed=0, stream=SYNTHESIS, side=128).film.levels
        Image.fromarray(levels).resize(size[::-1]).save(home / f"film{number}.png")
    return home


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """Give the same six readings in every layout."""
    home = tmp_path_factory.mktemp("generated")
    for layout in LAYOUTS:
        done = vcli("gaze-predict", "synth", "-n", 6, "--side", 64, "--layout", layout, "-o", home / layout)
        assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="module")
def predicted(films, small_weights):
    """Predict three sentences for both films, with all that can be written."""
    words = ("--text", "Right pleural effusion. No pneumothorax. The heart is large.", "--samples", 3, "--save", "all")
    done = vcli(
        "gaze-predict", films, *words, "--weights", small_weights, "--json", "-o", films.parent / "out", *THREADS
    )
    assert done.returncode == 0, done.stderr
    return films.parent / "out", json.loads(done.stdout), done.stderr


def read(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def measures(*words):
    done = vcli("gaze-predict", "evaluate", *words, "--json", *THREADS)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(code, message, *words):
    done = vcli("gaze-predict", *words)
    assert done.returncode == code, done.stderr
    assert message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_paths_are_in_the_pixels_of_their_film(predicted):
    for name, (height, width) in (("film0", (160, 128)), ("film1", (120, 200))):
        rows = read(predicted[0] / "fixations" / f"{name}.csv")
        # The most central path and three samples of each of three sentences, eight fixations each.
        assert len(rows) == 3 * 4 * 8
        for row in rows:
            assert 0 <= float(row["x_px"]) <= width
            assert 0 <= float(row["y_px"]) <= height
            assert float(row["x_px"]) == pytest.approx(float(row["x"]) * width, abs=0.06)
            assert float(row["y_px"]) == pytest.approx(float(row["y"]) * height, abs=0.06)
            assert float(row["duration_s"]) > 0


def test_densities_overlays_and_documents(predicted):
    out, document, said = predicted
    density = np.load(out / "densities" / "film1-02.npy")
    assert density.shape == (134, 224)
    assert density.sum(dtype=np.float64) == pytest.approx(1, abs=1e-4)
    assert np.array(Image.open(out / "densities" / "film1-02.png")).max() == 65535
    assert Image.open(out / "overlays" / "film0.jpg").width > 1000
    about = json.loads((out / "predictions" / "film0.json").read_text(encoding="utf-8"))
    assert [one["text"] for one in about["sentences"]][1] == "No pneumothorax."
    assert (document["films"], document["sentences"]) == (2, 6)
    assert "not for diagnosis" in said
    assert "not for diagnosis" in (out / "report.html").read_text(encoding="utf-8")
    assert len(read(out / "summary.csv")) == 2


def test_a_report_has_one_panel_a_sentence_and_a_film_without_words_a_search(films, small_weights, tmp_path):
    report = tmp_path / "report.txt"
    report.write_text("FINDINGS: Small left effusion.\nIMPRESSION: Edema. No fracture.\n")
    words = (films / "film0.png", "--weights", small_weights, "--save", "none", *THREADS)
    done = vcli("gaze-predict", *words, "--report", report, "--sentence", 2, "-o", tmp_path / "a")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "a" / "predictions" / "film0.json").read_text(encoding="utf-8"))["sentences"]
    assert [one["text"] for one in found] == ["Edema."]
    assert not (tmp_path / "a" / "densities").exists()
    assert vcli("gaze-predict", *words, "-o", tmp_path / "b").returncode == 0
    found = json.loads((tmp_path / "b" / "predictions" / "film0.json").read_text(encoding="utf-8"))["sentences"]
    assert [(one["text"], one["context"]) for one in found] == [("", "none")]
    assert read(tmp_path / "b" / "summary.csv")[0]["context"] == "none"


def write_lateral(path, levels):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["lateral"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    item = Dataset()
    item.file_meta = meta
    item.SOPClassUID, item.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    item.PatientName, item.Modality, item.ViewPosition = "Doe^Jane", "DX", "LL"
    item.Rows, item.Columns, item.SamplesPerPixel = *levels.shape, 1
    item.BitsAllocated, item.BitsStored, item.HighBit, item.PixelRepresentation = 16, 12, 11, 0
    item.PhotometricInterpretation = "MONOCHROME2"
    item.PixelData = (levels.astype("<u2") * 16).tobytes()
    item.save_as(path, enforce_file_format=True)


def test_what_is_no_frontal_film_is_noted_or_fails_alone(films, small_weights, tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    levels = np.array(Image.open(films / "film0.png"))
    Image.fromarray(levels).save(folder / "good.png")
    colours = np.stack([levels, levels // 2, levels // 3], axis=2)
    Image.fromarray(colours).save(folder / "colour.png")
    Image.fromarray(np.full((80, 80), 120, np.uint8)).save(folder / "constant.png")
    Image.fromarray(levels[:1, :1]).save(folder / "tiny.png")
    (folder / "damaged.png").write_bytes((films / "film0.png").read_bytes()[:900])
    write_lateral(folder / "lateral.dcm", levels)
    words = ("--text", "das Herz ist vergrößert und gestaut", "--weights", small_weights, "--save", "none", *THREADS)
    done = vcli("gaze-predict", folder, *words, "-o", tmp_path / "out")
    assert done.returncode == 6
    failures = {row["id"]: row["error"] for row in read(tmp_path / "out" / "failures.csv")}
    assert set(failures) == {"constant", "damaged", "tiny"}
    assert "all pixels are the same" in failures["constant"]
    assert "1 × 1 pixels; 32 or more expected" in failures["tiny"]
    assert "colour: It has colours, as a photograph has" in done.stderr
    assert "lateral: " in done.stderr
    assert "good: more than half of the words of a sentence are unknown; English is expected" in done.stderr
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.suffix in {".json", ".csv"})
    assert b"Doe" not in written
    assert pydicom.dcmread(folder / "lateral.dcm").PatientName == "Doe^Jane"


def test_words_that_cannot_be_used(films, small_weights, tmp_path):
    film, out = films / "film0.png", ("-o", tmp_path / "o")
    headings = tmp_path / "headings.txt"
    headings.write_text("FINDINGS:\nIMPRESSION:\n")
    refused(3, "no word in it", film, "--text", " ", *out)
    refused(3, "no text but headings", film, "--report", headings, *out)
    refused(2, "--text or --report, not both", film, "--text", "edema", "--report", headings, *out)
    refused(3, "1 sentences; no sentence 4", film, "--text", "edema", "--sentence", 4, *out)
    refused(4, "none.safetensors", film, "--weights", tmp_path / "none.safetensors", *out)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_truth_read_back_scores_one(generated, layout, tmp_path):
    words = ("--split", "all", "--no-pictures", "--baselines", "centre", "-o", tmp_path / "o")
    # Predicted paths come from another layout than the recorded ones, but for GazeSearch, which has no sentences.
    theirs = generated / ("gazesearch" if layout == "gazesearch" else "csv" if layout != "csv" else "reflacx")
    found = measures(generated / layout, "--predictions", theirs, *words)
    assert found["recordings"] == 6
    assert found["predictions_scanmatch"] == pytest.approx(1, abs=1e-6)
    assert found["predictions_cc"] == pytest.approx(1, abs=1e-6)
    assert found["predictions_point_mse"] < 1e-6
    assert found["centre_cc"] < 0.8


def test_generated_readings_are_evaluated_beside_a_second_reader(small_weights, tmp_path):
    words = ("phantom", "-n", 5, "--weights", small_weights, "--controls", "all", "--per-case", "-o", tmp_path / "o")
    found = measures(*words)
    assert found["recordings"] == 5
    assert found["cc_share_of_second_reader"] == pytest.approx(found["model_cc"] / found["second_reader_cc"], rel=1e-3)
    assert 0 <= found["mean_coverage"] <= 1
    rows = read(tmp_path / "o" / "per_case.csv")
    methods = {"model", "no-text", "wrong-text", "second-reader", "centre", "global", "finding", "shuffled"}
    assert methods <= {row["method"] for row in rows} <= methods | {"swap-side"}
    own, silent = (
        {row["recording"]: float(row["cc"]) for row in rows if row["method"] == name} for name in ("model", "no-text")
    )
    assert np.mean(list(own.values())) == pytest.approx(found["model_cc"], abs=1e-5)
    assert found["loss_cc_no_text"] == pytest.approx(np.mean([own[n] - silent[n] for n in silent]), abs=1e-5)
    assert all((row["missed_zone"] != "") == (row["method"] == "model") for row in rows)
    by_finding = read(tmp_path / "o" / "metrics_by_finding.csv")
    assert {row["n"] for row in by_finding if row["finding"] == "all" and row["method"] == "model"} == {"5"}
    table = (tmp_path / "o" / "table.md").read_text(encoding="utf-8")
    assert table.startswith("| method | scanmatch ↑ | nss ↑ |")
    report = (tmp_path / "o" / "report.html").read_text(encoding="utf-8")
    assert report.count("data:image/") == 5
    assert "best: generated" in report
    assert "worst: generated" in report


def test_recordings_without_films_need_a_stand_in(generated, films, small_weights, tmp_path):
    alone = tmp_path / "GazeSearch.json"
    alone.write_bytes((generated / "gazesearch" / "gazesearch.json").read_bytes())
    words = ("evaluate", alone, "--weights", small_weights, "--split", "train", *THREADS)
    refused(3, "the films of all 6 recordings are missing", *words, "-o", tmp_path / "o")
    done = vcli("gaze-predict", *words, "--stand-in", films, "--json", "-o", tmp_path / "p")
    assert done.returncode == 0, done.stderr
    rows = read(tmp_path / "p" / "items.csv")
    # The same words give the same prediction, whatever the recording.
    assert len(rows) == json.loads(done.stdout)["recordings"] == 6
    assert len(list((tmp_path / "p" / "panels").glob("*.jpg"))) == 6
    by_word = {}
    for row in read(tmp_path / "p" / "per_case.csv"):
        if row["method"] == "model":
            by_word.setdefault(row["sentence"], set()).add(row["recording"])
    assert set(by_word) == {row["finding"] for row in rows}


def test_one_degree_and_a_part_of_the_recordings(generated, small_weights, tmp_path):
    words = ("--sigma", "1deg", "--baselines", "none", "--no-pictures", "-n", 2, "--split", "all")
    found = measures(generated / "reflacx", "--weights", small_weights, *words, "-o", tmp_path / "o")
    assert found["recordings"] == 2
    assert "nss_gain_over_finding" not in found
    assert "centre_cc" not in found


def test_data_that_cannot_be_measured(generated, small_weights, tmp_path):
    out = ("--weights", small_weights, "-o", tmp_path / "o")
    table = tmp_path / "gaze.csv"
    table.write_text("image,x,y\na.png,3,4\n")
    refused(3, "columns image, x, y; text, duration needed too", "evaluate", table, "--layout", "csv", *out)
    table.write_text("image,text,x,y,duration\na.png,edema,0.3,0.4,0.2\n")
    refused(3, "can be used", "evaluate", table, *out)
    refused(3, "no recording in the part val", "evaluate", generated / "csv", "--split", "val", *out)
    refused(2, "no such file or folder; phantom or a data set", "evaluate", tmp_path / "none", *out)
    refused(2, "a data set", "evaluate", *out)
    both = ("--predictions", generated / "csv", "--controls", "no-text")
    refused(2, "only the network can be asked again", "evaluate", generated / "csv", *both, *out)


def test_adapt_trains_decoder_and_heads_and_nothing_else(generated, small_weights, tmp_path):
    words = ("--steps", 2, "--batch-size", 2, "--lr", 1e-2, "-o", tmp_path / "o", *THREADS)
    done = vcli("gaze-predict", "adapt", small_weights, generated / "csv", *words)
    assert done.returncode == 0, done.stderr
    before, after = load_file(small_weights), load_file(tmp_path / "o" / "weights.safetensors")
    assert before.keys() == after.keys()
    changed = {name.split(".")[0] for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert changed == {"decoder", "projector", "head"}
    refused(2, "WEIGHTS and DATA", "adapt", small_weights, "-o", tmp_path / "p")
