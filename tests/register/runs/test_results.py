"""The files that a registration writes, and its measures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.pages import level
from tests.register.conftest import run
from vision_cli.io.volumes.volumes import Volume, read_volume
from vision_cli.register.pipeline.inputs import Pair
from vision_cli.register.pipeline.result import Registration, Similarity
from vision_cli.register.runs.results import measure_pair
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import AffineTransform

OUTPUTS = {
    "0GenericAffine.mat",
    "1Warp.nii.gz",
    "1InverseWarp.nii.gz",
    "composite.h5",
    "inverse_composite.h5",
    "Warped.nii.gz",
    "InverseWarped.nii.gz",
    "LabelsWarped.nii.gz",
    "logJacobian.nii.gz",
    "coeffs.npz",
    "metrics.json",
    "labels.csv",
    "loss.csv",
    "scales.json",
    "report.html",
    "run.json",
}


LABELS = [word for side in ("fixed", "moving") for word in (f"--{side}-label", f"{side}_label.nii.gz")]


def register_heads(head_pair, *words):
    labels = [head_pair / word if word.endswith(".gz") else word for word in LABELS]
    return run(head_pair / "fixed.nii.gz", head_pair / "moving.nii.gz", *labels, "--threads", "1", *words)


def test_a_pair_writes_everything_and_itk_warps_as_we_do(head_pair, tmp_path, capfd):
    import SimpleITK as sitk

    out = tmp_path / "out"
    assert register_heads(head_pair, "--iters", "8,8", "--method", "optimize", "-o", out, "--json") == 0
    metrics = json.loads(capfd.readouterr().out)
    assert metrics["dice_mean"] > metrics["dice_affine_mean"] > 0
    assert metrics["folds_voxels"] == 0
    assert {path.name for path in out.iterdir()} >= OUTPUTS
    assert json.loads((out / "run.json").read_text())["status"] == "done"
    page = (out / "report.html").read_text(encoding="utf-8")
    assert level(page) == "good"
    assert f"The images fit. Mean Dice {metrics['dice_mean']:.2f} after, {metrics['dice_before_mean']:.2f} bef" in page
    assert page.count('class="flicker"') == 2
    assert page.count("<figcaption>") == page.count("</span></figcaption>") == 8
    listed = {path.name for path in out.iterdir()} - {"report.html", "run.json", "log.txt"}
    assert all(f'href="{name}"' in page for name in listed)

    for name, source, onto, warped in (
        ("composite.h5", "moving", "fixed", "Warped.nii.gz"),
        ("inverse_composite.h5", "fixed", "moving", "InverseWarped.nii.gz"),
    ):
        image, grid = (sitk.ReadImage(str(head_pair / f"{side}.nii.gz"), sitk.sitkFloat32) for side in (source, onto))
        theirs = sitk.GetArrayFromImage(sitk.Resample(image, grid, sitk.ReadTransform(str(out / name)))).T
        ours = read_volume(out / warped).data
        assert np.abs(theirs - ours).max() <= 1e-3 * np.ptp(ours)

    assert run(head_pair / "fixed.nii.gz", head_pair / "moving.nii.gz", "-o", out) == 2
    assert "--overwrite" in capfd.readouterr().err


def test_only_the_files_asked_for_are_written(head_pair, tmp_path, capfd):
    out = tmp_path / "out"
    words = ("--iters", "4,4", "--method", "optimize", "--no-pictures")
    assert register_heads(head_pair, *words, "--save", "warp", "-o", out, "--json") == 0
    assert json.loads(capfd.readouterr().out)["dice_mean"] > 0
    written = {path.name for path in out.iterdir()}
    tables = {"metrics.json", "labels.csv", "loss.csv", "scales.json", "run.json", "log.txt"}
    assert written == {"0GenericAffine.mat", "1Warp.nii.gz", "1InverseWarp.nii.gz"} | tables
    assert register_heads(head_pair, "--save", "nonsense", "-o", tmp_path / "none") == 2
    assert "warp, composite, coeffs, images, labels, jacobian, all expected" in capfd.readouterr().err


def pair_of(**extras):
    image = Volume(np.zeros((8, 8), np.float32), np.eye(3), np.dtype("f4"), Path("a.nii"))
    return Pair(image, image, **extras)


def linear(folded_voxels=None):
    """A registration that shifts by 3 mm along x."""
    matrix = np.eye(3)
    matrix[0, 2] = 3.0
    similarity = Similarity(0.1, 0.4, 0.4)
    grid = Grid((8, 8), np.diag([2.0, 2.0, 1.0]))
    return Registration(AffineTransform(matrix), grid, 50, similarity, folded_voxels=folded_voxels)


def test_landmarks_are_measured_before_and_after():
    points = np.array([[0.0, 0.0], [4.0, 4.0]])
    pair = pair_of(fixed_points=points, moving_points=points + np.array([3.0, 4.0]))
    metrics = measure_pair(pair, linear(), None)
    assert metrics.tre_before_mean_mm == pytest.approx(5.0)
    assert metrics.tre_mean_mm == pytest.approx(4.0)
    assert (metrics.lncc_before, metrics.lncc_affine, metrics.working_spacing_mm) == (0.1, 0.4, 2.0)
    assert (metrics.dice_mean, metrics.folds_voxels, metrics.mask_used) == (None, None, "none")


def test_folds_are_a_percentage_of_the_foreground():
    assert measure_pair(pair_of(), linear(folded_voxels=2), None).folds_pct == pytest.approx(4.0)
