"""Made data sets: in the layout of Real3D-AD, with true poses, the same for the same seed, resumed after a kill."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.points.clouds import import_open3d, read_mesh
from vision_cli.pcd_anomaly.data.layouts import read_dataset
from vision_cli.pcd_anomaly.data.scans import load_scan, read_true_scans
from vision_cli.pcd_anomaly.data.synthesis import class_mesh, dataset_files, write_dataset
from vision_cli.pcd_anomaly.options import Recipe

RECIPE = Recipe(parts=1, points=1500, suite="rigid", seed=3, prototypes=2, good=2, defective=3, prototype_points=4000)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    home = tmp_path_factory.mktemp("made")
    write_dataset(home, RECIPE)
    return home


def digests(home):
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


def test_it_is_a_data_set_in_the_layout_of_real3d(made):
    found = read_dataset(made)
    assert (found.layout, found.class_names) == ("real3d", ("flange",))
    assert [s.name for s in found.of("flange", "train")] == ["flange_template0", "flange_template1"]
    assert [(s.name, s.defect) for s in found.of("flange", "test")] == [
        ("000_good", None),
        ("001_good", None),
        ("002_bulge", "bulge"),
        ("003_sink", "sink"),
        ("004_scratch", "scratch"),
    ]


def test_its_files_are_known_before_and_prototypes_have_points_of_their_own(made):
    there = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    # The journal is gone once the data set is whole.
    assert set(dataset_files(RECIPE)) - there == {".vcli-truth.jsonl"}
    assert there <= set(dataset_files(RECIPE))
    counts = {s.split: len(load_scan(s).points) for s in read_dataset(made).samples}
    assert counts["train"] > 2 * counts["test"]


def test_the_true_poses_put_the_scans_onto_the_part(made):
    truth = read_true_scans(made)
    mesh = class_mesh("flange", RECIPE.seed)
    np.testing.assert_array_equal(read_mesh(made / "flange" / "cad.ply").vertices, mesh.vertices)
    o3d = import_open3d()
    surface = o3d.t.geometry.RaycastingScene()
    surface.add_triangles(mesh.vertices.astype(np.float32), mesh.triangles.astype(np.uint32))
    for sample in read_dataset(made).samples:
        known, loaded = truth[sample.class_name, sample.split, sample.name], load_scan(sample)
        placed = loaded.points @ known.scan_to_part[:3, :3].T + known.scan_to_part[:3, 3]
        away = surface.compute_distance(placed[::15].astype(np.float32)).numpy()
        # Warp and noise everywhere, the defect where the labels are.
        assert np.median(away) < 0.08
        assert away[loaded.labels[::15] == 0].max() < 0.25
        assert (known.defect, known.depth_mm > 0) == (sample.defect, sample.is_defective)
        if known.centre is not None:
            assert np.linalg.norm(placed[loaded.labels == 1] - known.centre, axis=1).min() < 1


def test_the_same_recipe_gives_the_same_bytes_whatever_happened_on_the_way(made, tmp_path, monkeypatch):
    class Killed(Exception):
        pass

    def kill(done, total):
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        write_dataset(tmp_path, RECIPE, kill)
    assert not (tmp_path / "truth.json").exists()
    (tmp_path / "flange" / "train" / "flange_template1.pcd").unlink()
    steps = []
    write_dataset(tmp_path, RECIPE, lambda done, total: steps.append((done, total)))
    assert steps[-1] == (7, 7)
    assert digests(tmp_path) == digests(made)


def test_a_scan_that_is_missing_from_a_finished_data_set_is_made_again(made):
    before = digests(made)
    (made / "flange" / "gt" / "003_sink.txt").unlink()
    write_dataset(made, RECIPE)
    assert digests(made) == before


def test_a_folder_with_another_data_set_is_refused(made, tmp_path):
    other = Recipe(parts=1, points=1500, suite="rigid", seed=4, prototypes=2, good=2, defective=3)
    with pytest.raises(InputError, match="holds a data set with seed 3; seed 4 expected"):
        write_dataset(made, other)
    (tmp_path / "truth.json").write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        write_dataset(tmp_path, RECIPE)


def test_truth_json_says_how_it_was_made(made):
    document = json.loads((made / "truth.json").read_text())
    assert document["unit"] == "mm"
    assert Recipe(**document["recipe"]) == RECIPE


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"suite": "hard"}, "suite 'hard'; one of rigid, tolerance, subtle expected"),
        ({"parts": 9}, "9 parts; 1 to 8 expected"),
        ({"points": 10}, "10 points a scan; 1000 or more expected"),
        ({"prototypes": 0}, "one prototype or more expected"),
        ({"good": -1}, "below what can be"),
    ],
)
def test_recipes_that_cannot_be_are_refused(wrong, message):
    with pytest.raises(UsageError, match=message):
        Recipe(**wrong)
