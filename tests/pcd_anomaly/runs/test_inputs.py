"""Inputs of the verbs: names of scans, poses, models, random numbers of a class."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.points.clouds import write_ply
from vision_cli.pcd_anomaly.data.layouts import Sample
from vision_cli.pcd_anomaly.options import EvaluationScans
from vision_cli.pcd_anomaly.runs.inputs import (
    class_generator,
    describe_file,
    find_data,
    good_scan_files,
    list_scans,
    model_directory,
    read_pose,
)

MODELS = {"cast": Path("models/cast")}


def test_scans_of_one_name_are_told_apart_by_their_number(tmp_path):
    for name in ("a/x.ply", "b/x.ply", "b/y.ply"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = list_scans([tmp_path / "a" / "x.ply", tmp_path / "b"], MODELS, None)
    assert [scan.item for scan in found] == ["cast/x-1", "cast/x-2", "cast/y"]
    with pytest.raises(UsageError, match="--class bent: no such model; one of cast expected"):
        list_scans([tmp_path], MODELS, "bent")


def test_a_pose_is_read_and_one_that_is_not_rigid_is_refused(tmp_path):
    path = tmp_path / "pose.json"
    path.write_text(json.dumps({"scan_to_reference": np.eye(4).tolist()}))
    assert np.array_equal(read_pose(path), np.eye(4))
    path.write_text(json.dumps((2 * np.eye(4)).tolist()))
    with pytest.raises(InputError, match="a rigid 4 x 4 pose expected"):
        read_pose(path)


def test_the_model_of_a_scan_is_that_of_its_class_or_the_only_one():
    scan = Sample("bent", "x", Path("x.ply"), "test", None, None, None, "folder")
    assert model_directory(MODELS, scan) == Path("models/cast")
    assert model_directory({**MODELS, "bent": Path("models/bent")}, scan) == Path("models/bent")
    with pytest.raises(InputError, match=r"x\.ply: no model of class bent; one of cast, drawn expected"):
        model_directory({**MODELS, "drawn": Path("models/drawn")}, scan)


def test_random_numbers_of_a_class_depend_on_seed_and_name_alone():
    first, again, other = (class_generator(*key).random() for key in ((1, "cast"), (1, "cast"), (2, "cast")))
    assert first == again != other


def test_data_and_folders_exclude_each_other(tmp_path):
    assert find_data(EvaluationScans()) is None
    with pytest.raises(UsageError, match="DATA and --train found; one or the other expected"):
        find_data(EvaluationScans(data=tmp_path, train=tmp_path))


def test_good_scans_are_the_files_of_a_folder_beside_a_mesh(tmp_path):
    with pytest.raises(UsageError, match="--good without --train found; both expected"):
        good_scan_files(EvaluationScans(data=tmp_path), tmp_path)
    with pytest.raises(InputError, match="no scans found; good scans expected"):
        good_scan_files(EvaluationScans(train=tmp_path), tmp_path)
    for name in ("b.ply", "a.pts", "notes.md"):
        (tmp_path / name).touch()
    assert [path.name for path in good_scan_files(EvaluationScans(train=tmp_path), tmp_path)] == ["a.pts", "b.ply"]
    assert good_scan_files(EvaluationScans(), None) == []


def test_facts_of_a_file_count_points_that_are_not_finite(tmp_path):
    points = np.vstack([np.eye(3), [[1, 1, 1]], [[-1, 0, 0]], [[np.nan] * 3]])
    write_ply(tmp_path / "a.ply", points)
    facts = describe_file(tmp_path / "a.ply")
    assert (facts["kind"], facts["points"], facts["invalid_points"]) == ("points", 6, 1)
    assert facts["lowest"] == [-1, 0, 0]
