"""Baselines agree with their definitions, checked by scikit-learn and by Open3D's other FPFH."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from sklearn.neighbors import NearestNeighbors

from vision_cli.core.errors import UsageError
from vision_cli.io.points.clouds import import_open3d
from vision_cli.pcd_anomaly.evaluation.baselines import fit_baseline, score_places
from vision_cli.pcd_anomaly.options import BASELINES
from vision_cli.pcd_anomaly.surfaces.geometry import make_pose, transform

pytestmark = pytest.mark.slow  # The scans of the module take 19 s.


@pytest.fixture(scope="module")
def scans(world):
    """Places of the good and of the bulged scan, in the frame of the reference, normals outwards."""
    return [said.observation.nodes.residuals.surface for said in (world.said_of_good, world.said_of_bad)]


@pytest.mark.parametrize("name", BASELINES)
def test_every_place_gets_a_score_of_each_bank(world, scans, name):
    found = score_places(fit_baseline(name, world.model.reference), scans[0])
    assert found.shape == (2 if name == "reg3d" else 1, len(scans[0]))
    assert np.isfinite(found).all()
    assert (found >= 0).all()


@pytest.mark.parametrize("name", ["c2c", "c2plane"])
def test_distances_find_the_bulge(world, scans, name):
    (scores,) = score_places(fit_baseline(name, world.model.reference), scans[1])
    nearest = cKDTree(transform(world.said_of_bad.registration.pose, world.bad.points)).query(scans[1].points)[1]
    labels = world.bad.labels[nearest].astype(bool)
    assert np.median(scores[labels]) > 2 * np.median(scores[~labels])


def test_c2c_is_the_distance_to_the_nearest_point(world, scans):
    (scores,) = score_places(fit_baseline("c2c", world.model.reference), scans[1])
    index = NearestNeighbors(n_neighbors=1).fit(world.model.reference.level.surface.points)
    np.testing.assert_allclose(scores, index.kneighbors(scans[1].points)[0][:, 0], atol=1e-9)


def test_patchcore_is_the_distance_to_the_nearest_fpfh_of_the_bank(world, scans):
    o3d = import_open3d()
    surface = scans[1]
    fitted = fit_baseline("patchcore-fpfh", world.model.reference)
    (scores,) = score_places(fitted, surface, centres=len(surface))
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(surface.points))
    cloud.normals = o3d.utility.Vector3dVector(surface.normals)
    # The stock pipeline counts 100 neighbours as Real3D-AD's code does.
    known = o3d.pipelines.registration.compute_fpfh_feature(cloud, o3d.geometry.KDTreeSearchParamKNN(100)).data.T
    index = NearestNeighbors(n_neighbors=1).fit(fitted.banks[0].numpy())
    expected = index.kneighbors(known.astype(np.float32))[0][:, 0]
    assert np.corrcoef(scores, expected)[0, 1] > 0.999
    np.testing.assert_allclose(np.median(scores), np.median(expected), rtol=0.01)


def test_banks_of_shape_do_not_see_a_move_and_banks_of_places_do(world, scans):
    moved = scans[0].moved(make_pose(np.eye(3), np.full(3, 0.1 * world.model.reference.diameter)))
    ratio = {}
    for name in ("patchcore-fpfh", "btf-raw"):
        fitted = fit_baseline(name, world.model.reference)
        before, after = (np.median(score_places(fitted, surface)) for surface in (scans[0], moved))
        ratio[name] = after / before
    assert ratio["patchcore-fpfh"] == pytest.approx(1, abs=0.05)
    assert ratio["btf-raw"] > 2


def test_an_unknown_method_is_refused(world):
    with pytest.raises(UsageError, match="no such method; ours, c2c"):
        fit_baseline("padim", world.model.reference)
