"""The verbs beside ``pair`` as they are typed: apply, evaluate, batch; and pairs in 2D."""

from __future__ import annotations

import base64
import csv
import dataclasses
import io
import json
import re

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from tests.pages import level, pictures
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.runs.runs import Run
from vision_cli.io.volumes.volumes import read_volume, write_volume
from vision_cli.phantoms.brains.brains import brain_pair, slice_pair
from vision_cli.register.options.evaluation import ScoredRegistration
from vision_cli.register.options.registration import PairReporting, RegistrationOptions, Reporting
from vision_cli.register.runs.batch import finish

QUICK = ("--iters", "8,8", "--threads", "1", "--no-pictures")
TIMED = ("wall_seconds", "cpu_seconds")


def run(*words):
    return launch(app, ["register", *map(str, words)])


def write_pair(directory, pair, suffix=".nii.gz"):
    for side in ("fixed", "moving"):
        vox2ras = getattr(pair, f"{side}_vox2ras")
        write_volume(directory / f"{side}{suffix}", getattr(pair, side), vox2ras)
        write_volume(directory / f"{side}_label{suffix}", getattr(pair, f"{side}_labels"), vox2ras)
    return directory


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A generated pair with labels, registered in ``out``."""
    directory = write_pair(
        tmp_path_factory.mktemp("pair"), brain_pair(5, (26, 32, 26), (7.0, 7.0, 7.0), moving_axcodes="PSR")
    )
    labels = [word for side in ("fixed", "moving") for word in (f"--{side}-label", directory / f"{side}_label.nii.gz")]
    words = (directory / "fixed.nii.gz", directory / "moving.nii.gz", *labels, "-o", directory / "out", *QUICK)
    assert run(*words, "-q") == 0
    return directory


def forward(files):
    return ("-t", files / "out" / "1Warp.nii.gz", "-t", files / "out" / "0GenericAffine.mat")


def grid_words(files, image="moving.nii.gz", reference="fixed.nii.gz"):
    return ("-i", files / image, "-r", files / reference)


@pytest.mark.parametrize("chain", ["parts", "composite"])
def test_apply_gives_what_the_registration_wrote(files, tmp_path, chain):
    words = forward(files) if chain == "parts" else ("-t", files / "out" / "composite.h5")
    assert run("apply", *grid_words(files), *words, "-o", tmp_path / "warped.nii.gz") == 0
    ours, applied = read_volume(files / "out" / "Warped.nii.gz"), read_volume(tmp_path / "warped.nii.gz")
    np.testing.assert_allclose(applied.data, ours.data, atol=1e-3 * np.ptp(ours.data))
    np.testing.assert_allclose(applied.vox2ras, ours.vox2ras)


def test_apply_warps_labels_without_making_new_ones(files, tmp_path):
    target = tmp_path / "labels.nii.gz"
    assert (
        run("apply", *grid_words(files, "moving_label.nii.gz"), *forward(files), "--interp", "label", "-o", target) == 0
    )
    np.testing.assert_array_equal(
        read_volume(target, kind="labels").data, read_volume(files / "out" / "LabelsWarped.nii.gz", kind="labels").data
    )


def test_apply_goes_back_by_the_inverse_files(files, tmp_path):
    words = ("-t", files / "out" / "0GenericAffine.mat", "-t", files / "out" / "1InverseWarp.nii.gz", "--invert", 1)
    target = tmp_path / "back.nii.gz"
    assert run("apply", *grid_words(files, "fixed.nii.gz", "moving.nii.gz"), *words, "-o", target) == 0
    ours = read_volume(files / "out" / "InverseWarped.nii.gz").data
    np.testing.assert_allclose(read_volume(target).data, ours, atol=1e-3 * np.ptp(ours))


def test_apply_inverts_a_warp_by_itself(files, tmp_path):
    words = ("-t", files / "out" / "0GenericAffine.mat", "-t", files / "out" / "1Warp.nii.gz")
    target = tmp_path / "back.nii.gz"
    back = ("--invert", 1, "--invert", 2)
    assert run("apply", *grid_words(files, "fixed.nii.gz", "moving.nii.gz"), *words, *back, "-o", target) == 0
    ours = read_volume(files / "out" / "InverseWarped.nii.gz").data
    assert np.abs(read_volume(target).data - ours).mean() < 0.01 * np.ptp(ours)


def test_apply_replaces_a_file_only_when_told(files, tmp_path, capfd):
    target = tmp_path / "warped.nii.gz"
    target.write_text("mine")
    words = ("apply", *grid_words(files), *forward(files), "-o", target)
    assert run(*words) == 2
    assert "--overwrite" in capfd.readouterr().err
    assert target.read_text() == "mine"
    assert run(*words, "--overwrite") == 0
    assert read_volume(target).shape == read_volume(files / "fixed.nii.gz").shape


def test_evaluate_finds_the_scores_of_the_registration(files, tmp_path, capfd):
    metrics = json.loads((files / "out" / "metrics.json").read_text())
    labels = ("--fixed-label", files / "fixed_label.nii.gz", "--moving-label", files / "moving_label.nii.gz")
    assert run("evaluate", *labels, *forward(files), "--json", "-o", tmp_path / "scores.json") == 0
    scores = json.loads(capfd.readouterr().out)
    assert scores == json.loads((tmp_path / "scores.json").read_text())
    for name in ("dice_mean", "dice_before_mean", "hd95_mean_mm", "labels_scored"):
        assert scores[name] == pytest.approx(metrics[name], rel=1e-6), name
    assert scores["folds_voxels"] == 0


def test_evaluate_measures_landmarks(files, tmp_path, capfd):
    points = read_volume(files / "fixed.nii.gz").vox2ras[:3, 3] + np.array([[70.0, 80.0, 75.0], [60.0, 90.0, 80.0]])
    for name, values in (("f.csv", points), ("m.csv", points + np.array([3.0, 0.0, 4.0]))):
        (tmp_path / name).write_text("x,y,z\n" + "".join(f"{x},{y},{z}\n" for x, y, z in values))
    np.savetxt(tmp_path / "shift.txt", [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 4], [0, 0, 0, 1]])
    words = ["--fixed-points", tmp_path / "f.csv", "--moving-points", tmp_path / "m.csv"]
    words += ["--fixed-label", files / "fixed_label.nii.gz", "--moving-label", files / "moving_label.nii.gz"]
    assert run("evaluate", *words, "-t", tmp_path / "shift.txt", "--json") == 0
    assert json.loads(capfd.readouterr().out)["tre_mean_mm"] == pytest.approx(3.0, abs=1e-5)


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """Five pairs of slices with labels, as a table."""
    directory = tmp_path_factory.mktemp("slices")
    rows = []
    for number in range(5):
        own = directory / f"s{number}"
        own.mkdir()
        write_pair(own, slice_pair(number, (36, 40), (5.0, 5.0)))
        rows.append(f"s{number},{','.join(f's{number}/{n}.nii.gz' for n in ROLES)}")
    table = directory / "pairs.csv"
    table.write_text("\n".join([",".join(("id", *ROLES)), *rows]) + "\n")
    return table


ROLES = ("fixed", "moving", "fixed_label", "moving_label")


def test_a_broken_pair_does_not_stop_the_others(listed, tmp_path, capfd):
    broken = tmp_path / "broken.nii.gz"
    good = (listed.parent / "s1" / "moving.nii.gz").read_bytes()
    broken.write_bytes(good[:300])
    table = tmp_path / "pairs.csv"
    own = listed.parent
    rows = [f"a,{own}/s0/fixed.nii.gz,{own}/s0/moving.nii.gz", f"b,{own}/s1/fixed.nii.gz,{broken}"]
    rows.append(f"c,{own}/s2/fixed.nii.gz,{own}/s2/moving.nii.gz")
    table.write_text("\n".join(["id,fixed,moving", *rows]) + "\n")
    out = tmp_path / "out"
    assert run("batch", table, "-o", out, *QUICK) == 6
    said = capfd.readouterr().err
    assert "1 of 3" in said
    assert "failures.csv" in said
    with (out / "failures.csv").open(newline="") as stream:
        (failure,) = csv.DictReader(stream)
    assert failure["id"] == "b"
    assert str(broken) in failure["error"]
    assert {row["id"] for row in csv.DictReader((out / "items.csv").open(newline=""))} == {"a", "c"}
    assert not (out / "pairs" / "b" / "Warped.nii.gz").exists()
    log = (out / "log.txt").read_text(encoding="utf-8")
    assert [len(re.findall(rf"^\S+ {name}: \d+\.\d s$", log, re.MULTILINE)) for name in "abc"] == [1, 1, 1]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Failed items" in page
    assert level(page) == "bad"
    assert "1 failed: b." in page
    assert str(broken) in page
    broken.write_bytes(good)
    assert run("batch", table, "-o", out, "--resume", *QUICK) == 0
    assert {row["id"] for row in csv.DictReader((out / "items.csv").open(newline=""))} == {"a", "b", "c"}
    assert not (out / "failures.csv").exists()


def reported(pairs, tmp_path):
    """Write the report of a batch of pairs with these rows, one failed; return its text without its pictures."""
    with Run.open(tmp_path, command="register batch", options={}) as batch_run:
        for position, (name, row) in enumerate(pairs.items()):
            batch_run.items.add(name, position, row)
        batch_run.items.fail("broken", len(pairs), "not an image")
        finish(batch_run, batch_run.items.entries)
        batch_run.finish()
    return (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("rows", "order"),
    [
        ({"a": (0.8, 0.2), "b": (0.5, 0.6), "c": (0.9, 0.1)}, "bac"),
        ({"a": (None, 0.4), "b": (None, 0.1), "c": (None, 0.7)}, "bac"),
        ({"a": (None, 0.1), "b": (0.9, 0.5), "c": (0.3, 0.6)}, "cba"),
    ],
    ids=["by Dice", "by local correlation", "labels in some"],
)
def test_the_report_of_a_batch_lists_the_worst_pairs_first(tmp_path, rows, order):
    page = reported(
        {name: {"dice_mean": dice, "lncc_after": lncc, "sdlogj": 0.2} for name, (dice, lncc) in rows.items()}, tmp_path
    )
    first_cells = re.findall(r"<tr>\s*<t[hd]>(\w+)</t[hd]>", page)
    assert first_cells == ["item", "broken", "pair", *order]
    assert ("Dice</th>" in page) is any(dice is not None for dice, _ in rows.values())
    assert "not an image" in page


def test_the_report_of_a_batch_shows_the_overlays_of_the_worst_pairs(listed, tmp_path):
    words = ("--iters", "4,4", "--threads", "1", "--transform", "affine")
    for part in (2, 1):
        assert run("batch", listed, "-o", tmp_path / "parts", "--shard", f"{part}/2", *words) == 0
    assert launch(app, ["runs", "merge", str(tmp_path / "parts")]) == 0
    page = (tmp_path / "parts" / "report.html").read_text(encoding="utf-8")
    with (tmp_path / "parts" / "items.csv").open(newline="") as stream:
        worst = sorted(csv.DictReader(stream), key=lambda row: float(row["dice_mean"]))
    assert [caption.partition(":")[0] for caption in pictures(page)] == [row["id"] for row in worst]
    sizes = [Image.open(io.BytesIO(base64.b64decode(one))).size for one in re.findall(r'base64,([^"]+)"', page)]
    homes = [f"shard-{1 + int(row['id'][1:]) % 2}-of-2/pairs/{row['id']}" for row in worst]
    assert sizes == [Image.open(tmp_path / "parts" / home / "qc_overlay.png").size for home in homes]
    links = re.findall(r'<td><a href="([^"]+)">s\d</a></td>', page)
    assert links == [f"{home}/report.html" for home in homes]
    assert all((tmp_path / "parts" / link).is_file() for link in links)


def test_a_learn2reg_batch_writes_its_submission(tmp_path, capfd):
    pair = brain_pair(6, (24, 28, 24), (8.0, 8.0, 8.0))
    for folder, kind in (("imagesTr", ""), ("labelsTr", "_labels")):
        (tmp_path / folder).mkdir()
        for number, side in enumerate(("fixed", "moving"), start=1):
            path = tmp_path / folder / f"HEAD_{number:04d}_0000.nii.gz"
            write_volume(path, getattr(pair, side + kind), pair.fixed_vox2ras)
    images = {side: f"./imagesTr/HEAD_{n:04d}_0000.nii.gz" for n, side in enumerate(("fixed", "moving"), start=1)}
    (tmp_path / "HEAD_dataset.json").write_text(json.dumps({"registration_val": [images]}))
    out = tmp_path / "out"
    assert run("batch", tmp_path / "HEAD_dataset.json", "-o", out, "--l2r-submission", *QUICK) == 0
    submitted = out / "submission" / "disp_0001_0002.nii.gz"
    assert nib.load(submitted).shape == (24, 28, 24, 3)
    capfd.readouterr()
    labels = [tmp_path / "labelsTr" / f"HEAD_{n:04d}_0000.nii.gz" for n in (1, 2)]
    words = ("--fixed-label", labels[0], "--moving-label", labels[1], "--disp", submitted, "--l2r-compat", "--json")
    assert run("evaluate", *words) == 0
    scores = json.loads(capfd.readouterr().out)
    (row,) = csv.DictReader((out / "items.csv").open(newline=""))
    assert scores["dice_mean"] == pytest.approx(float(row["dice_mean"]), abs=2e-3)
    assert scores["sdlogj_l2r"] > 0


@pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".png"])
@pytest.mark.parametrize("metric", ["lncc", "mi", "mind", "mse"])
def test_slices_meet_by_every_image_term_and_format(tmp_path, suffix, metric, capfd):
    pair = slice_pair(11, (48, 56), (4.0, 4.0))
    for side in ("fixed", "moving"):
        values = np.clip(np.rint(getattr(pair, side)), 0, 255).astype(np.uint8)
        vox2ras = getattr(pair, f"{side}_vox2ras") if suffix != ".png" else np.eye(3)
        write_volume(tmp_path / f"{side}{suffix}", values, vox2ras)
    words = (tmp_path / f"fixed{suffix}", tmp_path / f"moving{suffix}", "--metric", metric, "-o", tmp_path / "out")
    assert run(*words, "--iters", "30,30,20", "--threads", "1", "--json") == 0
    metrics = json.loads(capfd.readouterr().out)
    assert metrics["folds_voxels"] == 0
    assert metrics["lncc_after"] > metrics["lncc_affine"]
    assert (tmp_path / "out" / "qc_overlay.png").exists()


def test_a_volume_of_a_series_is_chosen_by_number(files, tmp_path, capfd):
    moving = nib.load(files / "moving.nii.gz")
    data = np.asarray(moving.dataobj)
    nib.save(nib.Nifti1Image(np.stack([np.zeros_like(data), data], -1), moving.affine), tmp_path / "series.nii.gz")
    words = (files / "fixed.nii.gz", tmp_path / "series.nii.gz", *QUICK)
    assert run(*words, "-o", tmp_path / "none") == 3
    assert "--volume" in capfd.readouterr().err
    assert run(*words, "-o", tmp_path / "second", "--volume", 1, "--json") == 0
    chosen = json.loads(capfd.readouterr().out)
    alone = json.loads((files / "out" / "metrics.json").read_text())
    assert chosen["lncc_after"] == pytest.approx(alone["lncc_after"], abs=1e-6)
    assert run(*words, "-o", tmp_path / "third", "--volume", 2) == 3


def damaged_pair(files, tmp_path, change, dtype=np.float32, affine=None):
    """Copy the moving image with its values changed."""
    image = nib.load(files / "moving.nii.gz")
    data = change(np.asarray(image.dataobj).astype(dtype))
    path = tmp_path / "changed.nii.gz"
    nib.save(nib.Nifti1Image(data, image.affine if affine is None else affine), path)
    return path


def with_nans(share):
    def change(data):
        data.flat[: int(share * data.size)] = np.nan
        return data

    return change


def test_a_few_voxels_that_are_no_numbers_are_replaced_with_a_warning(files, tmp_path, capfd):
    path = damaged_pair(files, tmp_path, with_nans(0.02))
    assert run(files / "fixed.nii.gz", path, "-o", tmp_path / "out", *QUICK) == 0
    assert "NaN or infinite" in capfd.readouterr().err
    assert any("NaN" in note for note in json.loads((tmp_path / "out" / "run.json").read_text())["warnings"])


RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
UNUSABLE = {
    "many NaN": (with_nans(0.2), np.float32, "NaN or infinite"),
    "complex": (lambda data: data * 1j, np.complex64, "complex"),
    "colour": (lambda data: np.zeros(data.shape, RGB), np.float32, "colour"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_image_that_cannot_be_used_is_refused_in_one_line(files, tmp_path, capfd, name):
    change, dtype, word = UNUSABLE[name]
    path = damaged_pair(files, tmp_path, change, dtype)
    assert run(files / "fixed.nii.gz", path, "-o", tmp_path / "out", *QUICK) == 3
    said = capfd.readouterr().err
    assert word in said
    assert said.count("vcli: error:") == 1
    assert str(path) in said


def test_a_singular_grid_is_refused(files, tmp_path, capfd):
    image = nib.Nifti1Image(np.asarray(nib.load(files / "moving.nii.gz").dataobj), None)
    image.header["sform_code"] = 1
    image.header["srow_x"], image.header["srow_y"], image.header["srow_z"] = [7, 0, 0, 0], [7, 0, 0, 0], [0, 0, 7, 0]
    nib.save(image, tmp_path / "flat.nii")
    assert run(files / "fixed.nii.gz", tmp_path / "flat.nii", "-o", tmp_path / "out", *QUICK) == 3
    assert "singular" in capfd.readouterr().err


@pytest.mark.parametrize(("shift", "code"), [(0.0004, 0), (0.3, 3)])
def test_labels_in_floating_point_are_rounded_only_where_they_are_nearly_whole(files, tmp_path, capfd, shift, code):
    image = nib.load(files / "moving_label.nii.gz")
    data = np.asarray(image.dataobj).astype(np.float32)
    nib.save(nib.Nifti1Image(data + np.float32(shift) * (data > 0), image.affine), tmp_path / "labels.nii.gz")
    labels = ("--fixed-label", files / "fixed_label.nii.gz", "--moving-label", tmp_path / "labels.nii.gz")
    words = (files / "fixed.nii.gz", files / "moving.nii.gz", *labels, "-o", tmp_path / "out", *QUICK)
    assert run(*words) == code
    if code == 0:
        scored = json.loads((tmp_path / "out" / "metrics.json").read_text())
        alone = json.loads((files / "out" / "metrics.json").read_text())
        assert scored["dice_mean"] == pytest.approx(alone["dice_mean"], abs=1e-9)
    else:
        assert "label" in capfd.readouterr().err


class Stopped(Exception):
    """Ends a verb where its work would begin."""


@pytest.mark.parametrize(
    ("verb", "words", "work"),
    [
        ("pair", ("s0/fixed.nii.gz", "s0/moving.nii.gz"), "vision_cli.register.runs.pair.register_files"),
        ("batch", ("pairs.csv",), "vision_cli.register.runs.batch.register_all"),
        ("evaluate", ("pairs.csv", "--layout", "csv"), "vision_cli.register.evaluation.protocol.score_collection"),
    ],
)
def test_the_commands_defaults_are_those_of_the_library(listed, tmp_path, monkeypatch, verb, words, work):
    seen = []

    def stop(*given, **named):
        seen.extend(one for one in (*given, *named.values()) if isinstance(one, RegistrationOptions | Reporting))
        raise Stopped

    monkeypatch.setattr(work, stop)
    monkeypatch.chdir(listed.parent)
    subset = {"evaluate": ("--subset", "train")}.get(verb, ())
    table = listed.read_text().splitlines()
    (tmp_path / "pairs.csv").write_text(
        "\n".join([f"{table[0]},split", *(f"{row},train".replace("s0/", f"{listed.parent}/s0/") for row in table[1:2])])
    )
    words = [tmp_path / "pairs.csv" if word == "pairs.csv" and verb == "evaluate" else word for word in words]
    assert run(verb, *words, *subset, "-o", tmp_path / "out", "--threads", "1") == 1
    expected = {
        "pair": [RegistrationOptions(), PairReporting()],
        "batch": [RegistrationOptions(), Reporting()],
        "evaluate": [ScoredRegistration()],
    }
    assert seen == expected[verb]
    # What a data set is scored with is what a pair is registered with.
    assert dataclasses.asdict(seen[0]) == dataclasses.asdict(RegistrationOptions())
