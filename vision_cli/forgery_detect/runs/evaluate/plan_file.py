"""What an evaluation looks at, as a file of the run: media, test sets, detectors, and what the audit found.

The tables are written from this file and the journal alone, so that merged shards give those of an undivided run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from vision_cli.core.command.console import Output
from vision_cli.core.errors import InputError
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.evaluation.audit import audit
from vision_cli.forgery_detect.options.evaluating import LEVELS, Level, Protocol
from vision_cli.forgery_detect.options.faces import Aggregate
from vision_cli.forgery_detect.runs.audit import COLUMNS, cells_of, level_of, verdict_of
from vision_cli.forgery_detect.values import Manifest, Medium

PLAN = "plan.json"
_NO_AUDIT = "plain"


@dataclass(frozen=True)
class AuditRecord:
    """What the audit of the media found.

    Attributes
    ----------
    verdict, level
        In words, and for the report.
    rows
        Cells of its table of cues, see `vision_cli.forgery_detect.runs.audit.COLUMNS`.
    """

    verdict: str
    level: str
    rows: tuple[tuple[object, ...], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class LeftOut:
    """A medium that is not measured, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class EvaluationPlan:
    """What an evaluation looks at.

    Attributes
    ----------
    media
        All with a label.
    tests
        Names of media by test set of a protocol; empty where no protocol trains.
    protocol
        None where no protocol trains.
    bands
        Half the widths of the bands of doubt of detectors that are there, by their names.
    left_out
        Media without a label, or without a face that a protocol could use.
    audit
        None where it was not asked for.
    levels, aggregation, resamples, seed
        How it is measured, see `vision_cli.forgery_detect.evaluation.results.results_of`.
    pictures
        Whether charts are drawn.
    """

    media: tuple[Medium, ...] = field(repr=False)
    tests: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    protocol: Protocol | None = None
    bands: Mapping[str, float] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    audit: AuditRecord | None = None
    levels: tuple[Level, ...] = LEVELS
    aggregation: Aggregate = "mean"
    resamples: int = 1000
    seed: int = 0
    pictures: bool = True

    @property
    def main_level(self) -> Level:
        """Level that tables and pictures show: videos if they are measured; a picture counts as one, too."""
        return "video" if "video" in self.levels else "frame"


def labelled(manifest: Manifest) -> tuple[tuple[Medium, ...], tuple[LeftOut, ...]]:
    """Return the media with a label, and those without.

    Raises
    ------
    InputError
        If none has a label, or a video has frames of both.
    """
    known = tuple(medium for medium in manifest.media if medium.label is not None)
    if not known:
        raise InputError(
            f"{manifest.layout}: none of {len(manifest.media)} media has a label; real and fake expected.",
            hint="Fill the column label, or score them with `vcli forgery-detect predict`.",
        )
    labels: dict[str, Medium] = {}
    for medium in known:
        first = labels.setdefault(medium.video or medium.name, medium)
        if first.label != medium.label:
            raise InputError(
                f"{manifest.layout}: {first.name} and {medium.name} are real and fake frames of the video "
                f"{medium.video}; one label a video expected.",
                hint="Give each its own key in the column video.",
            )
    left_out = tuple(LeftOut(medium.name, "no label") for medium in manifest.media if medium.label is None)
    return known, left_out


def audited(run: Run, manifest: Manifest, *, seed: int, output: Output) -> AuditRecord:
    """Return what the audit of media finds, of a resumed run what it found, and warn of shortcuts."""
    previous = read_plan(run.directory).audit if (run.directory / PLAN).is_file() else None
    record = previous or _audited(manifest, seed, output)
    if record.level != "good":
        run.warn(f"audit: {record.verdict}")
    return record


def _audited(manifest: Manifest, seed: int, output: Output) -> AuditRecord:
    try:
        with output.progress("audit", None) as bar:

            def advance() -> None:
                interrupts.check()
                bar.advance()

            found = audit(manifest, seed=seed, advance=advance)
    except InputError as error:
        return AuditRecord(f"not possible: {error.message}", _NO_AUDIT)
    return AuditRecord(verdict_of(found), level_of(found), tuple(cells_of(found)))


def write_plan(run: RunFiles, plan: EvaluationPlan) -> None:
    """Write the plan into a run."""
    media = [asdict(medium) | {"path": medium.path.as_posix(), "mask": None} for medium in plan.media]
    run.write_json(PLAN, {**asdict(replace(plan, media=())), "media": media, "columns": COLUMNS})


def read_plan(directory: Path) -> EvaluationPlan:
    """Return the plan of a run.

    Raises
    ------
    InputError
        If its file is damaged.
    """
    path = directory / PLAN
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        media = tuple(
            Medium(**one | {"path": Path(one["path"]), "identities": tuple(one["identities"])})
            for one in document["media"]
        )
        found = document["audit"]
        record = found and AuditRecord(found["verdict"], found["level"], tuple(map(tuple, found["rows"])))
        return EvaluationPlan(
            media,
            {name: tuple(names) for name, names in document["tests"].items()},
            document["protocol"],
            document["bands"],
            tuple(LeftOut(**one) for one in document["left_out"]),
            record,
            tuple(document["levels"]),
            *(document[name] for name in ("aggregation", "resamples", "seed", "pictures")),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: damaged ({error}); the plan of an evaluation expected.", hint="Start again with --overwrite."
        ) from error
