"""Pictures that methods of others read and write."""

from __future__ import annotations

from pathlib import Path

from vision_cli.enhance_eval.data.sources import FileSource
from vision_cli.enhance_eval.values import Picture
from vision_cli.io.pictures.photographs import PHOTOGRAPH_SUFFIXES


def picture_files(folder: Path) -> list[Path]:
    """Return the pictures of a folder and the folders in it, by their paths."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PHOTOGRAPH_SUFFIXES and path.is_file())


def read_rgb(path: Path) -> Picture:
    """Return a picture as ``(H, W, 3)`` in [0, 1]; see `vision_cli.enhance_eval.data.sources.FileSource.read`."""
    return FileSource(path).read()
