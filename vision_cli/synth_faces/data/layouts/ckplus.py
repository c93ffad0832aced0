"""CK+ (Lucey et al. 2010): sequences from a neutral face to the peak of an expression, with FACS codes of the peak."""

from __future__ import annotations

from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.folders import Request, child, folders_in, pictures_in
from vision_cli.io.reading import read_text
from vision_cli.synth_faces.data.layouts.entries import Entries, coded, occurrences
from vision_cli.synth_faces.data.sources import PictureFile
from vision_cli.synth_faces.values import AUS, MOST_INTENSE, FaceDataset, LabelledFace

_CLASSES = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
"""In the order of its numbers."""

_IMAGES = ("cohn-kanade-images", "extended-cohn-kanade-images")


def is_ckplus(path: Path) -> bool:
    """Return whether a folder has the images of CK+ and its labels of expressions or AUs."""
    return child(path, *_IMAGES) is not None and any(_labels(path, kind) is not None for kind in ("Emotion", "FACS"))


def read_ckplus(path: Path, request: Request) -> FaceDataset:
    """Read the first frame of a sequence as neutral, and the last with its expression and AUs, where it has them.

    An AU without intensity makes the AUs of its face occurrences. Those that are not coded are absent.
    """
    request.no_parts(path)
    entries = Entries("ckplus", request)
    images = child(path, *_IMAGES)
    unknown: set[str] = set()
    unlabelled = 0
    for person in folders_in(images) if images is not None else ():
        for sequence in folders_in(person):
            frames = pictures_in(sequence)
            if not frames:
                continue
            place = f"{person.name}/{sequence.name}"
            if len(frames) > 1:
                first = LabelledFace(
                    f"{place}/{frames[0].stem}", PictureFile(frames[0]), "neutral", subject=person.name
                )
                entries.take(first)
            name = f"{place}/{frames[-1].stem}"
            try:
                expression = _expression(_label_file(path, "Emotion", place, "emotion"))
                codes = _codes(_label_file(path, "FACS", place, "facs"))
            except InputError as error:
                entries.skip(name, error.message.removeprefix(f"{path}/").rstrip("."))
                continue
            if expression is None and codes is None:
                unlabelled += 1
                continue
            unknown |= set(codes or ()) - set(AUS)
            known = {unit: value for unit, value in (codes or {}).items() if unit in AUS}
            has_intensities = codes is not None and all(known.values())
            aus = {} if codes is None else coded(known if has_intensities else occurrences(list(known)))
            source = PictureFile(frames[-1])
            face = LabelledFace(name, source, expression, aus=aus, has_intensities=has_intensities, subject=person.name)
            entries.take(face)
    if unlabelled:
        entries.note(f"{unlabelled} sequences have no label of their peak.")
    if unknown:
        entries.note(f"AU {', '.join(sorted(unknown, key=int))} left out: none of the 41.")
    return entries.dataset()


def _labels(path: Path, kind: str) -> Path | None:
    return child(path, kind, f"{kind}_labels")


def _label_file(path: Path, kind: str, place: str, ending: str) -> Path | None:
    root = _labels(path, kind)
    found = sorted((root / place).glob(f"*_{ending}.txt")) if root is not None else []
    return found[0] if found else None


def _expression(path: Path | None) -> str | None:
    if path is None:
        return None
    words = read_text(path).split()
    number = _number(path, words[0]) if words else -1.0
    if number not in range(len(_CLASSES)):
        raise InputError(f"{path}: expression {' '.join(words)[:20]!r}; 0 to {len(_CLASSES) - 1} expected.")
    return _CLASSES[int(number)]


def _codes(path: Path | None) -> dict[str, float] | None:
    """Return intensity by AU; 0 where it is not told."""
    if path is None:
        return None
    codes: dict[str, float] = {}
    for line in read_text(path).splitlines():
        if not line.strip():
            continue
        words = line.split()
        unit, value = (_number(path, word) for word in (words[0], words[1] if len(words) > 1 else "0"))
        if not 0 <= value <= MOST_INTENSE:
            raise InputError(f"{path}: AU {unit:g} of intensity {value:g}; 0 to {MOST_INTENSE:g} expected.")
        codes[f"{unit:.0f}"] = value
    return codes


def _number(path: Path, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise InputError(f"{path}: {word[:20]!r}; a number expected.") from None
