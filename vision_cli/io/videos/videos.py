"""Videos in and out, frame by frame: the times that the camera wrote, upright pictures in red, green and blue.

A video is never held whole. Times are the presentation times of the file, because cameras drop frames and change their
rate; the rate that a header claims is used only where a file has no times. A folder of pictures is a video too, whose
times are in the names or follow from a rate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.compute.devices import available_memory
from vision_cli.core.errors import InputError, ResourceError, UsageError
from vision_cli.core.runs.files import library_path
from vision_cli.io.limits import require_room
from vision_cli.io.pictures.headers import require_picture_room
from vision_cli.io.videos.ahead import Ahead
from vision_cli.io.videos.clock import GrowingClock
from vision_cli.io.videos.cut_off import missing_bytes
from vision_cli.io.videos.picture_times import number_in_name, picture_times

if TYPE_CHECKING:
    import av
    from av.video.reformatter import VideoReformatter

Pixels: TypeAlias = NDArray[np.uint8]
"""``(H, W, 3)``, red, green, blue."""

Codec = Literal["h264", "mpeg4", "mjpeg", "ffv1", "raw"]
CODECS: tuple[Codec, ...] = get_args(Codec)

VIDEO_SUFFIXES = frozenset(
    {".3g2", ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv"}
    | {".ts", ".webm", ".wmv"}
)
PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"})
CONTAINERS: dict[Codec, str] = {"h264": ".mp4", "mpeg4": ".mp4", "mjpeg": ".avi", "ffv1": ".mkv", "raw": ".avi"}

_ENCODERS: dict[Codec, tuple[str, str]] = {
    "h264": ("libx264", "yuv420p"),
    "mpeg4": ("mpeg4", "yuv420p"),
    "mjpeg": ("mjpeg", "yuvj420p"),
    "ffv1": ("ffv1", "bgr0"),
    "raw": ("rawvideo", "bgr24"),
}
_LARGEST_PIXELS = 1 << 27
_BYTES_A_PIXEL = 48
"""A decoder keeps up to 16 frames of 1.5 bytes a pixel and some for its threads, and six of 3 bytes wait here."""

_BYTES_TO_OPEN, _ALWAYS_PIXELS = 6, 1 << 25

_RATES = (0.5, 1000.0)
_CLOCK = 90_000
_FORMATS = (
    "3gp,aac,apng,asf,av1,avi,dv,flac,flv,gif,h264,hevc,ivf,m4v,matroska,mjpeg,mov,mp3,mp4,mpeg,mpegts,mpegvideo,mxf,"
    "nut,obu,ogg,rawvideo,wav,webm,yuv4mpegpipe"
)
"""FFmpeg's names of what may be read: a playlist that calls itself a video would make it open other files, or a net."""
_HDR = {16: "PQ", 18: "HLG"}
_NOT_TOLD = 2
_STATE_DURATIONS = frozenset({"matroska,webm", "flv"})
_MICROSECONDS = 1_000_000
_LEAST_MISSING_S = 0.5


@dataclass(frozen=True)
class Frame:
    """A picture of a video.

    Attributes
    ----------
    index
        From 0.
    time_s
        Seconds since the first frame.
    pixels
        ``(H, W, 3)`` uint8 in red, green and blue, upright.
    """

    index: int
    time_s: float
    pixels: Pixels


@dataclass(frozen=True)
class VideoInfo:
    """What a file says about its video.

    Attributes
    ----------
    path
        The file or folder.
    width, height
        Of the pictures as they are stored, before they are turned upright; None for a folder.
    fps
        Rate that the header claims; None if it is missing or absurd.
    frames
        Number that the header claims, or of pictures; None if it is missing.
    seconds
        Duration that the header claims, or None.
    codec
        Name of the codec, or ``pictures``.
    is_gray
        Whether there is one channel alone.
    notes
        What was done to the pictures that a user should know.
    """

    path: Path
    width: int | None
    height: int | None
    fps: float | None
    frames: int | None
    seconds: float | None
    codec: str
    is_gray: bool
    notes: tuple[str, ...]


class VideoReader:
    """A video that is read once, from its first frame on; to be used in a ``with`` block.

    The next frames are decoded, in a thread of its own, while one is worked on.

    Parameters
    ----------
    path
        Video file, or folder of pictures.
    fps
        Take this rate instead of the file's times.

    Attributes
    ----------
    info
        What the file says.
    damage
        Why frames after the last one cannot be decoded, once all are read; None of a whole file.

    Raises
    ------
    InputError
        If there is no such file, nothing in it can be decoded, or it has neither times nor a rate.
    """

    def __init__(self, path: Path, *, fps: float | None = None) -> None:
        if fps is not None and not _RATES[0] <= fps <= _RATES[1]:
            raise UsageError(f"--fps: {fps:g} found; {_RATES[0]:g} to {_RATES[1]:g} frames a second expected.")
        self.path, self._fps = path, fps
        self.damage: str | None = None
        self._clock: GrowingClock[av.VideoFrame] = GrowingClock()
        self._container: Any = None
        self._pictures: list[Path] = []
        self._frames: Ahead[Frame] | None = None
        if path.is_dir():
            self.info = self._open_folder()
        else:
            self.info = self._open_file()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the pictures and their times that a user should know, complete once all are read."""
        return (*self.info.notes, *self._clock.notes)

    @property
    def is_gray(self) -> bool:
        """Return whether there is one channel alone."""
        return self.info.is_gray

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._frames is not None:
            self._frames.close()
        if self._container is not None:
            self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        if self._frames is None:
            self._frames = Ahead(self._read_pictures() if self._container is None else self._decode())
        return self._frames

    def _open_file(self) -> VideoInfo:
        import av

        _require_content(self.path)
        try:
            # To learn about the file the library decodes some frames, as large as they say themselves.
            most = min(_LARGEST_PIXELS, max(_ALWAYS_PIXELS, available_memory() // _BYTES_TO_OPEN))
            wishes = {"format_whitelist": _FORMATS, "max_pixels": str(most)}
            self._container = av.open(str(self.path), options=wishes)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise _unreadable(self.path, error) from error
        streams = self._container.streams.video
        if not streams:
            self._container.close()
            raise InputError(f"{self.path}: no video in this file; one expected.", hint="Give a video of a face.")
        stream = self._stream = streams[0]
        stream.thread_type = "AUTO"
        context = stream.codec_context
        if context.width * context.height > _LARGEST_PIXELS:
            self._container.close()
            raise InputError(
                f"{self.path}: frames of {context.width} x {context.height} pixels; at most 2^27 pixels expected.",
                hint="Make the video smaller.",
            )
        try:
            require_room(
                self.path,
                context.width * context.height * _BYTES_A_PIXEL,
                f"frames of {context.width} x {context.height} pixels",
                most=math.inf,
                hint="Make the video smaller, or use a machine with more memory.",
            )
        except ResourceError:
            self._container.close()
            raise
        # A file may change the size of its frames.
        most = min(_LARGEST_PIXELS, available_memory() // _BYTES_A_PIXEL)
        context.options = {**context.options, "max_pixels": str(max(most, 1))}
        rate = None if stream.average_rate is None else float(stream.average_rate)
        kept_rate = rate if rate is not None and _RATES[0] <= rate <= _RATES[1] else None
        pixel_format = str(context.pix_fmt or "")
        duration = stream.duration * float(stream.time_base) if stream.duration and stream.time_base else None
        notes = []
        if kept_rate is None and self._fps is None:
            notes.append("no usable frame rate in the header; times of the frames are used")
        if context.color_trc in _HDR:
            notes.append(f"{_HDR[context.color_trc]} (high dynamic range) was read as 8 bits")
        elif re.search(r"1[0246](le|be)$", pixel_format):
            notes.append(f"{pixel_format} was read as 8 bits")
        is_gray = pixel_format.startswith("gray")
        if is_gray:
            notes.append("one channel alone: methods that compare colours cannot work")
        return VideoInfo(
            self.path,
            context.width,
            context.height,
            kept_rate,
            stream.frames or None,
            duration,
            context.name,
            is_gray,
            tuple(notes),
        )

    def _decode(self) -> Iterator[Frame]:
        import av

        converter = av.video.reformatter.VideoReformatter()
        for time_s, frame in self._clock(self._timed_frames()):
            # The clock has counted this frame already.
            yield Frame(self._clock.count - 1, time_s, _upright(frame, converter))
        if self._clock.count == 0:
            raise InputError(
                f"{self.path}: cannot decode after frame 0 ({self.damage or 'no frame found'}).",
                hint="Copy the file again.",
            )

    def _timed_frames(self) -> Iterator[tuple[float, av.VideoFrame]]:
        """Iterate over the frames with the times of the file, and find out why there are no more."""
        import av

        decoded, last_s = 0, 0.0
        decoder = self._container.decode(self._stream)
        while True:
            try:
                frame = next(decoder)
            except StopIteration:
                break
            except (av.error.FFmpegError, ValueError) as error:
                self.damage = f"cannot decode after frame {decoded} ({_reason(error)})"
                break
            last_s = self._time_of(frame, decoded)
            decoded += 1
            yield last_s, frame
        if self.damage is None and decoded and (why := self._reason_of_early_end(decoded, last_s)):
            self.damage = f"cannot decode after frame {decoded} ({why})"

    def _reason_of_early_end(self, decoded: int, last_s: float) -> str | None:
        """Return why a file that decodes without an error is not whole, or None."""
        claimed = self.info.frames
        if claimed is not None and decoded < claimed - max(_NOT_TOLD, claimed // 100):
            return f"{claimed} frames announced"
        announced = None
        # Other streams may last longer, and other containers guess their durations.
        if len(self._container.streams) == 1 and self._container.format.name in _STATE_DURATIONS:
            announced = None if not self._container.duration else self._container.duration / _MICROSECONDS
        is_short = announced is not None and last_s < announced - max(_LEAST_MISSING_S, announced / 50)
        missing = missing_bytes(self.path)
        if not missing and not (is_short and self._fps is None):
            return None
        said = [f"{last_s:.1f} of {announced:.1f} s"] if announced is not None and self._fps is None else []
        return ", ".join([*said, f"{missing} bytes are missing at the end" if missing else "the end is missing"])

    def _time_of(self, frame: av.VideoFrame, index: int) -> float:
        if self._fps is not None:
            return index / self._fps
        if frame.pts is not None and frame.time_base is not None:
            return float(frame.pts * frame.time_base)
        if self.info.fps is None:
            raise InputError(
                f"{self.path}: neither times nor a frame rate in this file; one of them expected.",
                hint="Give the frame rate, as --fps 30.",
            )
        return index / self.info.fps

    def _open_folder(self) -> VideoInfo:
        found = [path for path in self.path.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
        self._pictures = sorted(found, key=number_in_name)
        if not self._pictures:
            raise InputError(f"{self.path}: no pictures in this folder; some expected.", hint="PNG, JPEG, BMP or TIFF.")
        self._times = picture_times(self._pictures, self._fps)
        count = len(self._pictures)
        seconds = float(self._times[-1] - self._times[0])
        fps = (count - 1) / seconds if seconds > 0 else None
        return VideoInfo(self.path, None, None, fps, count, seconds, "pictures", False, ())

    def _read_pictures(self) -> Iterator[Frame]:
        index = 0
        for path, time_s in zip(self._pictures, self._times - self._times[0], strict=True):
            pixels = read_pixels(path)
            if pixels is None:
                self.damage = f"cannot decode after frame {index} ({path.name} is no whole picture)"
                break
            yield Frame(index, float(time_s), pixels)
            index += 1
        if index == 0:
            raise InputError(f"{self._pictures[0]}: cannot be decoded.", hint="Copy the file again.")


def read_pixels(path: Path) -> Pixels | None:
    """Read a picture as ``(H, W, 3)`` in red, green and blue with 8 bits; None if it cannot be decoded.

    Raises
    ------
    InputError, InputTooLarge
        If its pixels would not fit into memory.
    """
    import cv2

    try:
        require_picture_room(path, path.read_bytes())
    except ValueError:
        return None
    image = cv2.imread(library_path(path), cv2.IMREAD_COLOR)
    return None if image is None else np.ascontiguousarray(image[..., ::-1])


class VideoWriter:
    """A video that is written frame by frame; to be used in a ``with`` block.

    Parameters
    ----------
    path
        The file; its suffix chooses the container, see `CONTAINERS`.
    size
        Height and width of the frames.
    codec
        ``h264``, ``mpeg4``, ``mjpeg``, ``ffv1`` (no loss) or ``raw``.
    fps
        Nominal rate; frames that come with times need not keep it.
    quality
        Quantiser of H.264 (0 to 51), MPEG-4 and MJPEG (1 to 31); smaller is better.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], *, codec: Codec, fps: float, quality: int | None = None
    ) -> None:
        import av

        encoder, pixel_format = _ENCODERS[codec]
        if pixel_format.startswith("yuv") and (size[0] % 2 or size[1] % 2):
            raise UsageError(f"{path}: frames of {size[1]} x {size[0]} pixels; even numbers expected for {codec}.")
        self._container = av.open(str(path), "w")
        rate = Fraction(fps).limit_denominator(1001)
        # PyAV's types tell streams of sound, subtitles and pictures apart only by the name of a constant encoder.
        stream: Any = self._container.add_stream(encoder, rate=rate)
        self._stream = stream
        stream.height, stream.width = size
        stream.pix_fmt = pixel_format
        # One thread: the bytes must not depend on the machine.
        stream.codec_context.thread_count = 1
        if path.suffix in {".mp4", ".mkv", ".mov"}:
            stream.codec_context.time_base = Fraction(1, _CLOCK) if codec != "mpeg4" else Fraction(1, 30_000)
        else:
            stream.codec_context.time_base = 1 / rate
        if codec == "h264":
            # x264's routines for AVX-512 give other bytes from one run to the next.
            options = {"preset": "veryfast", "x264-params": "asm=AVX2"}
            stream.options = {"crf": str(18 if quality is None else quality), **options}
        elif codec in {"mpeg4", "mjpeg"}:
            level = str(3 if quality is None else quality)
            stream.options = {"qmin": level, "qmax": level}
        self._fps, self._count = fps, 0

    def __enter__(self) -> Self:
        return self

    def write(self, pixels: Pixels, time_s: float | None = None) -> None:
        """Add a frame ``(H, W, 3)`` in red, green and blue, at a time in seconds or at the nominal rate."""
        import av

        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        base = self._stream.codec_context.time_base
        seconds = self._count / self._fps if time_s is None else time_s
        frame.time_base = base
        frame.pts = round(seconds / float(base))
        for packet in self._stream.encode(frame):
            self._container.mux(packet)
        self._count += 1

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            with suppress(OSError, ValueError):
                self._container.close()
            return
        try:
            for packet in self._stream.encode(None):
                self._container.mux(packet)
        finally:
            # What a full disk refuses is said here at the latest.
            self._container.close()


def encode_and_decode(frames: NDArray[np.uint8], codec: str, *, fps: float, quantiser: int) -> NDArray[np.uint8]:
    """Encode and decode frames in memory: what a codec leaves of them.

    Parameters
    ----------
    frames
        ``(T, H, W, 3)`` in red, green and blue; H and W even.
    codec
        ``mpeg4`` or another of FFmpeg's encoders whose decoder has the same name.
    fps
        Frames a second.
    quantiser
        Of every frame; greater is worse.
    """
    import av

    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height = frames.shape[2], frames.shape[1]
    encoder.pix_fmt = "yuv420p"
    encoder.time_base = Fraction(1, max(1, round(fps)))
    encoder.options = {"qmin": str(quantiser), "qmax": str(quantiser)}
    encoder.thread_count = 1
    decoder: Any = av.CodecContext.create(codec, "r")
    decoder.thread_count = 1
    converter = av.video.reformatter.VideoReformatter()
    decoded: list[NDArray[np.uint8]] = []
    for index in range(len(frames) + 1):
        frame = None
        if index < len(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frames[index]), format="rgb24")
            frame.pts = index
        for packet in encoder.encode(frame):
            decoded += [_upright(one, converter) for one in decoder.decode(packet)]
    decoded += [_upright(one, converter) for one in decoder.decode(None)]
    stacked: NDArray[np.uint8] = np.stack(decoded).astype(np.uint8, copy=False)
    return stacked


def _upright(frame: av.VideoFrame, converter: VideoReformatter) -> Pixels:
    """Turn a frame into pixels; the converter keeps what it has worked out for the next frame of this kind."""
    pixels: Pixels = np.asarray(converter.reformat(frame, format="rgb24").to_ndarray(), np.uint8)
    quarters = round(getattr(frame, "rotation", 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, quarters)) if quarters else pixels


def _require_content(path: Path) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise InputError(f"{path}: no such file.", hint="Check the name.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    if size == 0:
        raise InputError(f"{path}: empty; a video expected.", hint="Copy the file again.")


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: cannot decode after frame 0 ({_reason(error)}).",
        hint="Copy the file again; a recording that was cut off may lack its index.",
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).partition(":")[0]
