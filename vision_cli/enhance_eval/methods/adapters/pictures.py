"""Pictures that methods of others read and write: RGB, any 8- or 16-bit file that OpenCV reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.values import Picture
from vision_cli.io.pictures.headers import require_picture_room
from vision_cli.io.volumes.pictures import is_cut_short

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})


def picture_files(folder: Path) -> list[Path]:
    """Return the pictures of a folder and the folders in it, by their paths."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())


def read_rgb(path: Path) -> Picture:
    """Return a picture as ``(H, W, 3)`` in [0, 1]; grey becomes three equal channels, alpha is left out.

    Raises
    ------
    InputError
        If it is damaged, or of a type other than 8 or 16 bits.
    InputTooLarge
        If it does not fit into memory.
    """
    import cv2

    content = path.read_bytes()
    require_picture_room(path, content)
    pixels = None
    if not is_cut_short(content):
        # ANY_DEPTH keeps 16 bits; COLOR makes BGR of grey, palettes and alpha.
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if pixels is None:
        raise InputError(f"{path}: damaged or cut short; a picture expected.", hint="Write the file again.")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{path}: pixels of {pixels.dtype}; 8 or 16 bits expected.", hint="Save it as PNG.")
    white = np.float32(255 if pixels.dtype == np.uint8 else 65535)
    return np.ascontiguousarray(pixels[..., ::-1] / white, dtype=np.float32)


def write_png(path: Path, picture: Picture) -> None:
    """Write a picture with 8 bits."""
    import cv2

    pixels = np.rint(255 * picture).astype(np.uint8)[..., ::-1]
    _, packed = cv2.imencode(".png", np.ascontiguousarray(pixels), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    path.write_bytes(packed.tobytes())
