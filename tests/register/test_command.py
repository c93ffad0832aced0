from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from tests.register.conftest import run
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.io.volumes.volumes import read_volume, write_volume
from vision_cli.register.options.evaluation import ScoredRegistration
from vision_cli.register.options.registration import PairReporting, RegistrationOptions, Reporting


def _bad_inputs(head_pair, tmp_path):
    """Yield name, words and the exit code that is expected."""
    fixed, moving = head_pair / "fixed.nii.gz", head_pair / "moving.nii.gz"
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
    away = np.diag([6.0, 6, 6, 1])
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
def test_a_pair_without_both_images_is_wrong_usage(head_pair, capfd, side):
    words = [] if side is None else [str(head_pair / f"{side}.nii.gz")]
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
def test_a_wrong_value_is_named_with_its_option_and_no_run_is_begun(head_pair, tmp_path, capfd, words, message):
    for verb in (["pair", str(head_pair / "fixed.nii.gz"), str(head_pair / "moving.nii.gz")], ["batch", "none.csv"]):
        assert launch(app, ["register", *verb, *words, "-o", str(tmp_path / "out")]) == 2
        assert message in capfd.readouterr().err
        assert not (tmp_path / "out").exists()


def test_a_refused_result_says_what_it_was_computed_with(head_pair, tmp_path, monkeypatch):
    from vision_cli.core.errors import NumericalError

    def refuse(*given, **named):
        raise NumericalError("refused.")

    monkeypatch.setattr("vision_cli.register.runs.pair.register_files", refuse)
    words = (
        head_pair / "fixed.nii.gz",
        head_pair / "moving.nii.gz",
        "--threads",
        "1",
        "--seed",
        "3",
        "-o",
        tmp_path / "out",
    )
    assert launch(app, ["register", *map(str, words)]) == 5
    record = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert (record["status"], record["threads"], record["seed"]) == ("failed", 1, 3)


def test_bad_input_gives_one_line_its_exit_code_and_no_output(head_pair, tmp_path, capfd):
    for name, (words, code) in _bad_inputs(head_pair, tmp_path).items():
        out = tmp_path / f"out {name}"
        assert launch(app, ["register", *map(str, words), "-o", str(out), "--threads", "1"]) == code, name
        said = capfd.readouterr()
        assert said.out == "", name
        assert said.err.count("vcli: error:") == 1, name
        assert "Traceback" not in said.err, name
        left = {path.name for path in out.iterdir() if not path.name.startswith(".")} if out.exists() else set()
        assert left <= {"run.json", "log.txt"}, name


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
