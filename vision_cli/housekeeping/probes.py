"""What `vcli doctor` tries out in a process of its own, so that a library that crashes is a finding.

Called as ``python -m vision_cli.housekeeping.probes torch|formats|import NAME``; writes one JSON document.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from pathlib import Path


def probe_torch() -> dict[str, object]:
    """Return what torch finds: its build, its devices, and whether the CPU computes."""
    import torch

    devices = [
        f"cuda:{index} {torch.cuda.get_device_name(index)}, "
        f"{torch.cuda.get_device_properties(index).total_memory / 2**30:.0f} GiB"
        for index in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        devices.append("mps")
    torch.ones(2, 2) @ torch.ones(2, 2)
    return {"version": torch.__version__, "built_for": torch.version.cuda or "cpu", "devices": devices}


_FORMATS = {
    "NIfTI": ".nii.gz",
    "MetaImage": ".mha",
    "NRRD": ".nrrd",
    "PNG": ".png",
    "TIFF": ".tif",
    "DICOM": ".dcm",
}


def probe_formats() -> dict[str, object]:
    """Return, by kind of file, None if a small one is written and read back the same, else the fault."""
    results: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as directory:
        for kind, suffix in _FORMATS.items():
            path = Path(directory) / f"probe{suffix}"
            try:
                same = _same_slice(path) if kind == "DICOM" else _same_volume(path)
                results[kind] = None if same else "read back with other values"
            # Whatever a library raises is what the doctor reports.
            except Exception as error:
                results[kind] = f"{type(error).__name__}: {error}"
    return results


def _same_volume(path: Path) -> bool:
    import numpy as np

    from vision_cli.io.volumes import read_volume, write_volume

    shape = (5, 4) if path.suffix in {".png", ".tif"} else (5, 4, 3)
    values = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    write_volume(path, values, np.eye(len(shape) + 1), dtype=np.dtype(np.uint8))
    return np.array_equal(read_volume(path).data, values)


def _same_slice(path: Path) -> bool:
    import numpy as np
    import SimpleITK as sitk

    values = np.arange(20, dtype=np.uint16).reshape(1, 4, 5)
    sitk.WriteImage(sitk.GetImageFromArray(values), str(path))
    return np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), values)


def probe_import(name: str) -> dict[str, object]:
    """Return how long a module takes to import, in seconds."""
    started = time.perf_counter()
    importlib.import_module(name)
    return {"seconds": time.perf_counter() - started}


def main(arguments: list[str]) -> None:
    """Run one probe and write its result to stdout."""
    match arguments:
        case ["torch"]:
            result = probe_torch()
        case ["formats"]:
            result = probe_formats()
        case ["import", name]:
            result = probe_import(name)
        case _:
            raise SystemExit(f"probes: {arguments} found; torch, formats or import NAME expected.")
    # Libraries print while they load; the result is the last line.
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
