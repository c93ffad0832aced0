"""The bundled sample of the registration task: ``python -m vision_cli.phantoms.brains.sample DIR`` makes it."""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from vision_cli.core.runs.files import write_bytes, write_csv
from vision_cli.phantoms.arrays import Floats, Labels, Matrix
from vision_cli.phantoms.brains.brains import Difference, brain_pair
from vision_cli.phantoms.brains.pairs import PhantomPair

_SEED = 2407
_FIXED_PEAK, _MOVING_PEAK = 230.0, 150.0
"""Grey value of the brightest tissue: scanners do not agree on their units."""


def sample_pair() -> PhantomPair:
    """Generate the two heads of the sample, with the true map between them."""
    return brain_pair(_SEED, difference=Difference(shift_mm=6, angle_deg=8), moving_axcodes="LAS")


def write_sample(directory: Path) -> None:
    """Write the two heads of the sample, their labels and the names of the labels.

    Parameters
    ----------
    directory
        Where ``fixed.nii.gz``, ``moving.nii.gz``, ``fixed_labels.nii.gz``, ``moving_labels.nii.gz`` and
        ``labels.csv`` go; made if missing. Files of these names are replaced.
    """
    pair = sample_pair()
    directory.mkdir(parents=True, exist_ok=True)
    for name, image, labels, vox2ras, peak in (
        ("fixed", pair.fixed, pair.fixed_labels, pair.fixed_vox2ras, _FIXED_PEAK),
        ("moving", pair.moving, pair.moving_labels, pair.moving_vox2ras, _MOVING_PEAK),
    ):
        _write_nifti(directory / f"{name}.nii.gz", _grey_values(image, labels, peak), vox2ras)
        _write_nifti(directory / f"{name}_labels.nii.gz", labels, vox2ras)
    write_csv(directory / "labels.csv", ("label", "name"), sorted(pair.label_names.items()))


def _grey_values(image: Floats, labels: Labels, peak: float) -> Labels:
    """Quantise an image and take the noise out of the air around the head: it would be most of the file."""
    around_tissue = ndimage.binary_dilation(labels > 0)
    brightest = np.percentile(image[labels > 0], 99.5)
    return np.where(around_tissue, np.clip(np.rint(image * (peak / brightest)), 0, 255), 0).astype(np.uint8)


def _write_nifti(path: Path, data: Labels, vox2ras: Matrix) -> None:
    image = nib.Nifti1Image(data, vox2ras)
    image.header.set_xyzt_units("mm")
    image.set_qform(vox2ras, code="scanner")
    image.set_sform(vox2ras, code="scanner")
    # No time stamp: the same data give the same bytes.
    write_bytes(path, gzip.compress(image.to_bytes(), mtime=0))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the bundled sample of the registration task.")
    parser.add_argument("directory", type=Path, metavar="DIR")
    write_sample(parser.parse_args().directory)
