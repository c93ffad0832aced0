"""Where the JSON files of a COCO data set are, and the folders of their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.folders import folders_in, inside

_LOOKED_FOR = 20
"""Pictures by which their folder is found."""


def coco_files(root: Path) -> list[Path]:
    """Return the JSON files of COCO: the path itself, or those in ``annotations`` or in the folder."""
    if root.is_file():
        return [root] if root.suffix.lower() == ".json" else []
    for folder in (root / "annotations", root):
        if folder.is_dir():
            found = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
            instances = [path for path in found if path.name.startswith("instances")]
            if found := instances or [path for path in found if _looks_like_coco(path)]:
                return found
    return []


def _looks_like_coco(path: Path) -> bool:
    """Return whether the words of a COCO file stand in its first or last part."""
    with path.open("rb") as stream:
        head = stream.read(1 << 16)
        stream.seek(max(0, path.stat().st_size - (1 << 16)))
        text = head + stream.read()
    return b'"images"' in text or (b'"annotations"' in text and b'"categories"' in text)


def coco_pictures(path: Path, names: Sequence[str]) -> Path:
    """Return the folder that is named as a JSON file and holds pictures of it, else the one that holds the most.

    Parameters
    ----------
    path
        The JSON file.
    names
        Its pictures.

    Raises
    ------
    InputError
        If none of the first ones is near it.
    """
    root = path.parent.parent if path.parent.name == "annotations" else path.parent
    part = path.stem.removeprefix("instances_")
    named = [root / part, root / "images" / part]
    others = [root / "images", root, *folders_in(root)]
    looked_for = names[:_LOOKED_FOR]
    counts = {
        folder: sum(bool((found := inside(folder, name)) and found.is_file()) for name in looked_for)
        for folder in (*named, *others)
    }
    best = next((folder for folder in named if counts[folder]), None) or max(others, key=lambda place: counts[place])
    if not counts[best]:
        raise InputError(
            f"{path}: none of its pictures, such as {next(iter(names), 'any')}, is near it; {root / part} or "
            f"{root / 'images'} expected to hold them.",
            hint="Put the pictures there, or give the folder that holds both.",
        )
    return best
