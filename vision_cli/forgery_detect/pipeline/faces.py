"""The faces of a picture and of a video, cut out; frames are spread over the whole video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.options.faces import FaceOptions
from vision_cli.forgery_detect.pipeline.crops import LEAST_SIDE, central_crop, crop_around
from vision_cli.forgery_detect.values import FaceCrop, Picture
from vision_cli.io.faces.detection import FaceDetector
from vision_cli.io.faces.tracking import FaceTracker
from vision_cli.io.pictures.photographs import read_8_bit
from vision_cli.io.videos.videos import VideoReader

_CENTRE = 0.6
"""Side of the square in the middle that is cut where no face is found, as a share of the shorter side."""


@dataclass(frozen=True)
class FoundFace:
    """A face in a picture or in a frame.

    Attributes
    ----------
    number
        0 is the largest one of a picture; in a video the same face keeps its number.
    crop
        Cut out.
    """

    number: int
    crop: FaceCrop


@dataclass(frozen=True)
class FacesOfFrame:
    """The faces of one frame.

    Attributes
    ----------
    index, time_s
        Number of the frame, and seconds since the first one.
    faces
        Empty where none was found.
    """

    index: int
    time_s: float
    faces: tuple[FoundFace, ...]


@dataclass
class FaceFinder:
    """Finds and cuts faces by the same options in every picture.

    Attributes
    ----------
    options
        Detector, margin, and what becomes of pictures without a face.
    """

    options: FaceOptions
    _detector: FaceDetector | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        name = self.options.face_detector
        if name != "none":
            self._detector = FaceDetector("haar" if name == "auto" else name, self.options.face_model)

    def in_picture(self, picture: Picture, mask: NDArray[np.float32] | None = None) -> tuple[FoundFace, ...]:
        """Return the faces of a picture, largest first; the largest alone unless all are asked for.

        Parameters
        ----------
        picture
            ``(H, W, 3)``.
        mask
            ``(H, W)`` in 0 to 1: how far each pixel is forged.

        Raises
        ------
        InputError
            If the picture is smaller than 32 px.
        """
        if min(picture.shape[:2]) < LEAST_SIDE:
            height, width = picture.shape[:2]
            raise InputError(f"{width} x {height} pixels; {LEAST_SIDE} x {LEAST_SIDE} or more expected.")
        if self._detector is None:
            return (FoundFace(0, central_crop(picture, mask=mask)),)
        boxes = [face.box for face in self._detector(picture)]
        if self.options.face == "largest":
            boxes = boxes[:1]
        margin = self.options.margin
        faces = [
            FoundFace(number, crop_around(picture, box, margin=margin, mask=mask)) for number, box in enumerate(boxes)
        ]
        if not faces and self.options.without_face == "centre":
            faces = [FoundFace(0, central_crop(picture, share=_CENTRE, mask=mask))]
        return tuple(faces)

    def in_file(self, path: Path, mask: Path | None = None) -> tuple[FoundFace, ...]:
        """Return the faces of a picture file, see `in_picture`.

        Raises
        ------
        InputError
            If a file is damaged, or the mask has another size.
        """
        picture = read_8_bit(path)
        forged: NDArray[np.float32] | None = None
        if mask is not None:
            forged = read_8_bit(mask)[..., 0].astype(np.float32) / np.float32(255)
            if forged.shape != picture.shape[:2]:
                raise InputError(f"{mask}: {forged.shape[::-1]} pixels; {picture.shape[1::-1]} as of {path} expected.")
        try:
            return self.in_picture(picture, forged)
        except InputError as error:
            raise InputError(f"{path}: {error.message}", hint=error.hint) from None

    def in_video(self, path: Path, count: int) -> Iterator[FacesOfFrame]:
        """Iterate over the faces of so many frames, spread evenly over the whole video.

        Parameters
        ----------
        path
            Video file, or folder of its frames.
        count
            Frames that are looked at; all of a shorter video.

        Raises
        ------
        InputError
            If nothing can be decoded.
        """
        wanted = set(spread(frame_count(path), count).tolist())
        tracker = FaceTracker()
        with VideoReader(path) as video:
            for frame in video:
                if frame.index not in wanted:
                    continue
                if self._detector is None:
                    yield FacesOfFrame(
                        frame.index, frame.time_s, (FoundFace(0, central_crop(np.asarray(frame.pixels, np.uint8))),)
                    )
                else:
                    yield self._tracked(frame.index, frame.time_s, np.asarray(frame.pixels, np.uint8), tracker)
                if frame.index >= max(wanted):
                    break

    def _tracked(self, index: int, time_s: float, picture: Picture, tracker: FaceTracker) -> FacesOfFrame:
        """Return the faces of a frame with the numbers of their tracks."""
        if self._detector is None:
            raise ValueError("no detector")
        boxes = [face.box for face in self._detector(picture, tracker.current_boxes())]
        tracker.update(time_s, boxes)
        current = [track for track in tracker.tracks if track.times[-1] == time_s]
        current.sort(key=lambda track: -track.boxes[-1][2])
        if self.options.face == "largest":
            current = current[:1]
        faces = [
            FoundFace(track.number, crop_around(picture, track.boxes[-1], margin=self.options.margin))
            for track in current
        ]
        if not faces and self.options.without_face == "centre":
            faces = [FoundFace(0, central_crop(picture, share=_CENTRE))]
        return FacesOfFrame(index, time_s, tuple(faces))


def spread(frames: int, count: int) -> NDArray[np.int64]:
    """Return the numbers of frames in the middle of ``count`` equal parts of a video; all of a shorter one."""
    if frames <= count:
        return np.arange(frames)
    return np.unique(np.floor((np.arange(count) + 0.5) * frames / count).astype(np.int64))


def frame_count(path: Path) -> int:
    """Return how many frames a video has; it is decoded once if its header does not say.

    Raises
    ------
    InputError
        If nothing can be decoded.
    """
    with VideoReader(path) as video:
        if video.info.frames is not None:
            return video.info.frames
        return sum(1 for _ in video)
