"""Transform registered are applied and scored."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.register.conftest import run
from vision_cli.io.volumes.volumes import read_volume


def forward(registered):
    return ("-t", registered / "out" / "1Warp.nii.gz", "-t", registered / "out" / "0GenericAffine.mat")


def grid_words(registered, image="moving.nii.gz", reference="fixed.nii.gz"):
    return ("-i", registered / image, "-r", registered / reference)


@pytest.mark.parametrize("chain", ["parts", "composite"])
def test_apply_gives_what_the_registration_wrote(registered, tmp_path, chain):
    words = forward(registered) if chain == "parts" else ("-t", registered / "out" / "composite.h5")
    assert run("apply", *grid_words(registered), *words, "-o", tmp_path / "warped.nii.gz") == 0
    ours, applied = read_volume(registered / "out" / "Warped.nii.gz"), read_volume(tmp_path / "warped.nii.gz")
    np.testing.assert_allclose(applied.data, ours.data, atol=1e-3 * np.ptp(ours.data))
    np.testing.assert_allclose(applied.vox2ras, ours.vox2ras)


def test_apply_warps_labels_without_making_new_ones(registered, tmp_path):
    target = tmp_path / "labels.nii.gz"
    assert (
        run(
            "apply",
            *grid_words(registered, "moving_label.nii.gz"),
            *forward(registered),
            "--interp",
            "label",
            "-o",
            target,
        )
        == 0
    )
    np.testing.assert_array_equal(
        read_volume(target, kind="labels").data,
        read_volume(registered / "out" / "LabelsWarped.nii.gz", kind="labels").data,
    )


def test_apply_goes_back_by_the_inverse_files(registered, tmp_path):
    words = (
        "-t",
        registered / "out" / "0GenericAffine.mat",
        "-t",
        registered / "out" / "1InverseWarp.nii.gz",
        "--invert",
        1,
    )
    target = tmp_path / "back.nii.gz"
    assert run("apply", *grid_words(registered, "fixed.nii.gz", "moving.nii.gz"), *words, "-o", target) == 0
    ours = read_volume(registered / "out" / "InverseWarped.nii.gz").data
    np.testing.assert_allclose(read_volume(target).data, ours, atol=1e-3 * np.ptp(ours))


def test_apply_inverts_a_warp_by_itself(registered, tmp_path):
    words = ("-t", registered / "out" / "0GenericAffine.mat", "-t", registered / "out" / "1Warp.nii.gz")
    target = tmp_path / "back.nii.gz"
    back = ("--invert", 1, "--invert", 2)
    assert run("apply", *grid_words(registered, "fixed.nii.gz", "moving.nii.gz"), *words, *back, "-o", target) == 0
    ours = read_volume(registered / "out" / "InverseWarped.nii.gz").data
    assert np.abs(read_volume(target).data - ours).mean() < 0.01 * np.ptp(ours)


def test_apply_replaces_a_file_only_when_told(registered, tmp_path, capfd):
    target = tmp_path / "warped.nii.gz"
    target.write_text("mine")
    words = ("apply", *grid_words(registered), *forward(registered), "-o", target)
    assert run(*words) == 2
    assert "--overwrite" in capfd.readouterr().err
    assert target.read_text() == "mine"
    assert run(*words, "--overwrite") == 0
    assert read_volume(target).shape == read_volume(registered / "fixed.nii.gz").shape


def test_evaluate_finds_the_scores_of_the_registration(registered, tmp_path, capfd):
    metrics = json.loads((registered / "out" / "metrics.json").read_text())
    labels = ("--fixed-label", registered / "fixed_label.nii.gz", "--moving-label", registered / "moving_label.nii.gz")
    assert run("evaluate", *labels, *forward(registered), "--json", "-o", tmp_path / "scores.json") == 0
    scores = json.loads(capfd.readouterr().out)
    assert scores == json.loads((tmp_path / "scores.json").read_text())
    for name in ("dice_mean", "dice_before_mean", "hd95_mean_mm", "labels_scored"):
        assert scores[name] == pytest.approx(metrics[name], rel=1e-6), name
    assert (scores["folds_voxels"], scores["folds_grid_voxels"]) == (None, metrics["folds_grid_voxels"])
    assert scores["sdlogj_grid"] == pytest.approx(metrics["sdlogj_grid"], rel=1e-3)


def test_landmarks_are_scored_without_labels_and_regularity_by_the_fixed_image(registered, tmp_path, capfd):
    corner = read_volume(registered / "fixed.nii.gz").vox2ras[:3, 3]
    points = corner + np.array([[70.0, 80.0, 75.0], [60.0, 90.0, 80.0]])
    np.savetxt(tmp_path / "shift.txt", [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 4], [0, 0, 0, 1]])
    # The tables of ANTs are in LPS by their header; plain ones are asked for.
    for name, values in (("f.csv", points), ("m.csv", points + np.array([3.0, 0.0, 4.0]))):
        rows = "".join(f"{-x},{-y},{z},0\n" for x, y, z in values)
        (tmp_path / name).write_text("x,y,z,t\n" + rows)
        (tmp_path / f"plain_{name}").write_text(rows.replace(",0\n", "\n"))
    sides = [("--fixed-points", "f.csv"), ("--moving-points", "m.csv")]
    words = [word for option, name in sides for word in (option, tmp_path / name)]
    plain = [word for option, name in sides for word in (option, tmp_path / f"plain_{name}")]
    shift = ("-t", tmp_path / "shift.txt", "--json")
    assert run("evaluate", *words, *shift) == 0
    scores = json.loads(capfd.readouterr().out)
    assert scores["tre_mean_mm"] == pytest.approx(3.0, abs=1e-5)
    assert scores["tre_before_mean_mm"] == pytest.approx(5.0, abs=1e-5)
    assert scores["dice_mean"] is None
    assert run("evaluate", *plain, *shift) == 3
    assert "unnamed coordinates" in capfd.readouterr().err
    assert run("evaluate", *plain, "--points-space", "lps", *shift) == 0
    assert json.loads(capfd.readouterr().out)["tre_mean_mm"] == pytest.approx(3.0, abs=1e-5)
    assert run("evaluate", *words[:2], *shift) == 2
    assert "--fixed-points without --moving-points" in capfd.readouterr().err
    by_image = ("--fixed", registered / "fixed.nii.gz", *forward(registered), "--json")
    assert run("evaluate", *words, *by_image) == 0
    scores = json.loads(capfd.readouterr().out)
    metrics = json.loads((registered / "out" / "metrics.json").read_text())
    assert scores["sdlogj"] == pytest.approx(metrics["sdlogj"], rel=1e-3)
    assert scores["folds_voxels"] == metrics["folds_voxels"]
