"""What a camera makes of radiance: blur, noise, encoding, grey pictures and compression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vision_cli.io.pictures.luma import luma32
from vision_cli.phantoms.arrays import Floats, Labels
from vision_cli.phantoms.faces.rig.parameters import Camera, FaceParameters
from vision_cli.phantoms.faces.surroundings import encode_srgb

_BLOCK = 8


def develop(radiance: Tensor, faces: Sequence[FaceParameters]) -> Labels:
    """Make pixels of linear radiance ``(B, 3, size, size)``; return ``(B, size, size, 3)``."""
    size = radiance.shape[-1]
    blurred = torch.cat([_blurred(radiance[k : k + 1], face.camera, size) for k, face in enumerate(faces)])
    linear = blurred.permute(0, 2, 3, 1).cpu().numpy()
    return np.stack([_developed(picture, face) for picture, face in zip(linear, faces, strict=True)])


def _blurred(radiance: Tensor, camera: Camera, size: int) -> Tensor:
    sigma = camera.blur * size / 1000
    if sigma < 0.2:
        return radiance
    reach = int(np.ceil(2.5 * sigma))
    places = torch.arange(-reach, reach + 1, device=radiance.device, dtype=radiance.dtype)
    kernel = torch.exp(-0.5 * (places / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, 1, -1)
    padded = functional.pad(radiance, (reach, reach, reach, reach), mode="replicate")
    return functional.conv2d(functional.conv2d(padded, kernel, groups=3), kernel.transpose(2, 3), groups=3)


def _developed(picture: Floats, face: FaceParameters) -> Labels:
    camera = face.camera
    pixels = encode_srgb(_exposed(picture * np.float32(camera.exposure)), gamma=camera.gamma)
    if not (camera.noise or camera.is_grey or camera.jpeg):
        return pixels
    values = pixels.astype(np.float32)
    if camera.noise:
        rng = np.random.default_rng((face.seed, 3))
        values += 255 * camera.noise * rng.standard_normal(values.shape, dtype=np.float32)
    if camera.is_grey:
        values = np.repeat(luma32(values)[..., None], 3, axis=2)
    pixels = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return _compressed(pixels, camera.jpeg) if camera.jpeg else pixels


def _exposed(picture: Floats) -> Floats:
    # A shoulder keeps highlights from clipping hard.
    return np.asarray(picture / (1 + 0.12 * picture), np.float32)


def _compressed(pixels: Labels, quality: int) -> Labels:
    import cv2

    _, written = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    read = cv2.imdecode(written, cv2.IMREAD_COLOR)
    return np.asarray(read, dtype=np.uint8)[..., ::-1].copy()
