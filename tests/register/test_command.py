"""`vcli register` as it is typed: outputs, exit codes, interruption."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest

from tests.pages import level
from tests.program import files_of, start, vcli, wait_for
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.io.volumes.volumes import read_volume, write_volume
from vision_cli.phantoms.brains.brains import brain_pair

OUTPUTS = {
    "0GenericAffine.mat",
    "1Warp.nii.gz",
    "1InverseWarp.nii.gz",
    "composite.h5",
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


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A generated pair with labels, moving image in another orientation."""
    directory = tmp_path_factory.mktemp("pair")
    pair = brain_pair(3, (30, 36, 30), (6.0, 6.0, 6.0), moving_axcodes="LAS")
    write_volume(directory / "fixed.nii.gz", pair.fixed, pair.fixed_vox2ras)
    write_volume(directory / "moving.nii.gz", pair.moving, pair.moving_vox2ras)
    write_volume(directory / "fixed_label.nii.gz", pair.fixed_labels, pair.fixed_vox2ras)
    write_volume(directory / "moving_label.nii.gz", pair.moving_labels, pair.moving_vox2ras)
    return directory


def test_a_pair_writes_everything_and_itk_warps_as_we_do(files, tmp_path):
    import SimpleITK as sitk

    out = tmp_path / "out"
    done = vcli(
        "register",
        files / "fixed.nii.gz",
        files / "moving.nii.gz",
        "--fixed-label",
        files / "fixed_label.nii.gz",
        "--moving-label",
        files / "moving_label.nii.gz",
        "-o",
        out,
        "--json",
        "--threads",
        "1",
    )
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)
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

    warped = read_volume(out / "Warped.nii.gz").data
    fixed, moving = (sitk.ReadImage(str(files / f"{side}.nii.gz"), sitk.sitkFloat32) for side in ("fixed", "moving"))
    theirs = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, sitk.ReadTransform(str(out / "composite.h5")))).T
    assert np.abs(theirs - warped).max() <= 1e-3 * np.ptp(read_volume(files / "moving.nii.gz").data)

    refused = vcli("register", files / "fixed.nii.gz", files / "moving.nii.gz", "-o", out)
    assert refused.returncode == 2
    assert "--overwrite" in refused.stderr


def test_a_pair_terminated_while_it_optimises_goes_on_to_the_same_files(files, tmp_path):
    words = ("register", files / "fixed.nii.gz", files / "moving.nii.gz", "--no-pictures", "--threads", 1)
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


def _bad_inputs(files, tmp_path):
    """Yield name, words and the exit code that is expected."""
    fixed, moving = files / "fixed.nii.gz", files / "moving.nii.gz"
    truncated = tmp_path / "truncated.nii.gz"
    truncated.write_bytes(fixed.read_bytes()[:2000])
    empty = tmp_path / "empty.nii.gz"
    empty.touch()
    text = tmp_path / "text.nii"
    text.write_text("this is not an image")
    pickled = tmp_path / "image.pkl"
    pickled.write_bytes(b"\x80\x04.")
    flat = tmp_path / "flat.nii.gz"
    write_volume(flat, np.full((8, 8, 8), 3, np.float32), np.eye(4))
    nothing = tmp_path / "mask.nii.gz"
    write_volume(nothing, np.zeros((8, 8, 8), np.uint8), np.eye(4))
    picture = tmp_path / "picture.nii.gz"
    write_volume(picture, np.arange(400, dtype=np.float32).reshape(20, 20), np.eye(3))
    far = tmp_path / "far.nii.gz"
    away = np.eye(4)
    away[:3, 3] = 5000
    write_volume(far, read_volume(moving).data, away)
    return {
        "missing": ((fixed, tmp_path / "none.nii.gz"), 3),
        "truncated": ((fixed, truncated), 3),
        "empty": ((empty, moving), 3),
        "not an image": ((fixed, text), 3),
        "pickle": ((fixed, pickled), 3),
        "constant": ((fixed, flat), 3),
        "empty mask": ((fixed, moving, "--fixed-mask", nothing), 3),
        "2D and 3D": ((fixed, picture), 3),
        "no overlap": ((fixed, far, "--init", "header"), 5),
        "wavelet": ((fixed, moving, "--wavelet", "nonsense"), 2),
        "iterations": ((fixed, moving, "--iters", "a,b"), 2),
        "start": ((fixed, moving, "--init", "nonsense"), 2),
        "memory": ((fixed, moving, "--max-memory", "0.1"), 7),
    }


@pytest.mark.parametrize("side", ["fixed", None])
def test_a_pair_without_both_images_is_wrong_usage(files, capfd, side):
    words = [] if side is None else [str(files / f"{side}.nii.gz")]
    assert launch(app, ["register", "pair", *words]) == 2
    assert "no input given; FIXED and MOVING expected" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--iters", "a,b"), "--iters: a,b found; whole numbers of 0 or more separated by commas expected."),
        (("--wavelet", "none"), "--wavelet: none found; a discrete wavelet of PyWavelets expected."),
        (("--init", "middle"), "--init: middle found; header, moments, search or the file of an affine transform"),
    ],
)
def test_a_word_that_is_no_value_is_named_with_its_option_and_nothing_is_begun(files, tmp_path, capfd, words, message):
    for verb in (["pair", str(files / "fixed.nii.gz"), str(files / "moving.nii.gz")], ["batch", "none.csv"]):
        assert launch(app, ["register", *verb, *words, "-o", str(tmp_path / "out")]) == 2
        assert message in capfd.readouterr().err
        assert not (tmp_path / "out").exists()


def test_a_refused_result_says_what_it_was_computed_with(files, tmp_path, monkeypatch):
    from vision_cli.core.errors import NumericalError

    def refuse(*given, **named):
        raise NumericalError("refused.")

    monkeypatch.setattr("vision_cli.register.runs.pair.register_files", refuse)
    words = (files / "fixed.nii.gz", files / "moving.nii.gz", "--threads", "1", "--seed", "3", "-o", tmp_path / "out")
    assert launch(app, ["register", *map(str, words)]) == 5
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert (record["status"], record["threads"], record["seed"]) == ("failed", 1, 3)


def test_bad_input_gives_one_line_its_exit_code_and_no_output(files, tmp_path, capfd):
    for name, (words, code) in _bad_inputs(files, tmp_path).items():
        out = tmp_path / f"out {name}"
        assert launch(app, ["register", *map(str, words), "-o", str(out), "--threads", "1"]) == code, name
        said = capfd.readouterr()
        assert said.out == "", name
        assert said.err.count("vcli: error:") == 1, name
        assert "Traceback" not in said.err, name
        left = {path.name for path in out.iterdir() if not path.name.startswith(".")} if out.exists() else set()
        assert left <= {"run.json", "log.txt"}, name
