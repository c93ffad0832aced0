"""A script that runs one baseline in the baseline's own environment; it does not import this package.

``baseline_runner.py NAME FIXED MOVING OUTDIR THREADS`` registers with a baseline, including its affine alignment, and
writes ``transforms.json`` into OUTDIR: the files of the whole map and of its affine, in the order in which they are
applied to fixed points. ``baseline_runner.py apply-ants FIXED MOVING RUNDIR`` applies the transform files of a run of
this program with ANTs and prints the greatest difference from its ``Warped.nii.gz``, in % of its range.

The exit status is 4 if a package is not installed.
"""

# The packages of the baselines are not those of this project.
# mypy: disable-error-code="import-not-found, import-untyped"

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MISSING = 4
COARSE_MM = 2.0
# ANTs treats existing files with its output prefix as its own.
ANTS_PREFIX = "ants_"


def greedy(fixed: Path, moving: Path, out: Path, threads: int) -> None:
    """Run greedy at full resolution: an affine and a deformable registration, both with local correlation."""
    from picsl_greedy import Greedy3D

    # A command of greedy is one string without quoting, so names must not contain blanks.
    os.chdir(out)
    names = [_short_name("fixed", fixed), _short_name("moving", moving)]
    # Without a seed the sample points differ from run to run.
    images = f"-d 3 -i {names[0]} {names[1]} -m NCC 2x2x2 -n 100x50x10 -threads {threads} -seed 1"
    program = Greedy3D()
    program.execute(f"{images} -a -dof 12 -ia-image-centers -o affine.mat")
    program.execute(f"{images} -it affine.mat -o warp.nii.gz")
    _write_transform_list(out, ["warp.nii.gz", "affine.mat"], ["affine.mat"])


def greedy_2mm(fixed: Path, moving: Path, out: Path, threads: int) -> None:
    """Run greedy on images of 2 mm; its transforms are in mm and apply at any resolution."""
    greedy(_coarse(fixed, out / "fixed_2mm.nii.gz"), _coarse(moving, out / "moving_2mm.nii.gz"), out, threads)


def ants_syn(fixed: Path, moving: Path, out: Path, threads: int) -> None:
    """Run ANTs' SyN with its default metric, mutual information, at 2 mm."""
    _ants(fixed, moving, out)


def ants_syncc(fixed: Path, moving: Path, out: Path, threads: int) -> None:
    """Run ANTs' SyN with local correlation of radius 2, at 2 mm."""
    _ants(fixed, moving, out, syn_metric="CC", syn_sampling=2, reg_iterations=(40, 30, 6))


def convexadam(fixed: Path, moving: Path, out: Path, threads: int) -> None:
    """Run ConvexAdam at 2 mm after the affine of ANTs, because it needs both images on one grid."""
    import ants
    import nibabel as nib
    import numpy as np
    import torch
    from convexAdam.convex_adam_MIND import convex_adam_pt

    torch.set_num_threads(threads)
    target, source = _read_coarse_ants(fixed, out), _read_coarse_ants(moving, out)
    linear = ants.registration(target, source, type_of_transform="Affine", outprefix=str(out / ANTS_PREFIX))
    aligned = linear["warpedmovout"]
    displacement_voxels = convex_adam_pt(
        target.numpy(), aligned.numpy(), device=torch.device("cpu"), dtype=torch.float32
    )
    axes = np.asarray(target.direction) * np.asarray(target.spacing)
    to_lps = np.eye(4)
    to_lps[:3, :3], to_lps[:3, 3] = axes, target.origin
    displacement_mm = (displacement_voxels @ axes.T).astype(np.float32)[..., None, :]
    image = nib.Nifti1Image(displacement_mm, np.diag([-1.0, -1.0, 1.0, 1.0]) @ to_lps)
    image.header.set_intent("vector")
    nib.save(image, out / "warp.nii.gz")
    affine = [Path(name).name for name in linear["fwdtransforms"]]
    _write_transform_list(out, ["warp.nii.gz", *affine], affine)


def apply_ants(fixed: Path, moving: Path, ours: Path) -> None:
    """Apply our transform files with ANTs; print the greatest difference from our warped image in % of its range."""
    import ants
    import nibabel as nib
    import numpy as np

    files = [str(ours / name) for name in ("1Warp.nii.gz", "0GenericAffine.mat")]
    theirs = ants.apply_transforms(ants.image_read(str(fixed)), ants.image_read(str(moving)), files).numpy()
    stored: Any = nib.load(ours / "Warped.nii.gz")
    warped = np.asarray(stored.dataobj, dtype=np.float64)
    # Integers on disk differ by up to half a grey level from the computed values.
    whole = np.issubdtype(stored.get_data_dtype(), np.integer)
    rounding = 0.5 * abs(stored.header.get_slope_inter()[0] or 1.0) if whole else 0.0
    difference = np.maximum(np.abs(theirs - warped) - rounding, 0.0).max()
    print(json.dumps({"difference_pct": 100.0 * float(difference) / max(float(np.ptp(warped)), 1e-12)}))


def _ants(fixed: Path, moving: Path, out: Path, **options: Any) -> None:
    import ants

    found = ants.registration(
        _read_coarse_ants(fixed, out),
        _read_coarse_ants(moving, out),
        type_of_transform="SyN",
        outprefix=str(out / ANTS_PREFIX),
        **options,
    )
    files = [Path(name).name for name in found["fwdtransforms"]]
    _write_transform_list(out, files, [name for name in files if name.endswith(".mat")])


def _read_coarse_ants(path: Path, out: Path) -> Any:
    import ants

    return ants.image_read(str(_coarse(path, out / f"coarse_{len(list(out.iterdir()))}.nii.gz")))


def _coarse(path: Path, target: Path) -> Path:
    """Blur and resample an image to voxels of 2 mm; coarser axes stay unchanged."""
    import SimpleITK as sitk

    image = sitk.ReadImage(str(path), sitk.sitkFloat32)
    old = image.GetSpacing()
    new = [max(step, COARSE_MM) for step in old]
    shape = [max(1, round(n * a / b)) for n, a, b in zip(image.GetSize(), old, new, strict=True)]
    # Half of the new voxel size, minus the blur of the old voxels, in quadrature.
    widths = [0.5 * (b**2 - a**2) ** 0.5 for a, b in zip(old, new, strict=True)]
    if any(widths):
        image = sitk.DiscreteGaussian(image, [width**2 for width in widths])
    # Both grids cover the same box between the outer faces of their voxels.
    corner = image.TransformContinuousIndexToPhysicalPoint(
        [0.5 * (n * a / m) / a - 0.5 for n, a, m in zip(image.GetSize(), old, shape, strict=True)]
    )
    spacing = [n * a / m for n, a, m in zip(image.GetSize(), old, shape, strict=True)]
    identity = sitk.Transform(3, sitk.sitkIdentity)
    coarse = sitk.Resample(image, shape, identity, sitk.sitkLinear, corner, spacing, image.GetDirection(), 0.0)
    sitk.WriteImage(coarse, str(target))
    return target


def _short_name(role: str, path: Path) -> str:
    link = Path(role + path.name[path.name.find(".") :])
    link.symlink_to(path)
    return link.name


def _write_transform_list(out: Path, chain: list[str], affine: list[str]) -> None:
    (out / "transforms.json").write_text(json.dumps({"chain": chain, "affine": affine}), encoding="utf-8")


BASELINES: dict[str, Callable[[Path, Path, Path, int], None]] = {
    "greedy": greedy,
    "greedy-2mm": greedy_2mm,
    "ants-syn": ants_syn,
    "ants-syncc": ants_syncc,
    "convexadam": convexadam,
}


def main(words: list[str]) -> int:
    """Run the command line; return the exit status."""
    try:
        fixed, moving, out = (Path(word).resolve() for word in words[1:4])
        if words[0] == "apply-ants":
            apply_ants(fixed, moving, out)
        else:
            BASELINES[words[0]](fixed, moving, out, int(words[4]))
    except ModuleNotFoundError as error:
        print(f"{words[0]}: the environment has no package {error.name}", file=sys.stderr)
        return MISSING
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
