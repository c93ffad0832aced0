"""Many pairs in one run."""

from __future__ import annotations

import base64
import csv
import io
import json
import re

import nibabel as nib
import pytest
from PIL import Image

from tests.pages import level, pictures
from tests.register.conftest import QUICK, run
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.runs.runs import Run
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import brain_pair
from vision_cli.register.runs.batch import finish


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


@pytest.mark.slow
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


@pytest.mark.slow
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
