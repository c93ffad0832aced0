"""Registration of one pair, from its files to a finished run."""

from __future__ import annotations

import json
import signal

import nibabel as nib
import numpy as np
import pytest

from tests.program import files_of, start, vcli, wait_for
from tests.register.conftest import QUICK, run, write_pair
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import slice_pair


@pytest.mark.slow
def test_a_pair_terminated_while_it_optimises_goes_on_to_the_same_files(head_pair, tmp_path):
    words = ("register", head_pair / "fixed.nii.gz", head_pair / "moving.nii.gz", "--no-pictures", "--threads", 1)
    words += ("--iters", "120,120")
    whole = vcli(*words, "-o", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    out = tmp_path / "stopped"
    running = start(*words, "-o", out)
    wait_for((out / "run.json").exists, running=running)
    running.signal(signal.SIGTERM)
    stopped = running.wait()
    assert stopped.returncode == 75, stopped.stderr
    assert json.loads((out / "run.json").read_text())["status"] == "interrupted"
    resumed = vcli(*words, "-o", out, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert files_of(out) == files_of(tmp_path / "whole")


@pytest.mark.parametrize(
    ("suffix", "metric"), [(".nii.gz", "lncc"), (".mha", "mi"), (".png", "mind"), (".nii.gz", "mse")]
)
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


def test_a_mapped_contrast_is_told_in_the_result_and_in_the_run(tmp_path, capfd):
    pair = slice_pair(11, (48, 56), (4.0, 4.0), ("t1", "t2"), strip=True)
    write_pair(tmp_path, pair)
    words = (tmp_path / "fixed.nii.gz", tmp_path / "moving.nii.gz", "-o", tmp_path / "out", "--method", "optimize")
    assert run(*words, *QUICK) == 0
    said = capfd.readouterr()
    assert "contrast of the moving image mapped" in said.out
    assert "the images have different contrasts" in said.err
    written = json.loads((tmp_path / "out" / "run.json").read_text())["image_term"]
    assert (written["metric"], written["mapped"]) == ("lncc", True)
    assert written["increasing"] < written["explained"]
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["contrast_mapped"] is True


def test_a_volume_of_a_series_is_chosen_by_number(registered, tmp_path, capfd):
    moving = nib.load(registered / "moving.nii.gz")
    data = np.asarray(moving.dataobj)
    nib.save(nib.Nifti1Image(np.stack([np.zeros_like(data), data], -1), moving.affine), tmp_path / "series.nii.gz")
    words = (registered / "fixed.nii.gz", tmp_path / "series.nii.gz", *QUICK)
    assert run(*words, "-o", tmp_path / "none") == 3
    assert "--volume" in capfd.readouterr().err
    assert run(*words, "-o", tmp_path / "second", "--volume", 1, "--json") == 0
    chosen = json.loads(capfd.readouterr().out)
    alone = json.loads((registered / "out" / "metrics.json").read_text())
    assert chosen["lncc_after"] == pytest.approx(alone["lncc_after"], abs=1e-6)
    assert run(*words, "-o", tmp_path / "third", "--volume", 2) == 3


def damaged_pair(registered, tmp_path, change, dtype=np.float32, affine=None):
    """Copy the moving image with its values changed."""
    image = nib.load(registered / "moving.nii.gz")
    data = change(np.asarray(image.dataobj).astype(dtype))
    path = tmp_path / "changed.nii.gz"
    nib.save(nib.Nifti1Image(data, image.affine if affine is None else affine), path)
    return path


def with_nans(share):
    def change(data):
        data.flat[: int(share * data.size)] = np.nan
        return data

    return change


def test_a_few_voxels_that_are_no_numbers_are_replaced_with_a_warning(registered, tmp_path, capfd):
    path = damaged_pair(registered, tmp_path, with_nans(0.02))
    assert run(registered / "fixed.nii.gz", path, "-o", tmp_path / "out", *QUICK) == 0
    assert "NaN or infinite" in capfd.readouterr().err
    assert any("NaN" in note for note in json.loads((tmp_path / "out" / "run.json").read_text())["warnings"])


RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


UNUSABLE = {
    "no number": (with_nans(1), np.float32, "all voxels are NaN"),
    "complex": (lambda data: data * 1j, np.complex64, "complex"),
    "colour": (lambda data: np.zeros(data.shape, RGB), np.float32, "colour"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_image_that_cannot_be_used_is_refused_in_one_line(registered, tmp_path, capfd, name):
    change, dtype, word = UNUSABLE[name]
    path = damaged_pair(registered, tmp_path, change, dtype)
    assert run(registered / "fixed.nii.gz", path, "-o", tmp_path / "out", *QUICK) == 3
    said = capfd.readouterr().err
    assert word in said
    assert said.count("vcli: error:") == 1
    assert str(path) in said


def test_a_singular_grid_is_refused(registered, tmp_path, capfd):
    image = nib.Nifti1Image(np.asarray(nib.load(registered / "moving.nii.gz").dataobj), None)
    image.header["sform_code"] = 1
    image.header["srow_x"], image.header["srow_y"], image.header["srow_z"] = [7, 0, 0, 0], [7, 0, 0, 0], [0, 0, 7, 0]
    nib.save(image, tmp_path / "flat.nii")
    assert run(registered / "fixed.nii.gz", tmp_path / "flat.nii", "-o", tmp_path / "out", *QUICK) == 3
    assert "singular" in capfd.readouterr().err


@pytest.mark.parametrize(("shift", "code"), [(0.0004, 0), (0.3, 3)])
def test_labels_in_floating_point_are_rounded_only_if_nearly_whole(registered, tmp_path, capfd, shift, code):
    image = nib.load(registered / "moving_label.nii.gz")
    data = np.asarray(image.dataobj).astype(np.float32)
    nib.save(nib.Nifti1Image(data + np.float32(shift) * (data > 0), image.affine), tmp_path / "labels.nii.gz")
    labels = ("--fixed-label", registered / "fixed_label.nii.gz", "--moving-label", tmp_path / "labels.nii.gz")
    words = (registered / "fixed.nii.gz", registered / "moving.nii.gz", *labels, "-o", tmp_path / "out", *QUICK)
    assert run(*words) == code
    if code == 0:
        scored = json.loads((tmp_path / "out" / "metrics.json").read_text())
        alone = json.loads((registered / "out" / "metrics.json").read_text())
        assert scored["dice_mean"] == pytest.approx(alone["dice_mean"], abs=1e-9)
    else:
        assert "label" in capfd.readouterr().err
