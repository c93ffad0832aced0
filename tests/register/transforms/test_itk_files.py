from __future__ import annotations

import gzip
import time

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from vision_cli.core.errors import InputError, ResourceError
from vision_cli.register.transforms import itk_files
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import (
    AffineTransform,
    DisplacementTransform,
    compose_to_displacement,
    invert,
    map_points,
    resample,
)

AGREE = 1e-3
"""Of the image's range; the bar for every file that another program applies."""


def warp_of_itk(path):
    return sitk.DisplacementFieldTransform(sitk.ReadImage(str(path), sitk.sitkVectorFloat64))


def written(world, directory):
    """Write the files of a registration and read them with ITK: a transform of fixed points, and its inverse."""
    warp, affine = world.chain
    itk_files.write_affine(directory / "0GenericAffine.mat", affine)
    itk_files.write_warp(directory / "1Warp.nii.gz", warp)
    itk_files.write_warp(directory / "1InverseWarp.nii.gz", invert(warp))
    linear = sitk.ReadTransform(str(directory / "0GenericAffine.mat"))
    # The transform that was added last is applied first.
    forward = sitk.CompositeTransform([linear, warp_of_itk(directory / "1Warp.nii.gz")])
    backward = sitk.CompositeTransform([warp_of_itk(directory / "1InverseWarp.nii.gz"), linear.GetInverse()])
    return forward, backward


def difference(ours, theirs):
    return np.abs(ours - theirs).max() / np.ptp(ours)


def test_itk_warps_images_by_the_written_files_as_we_do(any_world, itk, tmp_path):
    world = any_world
    forward, _ = written(world, tmp_path)
    ours = resample(world.image, world.moving, world.fixed, world.chain)
    assert difference(ours, itk.resample(world.image, world.moving, world.fixed, forward)) <= AGREE


def test_itk_warps_images_back_by_the_written_inverse_as_we_do(any_world, itk, tmp_path):
    world = any_world
    warp, affine = world.chain
    _, backward = written(world, tmp_path)
    fixed_image = resample(world.image, world.moving, world.fixed, world.chain)
    ours = resample(fixed_image, world.fixed, world.moving, (invert(affine), invert(warp)))
    assert difference(ours, itk.resample(fixed_image, world.fixed, world.moving, backward)) <= AGREE


def test_itk_warps_images_by_the_composite_as_we_do(any_world, itk, tmp_path):
    world = any_world
    itk_files.write_composite(tmp_path / "composite.h5", world.chain)
    theirs = itk.resample(world.image, world.moving, world.fixed, sitk.ReadTransform(str(tmp_path / "composite.h5")))
    assert difference(resample(world.image, world.moving, world.fixed, world.chain), theirs) <= AGREE


def test_a_large_composite_is_compressed_and_itk_reads_it(tmp_path):
    grid = Grid((60, 50, 40), np.diag([1.5, 2.0, 2.5, 1.0]))
    x = np.linspace(0, 3, 60, dtype=np.float32)[:, None, None, None]
    warp = DisplacementTransform(np.round(np.sin(x + np.zeros((60, 50, 40, 3), np.float32)) * 4096) / 4096, grid)
    chain = (warp, AffineTransform(np.diag([1.1, 0.9, 1.0, 1.0])))
    for name in ("one.h5", "other.h5"):
        itk_files.write_composite(tmp_path / name, chain)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "other.h5").read_bytes()
    assert (tmp_path / "one.h5").stat().st_size < 0.1 * warp.displacement_mm.nbytes
    points = np.random.default_rng(0).uniform(5, 80, (20, 3))
    transform = sitk.ReadTransform(str(tmp_path / "one.h5"))
    theirs = np.array([transform.TransformPoint(p) for p in (points * [-1, -1, 1]).tolist()]) * [-1, -1, 1]
    assert theirs == pytest.approx(map_points(chain, points), abs=1e-4)


def test_the_order_in_the_composite_matters_and_is_kept(make_world, tmp_path):
    world = make_world("oblique")
    turned = AffineTransform(np.array([[0, -1, 0, 9], [1, 0, 0, -4], [0, 0, 1, 2], [0, 0, 0, 1.0]]))
    chain = (world.chain[0], turned, world.chain[1])
    itk_files.write_composite(tmp_path / "c.h5", chain)
    points = world.fixed.vox2ras[:-1, -1] + world.fixed.vox2ras[:-1, :-1] @ [8, 9, 10] + np.eye(3)
    transform = sitk.ReadTransform(str(tmp_path / "c.h5"))
    theirs = np.array([transform.TransformPoint(p) for p in (points * [-1, -1, 1]).tolist()]) * [-1, -1, 1]
    assert theirs == pytest.approx(map_points(chain, points), abs=1e-4)
    assert theirs != pytest.approx(map_points(chain[::-1], points), abs=1)
    assert map_points(itk_files.read_transform(tmp_path / "c.h5"), points) == pytest.approx(theirs, abs=1e-4)


def test_every_written_file_reads_back_as_it_was(any_world, tmp_path):
    world = any_world
    warp, affine = world.chain
    written(world, tmp_path)
    itk_files.write_affine(tmp_path / "affine.tfm", affine)
    itk_files.write_composite(tmp_path / "composite.h5", world.chain)
    for name in ("0GenericAffine.mat", "affine.tfm"):
        (back,) = itk_files.read_transform(tmp_path / name, world.fixed.ndim)
        assert back.matrix == pytest.approx(affine.matrix, abs=1e-9)
    (back,) = itk_files.read_transform(tmp_path / "1Warp.nii.gz", world.fixed.ndim)
    assert np.array_equal(back.displacement_mm, warp.displacement_mm)
    assert back.grid.vox2ras == pytest.approx(warp.grid.vox2ras, abs=1e-4)
    field, linear = itk_files.read_transform(tmp_path / "composite.h5", world.fixed.ndim)
    assert np.array_equal(field.displacement_mm, warp.displacement_mm)
    assert field.grid.vox2ras == pytest.approx(warp.grid.vox2ras, abs=1e-9)
    assert linear.matrix == pytest.approx(affine.matrix, abs=1e-12)


@pytest.mark.parametrize(("kind", "shape"), [("LIA", (22, 20, 26, 1, 3)), ("2D", (30, 41, 1, 1, 2))])
def test_a_warp_has_the_header_that_ants_expects(make_world, tmp_path, kind, shape):
    warp = make_world(kind).chain[0]
    assert itk_files.write_warp(tmp_path / "w.nii.gz", warp) is None
    image = nib.load(tmp_path / "w.nii.gz")
    assert image.shape == shape
    assert image.get_data_dtype() == np.float32
    assert image.header.get_intent()[0] == "vector"
    assert image.header["sform_code"] == image.header["qform_code"] == 1
    assert image.get_qform() == pytest.approx(image.get_sform(), abs=1e-4)
    assert image.header.get_xyzt_units()[0] == "mm"
    stored = np.asarray(image.dataobj).reshape(warp.displacement_mm.shape)
    assert np.array_equal(stored[..., :2], -warp.displacement_mm[..., :2])


def test_the_same_transform_gives_the_same_bytes_at_any_time(make_world, tmp_path):
    world = make_world("RAS")
    contents = []
    for name in ("a", "b"):
        itk_files.write_warp(tmp_path / f"{name}.nii.gz", world.chain[0])
        itk_files.write_composite(tmp_path / f"{name}.h5", world.chain)
        contents.append([(tmp_path / f"{name}{suffix}").read_bytes() for suffix in (".nii.gz", ".h5")])
        # Formats count in seconds.
        time.sleep(1.1)
    assert contents[0] == contents[1]


def sheared(world, by):
    vox2ras = world.fixed.vox2ras.copy()
    vox2ras[:-1, 1] += by * vox2ras[:-1, 0]
    return DisplacementTransform(world.chain[0].displacement_mm, Grid(world.fixed.shape, vox2ras))


def test_a_warp_on_sheared_axes_is_written_on_orthogonal_ones_with_a_note(make_world, tmp_path):
    warp = sheared(make_world("oblique"), 0.02)
    assert "sheared by" in itk_files.write_warp(tmp_path / "w.nii.gz", warp)
    index = np.random.default_rng(0).uniform(4, 15, (100, 3))
    points = index @ warp.grid.vox2ras[:-1, :-1].T + warp.grid.vox2ras[:-1, -1]
    transform = warp_of_itk(tmp_path / "w.nii.gz")
    theirs = np.array([transform.TransformPoint(p) for p in (points * [-1, -1, 1]).tolist()]) * [-1, -1, 1]
    assert np.abs(theirs - map_points((warp,), points)).max() < 0.05
    itk_files.write_composite(tmp_path / "c.h5", (warp,))
    assert map_points(itk_files.read_transform(tmp_path / "c.h5"), points) == pytest.approx(theirs, abs=1e-3)


def test_shear_within_rounding_is_no_note(make_world, tmp_path):
    warp = sheared(make_world("oblique"), 1e-6)
    assert itk_files.write_warp(tmp_path / "w.nii.gz", warp) is None
    assert warp_of_itk(tmp_path / "w.nii.gz").GetDimension() == 3


def test_learn2reg_counts_in_voxels_of_the_fixed_grid(make_world, itk, tmp_path):
    world = make_world("LIA")
    image = resample(world.image, world.moving, world.fixed, ())
    whole = compose_to_displacement(world.chain, world.fixed)
    itk_files.write_l2r(tmp_path / "disp.nii.gz", whole, world.fixed)
    disp = np.asarray(nib.load(tmp_path / "disp.nii.gz").dataobj)
    assert disp.shape == (*world.fixed.shape, 3)
    identity = np.stack(np.meshgrid(*[np.arange(n) for n in world.fixed.shape], indexing="ij"), -1)
    voxels = np.moveaxis(identity + disp, -1, 0)
    from scipy import ndimage

    theirs = ndimage.map_coordinates(image, voxels, order=1, mode="constant")
    inside = np.all((voxels >= 0) & (voxels <= np.array(world.fixed.shape)[:, None, None, None] - 1), axis=0)
    ours = resample(image, world.fixed, world.fixed, world.chain)
    assert np.abs(ours - theirs)[inside].max() < 1e-4
    back = itk_files.read_l2r(tmp_path / "disp.nii.gz", world.fixed, world.fixed)
    assert back.displacement_mm == pytest.approx(whole.displacement_mm, abs=1e-4)


def test_learn2reg_between_two_grids_reads_back(make_world, tmp_path):
    world = make_world("2D oblique")
    whole = compose_to_displacement(world.chain, world.fixed)
    itk_files.write_l2r(tmp_path / "disp.nii.gz", whole, world.moving)
    back = itk_files.read_l2r(tmp_path / "disp.nii.gz", world.fixed, world.moving)
    assert back.displacement_mm == pytest.approx(whole.displacement_mm, abs=1e-4)


@pytest.mark.parametrize("suffix", [".mat", ".txt"])
def test_an_ants_affine_with_a_centre_is_read(tmp_path, suffix):
    path = tmp_path / f"0GenericAffine{suffix}"
    theirs = sitk.AffineTransform(3)
    theirs.SetMatrix([1.1, 0.1, 0, -0.2, 0.9, 0.05, 0, 0.1, 1.2])
    theirs.SetTranslation([4, -3, 2])
    theirs.SetCenter([20, 30, -10])
    sitk.WriteTransform(theirs, str(path))
    point = np.array([[7.0, -8.0, 9.0]])
    expected = np.array(theirs.TransformPoint((point[0] * [-1, -1, 1]).tolist())) * [-1, -1, 1]
    assert map_points(itk_files.read_transform(path), point)[0] == pytest.approx(expected, abs=1e-9)


def test_rigid_transforms_and_translations_are_read_as_affine(tmp_path):
    for theirs in (sitk.Euler3DTransform((1, 2, 3), 0.1, 0.2, 0.3, (4, 5, 6)), sitk.TranslationTransform(3, (1, 2, 3))):
        sitk.WriteTransform(theirs, str(tmp_path / "t.tfm"))
        moved = map_points(itk_files.read_transform(tmp_path / "t.tfm"), np.array([[10.0, 20.0, 30.0]]))
        expected = np.array(theirs.TransformPoint((-10.0, -20.0, 30.0))) * [-1, -1, 1]
        assert moved[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_matrix_of_greedy_maps_ras_to_ras(tmp_path, ndim):
    matrix = np.eye(ndim + 1)
    matrix[0, 1], matrix[:-1, -1] = 0.2, np.arange(ndim) + 5
    np.savetxt(tmp_path / "affine.mat", matrix)
    (back,) = itk_files.read_transform(tmp_path / "affine.mat", ndim)
    assert np.array_equal(back.matrix, matrix)


def test_a_warp_that_itk_wrote_is_read(make_world, itk, tmp_path):
    world = make_world("thick slices")
    warp = world.chain[0]
    flipped = warp.displacement_mm * np.array([-1, -1, 1], np.float32)
    vector = sitk.Compose([itk.image(flipped[..., c], world.fixed) for c in range(3)])
    sitk.WriteImage(vector, str(tmp_path / "warp.nii.gz"))
    (back,) = itk_files.read_transform(tmp_path / "warp.nii.gz")
    assert back.displacement_mm == pytest.approx(warp.displacement_mm, abs=1e-6)
    assert back.grid.vox2ras == pytest.approx(warp.grid.vox2ras, abs=1e-4)


def save(path, values, name=""):
    image = nib.Nifti1Image(np.asarray(values, np.float32), np.eye(4))
    image.header.set_intent(1007, name=name)
    nib.save(image, path)


def write_bspline(path):
    sitk.WriteTransform(sitk.BSplineTransform(3), str(path))


def cut_short(path, writer):
    writer(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def write_nan(path):
    values = np.zeros((4, 4, 4, 1, 3))
    values[1, 2, 3] = np.nan
    save(path, values)


WARP = np.random.default_rng(0).normal(size=(9, 8, 7, 1, 3))
AFFINE = AffineTransform(np.eye(4))

BAD = {
    "missing.mat": (None, "no such file"),
    "empty.mat": (lambda p: p.write_bytes(b""), "damaged or no transform"),
    "noise.mat": (lambda p: p.write_bytes(bytes(range(256))), "damaged or no transform"),
    "short.mat": (lambda p: cut_short(p, lambda q: itk_files.write_affine(q, AFFINE)), "damaged or no transform"),
    "words.txt": (lambda p: p.write_text("rotate a little\n"), "damaged or no transform"),
    "singular.mat": (lambda p: p.write_text("1 0 0 0\n0 1 0 0\n0 0 0 0\n0 0 0 1\n"), "singular matrix"),
    "projective.mat": (
        lambda p: p.write_text("1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 1 1\n"),
        "not affine found",
    ),
    "nan.txt": (lambda p: p.write_text("1 0 nan\n0 1 0\n0 0 1\n"), "not affine found"),
    "bspline.tfm": (write_bspline, "BSplineTransform found; an affine or a displacement field expected"),
    "text.h5": (lambda p: p.write_text("not HDF5"), "not HDF5, or cut short"),
    "short.h5": (
        lambda p: cut_short(p, lambda q: itk_files.write_composite(q, (AFFINE,))),
        "not HDF5, or cut short",
    ),
    "short.nii.gz": (lambda p: cut_short(p, lambda q: save(q, WARP)), "damaged or no transform"),
    "text.nii.gz": (lambda p: p.write_bytes(gzip.compress(b"words")), "damaged or no transform"),
    "image.nii": (lambda p: save(p, np.ones((4, 4, 4))), r"array \(4, 4, 4\) found; a vector field"),
    "learn2reg.nii": (lambda p: save(p, np.ones((4, 4, 4, 3))), r"array \(4, 4, 4, 3\) found; a vector field"),
    "niftyreg.nii": (lambda p: save(p, WARP, "NREG_TRANS"), "a transform of NiftyReg"),
    "nan.nii": (write_nan, "displacements that are not finite"),
    "picture.png": (lambda p: p.write_bytes(b"png"), "suffix .png"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_transform_file_is_refused_in_one_line(tmp_path, name):
    write, text = BAD[name]
    if write is not None:
        write(tmp_path / name)
    with pytest.raises(InputError, match=text) as caught:
        itk_files.read_transform(tmp_path / name)
    assert caught.value.message.startswith(str(tmp_path / name))
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_transform_of_another_number_of_axes_is_refused(make_world, tmp_path):
    itk_files.write_warp(tmp_path / "w.nii.gz", make_world("2D").chain[0])
    with pytest.raises(InputError, match="a transform in 2D found; 3D, as the image, expected"):
        itk_files.read_transform(tmp_path / "w.nii.gz", 3)


def test_a_learn2reg_displacement_of_another_shape_is_refused(make_world, tmp_path):
    world = make_world("RAS")
    save(tmp_path / "disp.nii.gz", np.zeros((4, 5, 6, 3)))
    with pytest.raises(InputError, match=r"array \(4, 5, 6, 3\) found; \(22, 26, 20, 3\)"):
        itk_files.read_l2r(tmp_path / "disp.nii.gz", world.fixed, world.moving)
    with pytest.raises(InputError, match="no such file"):
        itk_files.read_l2r(tmp_path / "none.nii.gz", world.fixed, world.moving)


def test_a_place_that_cannot_be_written_to_is_a_resource_error(tmp_path):
    with pytest.raises(ResourceError, match="ITK cannot write here"):
        itk_files.write_affine(tmp_path / "nowhere" / "0GenericAffine.mat", AFFINE)
