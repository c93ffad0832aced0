"""Where pictures of faces come from: files, rows of numbers, frames of videos, and members of larger files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.io.limits import require_room
from vision_cli.io.pictures.headers import is_cut_short, require_picture_room
from vision_cli.io.pictures.photographs import read_8_bit
from vision_cli.io.reading import reading
from vision_cli.io.videos.videos import VideoReader
from vision_cli.synth_faces.values import Picture

Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""

_LONGEST_LINE = 1 << 20


@dataclass(frozen=True)
class PictureFile:
    """A picture file, or the part of it that a box encloses.

    Attributes
    ----------
    path
        The file.
    box
        The face; None for the whole picture.
    """

    path: Path
    box: Box | None = None

    def read(self) -> Picture:
        """Return the picture, upright; 16 bits become 8.

        Raises
        ------
        InputError
            If the file is damaged, or the box lies outside of it.
        """
        picture = read_8_bit(self.path)
        if self.box is None:
            return picture
        left, top, width, height = self.box
        cut = picture[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
        if not cut.size:
            raise InputError(
                f"{self.path}: face at {self.box} in {picture.shape[1]} x {picture.shape[0]} pixels; inside expected."
            )
        return np.ascontiguousarray(cut)


@dataclass(frozen=True)
class PixelText:
    """A square grey picture as numbers in a cell of a table, as FER2013 has it.

    Attributes
    ----------
    path
        The table.
    offset
        First byte of the row.
    column, size
        Of the numbers among the cells, and pixels a side.
    """

    path: Path
    offset: int
    column: int
    size: int

    def read(self) -> Picture:
        """Return the picture, grey repeated.

        Raises
        ------
        InputError
            If the numbers are not those of a picture.
        """
        with reading(self.path), self.path.open("rb") as stream:
            stream.seek(self.offset)
            cell = stream.readline(_LONGEST_LINE).split(b",")[self.column]
            try:
                grey = np.frombuffer(bytes(map(int, cell.strip(b'" \r\n').split())), dtype=np.uint8)
                square = grey.reshape(self.size, self.size)
            except ValueError:
                raise InputError(
                    f"{self.path}: row at byte {self.offset}: {self.size**2} numbers from 0 to 255 expected."
                ) from None
        return np.repeat(square[..., None], 3, axis=2)


@dataclass(frozen=True)
class MemberPicture:
    """A picture file that lies inside another file as it is, such as a member of a tar file.

    Attributes
    ----------
    path
        The outer file.
    offset, size
        Bytes of the inner one.
    """

    path: Path
    offset: int
    size: int

    def read(self) -> Picture:
        """Return the picture.

        Raises
        ------
        InputError
            If it is damaged.
        """
        with reading(self.path), self.path.open("rb") as stream:
            stream.seek(self.offset)
            return decoded_picture(self.path, stream.read(self.size))


class VideoFrames:
    """Frames of a video by number; cheap in rising order, as a video is decoded from its start.

    Parameters
    ----------
    path
        The video.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader: VideoReader | None = None
        self._next = 0

    def frame(self, index: int) -> Picture:
        """Return a frame, counted from 0.

        Raises
        ------
        InputError
            If the video is damaged or ends before.
        """
        if self._reader is None or index < self._next:
            self.close()
            self._reader, self._next = VideoReader(self.path), 0
        for frame in self._reader:
            self._next = frame.index + 1
            if frame.index == index:
                return frame.pixels
        reason = self._reader.damage or f"it ends after frame {self._next}"
        self.close()
        raise InputError(f"{self.path}: no frame {index + 1} ({reason}); one expected.", hint="Is it the whole video?")

    def close(self) -> None:
        """Close the file; a later `frame` opens it again."""
        if self._reader is not None:
            self._reader.__exit__()
            self._reader = None


@dataclass(frozen=True)
class VideoFrame:
    """A frame of a video.

    Attributes
    ----------
    video
        Shared by its frames.
    index
        From 0.
    """

    video: VideoFrames = field(repr=False)
    index: int

    def read(self) -> Picture:
        """Return the frame.

        Raises
        ------
        InputError
            As `VideoFrames.frame`.
        """
        return self.video.frame(self.index)


class ParquetPictures:
    """Pictures in a column of a Parquet file; a group of rows is held at a time.

    Parameters
    ----------
    path
        The file.
    column
        Of files as bytes, or of structures with ``bytes``.
    """

    def __init__(self, path: Path, column: str) -> None:
        self.path, self._column = path, column
        self._group = -1
        self._cells: list[object] = []

    def picture(self, group: int, row: int) -> Picture:
        """Return the picture of a row of a group of rows.

        Raises
        ------
        InputError
            If it is damaged or missing.
        """
        from pyarrow import parquet

        with reading(self.path):
            if group != self._group:
                with parquet.ParquetFile(self.path, pre_buffer=False) as file:
                    needed = 3 * file.metadata.row_group(group).total_byte_size
                    require_room(self.path, needed, f"a group of {needed} bytes")
                    self._cells = file.read_row_group(group, columns=[self._column]).column(0).to_pylist()
                self._group = group
            cell = self._cells[row]
            content = cell.get("bytes") if isinstance(cell, dict) else cell
            if not isinstance(content, bytes):
                raise InputError(f"{self.path}: row {row} of group {group} holds no picture; bytes of one expected.")
            return decoded_picture(self.path, content)


@dataclass(frozen=True)
class ParquetPicture:
    """A picture in a row of a Parquet file.

    Attributes
    ----------
    pictures
        Shared by the rows.
    group, row
        Its group of rows, and its row in it.
    """

    pictures: ParquetPictures = field(repr=False)
    group: int
    row: int

    def read(self) -> Picture:
        """Return the picture.

        Raises
        ------
        InputError
            As `ParquetPictures.picture`.
        """
        return self.pictures.picture(self.group, self.row)


def decoded_picture(path: Path, content: bytes) -> Picture:
    """Return the picture that the bytes of a picture file hold.

    Parameters
    ----------
    path
        Where they come from, for messages.
    content
        The bytes.

    Raises
    ------
    InputError
        If they are no whole picture.
    """
    import cv2

    with reading(path):
        require_picture_room(path, content)
        if is_cut_short(content):
            raise ValueError("a picture in it is cut short")
        pixels = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            raise ValueError("a picture in it cannot be decoded")
    return np.ascontiguousarray(pixels[..., ::-1])
