"""Transforms between slices act in space as in their planes."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from vision_cli.io.volumes.volumes import read_volume
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.slices import affine_in_space, chain_in_space, matrix_in_plane
from vision_cli.register.transforms.transforms import AffineTransform, DisplacementTransform, map_points, resample


def slice_file(path, axis, tilt_deg=0.0, shift=(5.0, -7, 9)):
    """Write a slice of random voxels across an axis of a file; return its volume."""
    rng = np.random.default_rng(axis)
    shape = [7, 8]
    shape.insert(axis, 1)
    cosine, sine = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    vox2ras = np.eye(4)
    vox2ras[:3, :3] = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]]) @ np.diag([-2.0, 1.5, 3.0])
    vox2ras[:3, 3] = shift
    nib.save(nib.Nifti1Image(rng.random(shape).astype(np.float32), vox2ras), path)
    return read_volume(path)


@pytest.mark.parametrize("tilt_deg", [0, 12])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_across_any_axis_keeps_its_place(tmp_path, axis, tilt_deg):
    flat = slice_file(tmp_path / "a.nii", axis, tilt_deg)
    assert flat.shape == (7, 8)
    whole = flat.with_axes(3)
    assert whole.shape == nib.load(tmp_path / "a.nii").shape
    index = np.array([3.0, 5.0])
    spatial = whole.vox2ras @ [*np.insert(index, axis, 0), 1]
    in_plane = flat.vox2ras @ [*index, 1]
    np.testing.assert_allclose(flat.plane.frame @ [*in_plane[:2], 0, 1], spatial, atol=1e-9)
    if tilt_deg == 0:
        world = [n for n in range(3) if n != axis]
        np.testing.assert_allclose(in_plane[:2], spatial[world], atol=1e-9)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_chain_in_space_warps_the_slices_as_that_in_their_planes(tmp_path, axis):
    fixed = slice_file(tmp_path / "f.nii", axis)
    moving = slice_file(tmp_path / "m.nii", axis, 0 if axis == 0 else 8, shift=(6.0, -8, 10))
    matrix = np.array([[1.02, 0.1, 0.5], [-0.1, 0.97, -0.3], [0, 0, 1]])
    displacement_mm = np.random.default_rng(1).normal(scale=0.5, size=(*fixed.shape, 2)).astype(np.float32)
    chain = (DisplacementTransform(displacement_mm, Grid(fixed.shape, fixed.vox2ras)), AffineTransform(matrix))
    flat = resample(moving.data, Grid(moving.shape, moving.vox2ras), Grid(fixed.shape, fixed.vox2ras), chain)
    spatial = chain_in_space(chain, fixed.plane, moving.plane)
    onto, source = fixed.with_axes(3), moving.with_axes(3)
    whole = resample(source.data, Grid(source.shape, source.vox2ras), Grid(onto.shape, onto.vox2ras), spatial)
    np.testing.assert_allclose(whole.squeeze(axis), flat, atol=1e-4)
    np.testing.assert_allclose(matrix_in_plane(spatial[1].matrix, fixed.plane, moving.plane), matrix, atol=1e-9)


def test_across_the_plane_a_slab_is_mapped_onto_a_slab(tmp_path):
    fixed, moving = slice_file(tmp_path / "f.nii", 2), slice_file(tmp_path / "m.nii", 2, shift=(0.0, 0, 30))
    above = fixed.vox2ras[0, 2], fixed.vox2ras[1, 2], 9 + 1.5
    lifted = affine_in_space(AffineTransform(np.eye(3)), fixed.plane, moving.plane)
    np.testing.assert_allclose(map_points((lifted,), np.array([above]))[0, 2], 31.5)
