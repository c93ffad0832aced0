"""Verdict of a report on scored scans: a level, and a text that gives the reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vision_cli.core.command.console import format_value
from vision_cli.core.report import Level
from vision_cli.core.runs.journal import Entry
from vision_cli.pcd_anomaly.options import OURS

GOOD_AUROC = 0.8
"""AUROC from which a run is rated good."""

LEAST_AUROC = 0.6
"""AUROC below which a run is rated bad; guessing gives 0.5."""

RULE = (
    "Rule: bad if a scan scores above the limit of its model, is out of tolerance, or failed to be read; caution if a "
    "pose was refused (undetermined) or is weak, or an inspection is unclear; good otherwise."
)
MEASURED_RULE = (
    f"Rule: good from an AUROC of {GOOD_AUROC:g}, bad below {LEAST_AUROC:g} or if scans failed to be read; caution "
    "between the two, or if a pose was refused (undetermined) or is weak. Guessing gives 0.5."
)
_MOST_NAMED = 5
_MEASURES = {"o_auroc": "telling defective scans from good ones", "p_auroc": "telling defective points from good ones"}


@dataclass(frozen=True)
class Verdict:
    """A verdict on a run.

    Attributes
    ----------
    level
        ``good``, ``caution`` or ``bad``; ``plain`` without scans.
    text
        The verdict in a few sentences.
    rule
        Rule by which the level follows from the numbers.
    """

    level: Level
    text: str
    rule: str


def judge(entries: Sequence[Entry]) -> Verdict:
    """Return the verdict on scans without ground truth, by their decisions.

    Parameters
    ----------
    entries
        Journal entries of the scans.
    """
    if not entries:
        return Verdict("plain", "There was no scan to score.", RULE)
    found = [entry for entry in _scored(entries) if entry.row["decision"] == "anomalous"]
    level: Level = "bad" if found else "good"
    doubtful, doubts = _doubts(entries)
    inspected, inspections = _inspections(entries)
    return Verdict(
        _worse(_worse(level, doubtful), inspected), " ".join([_decided(entries, found), *inspections, *doubts]), RULE
    )


def judge_measured(entries: Sequence[Entry], measures: Mapping[str, object]) -> Verdict:
    """Return the verdict on scans with ground truth, by their measures.

    Parameters
    ----------
    entries
        Journal entries of the scans.
    measures
        Measures by flat names, as ``ours/mean/o_auroc``.
    """
    if not entries:
        return Verdict("plain", "There was no scan to score.", MEASURED_RULE)
    found = [entry for entry in _scored(entries) if entry.row["decision"] == "anomalous"]
    known = {
        name: value
        for name in _MEASURES
        if isinstance(value := measures.get(f"{OURS}/mean/{name}"), int | float) and not isinstance(value, bool)
    }
    said = [f"AUROC {value:.2f} at {_MEASURES[name]}." for name, value in known.items()]
    level: Level = "caution"
    if known:
        least = min(known.values())
        level = "good" if least >= GOOD_AUROC else "caution" if least >= LEAST_AUROC else "bad"
    else:
        said = ["Nothing can be measured: good and defective scans, or truth of points, are missing."]
    doubtful, doubts = _doubts(entries)
    return Verdict(_worse(level, doubtful), " ".join([*said, _decided(entries, found), *doubts]), MEASURED_RULE)


def _decided(entries: Sequence[Entry], found: Sequence[Entry]) -> str:
    """Return a sentence on the anomalous scans, the highest scores first."""
    count, of_all = len(found), len(_scored(entries))
    if not of_all:
        return "No scan was scored."
    scans = "1 scan" if of_all == 1 else f"{of_all} scans"
    if not found:
        return f"None of {scans} is anomalous." if of_all != 1 else "The scan is not anomalous."
    worst = sorted(found, key=lambda entry: -entry.number("score"))
    named = [
        f"{entry.id} (score {format_value(entry.row['score'])}, limit {format_value(entry.row['threshold'])})"
        for entry in worst
    ]
    return f"{count} of {scans} {'is' if count == 1 else 'are'} anomalous: {_listed(named)}."


def _doubts(entries: Sequence[Entry]) -> tuple[Level, list[str]]:
    """Return the level and sentences for refused poses, weak poses and failed scans."""
    good = _scored(entries)
    failed = [entry.id for entry in entries if entry.error is not None]
    refused = [entry.id for entry in good if entry.row["decision"] == "undetermined"]
    weak = [entry.id for entry in good if entry.row["reg_status"] == "weak" and entry.id not in refused]
    said = []
    if refused:
        said.append(f"{len(refused)} undetermined, for the pose was refused or is weak: {_listed(refused)}.")
    if weak:
        said.append(f"{len(weak)} decided on a weak pose, to be checked by eye: {_listed(weak)}.")
    if failed:
        said.append(f"{len(failed)} failed to be read: {_listed(failed)}.")
    return "bad" if failed else "caution" if refused or weak else "good", said


def _inspections(entries: Sequence[Entry]) -> tuple[Level, list[str]]:
    """Return the level and a sentence on the inspected scans; nothing without an inspection."""
    inspected = [entry for entry in _scored(entries) if entry.row.get("inspection") is not None]
    if not inspected:
        return "good", []
    failed = [entry.id for entry in inspected if entry.row["inspection"] == "fail"]
    open_ones = [entry.id for entry in inspected if entry.row["inspection"] in ("unclear", "undetermined")]
    tolerance = format_value(inspected[0].row["tolerance"])
    said = [f"{len(failed)} of {len(inspected)} out of the tolerance of {tolerance}: {_listed(failed)}."]
    if not failed:
        said = [f"None of {len(inspected)} inspected is out of the tolerance of {tolerance}."]
    if open_ones:
        said.append(f"{len(open_ones)} neither passed nor failed the inspection: {_listed(open_ones)}.")
    return "bad" if failed else "caution" if open_ones else "good", said


def _worse(one: Level, other: Level) -> Level:
    order: tuple[Level, ...] = ("good", "caution", "bad")
    return max(one, other, key=order.index)


def _scored(entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.error is None]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"
