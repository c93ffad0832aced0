"""The script that runs a baseline."""

from __future__ import annotations

import numpy as np

from vision_cli.register.evaluation import baseline_runner


def test_a_missing_package_ends_the_runner_with_its_own_status(monkeypatch, tmp_path, capsys):
    def lacking(*anything):
        raise ModuleNotFoundError("No module named 'x'", name="x")

    monkeypatch.setitem(baseline_runner.BASELINES, "greedy", lacking)
    assert baseline_runner.main(["greedy", "f", "m", str(tmp_path), "1"]) == baseline_runner.MISSING
    assert "no package x" in capsys.readouterr().err


def test_a_coarse_image_covers_the_same_box(tmp_path):
    import SimpleITK as sitk

    image = sitk.Image([40, 31, 10], sitk.sitkFloat32) + 1
    image.SetSpacing([1.0, 1.0, 5.0])
    image.SetOrigin([3.0, -4.0, 5.0])
    sitk.WriteImage(image, str(tmp_path / "fine.nii.gz"))
    coarse = sitk.ReadImage(str(baseline_runner._coarse(tmp_path / "fine.nii.gz", tmp_path / "coarse.nii.gz")))
    assert coarse.GetSize() == (20, 16, 10)
    for corner in ([-0.5] * 3, None):
        ends = [
            one.TransformContinuousIndexToPhysicalPoint(corner or [n - 0.5 for n in one.GetSize()])
            for one in (image, coarse)
        ]
        np.testing.assert_allclose(*ends, atol=1e-4)
