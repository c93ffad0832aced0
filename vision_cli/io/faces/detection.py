"""Face detection in single pictures, by Haar or LBP cascades or by YuNet.

Pictures are reduced to at most 320 pixels along their longer side before the detector sees them. The boxes of all
detectors are shifted and scaled to the box that OpenCV's Haar cascade would draw, so that a crop does not depend on the
detector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import MissingError
from vision_cli.io.videos.videos import Pixels

DetectorKind = Literal["haar", "lbp", "yunet"]
"""A face detector; see `FaceDetector`."""

Box: TypeAlias = NDArray[np.float64]
"""``(4,)``: left, top, width, height in pixels."""

_LONGEST_SIDE = 320
_SMALLEST_SHARE, _SMALLEST_SIDE = 0.12, 24
_SIZE_CHANGE = (0.6, 1.6)
"""Smallest and largest size of a known face in the next picture, as a share of its last size."""

_TURNS_DEG = (-20.0, 20.0)
_TO_HAAR_BOX: dict[DetectorKind, tuple[float, float, float]] = {
    "haar": (0.0, 0.0, 1.0),
    "lbp": (0.0, 0.02, 1.05),
    "yunet": (0.0, 0.08, 1.15),
}
"""Shift to the right and down, as shares of width and height, and scale from a detector's box to that of ``haar``."""


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture.

    Attributes
    ----------
    box
        ``(4,)`` left, top, width and height in pixels; square.
    landmarks
        ``(5, 2)`` x and y in pixels of the right eye, left eye, nose tip, right and left corner of the mouth, where
        right and left are the person's own. None for cascades, which find boxes only.
    """

    box: Box
    landmarks: NDArray[np.float64] | None = None


class FaceDetector:
    """Find faces in single pictures.

    Parameters
    ----------
    kind
        ``haar`` is OpenCV's frontal cascade, with scikit-image's LBP cascade where it finds nothing; ``lbp`` is the
        LBP cascade only; ``yunet`` is a model file of OpenCV's model zoo.
    model
        ONNX file of ``yunet``; ignored by the cascades, whose files come with their libraries.

    Raises
    ------
    MissingError
        If ``yunet`` has no model file, or OpenCV cannot read it.
    """

    def __init__(self, kind: DetectorKind, model: Path | None = None) -> None:
        self.kind = kind
        self._detect: Callable[[Pixels, tuple[int, int]], NDArray[np.float64]]
        if kind == "yunet":
            if model is None or not model.is_file():
                found = "no file given" if model is None else f"{model}: no such file"
                raise MissingError(
                    f"yunet: {found}; the file of the model expected.",
                    hint="Give --face-model face_detection_yunet.onnx, of OpenCV's zoo, or choose the detector haar.",
                )
            self._detect = _YuNet(model)
        elif kind == "lbp":
            self._detect = _Lbp()
        else:
            self._detect = _Haar()

    def __call__(self, pixels: Pixels, known: Sequence[Box] = ()) -> list[Face]:
        """Return the faces of a picture, largest first.

        Parameters
        ----------
        pixels
            ``(H, W, 3)`` uint8 in red, green and blue.
        known
            Boxes of the faces in a picture shortly before. Faces of about their sizes are searched for first; other
            sizes are searched only if fewer faces are found than are known.
        """
        import cv2

        scale = min(1.0, _LONGEST_SIDE / max(pixels.shape[:2]))
        small = pixels
        if scale < 1:
            size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
            small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        shortest = min(small.shape[:2])
        least, most = max(int(_SMALLEST_SHARE * shortest), _SMALLEST_SIDE), shortest
        size_ranges = [(least, most)]
        # YuNet searches all sizes at once.
        if known and self.kind != "yunet":
            sides = [box[2] / _TO_HAAR_BOX[self.kind][2] * scale for box in known]
            near = (max(least, int(_SIZE_CHANGE[0] * min(sides))), min(most, int(_SIZE_CHANGE[1] * max(sides))))
            size_ranges = [near, *size_ranges]
        for size_range in size_ranges:
            found = self._detect(small, size_range)
            if len(found) >= len(known):
                break
        faces = [self._face(row) for row in found / scale]
        return sorted(faces, key=lambda face: -face.box[2])

    def _face(self, row: NDArray[np.float64]) -> Face:
        """Return the face of a detection: its box, then x and y of its landmarks if the detector has any."""
        right, down, wider = _TO_HAAR_BOX[self.kind]
        x, y, w, h = row[:4]
        side = wider * max(w, h)
        cx, cy = x + w / 2 + right * w, y + h / 2 + down * h
        box = np.array([cx - side / 2, cy - side / 2, side, side])
        return Face(box, row[4:].reshape(-1, 2) if len(row) > 4 else None)


class _Haar:
    """OpenCV's frontal cascade; where it finds nothing, the picture rotated by 20 degrees, then the LBP cascade."""

    def __init__(self) -> None:
        import cv2

        self._cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")  # type: ignore[attr-defined]
        self._lbp: _Lbp | None = None

    def __call__(self, pixels: Pixels, sides: tuple[int, int]) -> NDArray[np.float64]:
        import cv2

        gray = _gray(pixels)
        least, most = sides

        def detect(image: Any) -> NDArray[np.float64]:
            found = self._cascade.detectMultiScale(image, 1.1, 4, minSize=(least, least), maxSize=(most, most))
            return np.asarray(found, dtype=np.float64).reshape(-1, 4)

        found = detect(gray)
        if len(found):
            return found
        centre = (gray.shape[1] / 2, gray.shape[0] / 2)
        for turn in _TURNS_DEG:
            matrix = cv2.getRotationMatrix2D(centre, turn, 1.0)
            found = detect(cv2.warpAffine(gray, matrix, gray.shape[::-1]))
            if len(found):
                back = cv2.invertAffineTransform(matrix)
                centres = (found[:, :2] + found[:, 2:] / 2) @ back[:, :2].T + back[:, 2]
                return np.concatenate([centres - found[:, 2:] / 2, found[:, 2:]], axis=1)
        self._lbp = self._lbp or _Lbp()
        return self._lbp(pixels, sides)


class _Lbp:
    """scikit-image's LBP cascade, run by its own detector because OpenCV's does not read the file."""

    def __init__(self) -> None:
        from skimage import data
        from skimage.feature import Cascade

        self._cascade = Cascade(data.lbp_frontal_face_cascade_filename())

    def __call__(self, pixels: Pixels, sides: tuple[int, int]) -> NDArray[np.float64]:
        least, most = sides
        found = self._cascade.detect_multi_scale(
            img=_gray(pixels), scale_factor=1.15, step_ratio=1, min_size=(least, least), max_size=(most, most)
        )
        boxes = [(one["c"], one["r"], one["width"], one["height"]) for one in found]
        return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)


class _YuNet:
    """OpenCV's YuNet: boxes and five landmarks, ``(N, 14)``."""

    def __init__(self, model: Path) -> None:
        import cv2

        try:
            self._network = cv2.FaceDetectorYN.create(str(model), "", (320, 320))
        except cv2.error as error:
            raise MissingError(
                f"{model}: OpenCV cannot read this model; YuNet's ONNX file expected.",
                hint="Choose the detector haar.",
            ) from error

    def __call__(self, pixels: Pixels, sides: tuple[int, int]) -> NDArray[np.float64]:
        self._network.setInputSize((pixels.shape[1], pixels.shape[0]))
        _, found = self._network.detect(np.ascontiguousarray(pixels[..., ::-1]))
        # The last column is the score.
        return np.zeros((0, 14)) if found is None else np.asarray(found[:, :14], dtype=np.float64)


def _gray(pixels: Pixels) -> Any:
    import cv2

    # Cascades compare brightness; equalisation restores the contrast that dark rooms lack.
    return cv2.equalizeHist(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
