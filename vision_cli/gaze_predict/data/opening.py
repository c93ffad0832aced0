"""Any data set of gaze by its path: the layout is recognised, or it is said what was looked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.data.films import FilmIndex
from vision_cli.gaze_predict.data.layouts import egd, lists, mimic_eye, reflacx
from vision_cli.gaze_predict.data.readings import LEAD_IN_S, Coords, GazeSource, notes_of
from vision_cli.gaze_predict.values import GazeDataset, Recording
from vision_cli.io.pictures.folders import ALL, Findings, Request
from vision_cli.io.pictures.layouts import AUTO, Layout, choose_layout

_NAMED = 3

Reader = Callable[[Path, GazeSource], list[Recording]]


def open_gaze(
    path: Path,
    layout: str = AUTO,
    *,
    images: Path | None = None,
    split: str | None = None,
    coords: Coords = "pixel",
    lead_in: float = LEAD_IN_S,
    strict: bool = False,
) -> GazeDataset:
    """Read a data set of gaze; its films are read later, when they are asked for.

    Parameters
    ----------
    path
        Its folder, or its one file.
    layout
        ``reflacx``, ``egd``, ``mimic-eye``, ``gazesearch``, ``cxr-p``, ``csv`` or ``auto``.
    images
        Folder that the films lie below; by default the data set's own.
    split
        ``train``, ``val`` or ``test``; None or ``all`` for all.
    coords
        Whether a table of one's own has pixels of the film or fractions of it.
    lead_in
        Seconds before a sentence whose fixations belong to it.
    strict
        Whether a recording that cannot be used is an error instead of a note.

    Raises
    ------
    UsageError
        If there is no such layout or split.
    InputError
        If the layout is not recognised, files are damaged, nothing can be used, or a patient is in two splits.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder.", hint="Give the folder of a data set.")
    own = path if path.is_dir() else path.parent
    if images is not None and not images.is_dir():
        raise InputError(f"{images}: no such folder; one with films expected.", hint="Check --images.")
    source = GazeSource(FilmIndex(own if images is None else images), Findings(strict), coords, lead_in)
    request = Request(split or ALL, source.findings)
    chosen = choose_layout(_layouts(source), path, layout, hint="Give the folder that holds these.")
    found = _with_unique_ids(chosen.read(path, request))
    if not found:
        notes = " ".join(notes_of(source, ()))
        raise InputError(
            f"{path}: nothing of the layout {chosen.name} can be used. {notes}".strip(),
            hint="Repair the data set, or name another layout with --layout.",
        )
    _require_no_leak(path, found, source.findings)
    by_split: dict[str, list[Recording]] = {}
    for one in found:
        if one.split is not None:
            by_split.setdefault(one.split, []).append(one)
    if split not in {None, ALL}:
        found = [one for part in request.parts(path, by_split).values() for one in part]
    ordered = tuple(sorted(found, key=lambda one: one.id))
    return GazeDataset(chosen.name, ordered, notes_of(source, ordered))


def _layouts(source: GazeSource) -> tuple[Layout[list[Recording]], ...]:
    """Return all layouts, the more special ones first."""

    def layout(name: str, expects: str, recognises: Callable[[Path], bool], read: Reader) -> Layout[list[Recording]]:
        return Layout(name, expects, recognises, lambda path, _: read(path, source))

    return (
        layout("reflacx", "main_data/metadata_phase_*.csv", reflacx.is_reflacx, reflacx.read_reflacx),
        layout("egd", "master_sheet.csv and audio_segmentation_transcripts/", egd.is_egd, egd.read_egd),
        layout("gazesearch", "*.json of GazeSearch", lists.is_gazesearch, lists.read_gazesearch),
        layout("csv", f"*.csv with {', '.join(lists.COLUMNS)}", lists.is_table, lists.read_table),
        layout("cxr-p", "*.pkl of CXR-P", lists.is_cxr_p, lists.read_cxr_p),
        layout("mimic-eye", "<patient>/{REFLACX,EyeGaze}/", mimic_eye.is_mimic_eye, mimic_eye.read_mimic_eye),
    )


def _require_no_leak(path: Path, recordings: Sequence[Recording], findings: Findings) -> None:
    """Refuse a patient in two splits; a film in two splits of a data set without patients is noted.

    Raises
    ------
    InputError
        If a patient is in two splits.
    """
    splits: dict[tuple[bool, str], set[str]] = {}
    for one in recordings:
        known = bool(one.subject)
        name = one.subject if known else one.id.split("/", 1)[0]
        if one.split is not None:
            splits.setdefault((known, name), set()).add(one.split)
    leaks = [(known, name) for (known, name), parts in splits.items() if len(parts) > 1]
    subjects = sorted(name for known, name in leaks if known)
    if subjects:
        named = ", ".join(subjects[:_NAMED]) + (", ..." if len(subjects) > _NAMED else "")
        parts = ", ".join(sorted(splits[True, subjects[0]]))
        raise InputError(
            f"{path}: {len(subjects)} patients are in several splits ({named}: {parts}); one split each expected.",
            hint="Split by patient.",
        )
    if leaks:
        findings.say(
            f"{len(leaks)} of {len(splits)} films are in several splits, as published; patients are not known, and "
            "scores of such films are optimistic."
        )


def _with_unique_ids(recordings: Sequence[Recording]) -> list[Recording]:
    seen: Counter[str] = Counter()
    found = []
    for one in recordings:
        seen[one.id] += 1
        found.append(one if seen[one.id] == 1 else replace(one, id=f"{one.id}#{seen[one.id]}"))
    return found
