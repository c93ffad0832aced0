"""The work of ``audit``: what tells the classes of data sets apart without a look at the face."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

from vision_cli.core.command.console import Output, Table
from vision_cli.core.report import Level, Report
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.evaluation.audit import FEWEST_A_CLASS, FOUND_AUC, SIGNIFICANT, WEAK_AUC, Audit, audit
from vision_cli.forgery_detect.values import Manifest

SHORTCUTS = "shortcuts.csv"
TITLE = "What tells real and forged files apart without the face"
COLUMNS = ("cue", "strength", "auc", "p_value", "detail")
RULE = (
    f"Bad: a cue reaches an AUC of {FOUND_AUC:g} on files that its rule was not made on. Caution: one reaches "
    f"{WEAK_AUC:g}, or a class has fewer than {FEWEST_A_CLASS} files. Both need p < {SIGNIFICANT:g} after Holm's "
    "correction. Good: none does."
)
LIMITS = (
    "An audit that finds nothing is no proof: differences that only a part of the files has, and cues that are not "
    "listed, stay unseen."
)
CURE = "Copies of equal history, made by `vcli forgery-detect index --match-history`, remove most shortcuts."


def audit_sets(run: Run, manifest: Manifest, *, seed: int, most: int, output: Output) -> Audit:
    """Audit data sets and write the cues, the metrics and the report; return the audit.

    Parameters
    ----------
    run
        The open run.
    manifest
        Media of the data sets.
    seed
        Draws the files, the halves and the permutations.
    most
        Files of a class that are looked at.
    output
        Shows progress.

    Raises
    ------
    InputError
        If a class has no readable file.
    """
    with output.progress("files", None) as bar:
        found = audit(manifest, seed=seed, most=most, advance=bar.advance)
    for note in (*manifest.notes, *found.notes):
        output.info(note)
        run.log(note)
    run.write_csv(SHORTCUTS, COLUMNS, cells_of(found))
    run.write_metrics(metrics_of(found))
    run.report(
        Report(
            title="Shortcuts between real and forged files",
            verdict=verdict_of(found),
            level=level_of(found),
            rule=RULE,
            summary={"real files": found.reals, "forged files": found.fakes, "cues": len(found.shortcuts)},
            tables=[Table(COLUMNS, cells_of(found), TITLE)] if found.shortcuts else [],
            notes=[*found.notes, LIMITS, *([CURE] if found.found or found.weak else [])],
        )
    )
    return found


def verdict_of(found: Audit) -> str:
    """Return the result of an audit in one or two sentences."""
    if not found.is_conclusive:
        return (
            f"{found.reals} real and {found.fakes} forged files are too few to find a shortcut; {FEWEST_A_CLASS} or "
            "more of each are needed. The set was neither passed nor refused."
        )
    if found.found:
        return f"The classes can be told apart without the face, by {_named(found)}."
    if found.weak:
        cues = ", ".join(f"{one.cue} (AUC {one.auc:.2f})" for one in found.weak)
        return f"No shortcut tells the classes apart, but these differ between them: {cues}."
    return f"No shortcut found in {found.reals} real and {found.fakes} forged files."


def read_shortcuts(directory: Path) -> Table:
    """Return the cues of a finished run, the strongest first."""
    with (directory / SHORTCUTS).open(encoding="utf-8", newline="") as stream:
        rows = [
            (row["cue"], row["strength"], float(row["auc"]), float(row["p_value"]), row["detail"])
            for row in csv.DictReader(stream)
        ]
    return Table(COLUMNS, rows, TITLE)


def metrics_of(found: Audit) -> Mapping[str, float | int | str | None]:
    """Return counts, and the AUC of each cue."""
    return {
        "reals": found.reals,
        "fakes": found.fakes,
        "conclusive": int(found.is_conclusive),
        "shortcuts_found": len(found.found),
        "shortcuts_weak": len(found.weak),
        **{f"auc/{re.sub(r'[^a-z0-9]+', '_', one.cue.lower())}": round(one.auc, 4) for one in found.shortcuts},
    }


def level_of(found: Audit) -> Level:
    """Return the level of the result, by `RULE`."""
    if found.found:
        return "bad"
    return "caution" if found.weak or not found.is_conclusive else "good"


def cells_of(found: Audit) -> list[tuple[object, ...]]:
    """Return the cells of the table of cues, see `COLUMNS`."""
    return [(one.cue, one.strength, round(one.auc, 4), round(one.p_value, 5), one.detail) for one in found.shortcuts]


def _named(found: Audit) -> str:
    return ", ".join(f"{one.cue} (AUC {one.auc:.2f})" for one in found.found)
