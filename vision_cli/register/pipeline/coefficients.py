"""The compact file of a registration, ``coeffs.npz``: affine and wavelet coefficients, from which both warps follow.

The coefficients are stored in half precision, so the displacements differ from those of the registration by about a
thousandth of their length.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from vision_cli.core.errors import InputError
from vision_cli.io.arrays import npz_headers, read_arrays
from vision_cli.register.optimisation.optimise import Settings, WaveletOptimiser
from vision_cli.register.pipeline.result import Registration
from vision_cli.register.transforms import fields
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import AffineTransform, DisplacementTransform, Transform, invert

_KINDS = ("displacement", "diffeo")


@dataclass(frozen=True)
class StoredRegistration:
    """The transforms of a compact file.

    Attributes
    ----------
    affine
        Fixed RAS mm -> moving RAS mm.
    warp, inverse_warp
        Displacements on the grid of the fixed image, see `Registration`.
    """

    affine: AffineTransform
    warp: DisplacementTransform
    inverse_warp: DisplacementTransform

    @property
    def chain(self) -> tuple[Transform, ...]:
        """Transforms from fixed to moving points."""
        return self.warp, self.affine

    @property
    def inverse_chain(self) -> tuple[Transform, ...]:
        """Transforms from moving to fixed points."""
        return invert(self.affine), self.inverse_warp


def coefficients_bytes(found: Registration) -> bytes:
    """Return the content of the compact file of a registration with a warp."""
    assert found.warp is not None
    buffer = io.BytesIO()
    arrays = {f"level_{n}": values.astype(np.float16) for n, values in enumerate(found.coefficients)}
    np.savez_compressed(
        buffer,
        matrix=found.affine.matrix,
        grid_shape=np.asarray(found.work_grid.shape),
        vox2ras=found.work_grid.vox2ras,
        fixed_shape=np.asarray(found.warp.grid.shape),
        fixed_vox2ras=found.warp.grid.vox2ras,
        kind=np.asarray(_KINDS.index(found.kind)),
        wavelet=np.frombuffer(found.wavelet.encode("ascii"), np.uint8),
        **arrays,  # type: ignore[arg-type]
    )
    return buffer.getvalue()


def read_coefficients(path: Path) -> StoredRegistration:
    """Read the transforms of a compact file.

    Raises
    ------
    InputError
        If the file is missing or damaged, or no ``coeffs.npz`` of this version.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; coefficients of a registration expected.", hint="Check the path.")
    try:
        stored = read_arrays(path, npz_headers(path))
        work, fixed = (
            Grid(tuple(int(n) for n in stored[shape]), np.asarray(stored[matrix], dtype=np.float64))
            for shape, matrix in (("grid_shape", "vox2ras"), ("fixed_shape", "fixed_vox2ras"))
        )
        settings = Settings(
            kind=_KINDS[int(stored["kind"])],  # type: ignore[arg-type]
            wavelet=stored["wavelet"].astype(np.uint8).tobytes().decode("ascii"),
        )
        # Only the parametrisation is used; the images take no memory.
        images = torch.zeros(()).expand(work.shape)
        optimiser = WaveletOptimiser(images, images, work, settings)
        levels = [torch.from_numpy(stored[f"level_{n}"].astype(np.float32)) for n in range(optimiser.pyramid.depth + 1)]
        expected = [tuple(optimiser.pyramid.zeros(n).shape) for n in range(len(levels))]
        if [tuple(level.shape) for level in levels] != expected:
            raise ValueError("coefficients that do not fit their grid")
        matrix = np.asarray(stored["matrix"], dtype=np.float64)
        if matrix.shape != (work.ndim + 1, work.ndim + 1) or not np.isfinite(matrix).all():
            raise ValueError("no affine matrix")
    except (OSError, ValueError, KeyError, IndexError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: damaged, or no coefficients of a registration ({error}); a coeffs.npz expected.",
            hint="Copy the file again, or register the pair again with this version.",
        ) from error
    optimiser.state.coefficients = levels
    with torch.no_grad():
        forward_voxels = optimiser.displacement_voxels()
        inverse_voxels = optimiser.inverse_displacement_voxels(forward_voxels)
        warp, inverse = (
            DisplacementTransform(fields.in_mm(fields.transfer(voxels, work, fixed), fixed).numpy(), fixed)
            for voxels in (forward_voxels, inverse_voxels)
        )
    return StoredRegistration(AffineTransform(matrix), warp, inverse)
