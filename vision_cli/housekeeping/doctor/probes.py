"""What `vcli doctor` tries out in a process of its own, so that a library that crashes is a finding.

Called as ``python -m vision_cli.housekeeping.doctor.probes torch|formats|codecs|import NAME``; writes one JSON
document.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    "MP4": ".mp4",
    "PLY": ".ply",
    "PCD": ".pcd",
}

_CODECS = {"H.264": "h264", "HEVC": "hevc", "MPEG-4": "mpeg4", "VP9": "vp9", "AV1": "av1"}
_FRAMES, _SIDE = 6, 64
# What these codecs leave of a smooth picture at a low quantiser is off by less than 3 of 255.
_GREATEST_ERROR = 8.0


def probe_formats() -> dict[str, object]:
    """Return, by kind of file, None if a small one is written and read back the same, else the fault."""
    results: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as directory:
        for kind, suffix in _FORMATS.items():
            path = Path(directory) / f"probe{suffix}"
            try:
                same = _CHECKS.get(kind, _same_volume)(path)
                results[kind] = None if same else "read back with other values"
            # Whatever a library raises is what the doctor reports.
            except Exception as error:
                results[kind] = f"{type(error).__name__}: {error}"
    return results


def _same_volume(path: Path) -> bool:
    import numpy as np

    from vision_cli.io.volumes.volumes import read_volume, write_volume

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


def _same_video(path: Path) -> bool:
    import numpy as np

    from vision_cli.io.videos.videos import VideoReader, VideoWriter

    frames = _smooth_frames()
    with VideoWriter(path, (_SIDE, _SIDE), codec="mpeg4", fps=25.0) as writer:
        for frame in frames:
            writer.write(frame)
    with VideoReader(path) as reader:
        read = np.stack([frame.pixels for frame in reader])
    return read.shape == frames.shape and _error(read, frames) < _GREATEST_ERROR


def _same_points(path: Path) -> bool:
    import numpy as np

    from vision_cli.io.points.clouds import read_points, write_ply
    from vision_cli.io.points.pcd import write_pcd

    points = np.arange(30, dtype=np.float64).reshape(10, 3) / 8
    (write_ply if path.suffix == ".ply" else write_pcd)(path, points)
    return np.array_equal(read_points(path).points, points)


_CHECKS: Mapping[str, Callable[[Path], bool]] = {
    "DICOM": _same_slice,
    "MP4": _same_video,
    "PLY": _same_points,
    "PCD": _same_points,
}


def probe_codecs() -> dict[str, object]:
    """Return, by codec of video, None if frames that were encoded are decoded again, else what is in the way."""
    import av

    from vision_cli.io.videos.videos import encode_and_decode

    frames = _smooth_frames()
    results: dict[str, object] = {}
    for kind, codec in _CODECS.items():
        try:
            av.codec.Codec(codec, "r")
        except ValueError:
            results[kind] = "no decoder"
            continue
        try:
            decoded = encode_and_decode(frames, codec, fps=25.0, quantiser=4)
        # Not every build that reads a codec can write it, or with these settings.
        except Exception as error:
            results[kind] = f"not tried, as nothing was encoded ({type(error).__name__})"
            continue
        same = decoded.shape == frames.shape and _error(decoded, frames) < _GREATEST_ERROR
        results[kind] = None if same else "decoded with other values"
    return results


def _smooth_frames() -> NDArray[np.uint8]:
    """Return ``(T, H, W, 3)``, shading that moves from frame to frame."""
    import numpy as np

    time_, row, column = np.mgrid[:_FRAMES, :_SIDE, :_SIDE]
    shades = 128 + 60 * np.sin((row + column + 4 * time_) / 12)
    return np.repeat(shades[..., None], 3, axis=-1).astype(np.uint8)


def _error(read: NDArray[np.uint8], written: NDArray[np.uint8]) -> float:
    import numpy as np

    return float(np.abs(read.astype(np.int16) - written).mean())


def probe_import(name: str) -> dict[str, object]:
    """Return how long a module takes to import, in seconds."""
    started = time.perf_counter()
    if name == "open3d":
        from vision_cli.core.errors import MissingError
        from vision_cli.io.points.clouds import import_open3d

        try:
            import_open3d()
        except MissingError as error:
            raise SystemExit(f"{error.message} {error.hint}") from error
    else:
        importlib.import_module(name)
    return {"seconds": time.perf_counter() - started}


def main(arguments: list[str]) -> None:
    """Run one probe and write its result to stdout."""
    match arguments:
        case ["torch"]:
            result = probe_torch()
        case ["formats"]:
            result = probe_formats()
        case ["codecs"]:
            result = probe_codecs()
        case ["import", name]:
            result = probe_import(name)
        case _:
            raise SystemExit(f"probes: {arguments} found; torch, formats, codecs or import NAME expected.")
    # Libraries print while they load; the result is the last line.
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
