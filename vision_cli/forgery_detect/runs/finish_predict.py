"""Tables and report of a run of ``predict``, undivided or merged."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence

from vision_cli.core.command.console import Table
from vision_cli.core.report import Level, Picture, Report
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.forgery_detect.figures.heatmaps import READING
from vision_cli.forgery_detect.runs.predict import CROPS, FACE_COLUMNS, FACES, HEATMAPS, NO_FACE

PREDICTIONS, VIDEOS = "predictions.csv", "videos.csv"
COLUMNS = ("p_fake", "p_lo", "p_hi", "verdict", "n_frames", "n_faces", "domain")
LIMITS = (
    "A score is evidence, not proof. The shipped detectors learned from simulated forgeries; clean studio portraits "
    "and strongly processed photographs look generated to them. The card says what was measured."
)
RULE = "Bad: a file is called fake. Caution: there is none, and some are uncertain or show no face. Good: all are real."
_SHOWN = 6
JUDGED = "The face that was judged; this detector has no heat map."


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the faces of all files, the table of the videos, the metrics and the report."""
    done = [entry for entry in entries if entry.error is None]
    faces: list[list[str]] = []
    for entry in done:
        path = run.home_of(entry) / FACES / f"{entry.id}.csv"
        with path.open(encoding="utf-8", newline="") as stream:
            faces += list(csv.reader(stream))[1:]
    run.write_csv(PREDICTIONS, FACE_COLUMNS, faces)
    videos = [entry for entry in done if entry.row.get("kind") == "video"]
    if videos:
        run.write_csv(VIDEOS, ("video", *COLUMNS), [_cells(entry) for entry in videos])
    counts = Counter(str(entry.row["verdict"]) for entry in done)
    run.write_metrics(
        {
            "files": len(done),
            **{f"verdict/{word}": counts[word] for word in ("fake", "real", "uncertain", NO_FACE)},
            "faces": sum(row[FACE_COLUMNS.index("verdict")] != NO_FACE for row in faces),
        }
    )
    ranked = sorted(
        (entry for entry in done if entry.row.get("p_fake") is not None), key=lambda entry: -entry.number("p_fake")
    )
    level: Level = "plain" if not done else "good" if counts["real"] == len(done) else "caution"
    if counts["fake"]:
        level = "bad"
    run.report(
        Report(
            title="Generated or forged faces",
            verdict=_words(counts, len(done)),
            level=level,
            rule=RULE,
            pictures=_pictures(run, ranked),
            tables=[Table(("file", *COLUMNS), [_cells(entry) for entry in ranked], "Files, the most suspicious first")],
            notes=[LIMITS],
        )
    )


def verdicts_table(entries: Sequence[Entry]) -> Table:
    """Return the verdicts of finished files."""
    done = [entry for entry in entries if entry.error is None]
    return Table(("file", *COLUMNS), [_cells(entry) for entry in done], "Verdicts")


def _words(counts: Counter[str], files: int) -> str:
    parts = [f"{counts[word]} {word.replace('_', ' ')}" for word in ("fake", "uncertain", "real", NO_FACE)]
    return f"{files} {'file' if files == 1 else 'files'}: {', '.join(parts)}."


def _cells(entry: Entry) -> tuple[object, ...]:
    return entry.id, *(entry.row.get(name) for name in COLUMNS)


def _pictures(run: RunFiles, ranked: Sequence[Entry]) -> list[Picture]:
    """Return the heat maps of the most and the least suspicious files; the faces where there is no map."""
    some = list(ranked[:_SHOWN])
    some += [entry for entry in ranked[-_SHOWN:] if entry not in some]
    found = []
    for entry in some:
        name = re.compile(re.escape(entry.id.rsplit("/", 1)[-1]) + r"_face\d+")
        caption = f"{entry.id}: {entry.row['verdict']}, {entry.number('p_fake'):.3f}"
        for kind, reading in ((HEATMAPS, READING), (CROPS, JUDGED)):
            folder = (run.home_of(entry) / kind / entry.id).parent
            paths = sorted(path for path in folder.glob("*.jpg") if name.fullmatch(path.stem))
            found += [Picture(path, caption, reading) for path in paths[:1]]
    return found
