"""The work of ``predict``: the faces of each picture and video, their scores, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from vision_cli.core.command.console import Output
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.data.finding import Found
from vision_cli.forgery_detect.figures.heatmaps import draw_face, draw_heat
from vision_cli.forgery_detect.options.faces import ScoreOptions
from vision_cli.forgery_detect.pipeline.faces import FaceFinder, FoundFace
from vision_cli.forgery_detect.pipeline.inputs import face_input
from vision_cli.forgery_detect.pipeline.scoring import LoadedModel
from vision_cli.forgery_detect.pipeline.verdicts import DecisionRule, aggregate, probability
from vision_cli.forgery_detect.values import FaceScore
from vision_cli.io.pictures.photographs import write_photograph

HEATMAPS, CROPS, FACES = "heatmaps", "crops", "faces"
FACE_COLUMNS = (
    *("name", "frame", "time_s", "face_id", "x0", "y0", "x1", "y1", "face_found"),
    *("p_fake", "logit", "verdict", "domain"),
)
NO_FACE = "no_face"


@dataclass(frozen=True)
class ForgeryPlan:
    """What is looked at, and how.

    Attributes
    ----------
    media
        Pictures and videos.
    model
        What scores faces.
    finder
        Finds and cuts faces.
    scores
        How they become verdicts.
    batch_size
        Faces that are scored at once; the scores do not depend on it.
    """

    media: Sequence[Found]
    model: LoadedModel
    finder: FaceFinder
    scores: ScoreOptions
    batch_size: int

    @property
    def rule(self) -> DecisionRule:
        """When a face is called fake."""
        about, options = self.model.about, self.scores
        threshold = 0.5 if options.threshold is None else options.threshold
        return DecisionRule(threshold, about.band if options.abstain is None else options.abstain)


@dataclass(frozen=True)
class _Scored:
    """A face of a frame with its score."""

    frame: int
    time_s: float
    face: FoundFace
    score: FaceScore


def predict_all(run: Run, plan: ForgeryPlan, output: Output) -> None:
    """Score every picture and video that is not done yet."""
    work = partial(_predict_one, run, plan)
    run.each(plan.media, work, name=lambda one: one.name, what="files", output=output, raises=len(plan.media) == 1)


def _predict_one(run: Run, plan: ForgeryPlan, medium: Found) -> Mapping[str, object]:
    """Write the faces and heat maps of a picture or video, and return its row."""
    frames: list[int] = []
    scored: list[_Scored] = []
    if medium.is_video:
        held: list[tuple[int, float, FoundFace]] = []
        for frame in plan.finder.in_video(medium.path, plan.scores.frames):
            frames.append(frame.index)
            held += [(frame.index, frame.time_s, face) for face in frame.faces]
            if len(held) >= plan.batch_size:
                scored += _score(plan, held)
                held = []
        scored += _score(plan, held)
    else:
        frames.append(0)
        scored += _score(plan, [(0, 0.0, face) for face in plan.finder.in_file(medium.path)])
    _write_faces(run, plan, medium, scored, frames)
    _write_pictures(run, plan, medium, scored)
    return _row(plan, medium, scored, len(frames))


def _score(plan: ForgeryPlan, held: Sequence[tuple[int, float, FoundFace]]) -> list[_Scored]:
    about = plan.model.about
    inputs = [face_input(face.crop, side=about.side, patch=about.patch) for _, _, face in held]
    if not inputs:
        return []
    options = plan.scores
    scores = plan.model.score(inputs, heat=options.heatmap != "none", domain=options.domain, batch_size=plan.batch_size)
    return [_Scored(index, time_s, face, score) for (index, time_s, face), score in zip(held, scores, strict=True)]


def _write_faces(run: Run, plan: ForgeryPlan, medium: Found, scored: Sequence[_Scored], frames: Sequence[int]) -> None:
    """Write a row a face, and one for each frame without a face, whose probability stays empty."""
    seen = {one.frame for one in scored}
    rows: list[tuple[int, tuple[object, ...]]] = [
        (index, (medium.name, index, *[None] * (len(FACE_COLUMNS) - 4), NO_FACE, None))
        for index in frames
        if index not in seen
    ]
    for one in scored:
        p_fake = probability(one.score.logit)
        box = [int(value) for value in one.face.crop.box]
        facts = (round(p_fake, 5), round(one.score.logit, 4), plan.rule(p_fake), one.score.domain)
        place = (medium.name, one.frame, round(one.time_s, 3), one.face.number, *box, one.face.crop.is_found)
        rows.append((one.frame, (*place, *facts)))
    run.write_csv(f"{FACES}/{medium.name}.csv", FACE_COLUMNS, [row for _, row in sorted(rows, key=lambda row: row[0])])


def _write_pictures(run: Run, plan: ForgeryPlan, medium: Found, scored: Sequence[_Scored]) -> None:
    """Write the heat map of each face, of a video in the frame in which it looks most forged; without one, the face."""
    if plan.scores.heatmap == "none":
        return
    most: dict[int, _Scored] = {}
    for one in scored:
        held = most.get(one.face.number)
        if held is None or one.score.logit > held.score.logit:
            most[one.face.number] = one
    for number, one in sorted(most.items()):
        if one.score.heat is None:
            with run.output(f"{CROPS}/{medium.name}_face{number}.jpg") as path:
                write_photograph(path, draw_face(one.face.crop.picture))
            continue
        name = f"{HEATMAPS}/{medium.name}_face{number}"
        with run.output(f"{name}.jpg") as path:
            write_photograph(path, draw_heat(one.face.crop.picture, one.score.heat))
        if plan.scores.heatmap == "raw":
            with run.output(f"{name}.npy") as path, path.open("wb") as stream:
                np.save(stream, one.score.heat)


def _row(plan: ForgeryPlan, medium: Found, scored: Sequence[_Scored], frames: int) -> dict[str, object]:
    """Return the row of a picture or video: of its faces the one that looks most forged."""
    kind = "video" if medium.is_video else "picture"
    row: dict[str, object] = {
        "path": medium.path.as_posix(),
        "kind": kind,
        "n_frames": frames,
        "n_faces": len({one.face.number for one in scored}),
    }
    if not scored:
        return row | dict.fromkeys(("p_fake", "p_lo", "p_hi", "domain"), None) | {"verdict": NO_FACE}
    faces: dict[int, list[_Scored]] = {}
    for one in scored:
        faces.setdefault(one.face.number, []).append(one)
    clips = {
        number: aggregate([probability(one.score.logit) for one in of_face], plan.scores.agg)
        for number, of_face in faces.items()
    }
    # Tracks of a few frames beside a face that is always there are mostly false detections.
    longest = max(len(of_face) for of_face in faces.values())
    kept = [number for number, of_face in faces.items() if 4 * len(of_face) >= longest]
    chosen = max(kept, key=lambda number: clips[number].p_fake)
    clip = clips[chosen]
    return row | {
        "p_fake": round(clip.p_fake, 5),
        "p_lo": round(clip.low, 5),
        "p_hi": round(clip.high, 5),
        "domain": faces[chosen][0].score.domain or None,
        "verdict": plan.rule(clip.p_fake),
    }
