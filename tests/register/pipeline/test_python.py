"""Registration from Python."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.phantoms.brains.brains import slice_pair
from vision_cli.register import RegistrationOptions, register, warp
from vision_cli.register.pipeline.python import as_volume

OPTIONS = RegistrationOptions(method="optimize", iterations=(4,))


def test_arrays_and_files_give_the_same_registration_with_a_short_repr(tmp_path):
    pair = slice_pair(4, (36, 40), (5.0, 5.0))
    for side in ("fixed", "moving"):
        write_volume(tmp_path / f"{side}.nii.gz", getattr(pair, side), getattr(pair, f"{side}_vox2ras"))
    arrays = (pair.fixed, pair.fixed_vox2ras), (pair.moving, pair.moving_vox2ras)
    found = register(*arrays, OPTIONS, threads=1)
    read = register(tmp_path / "fixed.nii.gz", str(tmp_path / "moving.nii.gz"), OPTIONS, threads=1)
    np.testing.assert_allclose(found.warp.displacement_mm, read.warp.displacement_mm, atol=0.02)
    warped = warp(found, arrays[1], arrays[0])
    assert warped.shape == pair.fixed.shape
    before, after = (np.abs(image - pair.fixed).mean() for image in (pair.moving, warped))
    assert after < before
    assert len(repr(found)) < 250
    assert "local correlation" in repr(found)
    assert len(repr(found.warp)) < 80
    assert len(repr(as_volume(arrays[0], "fixed"))) < 120


def test_arrays_that_cannot_be_used_are_refused_by_their_role():
    image = np.arange(60.0).reshape(3, 4, 5)
    with pytest.raises(InputError, match="moving: 2D found; 3D, as the fixed image"):
        register(image, image[0])
    with pytest.raises(InputError, match=r"fixed: an array \(3, 4, 5\) with a matrix \(3, 3\) found"):
        register((image, np.eye(3)), image)
    with pytest.raises(InputError, match="moving: every voxel is 1"):
        register(image, np.ones((3, 4, 5)))


def test_the_names_of_the_package_are_imported_when_asked_for():
    code = "import sys, vision_cli.register as r; assert 'torch' not in sys.modules; print(r.__all__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "register" in done.stdout
