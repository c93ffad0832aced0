"""Exports are read back by the readers of the layouts that they imitate."""

from __future__ import annotations

import hashlib
import tarfile

import numpy as np
import pytest

from vision_cli.synth_faces.data.opening import open_faces
from vision_cli.synth_faces.plans.action_units import au_vector
from vision_cli.synth_faces.plans.exports.common import is_held_out
from vision_cli.synth_faces.plans.exports.trees import export_affectnet, export_imagefolder, export_rafdb
from vision_cli.synth_faces.plans.exports.webdataset import export_webdataset
from vision_cli.synth_faces.plans.manifests import write_manifests
from vision_cli.synth_faces.plans.plan import LabelPlan, picture_name
from vision_cli.synth_faces.plans.rows import ManifestRow
from vision_cli.synth_faces.plans.synthetic_png import is_synthetic, write_synthetic_png
from vision_cli.synth_faces.values import EXPRESSIONS


@pytest.fixture(scope="module")
def rows():
    """Give the rows of 33 samples: eight labels four times, and one compound."""
    made = [
        ManifestRow(
            wanted.sample_id,
            picture_name(wanted.index),
            "ab",
            10,
            12,
            wanted.seed,
            wanted.person_seed,
            label=wanted.label,
            au=au_vector({"12": wanted.index % 6}),
        )
        for wanted in LabelPlan(EXPRESSIONS, 32, 0)
    ]
    return [*made, ManifestRow("00000032", "images/000/00000032.png", "ab", 10, 12, 5, 6, label="awed")]


@pytest.fixture(scope="module")
def picture(draw):
    """Give what reads the picture of a row: an own one each."""
    return lambda row: draw(int(row.sample_id))


def counts(found):
    return {word: sum(face.expression == word for face in found.faces) for word in EXPRESSIONS}


def test_rafdb_is_read_back(rows, picture, tmp_path):
    done = export_rafdb(tmp_path, rows, picture, test_share=0.2)
    assert (done.written, len(done.left_out)) == (28, 5)
    assert done.left_out[-1].reason == "label awed: RAF-DB has no such class"
    found = open_faces(tmp_path, split="all")
    assert (found.layout, len(found.faces), found.skipped) == ("rafdb", 28, ())
    assert counts(found) == {**dict.fromkeys(EXPRESSIONS, 4), "contempt": 0}
    assert {face.split for face in found.faces} == {"train", "test"}


def test_affectnet_is_read_back(rows, picture, tmp_path):
    assert export_affectnet(tmp_path, rows, picture, val_share=0.2).written == 32
    found = open_faces(tmp_path, split="all")
    assert (found.layout, found.skipped) == ("affectnet", ())
    assert counts(found) == dict.fromkeys(EXPRESSIONS, 4)
    assert float(str(np.load(next(tmp_path.rglob("*_val.npy"))).item())) == -2


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_imagefolder_is_read_back(rows, picture, tmp_path, share):
    assert export_imagefolder(tmp_path, rows, picture, test_share=share).written == 33
    found = open_faces(tmp_path, split="all")
    assert counts(found) == dict.fromkeys(EXPRESSIONS, 4)
    face = found.faces[0]
    assert np.array_equal(face.source.read(), picture(rows[int(face.name[-12:-4])]))
    assert all(is_synthetic(path) for path in tmp_path.rglob("*.png"))
    assert [skip.is_damage for skip in found.skipped] == [False]


def test_webdataset_is_read_back_and_has_the_same_bytes_again(rows, picture, tmp_path):
    done = export_webdataset(tmp_path / "a", rows, picture, samples=20)
    assert done.written == 33
    found = open_faces(tmp_path / "a")
    assert found.layout == "webdataset"
    assert counts(found) == dict.fromkeys(EXPRESSIONS, 4)
    assert [face.aus["12"] for face in found.faces[:7]] == [0, 1, 2, 3, 4, 5, 0]
    assert np.array_equal(found.faces[25].source.read(), picture(rows[25]))
    export_webdataset(tmp_path / "b", rows, picture, samples=20)
    digests = [
        [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((tmp_path / name).iterdir())] for name in "ab"
    ]
    assert digests[0] == digests[1]
    with tarfile.open(tmp_path / "a/shard-000000.tar") as archive:
        members = archive.getmembers()
    assert [member.name for member in members[:3]] == ["00000000.png", "00000000.cls", "00000000.json"]
    assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}


def test_a_run_is_read_back(rows, picture, tmp_path):
    for row in rows:
        write_synthetic_png(tmp_path / row.file, picture(row), {"seed": row.seed})
    write_manifests(tmp_path, rows)
    found = open_faces(tmp_path)
    assert found.layout == "generated"
    assert counts(found) == dict.fromkeys(EXPRESSIONS, 4)
    assert found.faces[5].aus["12"] == 5
    assert found.faces[5].subject == str(rows[5].person_seed)
    assert found.faces[32].expression is None
    (tmp_path / rows[0].file).unlink()
    assert [skip.name for skip in open_faces(tmp_path).skipped] == [rows[0].sample_id]


def test_a_person_is_held_out_with_all_pictures(rows):
    same = [ManifestRow(f"{n:08}", "a.png", "ab", 1, 1, n, 7) for n in range(20)]
    assert len({is_held_out(row, 0.5) for row in same}) == 1
    other = [ManifestRow(f"{n:08}", "a.png", "ab", 1, 1, n, n) for n in range(2000)]
    assert np.mean([is_held_out(row, 0.2) for row in other]) == pytest.approx(0.2, abs=0.03)
    assert not any(is_held_out(row, 0) for row in rows)
