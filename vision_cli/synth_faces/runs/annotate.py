"""The work of ``annotate``: what the annotator says of each face of a set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vision_cli.core.command.console import Output, Table
from vision_cli.core.report import Report
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run
from vision_cli.synth_faces.options.sets import FaceSetOptions
from vision_cli.synth_faces.pipeline.face_tables import open_set
from vision_cli.synth_faces.pipeline.framing import Framer
from vision_cli.synth_faces.runs.labelling import Labeller
from vision_cli.synth_faces.values import EXPRESSIONS, LabelledFace

COLUMNS = ("name", "label_requested", "label", "label_source", "pseudo_label", "confidence", "agree", "votes")
ANNOTATIONS = "annotations.csv"
_LISTED = 5


def annotate_set(run: Run, data: Path, options: FaceSetOptions, labeller: Labeller, output: Output) -> None:
    """Annotate each face that is not done yet.

    Raises
    ------
    InputError
        If the set cannot be used.
    """
    dataset = open_set(data, options, plain=True)
    for note in dataset.notes:
        run.warn(f"{data.name}: {note}")
    run.record(model=labeller.model.sha256, annotator=labeller.digests)
    if dataset.skipped:
        listed = "; ".join(f"{one.name}: {one.reason}" for one in dataset.skipped[:_LISTED])
        more = "; ..." if len(dataset.skipped) > _LISTED else ""
        run.warn(f"{len(dataset.skipped)} entries left out: {listed}{more}")

    framer = Framer(labeller.model.side, options.crop, dataset.layout)

    def work(face: LabelledFace) -> Mapping[str, object]:
        picture = framer(face.source.read())
        requested = face.expression or ""
        found = labeller.facts_of(picture, requested)
        row: dict[str, object] = {
            "label_requested": requested,
            "label": found.get("label", requested),
            "label_source": found.get("label_source", "requested") if requested else "",
            "pseudo_label": found["pseudo_label"],
            "confidence": found["confidence"],
            "agree": found["agree"],
            "votes": json.dumps(found["votes"]),
        }
        chances = found["pseudo_probs"]
        row |= {f"p_{name}": chances[name] for name in EXPRESSIONS if name in chances}
        return {name: value for name, value in row.items() if value not in (None, "")}

    run.each(dataset.faces, work, name=lambda face: face.name, what="faces", output=output)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write ``annotations.csv``, shares of agreeing, corrected and dropped labels, and the report."""
    rows = [(entry.id, entry.row) for entry in entries if entry.error is None]
    chances = [f"p_{name}" for name in EXPRESSIONS if any(f"p_{name}" in row for _, row in rows)]
    names = (*COLUMNS[1:], *chances)
    run.write_csv(ANNOTATIONS, ("name", *names), [(name, *(row.get(one) for one in names)) for name, row in rows])
    asked = [row for _, row in rows if row.get("label_requested")]
    shares: dict[str, float | int] = {"faces": len(rows), "labelled": len(asked)}
    if asked:
        shares["annotator_agrees"] = _share(bool(row.get("agree")) for row in asked)
        for source in ("rectified", "dropped"):
            shares[f"labels_{source}"] = _share(row.get("label_source") == source for row in asked)
    run.write_metrics(shares)
    counts = [
        (
            name,
            sum(row.get("pseudo_label") == name for _, row in rows),
            sum(row.get("label_requested") == name for row in asked),
            sum(row.get("label_requested") == name and bool(row.get("agree")) for row in asked),
        )
        for name in EXPRESSIONS
    ]
    shown = [count for count in counts if count[1] or count[2]]
    agreeing = f" It agrees with {shares['annotator_agrees']:.0%} of the labels." if asked else ""
    run.report(
        Report(
            title="Annotated faces",
            verdict=f"{len(rows)} faces, named by the annotator.{agreeing}",
            summary=shares,
            tables=[Table(("expression", "named", "labelled", "agreeing"), shown, "Expressions")],
            notes=["What an annotator says is a guess by what a text-to-face model sees, not a measurement."],
        )
    )


def _share(values: Iterable[bool]) -> float:
    found = list(values)
    return round(sum(found) / len(found), 4)
