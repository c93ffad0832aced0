"""Prototypes of a class are read, scaled, and required to have one size."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import Mesh, write_ply
from vision_cli.pcd_anomaly.data.layouts import Sample
from vision_cli.pcd_anomaly.data.prototypes import load_prototypes


def sample(path):
    return Sample("part", path.stem, path, "train", False, None, None, "folder")


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(200, 3))


def test_clouds_and_meshes_are_scaled(points, tmp_path):
    write_ply(tmp_path / "cloud.ply", points)
    trimesh.creation.box(extents=(4, 4, 4)).export(tmp_path / "cad.stl")
    cloud, mesh = load_prototypes([sample(tmp_path / "cloud.ply"), sample(tmp_path / "cad.stl")], 10.0)
    np.testing.assert_allclose(cloud.points, 10 * points, rtol=1e-6)
    assert isinstance(mesh, Mesh)
    assert np.ptp(mesh.vertices, axis=0) == pytest.approx([40, 40, 40])


def test_prototypes_in_different_units_are_refused(points, tmp_path):
    write_ply(tmp_path / "mm.ply", points)
    write_ply(tmp_path / "m.ply", points / 1000)
    with pytest.raises(InputError, match=r"m\.ply: .* across, and mm\.ply is .*; prototypes of one size and unit"):
        load_prototypes([sample(tmp_path / "mm.ply"), sample(tmp_path / "m.ply")])
