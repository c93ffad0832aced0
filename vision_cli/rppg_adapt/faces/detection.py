"""Where the faces are: detection every few frames, tracks between.

A detector looks at a small picture ten times slower than the camera; between two looks a box moves on a line. Boxes
follow a face only when it has moved by more than a detector trembles, because a trembling crop looks like a pulse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import MissingError
from vision_cli.io.videos.videos import Pixels
from vision_cli.rppg_adapt.options import Detector, FaceFinding

Box: TypeAlias = NDArray[np.float64]
"""``(4,)``: left, top, width, height in pixels."""

DETECTION_S = 1 / 3
LONGEST_GAP_S = 0.5

_LONGEST_SIDE = 320
_SMALLEST_SHARE, _SMALLEST_SIDE = 0.12, 24
_LIKE_KNOWN = (0.6, 1.6)
"""A face that is looked for again is so many times as large as it was."""
_TREMBLE = 0.06
_FOLLOWS = 0.35
_SAME_FACE = 0.3
_TURNS_DEG = (-20.0, 20.0)
# What the boxes of the other detectors are to those of Haar's cascade: shifts and sizes in shares of their own.
_LIKE_HAAR: dict[Detector, tuple[float, float, float]] = {
    "haar": (0.0, 0.0, 1.0),
    "lbp": (0.0, 0.02, 1.05),
    "yunet": (0.0, 0.08, 1.15),
}


class FaceDetector:
    """Finds faces in single pictures.

    Parameters
    ----------
    kind
        ``haar`` is OpenCV's cascade, with scikit-image's LBP cascade where it finds nothing; ``lbp`` that alone;
        ``yunet`` a model file of OpenCV's zoo.
    model
        The file of ``yunet``.

    Raises
    ------
    MissingError
        If ``yunet`` has no model.
    """

    def __init__(self, kind: Detector = FaceFinding.detector, model: Path | None = None) -> None:
        self.kind = kind
        if kind == "yunet":
            if model is None or not model.is_file():
                raise MissingError(
                    f"--detector yunet: {model or 'no model'} found; the file of the model expected.",
                    hint="Give --face-model face_detection_yunet.onnx, of OpenCV's zoo, or use --detector haar.",
                )
            self._find: Callable[[Pixels, tuple[int, int]], NDArray[np.float64]] = _YuNet(model)
        elif kind == "lbp":
            self._find = _Lbp()
        else:
            self._find = _Haar()

    def __call__(self, pixels: Pixels, known: Sequence[Box] = ()) -> list[Box]:
        """Find the faces of a picture, greatest first.

        Parameters
        ----------
        pixels
            ``(H, W, 3)``.
        known
            Faces of a moment ago: if as many are found of about these sizes, others are not looked for.

        Returns
        -------
        Boxes as Haar's cascade draws them.
        """
        import cv2

        longest = max(pixels.shape[:2])
        scale = min(1.0, _LONGEST_SIDE / longest)
        small = pixels
        if scale < 1:
            size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
            small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        shortest = min(small.shape[:2])
        least, most = max(int(_SMALLEST_SHARE * shortest), _SMALLEST_SIDE), shortest
        right, down, wider = _LIKE_HAAR[self.kind]
        ranges = [(least, most)]
        # YuNet looks for all sizes at once.
        if known and self.kind != "yunet":
            sides = [box[2] / wider * scale for box in known]
            near = (max(least, int(_LIKE_KNOWN[0] * min(sides))), min(most, int(_LIKE_KNOWN[1] * max(sides))))
            ranges = [near, *ranges]
        for one in ranges:
            found = self._find(small, one)
            if len(found) >= len(known):
                break
        found = found / scale
        boxes = []
        for x, y, w, h in found:
            side = wider * max(w, h)
            cx, cy = x + w / 2 + right * w, y + h / 2 + down * h
            boxes.append(np.array([cx - side / 2, cy - side / 2, side, side]))
        return sorted(boxes, key=lambda box: -box[2])


@dataclass
class Track:
    """One face through a video.

    Attributes
    ----------
    number
        From 0, in the order of appearance.
    times, boxes
        Where it was found: seconds, and boxes without trembling.
    """

    number: int
    times: list[float] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)

    def add(self, time_s: float, box: Box) -> None:
        """Follow a new detection, if it is more than a tremble."""
        if not self.boxes or time_s - self.times[-1] > 2 * LONGEST_GAP_S:
            steady = box
        else:
            steady = self.boxes[-1]
            away = np.abs(_centre(box) - _centre(steady)).max() / steady[2]
            grown = abs(box[2] - steady[2]) / steady[2]
            if away > _TREMBLE or grown > 2 * _TREMBLE:
                # All the way at once would be a jump of the crop; the rest follows at the next looks.
                steady = steady + (1 if away > _FOLLOWS else 0.6) * (box - steady)
        self.times.append(time_s)
        self.boxes.append(steady)

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the boxes at times, on a line between detections, ``(N, 4)``."""
        known = np.array(self.times)
        return np.stack([np.interp(times, known, column) for column in np.array(self.boxes).T], axis=1)

    def is_seen(self, times: NDArray[np.float64], reach_s: float = LONGEST_GAP_S) -> NDArray[np.bool_]:
        """Tell at which times ``(N,)`` a detection is at most ``reach_s`` away."""
        known = np.array(self.times)
        after = np.clip(np.searchsorted(known, times), 0, len(known) - 1)
        before = np.clip(after - 1, 0, len(known) - 1)
        nearest = np.minimum(np.abs(known[after] - times), np.abs(known[before] - times))
        return np.asarray(nearest <= reach_s)

    @property
    def size(self) -> float:
        """Mean width of the boxes in pixels."""
        return float(np.mean([box[2] for box in self.boxes]))


class Tracker:
    """Tells which detections are of the same face.

    Attributes
    ----------
    tracks
        All faces so far.
    """

    def __init__(self) -> None:
        self.tracks: list[Track] = []

    def present(self) -> list[Box]:
        """Give the boxes of the faces that the last look found."""
        newest = max((track.times[-1] for track in self.tracks), default=0.0)
        return [track.boxes[-1] for track in self.tracks if track.times[-1] == newest]

    def update(self, time_s: float, found: Sequence[Box]) -> None:
        """Add the detections of a look."""
        open_tracks = [track for track in self.tracks if track.times]
        pairs = sorted(
            (
                (_overlap(track.boxes[-1], box), track.number, place)
                for track in open_tracks
                for place, box in enumerate(found)
            ),
            reverse=True,
        )
        taken: set[int] = set()
        served: set[int] = set()
        for overlap, number, place in pairs:
            if overlap >= _SAME_FACE and number not in served and place not in taken:
                self.tracks[number].add(time_s, found[place])
                served.add(number)
                taken.add(place)
        for place, box in enumerate(found):
            if place not in taken and not any(
                _overlap(box, other) > 0.1 for k, other in enumerate(found) if k in taken
            ):
                track = Track(len(self.tracks))
                track.add(time_s, box)
                self.tracks.append(track)


class _Haar:
    """OpenCV's frontal cascade; where it finds nothing, the picture turned a little, then scikit-image's cascade."""

    def __init__(self) -> None:
        import cv2

        self._cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")  # type: ignore[attr-defined]
        self._other: _Lbp | None = None

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
                middles = (found[:, :2] + found[:, 2:] / 2) @ back[:, :2].T + back[:, 2]
                return np.concatenate([middles - found[:, 2:] / 2, found[:, 2:]], axis=1)
        self._other = self._other or _Lbp()
        return self._other(pixels, sides)


class _Lbp:
    """scikit-image's cascade of local binary patterns, read by its own detector: OpenCV's does not know the file."""

    def __init__(self) -> None:
        from skimage import data
        from skimage.feature import Cascade

        self._cascade = Cascade(data.lbp_frontal_face_cascade_filename())  # type: ignore[no-untyped-call]

    def __call__(self, pixels: Pixels, sides: tuple[int, int]) -> NDArray[np.float64]:
        least, most = sides
        found = self._cascade.detect_multi_scale(
            img=_gray(pixels), scale_factor=1.15, step_ratio=1, min_size=(least, least), max_size=(most, most)
        )
        boxes = [(one["c"], one["r"], one["width"], one["height"]) for one in found]
        return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)


class _YuNet:
    def __init__(self, model: Path) -> None:
        import cv2

        try:
            self._network = cv2.FaceDetectorYN.create(str(model), "", (320, 320))
        except cv2.error as error:
            raise MissingError(
                f"{model}: OpenCV cannot read this model; YuNet's ONNX file expected.",
                hint="Use --detector haar.",
            ) from error

    def __call__(self, pixels: Pixels, sides: tuple[int, int]) -> NDArray[np.float64]:
        self._network.setInputSize((pixels.shape[1], pixels.shape[0]))
        _, found = self._network.detect(np.ascontiguousarray(pixels[..., ::-1]))
        return np.zeros((0, 4)) if found is None else np.asarray(found[:, :4], dtype=np.float64)


def _gray(pixels: Pixels) -> Any:
    import cv2

    # Contrast is what cascades look for, and what dark rooms lack.
    return cv2.equalizeHist(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))


def _centre(box: Box) -> NDArray[np.float64]:
    return np.asarray(box[:2] + box[2:] / 2)


def _overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[:2] + a[2:], b[:2] + b[2:])
    inside = float(np.prod(np.clip(high - low, 0, None)))
    return inside / float(a[2] * a[3] + b[2] * b[3] - inside)
