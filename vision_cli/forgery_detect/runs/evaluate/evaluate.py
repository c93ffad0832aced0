"""The work of ``evaluate``: plan, audit, and the scores of all items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from vision_cli.core.command.console import Output
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.evaluation.protocols import make_trials
from vision_cli.forgery_detect.options.evaluating import DEFAULT_METHODS, EvaluateOptions, Protocol
from vision_cli.forgery_detect.options.faces import FaceOptions
from vision_cli.forgery_detect.options.training import RecipeOptions
from vision_cli.forgery_detect.pipeline.faces import FaceFinder
from vision_cli.forgery_detect.runs.evaluate.plan_file import (
    PLAN,
    EvaluationPlan,
    LeftOut,
    audited,
    labelled,
    read_plan,
    write_plan,
)
from vision_cli.forgery_detect.runs.evaluate.scoring import NamedDetector, ScoringPlan, score_media
from vision_cli.forgery_detect.runs.evaluate.trials import (
    SizedFaces,
    TrialPlan,
    read_faces,
    require_separate,
    run_trials,
)
from vision_cli.forgery_detect.runs.train import clip_of
from vision_cli.forgery_detect.values import Manifest, Medium


@dataclass(frozen=True)
class Evaluation:
    """What is evaluated, checked before the run begins.

    Attributes
    ----------
    manifest
        Media as they were read.
    media
        Those with a label.
    left_out
        Those without.
    options
        What is measured.
    seed
        Of everything drawn.
    trials
        What a protocol trains; None where detectors are there.
    notes
        Sentences on what was accepted.
    """

    manifest: Manifest
    media: tuple[Medium, ...]
    left_out: tuple[LeftOut, ...]
    options: EvaluateOptions
    seed: int
    trials: TrialPlan | None = None
    notes: tuple[str, ...] = ()


def open_evaluation(manifest: Manifest, options: EvaluateOptions, *, seed: int) -> Evaluation:
    """Return an evaluation of detectors that are there.

    Raises
    ------
    InputError
        If no medium has a label, or a video has two.
    """
    media, left_out = labelled(manifest)
    return Evaluation(manifest, media, left_out, options, seed)


def open_protocol(
    manifest: Manifest,
    options: EvaluateOptions,
    protocol: Protocol,
    faces: FaceOptions,
    recipe: RecipeOptions,
    *,
    seed: int,
    device: torch.device,
) -> Evaluation:
    """Return an evaluation of detectors that a protocol trains.

    Raises
    ------
    UsageError
        If a method has no such size or part.
    InputError
        If the media do not suffice for the protocol, or training and test share something that is not allowed.
    """
    found = open_evaluation(manifest, options, seed=seed)
    trials = make_trials(replace(manifest, media=found.media), protocol, seed=seed)
    plan = TrialPlan(
        found.media,
        trials,
        options.methods or DEFAULT_METHODS,
        recipe,
        clip_of(recipe),
        FaceFinder(faces),
        options.frames,
        options.pictures,
        seed,
        device,
    )
    for method in plan.methods:
        plan.size_of(method)
    return replace(found, trials=plan, notes=require_separate(trials, allow_leak=options.allow_leak))


def evaluate_detectors(
    run: Run, evaluation: Evaluation, detectors: Sequence[NamedDetector], faces: FaceOptions, output: Output
) -> None:
    """Score all media by detectors that are there."""
    options = evaluation.options
    run.record(weights={one.name: dict(one.facts) for one in detectors})
    bands = {one.name: one.model.about.band for one in detectors}
    write_plan(run, replace(_plan_of(run, evaluation, output), bands=bands))
    plan = ScoringPlan(
        evaluation.media,
        detectors,
        FaceFinder(faces),
        options.frames,
        options.robustness,
        options.pictures,
        evaluation.seed,
    )
    score_media(run, plan, output)


def evaluate_protocol(run: Run, evaluation: Evaluation, trials: TrialPlan, output: Output) -> None:
    """Train and test all methods in all trials of a protocol."""
    for note in evaluation.notes:
        run.warn(note)
    tests = {
        name: tuple(medium.name for medium in test.media)
        for trial in trials.trials
        for name, test in trial.tests.items()
    }
    plan = replace(_plan_of(run, evaluation, output), tests=tests, protocol=evaluation.options.protocol)
    previous = read_plan(run.directory).left_out if (run.directory / PLAN).is_file() else plan.left_out
    write_plan(run, replace(plan, left_out=previous))
    read: list[SizedFaces] = []

    def faces() -> SizedFaces:
        if not read:
            read.append(read_faces(run, trials, output))
            write_plan(run, replace(plan, left_out=(*plan.left_out, *read[0].left_out)))
        return read[0]

    run_trials(run, trials, faces, output)


def _plan_of(run: Run, evaluation: Evaluation, output: Output) -> EvaluationPlan:
    options = evaluation.options
    for note in evaluation.manifest.notes:
        output.info(note)
    record = None
    if options.audit:
        audit_of = replace(evaluation.manifest, media=evaluation.media)
        record = audited(run, audit_of, seed=evaluation.seed, output=output)
    return EvaluationPlan(
        media=evaluation.media,
        left_out=evaluation.left_out,
        audit=record,
        levels=options.level,
        aggregation=options.agg,
        resamples=options.bootstrap,
        seed=evaluation.seed,
        pictures=options.pictures,
    )
