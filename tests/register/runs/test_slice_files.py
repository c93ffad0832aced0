"""Files of one slice are registered, and the outputs have the grid and the axes of the fixed file."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest

from tests.register.conftest import run
from vision_cli.phantoms.brains.brains import slice_pair


@pytest.mark.parametrize("axis", [1, 2])
def test_the_outputs_of_slices_lie_where_the_fixed_slice_lies(tmp_path, axis, itk, capfd):
    import SimpleITK as sitk

    pair = slice_pair(9, (36, 40), (5.0, 5.0))
    for side in ("fixed", "moving"):
        flat = getattr(pair, f"{side}_vox2ras")
        world = [n for n in range(3) if n != axis]
        vox2ras = np.eye(4)
        vox2ras[axis, axis] = 6.0
        vox2ras[np.ix_([*world, 3], [*world, 3])] = flat
        vox2ras[axis, 3] = 12.0
        for kind, values in (("", getattr(pair, side)), ("_label", getattr(pair, f"{side}_labels"))):
            image = nib.Nifti1Image(np.expand_dims(values, axis), vox2ras, dtype=values.dtype)
            nib.save(image, tmp_path / f"{side}{kind}.nii.gz")
    fixed, moving, out = tmp_path / "fixed.nii.gz", tmp_path / "moving.nii.gz", tmp_path / "out"
    labels = ("--fixed-label", tmp_path / "fixed_label.nii.gz", "--moving-label", tmp_path / "moving_label.nii.gz")
    assert run(fixed, moving, *labels, "--iters", "8,8", "--threads", 1, "--no-pictures", "-o", out) == 0
    expected = nib.load(fixed)
    for name in ("Warped", "LabelsWarped", "logJacobian", "InverseWarped", "1Warp"):
        written = nib.load(out / f"{name}.nii.gz")
        assert written.shape[:3] == expected.shape, name
        np.testing.assert_allclose(written.affine, expected.affine, atol=1e-5)
    ours = np.asarray(nib.load(out / "Warped.nii.gz").dataobj)
    assert np.abs(ours - np.asarray(nib.load(moving).dataobj)).mean() > 1e-3 * np.ptp(ours)
    transform = sitk.ReadTransform(str(out / "composite.h5"))
    images = [sitk.ReadImage(str(path)) for path in (moving, fixed)]
    theirs = sitk.GetArrayFromImage(sitk.Resample(images[0], images[1], transform, sitk.sitkLinear, 0.0)).T
    np.testing.assert_allclose(theirs, ours, atol=2e-3 * np.ptp(ours))
    capfd.readouterr()
    metrics = json.loads((out / "metrics.json").read_text())
    assert run("evaluate", *labels, "-t", out / "composite.h5", "--json") == 0
    assert json.loads(capfd.readouterr().out)["dice_mean"] == pytest.approx(metrics["dice_mean"], abs=2e-3)
    for transform_words in (("-t", out / "composite.h5"), ("-t", out / "coeffs.npz")):
        target = tmp_path / f"{transform_words[1].stem}.nii.gz"
        assert run("apply", "-i", moving, "-r", fixed, *transform_words, "-o", target) == 0
        np.testing.assert_allclose(
            np.asarray(nib.load(target).dataobj).reshape(ours.shape), ours, atol=0.01 * np.ptp(ours)
        )
